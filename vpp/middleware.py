"""One id per request, in the answer and on error pages, so that people can quote it."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from aggregator.support.ids import uuid7


class RequestIdMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.request_id = str(uuid7())
        response = self.get_response(request)
        response["X-Request-Id"] = request.request_id
        return response
