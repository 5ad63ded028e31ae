"""What the connection meters of sites show, on the settlement's periods."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from aggregator.kernel.periods import delivery_day
from aggregator.metering.queries import day_readings, net_injection_wh, points_of_sites
from aggregator.support.arrays import MISSING_I8


def metered_days(
    *, site_ids: Sequence[int], days: Sequence[date], resolution: timedelta, tz: ZoneInfo, known_at: datetime
) -> dict[int, dict[date, tuple[int | None, ...]]]:
    """site_id -> day -> injection [Wh] per period as known at `known_at`; None = missing."""
    table = net_injection_wh(site_ids=site_ids, days=days, as_of=known_at, resolution=resolution)
    found: dict[int, dict[date, tuple[int | None, ...]]] = {}
    for site_id, values in zip(site_ids, table.tolist(), strict=True):
        found[site_id], first = {}, 0
        for day in days:
            n_periods = len(delivery_day(day, resolution=resolution, tz=tz))
            part = values[first : first + n_periods]
            found[site_id][day] = tuple(None if wh == MISSING_I8 else wh for wh in part)
            first += n_periods
    return found


def revision_reasons(*, site_ids: Sequence[int], day: date, as_of: datetime) -> str:
    """Why readings of the day were revised, as their senders said."""
    points = points_of_sites(site_ids=site_ids)
    readings = day_readings(point_ids=[point.id for point in points], day=day, as_of=as_of)
    reasons = {f"{point.code}: {readings[point.id].reason}" for point in points if point.id in readings and readings[point.id].revision > 1}
    return "; ".join(sorted(reasons))
