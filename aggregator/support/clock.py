"""The only place that reads a clock. Edges and jobs ask here; below them `now` is an argument.

While a day is replayed with the park twin, business time is the twin's (a row, so that every
process sees it); leases, signatures and retries always use wall time.
"""

from datetime import UTC, datetime

from django.conf import settings

from aggregator.support.models import ReplayClock


def wall_now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251


def now() -> datetime:
    """Business time, aware, UTC."""
    if settings.VPP_ALLOW_TWIN:
        row = ReplayClock.objects.first()
        if row is not None:
            return row.at.astimezone(UTC)
    return wall_now()


def set_replay(at: datetime) -> None:
    """Move business time. Only where the park twin is allowed."""
    if not settings.VPP_ALLOW_TWIN:
        raise RuntimeError("the replay clock is refused unless VPP_ALLOW_TWIN is on")
    ReplayClock.objects.update_or_create(pk=1, defaults={"at": at})


def clear_replay() -> None:
    ReplayClock.objects.all().delete()
