"""Start-up refusals: production never runs on embedded parts or with DEBUG unless told."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured


@register()
def production_parts(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if settings.VPP_ALLOW_EMBEDDED:
        return found
    if settings.EMBEDDED_DATABASE:
        found.append(
            Error(
                "DATABASE_URL is not set, so the embedded SQLite database would be used.",
                hint="Set DATABASE_URL=postgres://user:password@host/name, or VPP_ALLOW_EMBEDDED=1 for a demo.",
                id="vpp.E001",
            )
        )
    if settings.EMBEDDED_BROKER:
        found.append(
            Error(
                "REDIS_URL is not set, so jobs would be lost when this process ends.",
                hint="Set REDIS_URL=redis://host:6379/0, or VPP_ALLOW_EMBEDDED=1 for a demo.",
                id="vpp.E002",
            )
        )
    if settings.DEBUG:
        found.append(Error("DEBUG is on.", hint="Unset DEBUG, or set VPP_ALLOW_EMBEDDED=1 for development.", id="vpp.E003"))
    if not _has_secret_key():
        found.append(Error("SECRET_KEY is not set.", hint="Set SECRET_KEY to 50 random characters.", id="vpp.E004"))
    if not settings.VPP_SECRET_KEYS:
        found.append(
            Error(
                "VPP_SECRET_KEYS is not set: webhook secrets could not be stored encrypted.",
                hint="Run `python manage.py doctor --new-key` and set VPP_SECRET_KEYS to what it prints.",
                id="vpp.E005",
            )
        )
    if settings.VPP_ALLOW_TWIN:
        found.append(
            Error(
                "VPP_ALLOW_TWIN is on: the park twin's loopback endpoints and replay clock are refused in production.",
                hint="Unset VPP_ALLOW_TWIN.",
                id="vpp.E006",
            )
        )
    return found


def _has_secret_key() -> bool:
    """Django raises where the key is empty; the person at the console is to see all refusals at once."""
    try:
        return bool(settings.SECRET_KEY)
    except ImproperlyConfigured:
        return False


class UnsafeStart(RuntimeError):
    """A long-running process was started on parts that only a demo may use."""


def refuse_unsafe_start() -> None:
    """Raises UnsafeStart. Called by the web server's and worker's entry points, which run no checks."""
    found = production_parts(None)
    if found:
        raise UnsafeStart("\n".join(f"{problem.msg} {problem.hint}" for problem in found))
