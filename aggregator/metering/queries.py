"""Readings as they were known at a time, and the baseline that follows from them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
from django.db.models import Max

from aggregator.assets.models import Asset
from aggregator.assets.queries import commitments
from aggregator.enterprises.models import Site
from aggregator.kernel.periods import SHANGHAI, Grid, day_of, delivery_day
from aggregator.metering.domain import (
    MISSING_WH,
    Baseline,
    BaselineMethod,
    BaselineUnavailable,
    HistoryDay,
    SameDay,
    at_resolution,
    baseline,
    by_local_clock,
)
from aggregator.metering.models import MeteringPoint, MeterReading
from aggregator.support.arrays import unpack_i8

QUARTER_HOUR = timedelta(minutes=15)
# These make a day useless as an example of what happens without us.
EXCLUDING = ("event_day", "outage")


@dataclass(frozen=True)
class PointFacts:
    """A metering point: kind `connection` (the site's border) or `asset` (sub-meter of one asset)."""

    id: int
    public_id: UUID
    code: str
    kind: str
    site_id: int
    asset_id: int | None


@dataclass(frozen=True)
class DayReading:
    """One day of one point: int64 Wh per period, MISSING_I8 = missing; both directions >= 0."""

    point_id: int
    day: date
    revision: int
    resolution_s: int
    import_wh: np.ndarray
    export_wh: np.ndarray
    quality: str
    reason: str
    source: str
    available_at: datetime

    @property
    def net_wh(self) -> np.ndarray:
        """Injection: export minus import, missing where either is."""
        missing = (self.import_wh == MISSING_WH) | (self.export_wh == MISSING_WH)
        return np.where(missing, MISSING_WH, np.where(missing, 0, self.export_wh) - np.where(missing, 0, self.import_wh))


@dataclass(frozen=True)
class PortfolioBaseline:
    """Baseline of a portfolio: injection_kwh over `grid`, day_injection_kwh over the whole local day.

    `aggregation` says whether it is the sum of `members` (by site) or of the summed meters (member key None).
    """

    grid: Grid
    day: date
    injection_kwh: np.ndarray
    day_injection_kwh: np.ndarray
    aggregation: str
    members: dict[int | None, Baseline]


def _facts(row: MeteringPoint) -> PointFacts:
    return PointFacts(row.pk, row.public_id, row.code, row.kind, row.site_id, row.asset_id)


def points_of_sites(*, site_ids: Collection[int], kind: str | None = None) -> list[PointFacts]:
    """Metering points of these sites by code; all kinds unless named."""
    rows = MeteringPoint.objects.filter(site_id__in=site_ids)
    return [_facts(row) for row in (rows if kind is None else rows.filter(kind=kind)).order_by("code")]


def points_of_assets(*, asset_ids: Collection[int]) -> dict[int, PointFacts]:
    """{asset_id: its sub-meter}; an asset without one is absent."""
    return {row.asset_id: _facts(row) for row in MeteringPoint.objects.filter(asset_id__in=asset_ids).order_by("code") if row.asset_id}


def _readings(*, point_ids: Collection[int], days: Collection[date], as_of: datetime) -> dict[tuple[int, date], DayReading]:
    """The newest revision of each (point, day) that was known at `as_of`."""
    rows = MeterReading.objects.filter(metering_point_id__in=point_ids, day__in=days, available_at__lte=as_of)
    newest = {(row.metering_point_id, row.day): row for row in rows.order_by("revision")}
    return {
        key: DayReading(
            point_id=row.metering_point_id,
            day=row.day,
            revision=row.revision,
            resolution_s=row.resolution_s,
            import_wh=unpack_i8(row.import_wh),
            export_wh=unpack_i8(row.export_wh),
            quality=row.quality,
            reason=row.reason,
            source=row.source,
            available_at=row.available_at,
        )
        for key, row in newest.items()
    }


def day_readings(*, point_ids: Collection[int], day: date, as_of: datetime) -> dict[int, DayReading]:
    """{point_id: the day as known at `as_of`}; a point without a reading is absent."""
    return {point_id: reading for (point_id, _), reading in _readings(point_ids=point_ids, days=[day], as_of=as_of).items()}


def latest_available_at(*, site_ids: Collection[int], day: date, known_at: datetime) -> datetime | None:
    """When the newest reading of the day (any revision, any point of these sites) became known, of those known at
    `known_at`; None: there is none.
    """
    rows = MeterReading.objects.filter(metering_point__site_id__in=site_ids, day=day, available_at__lte=known_at)
    return rows.aggregate(newest=Max("available_at"))["newest"]


def _zones(site_ids: Collection[int]) -> dict[int, ZoneInfo]:
    return {pk: ZoneInfo(zone) for pk, zone in Site.objects.filter(pk__in=site_ids).values_list("pk", "enterprise__park__time_zone")}


def _site_days(
    *, site_ids: Sequence[int], days: Sequence[date], as_of: datetime, resolution: timedelta
) -> dict[tuple[int, date], np.ndarray]:
    """Net injection [Wh] of each (site, day) over its grid connections; missing where any of them is."""
    points: dict[int, list[int]] = {site_id: [] for site_id in site_ids}
    for point in points_of_sites(site_ids=site_ids, kind="connection"):
        points[point.site_id].append(point.id)
    readings = _readings(point_ids=[pk for ids in points.values() for pk in ids], days=days, as_of=as_of)
    zones = _zones(site_ids)
    found = {}
    for site_id in site_ids:
        for day in days:
            n = len(delivery_day(day, resolution=resolution, tz=zones[site_id]))
            found[site_id, day] = _net(n, [readings.get((pk, day)) for pk in points[site_id]], int(resolution.total_seconds()))
    return found


def _net(n: int, readings: Sequence[DayReading | None], resolution_s: int) -> np.ndarray:
    total, missing = np.zeros(n, dtype=np.int64), np.full(n, not readings)
    for reading in readings:
        net = at_resolution(reading.net_wh, resolution_s=reading.resolution_s, wanted_s=resolution_s) if reading else None
        if net is None or len(net) != n:
            missing[:] = True
            continue
        missing |= net == MISSING_WH
        total += np.where(net == MISSING_WH, 0, net)
    return np.where(missing, MISSING_WH, total)


def net_injection_wh(*, site_ids: Sequence[int], days: Sequence[date], as_of: datetime, resolution: timedelta = QUARTER_HOUR) -> np.ndarray:
    """Metered net injection [int64 Wh] of sites, (n_sites, n_periods of all days one after another); MISSING_I8 = missing.

    Over the grid connections of each site, as known at `as_of`. Finer readings are added up; coarser ones are missing.
    """
    if not site_ids or not days:
        return np.zeros((len(site_ids), 0), dtype=np.int64)
    found = _site_days(site_ids=site_ids, days=days, as_of=as_of, resolution=resolution)
    return np.array([np.concatenate([found[site_id, day] for day in days]) for site_id in site_ids])


def baseline_history(
    *, site_ids: Sequence[int], day: date, method_params: BaselineMethod, known_at: datetime, resolution: timedelta = QUARTER_HOUR
) -> dict[int, list[HistoryDay]]:
    """For each site the earlier days that the method may look at, as known at `known_at`, newest first.

    On the local clock of `day`; with the reason of exclusion where the site had an event or an outage.
    """
    days = [day - timedelta(days=lag) for lag in range(method_params.first_lag, method_params.search_days + 1)]
    found = _site_days(site_ids=site_ids, days=days, as_of=known_at, resolution=resolution)
    zones = _zones(site_ids)
    excluded = _excluded(site_ids, days, known_at, zones)
    history: dict[int, list[HistoryDay]] = {}
    for site_id in site_ids:
        zone = zones[site_id]
        like = delivery_day(day, resolution=resolution, tz=zone)
        history[site_id] = [
            HistoryDay(
                one,
                by_local_clock(_kwh(found[site_id, one]), grid=delivery_day(one, resolution=resolution, tz=zone), like=like, tz=zone),
                excluded.get((site_id, one), ""),
            )
            for one in days
        ]
    return history


def _kwh(wh: np.ndarray) -> np.ndarray:
    return np.where(wh == MISSING_WH, np.nan, wh / 1000)


def _excluded(site_ids: Sequence[int], days: Sequence[date], known_at: datetime, zones: dict[int, ZoneInfo]) -> dict[tuple[int, date], str]:
    site_of = dict(Asset.objects.filter(site_id__in=site_ids).values_list("pk", "site_id"))
    span = [delivery_day(one, resolution=timedelta(hours=1), tz=zone) for one in (min(days), max(days)) for zone in {*zones.values()}]
    windows = commitments(
        asset_ids=list(site_of),
        starts_at=min(grid.starts_at for grid in span),
        ends_at=max(grid.ends_at for grid in span),
        known_at=known_at,
        kinds=EXCLUDING,
    )
    reasons: dict[tuple[int, date], str] = {}
    for window in windows:
        site_id = site_of[window.asset_id]
        one = day_of(window.starts_at, tz=zones[site_id])
        last = day_of(window.ends_at - timedelta(microseconds=1), tz=zones[site_id])
        while one <= last:
            reasons[site_id, one] = min(filter(None, (reasons.get((site_id, one)), window.kind)))
            one += timedelta(days=1)
    return reasons


def portfolio_baseline(
    *,
    site_ids: Sequence[int],
    grid: Grid,
    method_params: BaselineMethod,
    notified_at: datetime | None,
    known_at: datetime,
    event_starts_at: datetime | None = None,
) -> PortfolioBaseline:
    """Baseline of these sites together over `grid` (within one local day), from what was known at `known_at`.

    `event_starts_at` (default: start of `grid`) and `notified_at` bound the same-day adjustment; None: nobody was
    notified yet, so nothing is adjusted, and each member's `adjustment` says so.
    Raises BaselineUnavailable, which names the site.
    """
    zone = next(iter(_zones(site_ids).values()), SHANGHAI)
    day = day_of(grid.starts_at, tz=zone)
    whole = delivery_day(day, resolution=grid.resolution, tz=zone)
    if not site_ids or grid.ends_at > whole.ends_at or (grid.starts_at - whole.starts_at) % grid.resolution:
        raise ValueError("a baseline is asked for sites, for whole periods of one local day")
    history = baseline_history(site_ids=site_ids, day=day, method_params=method_params, known_at=known_at, resolution=grid.resolution)
    today = _site_days(site_ids=site_ids, days=[day], as_of=known_at, resolution=grid.resolution)
    metered = {site_id: _kwh(today[site_id, day]) for site_id in site_ids}
    if method_params.aggregation == "summed":
        inputs: dict[int | None, tuple[list[HistoryDay], np.ndarray]] = {None: (_summed(history), np.sum(list(metered.values()), axis=0))}
    else:
        inputs = {site_id: (history[site_id], metered[site_id]) for site_id in site_ids}
    event = (event_starts_at or grid.starts_at) - whole.starts_at
    notified = None if notified_at is None else max(timedelta(0), notified_at - whole.starts_at) // grid.resolution
    members: dict[int | None, Baseline] = {}
    for key, (days, actual) in inputs.items():
        same_day = None if notified is None else SameDay(actual, event // grid.resolution, notified, 1 / grid.hours)
        try:
            members[key] = baseline(day=day, history=days, method=method_params, same_day=same_day)
        except BaselineUnavailable as refused:
            raise BaselineUnavailable(**{**refused.fields, "why": f"{_name(key)}: {refused.fields['why']}"}) from refused
    total = np.sum([member.injection_kwh for member in members.values()], axis=0)
    first = (grid.starts_at - whole.starts_at) // grid.resolution
    return PortfolioBaseline(grid, day, total[first : first + len(grid)], total, method_params.aggregation, members)


def _summed(history: dict[int, list[HistoryDay]]) -> list[HistoryDay]:
    """One series for all sites: missing or excluded where any of them is."""
    summed = []
    for same in zip(*history.values(), strict=True):
        excluded = next((one.excluded for one in same if one.excluded), "")
        summed.append(HistoryDay(same[0].day, np.sum([one.injection_kwh for one in same], axis=0), excluded))
    return summed


def _name(site_id: int | None) -> str:
    return "summed meters" if site_id is None else Site.objects.values_list("code", flat=True).get(pk=site_id)
