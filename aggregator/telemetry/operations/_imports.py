"""History by whole days: one array row a day, written in bulk."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from django.db import transaction

from aggregator.assets.domain import parse_spec
from aggregator.assets.models import Asset
from aggregator.kernel.errors import Anticipated
from aggregator.kernel.periods import midnight
from aggregator.support.arrays import pack_f4
from aggregator.telemetry.domain import SessionFacts, quality_marks
from aggregator.telemetry.models import SERIES, TelemetryDay
from aggregator.telemetry.operations._sessions import write_sessions

BATCH = 500


class DayRefused(Anticipated):
    code = "telemetry.day_refused"
    text = "The values of %(day)s are not valid: %(why)s."
    status = 422


@dataclass(frozen=True)
class DayValues:
    """One local day of one series: day length / resolution values, NaN = missing."""

    day: date
    values: np.ndarray
    resolution_s: int
    available_at: datetime


@dataclass(frozen=True)
class ImportReport:
    """Day rows that are new, changed (next revision) and known already."""

    created: int
    changed: int
    unchanged: int


@transaction.atomic
def import_days(*, asset_id: int, series: str, days: Sequence[DayValues], source: str) -> ImportReport:
    """Write whole days of an asset; the same days again change nothing. Raises DayRefused: then nothing is written.

    `series`: injection_kw [kW, mean of each interval], soc_ratio [at its end] or connected_count.
    """
    if series not in SERIES:
        raise ValueError(f"series is one of {SERIES}")
    asset = Asset.objects.select_related("site__enterprise__park").get(pk=asset_id)
    zone = ZoneInfo(asset.site.enterprise.park.time_zone)
    rated_kw = float(parse_spec(asset.kind, asset.spec).rated_kw) if series == "injection_kw" else np.inf  # type: ignore[attr-defined]
    rows = [_row(asset_id, series, one, zone, rated_kw, source) for one in days]
    known = TelemetryDay.objects.select_for_update().filter(asset_id=asset_id, series=series, day__in=[one.day for one in days])
    stored = {row.day: row for row in known}
    new = [row for row in rows if row.day not in stored]
    changed = []
    for row in rows:
        old = stored.get(row.day)
        if old and (old.resolution_s, bytes(old.values)) != (row.resolution_s, row.values):
            row.pk, row.revision = old.pk, old.revision + 1
            changed.append(row)
    TelemetryDay.objects.bulk_create(new, batch_size=BATCH)
    TelemetryDay.objects.bulk_update(changed, ["resolution_s", "values", "quality", "source", "available_at", "revision"], batch_size=BATCH)
    return ImportReport(created=len(new), changed=len(changed), unchanged=len(rows) - len(new) - len(changed))


def _row(asset_id: int, series: str, one: DayValues, zone: ZoneInfo, rated_kw: float, source: str) -> TelemetryDay:
    starts_at, ends_at = midnight(one.day, tz=zone), midnight(one.day + timedelta(days=1), tz=zone)
    values = np.asarray(one.values, dtype=np.float64)
    if not 1 <= one.resolution_s <= 3600 or 3600 % one.resolution_s:
        raise DayRefused(day=one.day, why=f"resolution {one.resolution_s} s does not divide an hour")
    expected = int((ends_at - starts_at).total_seconds()) // one.resolution_s
    if values.shape != (expected,):
        raise DayRefused(day=one.day, why=f"{expected} values are expected, there are {values.size}")
    if (np.abs(values) >= np.finfo(np.float32).max).any():
        raise DayRefused(day=one.day, why="a value is infinite or absurdly large")
    quality = quality_marks(values, resolution_s=one.resolution_s, rated_kw=rated_kw)
    return TelemetryDay(
        asset_id=asset_id,
        day=one.day,
        starts_at=starts_at,
        series=series,
        resolution_s=one.resolution_s,
        values=pack_f4(values),
        quality=quality.tobytes(),
        source=source,
        available_at=one.available_at,
    )


@transaction.atomic
def import_sessions(*, asset_id: int, sessions: Sequence[SessionFacts]) -> int:
    """Past charging sessions, known as they happened. Returns rows written; again: 0."""
    return write_sessions(stays=[(asset_id, sessions)], known_at=None)
