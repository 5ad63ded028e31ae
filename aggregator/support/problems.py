"""problem+json (RFC 9457) for every failure that an API client meets."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse
from django.utils.translation import gettext
from rest_framework import exceptions
from rest_framework.response import Response

from aggregator.kernel.errors import Anticipated

logger = logging.getLogger(__name__)
CONTENT_TYPE = "application/problem+json"


def text_of(problem: Anticipated) -> str:
    """The sentence in the reader's language."""
    return problem.sentence(gettext)


def body_of(
    *, status: int, code: str, title: str, request: HttpRequest | None, errors: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "status": status,
        "code": code,
        "title": title,
        "errors": errors or [],
        "request_id": getattr(request, "request_id", ""),
    }


def problem_response(
    *, status: int, code: str, title: str, request: HttpRequest | None, errors: list[dict[str, Any]] | None = None
) -> JsonResponse:
    body = body_of(status=status, code=code, title=title, request=request, errors=errors)
    return JsonResponse(body, status=status, content_type=CONTENT_TYPE)


def problems_answered(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """For views without DRF: what was foreseen is answered as problem+json; 401 names the scheme (RFC 9110)."""

    @wraps(view)
    def answering(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except Anticipated as refused:
            response = problem_response(status=refused.status, code=refused.code, title=text_of(refused), request=request)
            if refused.status == 401:
                response["WWW-Authenticate"] = "Bearer"
            return response

    return answering


def _pointers(detail: Any, pointer: str = "") -> list[dict[str, Any]]:
    if isinstance(detail, dict):
        return [row for name, inner in detail.items() for row in _pointers(inner, f"{pointer}/{name}")]
    if isinstance(detail, list):
        rows = []
        for k, inner in enumerate(detail):
            nested = isinstance(inner, (dict, list))
            rows += _pointers(inner, f"{pointer}/{k}" if nested else pointer)
        return rows
    return [{"pointer": pointer or "/", "detail": str(detail)}]


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's hook. Anything unexpected stays an exception: logged once, answered 500."""
    request = context["request"]._request
    headers = {}
    errors: list[dict[str, Any]] = []
    if isinstance(error, Anticipated):
        status, code, title = error.status, error.code, text_of(error)
    elif isinstance(error, Http404):
        status, code, title = 404, "not_found", gettext("Not found.")
    elif isinstance(error, PermissionDenied):
        status, code, title = 403, "permission_denied", gettext("You do not have permission to do this.")
    elif isinstance(error, exceptions.APIException):
        status, code = error.status_code, str(error.default_code)
        if isinstance(error, exceptions.ValidationError):
            title, errors = gettext("The request is not valid."), _pointers(error.detail)
        else:
            title = str(error.detail)
        if getattr(error, "auth_header", None):
            headers["WWW-Authenticate"] = error.auth_header
        if getattr(error, "wait", None):
            headers["Retry-After"] = str(int(error.wait))
    else:
        return None
    body = body_of(status=status, code=code, title=title, request=request, errors=errors)
    return Response(body, status=status, headers=headers, content_type=CONTENT_TYPE)
