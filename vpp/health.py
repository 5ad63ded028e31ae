"""Liveness and readiness for supervisors and proxies."""

from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse

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
