"""A complete day of samples becomes one array row per asset and series; a late sample makes a revision."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Length

from aggregator.assets.domain import parse_spec
from aggregator.assets.models import Asset
from aggregator.kernel.periods import midnight
from aggregator.support.arrays import pack_f4, unpack_f4
from aggregator.telemetry.domain import OUT_OF_RANGE, DayArrays, Points, Samples, fold, quality_marks
from aggregator.telemetry.models import TelemetryDay, TelemetrySample
from aggregator.telemetry.operations._speakers import FEW
from aggregator.telemetry.queries import EpochSeconds

FOLDED = ("injection_kw", "soc_ratio")
SOURCE = "telemetry"
CHUNK = 200
HOUR = timedelta(hours=1)
LONGEST_DAY = timedelta(hours=25)
SECOND_US = 1_000_000
VALUE_BYTES = 4


@dataclass(frozen=True)
class _Owner:
    zone: ZoneInfo
    rated_kw: float


def _owners(asset_ids: Collection[int]) -> dict[int, _Owner]:
    rows = Asset.objects.filter(pk__in=asset_ids).values_list("pk", "kind", "spec", "site__enterprise__park__time_zone")
    return {pk: _Owner(ZoneInfo(zone), float(parse_spec(kind, spec).rated_kw)) for pk, kind, spec, zone in rows}  # type: ignore[attr-defined]


def fold_day(*, day: date, asset_ids: Collection[int] | None = None) -> int:
    """Fold the local day `day` of these assets (None: of all that have samples). Returns rows written.

    Idempotent: what is folded already and has not changed is left alone.
    """
    if asset_ids is None:
        around = midnight(day, tz=ZoneInfo("UTC"))
        rows = TelemetrySample.objects.filter(at__gte=around - 15 * HOUR, at__lt=around + 39 * HOUR)
        asset_ids = rows.values_list("asset_id", flat=True).distinct()
    ordered = sorted(asset_ids)
    return sum(refold(asset_days={pk: {day} for pk in ordered[k : k + CHUNK]}) for k in range(0, len(ordered), CHUNK))


def refold_late(*, points: Points, gateway_id: int) -> int:
    """Fold again the days of these points that were folded before. Called in the transaction that wrote them.

    All points are of assets of this gateway.
    """
    if not len(points):
        return 0
    first, last = (datetime.fromtimestamp(int(us) // SECOND_US, UTC) for us in (points.at_us.min(), points.at_us.max()))
    ids = np.unique(points.asset_id).tolist()
    whose = {"asset_id__in": ids} if len(ids) <= FEW else {"asset__channel__gateway_id": gateway_id}
    near = TelemetryDay.objects.filter(
        **whose,
        day__gte=first.date() - timedelta(days=2),
        day__lte=last.date() + timedelta(days=1),
        starts_at__gt=first - LONGEST_DAY,
        starts_at__lte=last,
    )
    again: dict[int, set[date]] = {}
    for asset_id, day, starts_at, seconds in near.values_list(
        "asset_id", "day", "starts_at", Length("values") / VALUE_BYTES * F("resolution_s")
    ):
        starts_us = int(starts_at.timestamp()) * SECOND_US
        inside = (points.at_us >= starts_us) & (points.at_us < starts_us + seconds * SECOND_US) & (points.asset_id == asset_id)
        if inside.any():
            again.setdefault(asset_id, set()).add(day)
    return refold(asset_days=again) if again else 0


@transaction.atomic
def refold(*, asset_days: dict[int, set[date]]) -> int:
    """Lay the samples of each (asset, local day) over its arrays, or make these. Returns rows written."""
    if not asset_days:
        return 0
    owners = _owners(asset_days)
    days = set().union(*asset_days.values())
    stored = {
        (row.asset_id, row.day, row.series): row
        for row in TelemetryDay.objects.select_for_update()
        .filter(asset_id__in=asset_days, day__in=days)
        .order_by("asset_id", "day", "series")
    }
    new: list[TelemetryDay] = []
    changed: list[TelemetryDay] = []
    for asset_id in sorted(asset_days):
        owner = owners[asset_id]
        for day in sorted(asset_days[asset_id]):
            starts_at, ends_at = midnight(day, tz=owner.zone), midnight(day + timedelta(days=1), tz=owner.zone)
            columns = _columns_of(asset_id, starts_at, ends_at)
            if columns is None:
                continue
            for series in FOLDED:
                existing = stored.get((asset_id, day, series))
                row = _folded(existing, columns, series, starts_at, ends_at, owner)
                if row is None:
                    continue
                row.asset_id, row.day, row.series = asset_id, day, series
                (changed if existing else new).append(row)
    TelemetryDay.objects.bulk_create(new, batch_size=CHUNK)
    TelemetryDay.objects.bulk_update(changed, ["resolution_s", "values", "quality", "available_at", "revision"], batch_size=CHUNK)
    return len(new) + len(changed)


def _columns_of(asset_id: int, starts_at: datetime, ends_at: datetime) -> dict[str, np.ndarray] | None:
    rows = TelemetrySample.objects.filter(asset_id=asset_id, at__gt=starts_at - HOUR, at__lt=ends_at).order_by("at")
    values = list(rows.values_list(EpochSeconds("at"), "resolution_s", "injection_kw", "soc_ratio", "quality", EpochSeconds("received_at")))
    if not values:
        return None
    names = ("at_s", "resolution_s", "injection_kw", "soc_ratio", "quality", "received_s")
    table = np.array(values, dtype=np.float64).T  # None becomes NaN; seconds are exact in float64
    return dict(zip(names, table, strict=True))


def _folded(
    existing: TelemetryDay | None, columns: dict[str, np.ndarray], series: str, starts_at: datetime, ends_at: datetime, owner: _Owner
) -> TelemetryDay | None:
    """The row to write, or None where the samples change nothing."""
    values = columns[series]
    if np.isnan(values).all():
        return None
    power = series == "injection_kw"
    samples = Samples(
        at_s=columns["at_s"].astype(np.int64),
        resolution_s=columns["resolution_s"].astype(np.int64),
        values=values.astype("<f4").astype(np.float64),
        quality=(columns["quality"] if power else np.zeros(len(values))).astype(np.uint8),
    )
    before = _arrays(existing) if existing else None
    day = fold(samples=samples, starts_s=int(starts_at.timestamp()), day_s=int((ends_at - starts_at).total_seconds()), existing=before)
    rated = owner.rated_kw if power else 1.0
    quality = quality_marks(day.values, resolution_s=day.resolution_s, rated_kw=rated, known=day.quality)
    packed, marks = pack_f4(day.values), quality.tobytes()
    received_at = datetime.fromtimestamp(int(columns["received_s"].max()), UTC)
    if existing is None:
        return TelemetryDay(
            starts_at=starts_at, resolution_s=day.resolution_s, values=packed, quality=marks, source=SOURCE, available_at=received_at
        )
    if existing.resolution_s == day.resolution_s and bytes(existing.values) == packed:
        return None
    existing.resolution_s, existing.values, existing.quality = day.resolution_s, packed, marks
    existing.available_at = max(existing.available_at, received_at)
    existing.revision += 1
    return existing


def _arrays(row: TelemetryDay) -> DayArrays:
    """A stored day; only marks of single points stay, the others are found again."""
    values = unpack_f4(row.values)
    marks = np.frombuffer(bytes(row.quality), dtype=np.uint8) if row.quality else np.zeros(len(values), dtype=np.uint8)
    return DayArrays(row.resolution_s, values, np.where(marks == OUT_OF_RANGE, OUT_OF_RANGE, 0).astype(np.uint8))
