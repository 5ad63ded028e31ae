"""What every page of the portal says at its head: the enterprise, and the others that the person may look at."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from aggregator.enterprises.models import Enterprise
from aggregator.enterprises.queries import enterprises_visible_to
from aggregator.support import clock


def page(request: HttpRequest, enterprise: Enterprise, template: str, **context: Any) -> HttpResponse:
    others = enterprises_visible_to(request.user).exclude(pk=enterprise.pk).order_by("code")
    return render(request, template, {"enterprise": enterprise, "others": others, "now": clock.now(), **context})
