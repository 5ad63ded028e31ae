"""What every page may say about this installation."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def product(request: HttpRequest) -> dict[str, Any]:
    return {"embedded": settings.EMBEDDED, "request_id": getattr(request, "request_id", "")}
