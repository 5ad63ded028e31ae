"""Liveness and readiness for supervisors and proxies."""

from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from aggregator.support import clock
from aggregator.support.models import Heartbeat
from vpp.celery import app

BEAT_LATE = timedelta(minutes=3)


def livez(request: HttpRequest) -> JsonResponse:
    """This process answers."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """Database, broker and beat, each ok or named; 503 where the service cannot do its work."""
    parts = {"database": _database(), "broker": _broker()}
    if parts["database"] == "ok" and not settings.EMBEDDED_BROKER:
        parts["beat"] = _beat()
    ready = parts["database"] == "ok" and parts["broker"] == "ok"
    return JsonResponse({"status": "ok" if ready else "unavailable", **parts}, status=200 if ready else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
    except DatabaseError:
        return "unreachable"
    return "ok"


def _broker() -> str:
    if settings.EMBEDDED_BROKER:
        return "ok"
    try:
        with app.connection_for_write() as link:
            link.ensure_connection(max_retries=1, timeout=2)
    except Exception:  # noqa: BLE001  (any transport's failure means the same here)
        return "unreachable"
    return "ok"


def _beat() -> str:
    last = Heartbeat.objects.filter(part="beat").first()
    if last is None:
        return "never heard"
    return "ok" if clock.wall_now() - last.at < BEAT_LATE else "late"


PROBES = {"/livez": livez, "/readyz": readyz}


class ProbesMiddleware:
    """Answers the probes before anything looks at the Host header or asks for https.

    A supervisor asks over plain http under whatever name this machine has. The answers use neither name nor scheme,
    set no cookie and tell no secret, so no door is opened by it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        probe = PROBES.get(request.path_info) if request.method in ("GET", "HEAD") else None
        return probe(request) if probe is not None else self.get_response(request)
