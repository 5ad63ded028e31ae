"""Meter readings in: a day again is a duplicate, another value for it is the next revision."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction

from aggregator.assets.models import Asset
from aggregator.kernel.errors import Anticipated
from aggregator.kernel.periods import delivery_day
from aggregator.metering.domain import DayRefused, PointUnknown, ReadingIn, ReadingRefused, check_labels, parse_day, watt_hours
from aggregator.metering.models import MeteringPoint, MeterReading
from aggregator.support.arrays import pack_i8

NO_REASON = "no reason given"


class PointOfAnotherSite(Anticipated):
    code = "metering.point_of_another_site"
    text = "The metering point %(point)s belongs to another site or asset already."
    status = 409


@dataclass(frozen=True)
class Rejected:
    """The reading at `index` was left out, and why."""

    index: int
    refusal: ReadingRefused


@dataclass(frozen=True)
class ReadingReport:
    """Days that were stored (revisions among them), days that were known already, readings that were refused."""

    accepted: int
    revisions: int
    duplicates: int
    rejected: tuple[Rejected, ...]


def register_point(*, site_id: int, code: str, asset_id: int | None = None) -> int:
    """A metering point: the site's grid connection, or the sub-meter of one of its assets. Returns its id.

    Raises PointOfAnotherSite.
    """
    if asset_id is not None and not Asset.objects.filter(pk=asset_id, site_id=site_id).exists():
        raise PointOfAnotherSite(point=code)
    kind = "connection" if asset_id is None else "asset"
    row, _ = MeteringPoint.objects.get_or_create(code=code, defaults={"site_id": site_id, "asset_id": asset_id, "kind": kind})
    if (row.site_id, row.asset_id) != (site_id, asset_id):
        raise PointOfAnotherSite(point=code)
    return row.pk


@transaction.atomic
def import_readings(
    *, readings: Sequence[ReadingIn], available_at: datetime, source: str, site_ids: Collection[int] | None = None
) -> ReadingReport:
    """Store days of readings as known from `available_at` on. Nothing stored is ever edited.

    `site_ids` (None: all) are the sites for which the sender may speak. A bad reading is in the report,
    the rest is kept.
    """
    codes = {one.metering_point for one in readings if isinstance(one.metering_point, str)}
    mine = MeteringPoint.objects.filter(code__in=codes)
    if site_ids is not None:
        mine = mine.filter(site_id__in=site_ids)
    # The lock keeps two senders of one day from writing the same revision.
    locked = mine.select_for_update(of=("self",)).select_related("site__enterprise__park").order_by("pk")
    points = {point.code: point for point in locked}
    checked: list[tuple[int, MeterReading]] = []
    rejected: list[Rejected] = []
    for index, one in enumerate(readings):
        try:
            checked.append((index, _checked(one, points, available_at, source)))
        except ReadingRefused as refusal:
            rejected.append(Rejected(index, refusal))
    newest = {
        (row.metering_point_id, row.day): row
        for row in MeterReading.objects.filter(
            metering_point__in=[row.metering_point_id for _, row in checked], day__in={row.day for _, row in checked}
        ).order_by("revision")
    }
    new: list[MeterReading] = []
    for _, row in checked:
        key = (row.metering_point_id, row.day)
        before = newest.get(key)
        if before is not None and _facts(before) == _facts(row):
            continue
        row.revision = before.revision + 1 if before else 1
        row.reason = row.reason or (NO_REASON if before else "")
        newest[key] = row
        new.append(row)
    MeterReading.objects.bulk_create(new, batch_size=500)
    revisions = sum(row.revision > 1 for row in new)
    return ReadingReport(accepted=len(new), revisions=revisions, duplicates=len(checked) - len(new), rejected=tuple(rejected))


def _facts(row: MeterReading) -> tuple[int, bytes, bytes, str]:
    return row.resolution_s, bytes(row.import_wh), bytes(row.export_wh), row.quality


def _checked(one: ReadingIn, points: dict[str, MeteringPoint], available_at: datetime, source: str) -> MeterReading:
    """The row without its revision. Raises a ReadingRefused."""
    point = points.get(one.metering_point) if isinstance(one.metering_point, str) else None
    if point is None:
        raise PointUnknown(point=str(one.metering_point)[:80])
    check_labels(reading=one)
    day, step = parse_day(one.day), one.resolution_s
    periods = delivery_day(day, resolution=timedelta(seconds=step), tz=ZoneInfo(point.site.enterprise.park.time_zone))
    if periods.ends_at > available_at:
        raise DayRefused(day=day.isoformat())
    taken, fed = (
        watt_hours(column=name, values=getattr(one, name), expected=len(periods), day=day, resolution_s=step)
        for name in ("import_kwh", "export_kwh")
    )
    return MeterReading(
        metering_point=point,
        day=day,
        resolution_s=step,
        import_wh=pack_i8(taken),
        export_wh=pack_i8(fed),
        quality=one.quality,
        source=source[:200],
        reason=one.reason or "",
        available_at=available_at,
    )
