"""What a park generated and consumed, and whose green energy it was."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

import numpy as np

from aggregator.assets.domain import kind_of
from aggregator.assets.models import Asset
from aggregator.enterprises.models import Site
from aggregator.kernel.periods import delivery_day
from aggregator.metering.queries import DayReading, day_readings, points_of_assets, points_of_sites
from aggregator.support.arrays import MISSING_I8, unpack_i8
from market.green.domain import ConsumerDay, GeneratorDay
from market.green.models import GreenLoad, GreenMatch, GreenMatchRun

STORAGE = "storage"


@dataclass(frozen=True)
class ParkEnergy:
    """One park's metered day. `load_wh` holds MISSING_I8 where a meter that decides it is missing."""

    resolution: timedelta
    generators: tuple[GeneratorDay, ...]
    consumers: tuple[ConsumerDay, ...]
    load_wh: dict[str, np.ndarray]  # enterprise code -> consumption
    point_ids: dict[str, int]  # generator code -> metering point
    enterprise_ids: dict[str, int]


@dataclass(frozen=True)
class GreenRunFacts:
    id: int
    public_id: UUID
    park_id: int
    delivery_day: date
    version: int
    as_of: datetime
    resolution: timedelta
    inputs_hash: str


@dataclass(frozen=True)
class NeighbourMatch:
    """Wh per period from one generating asset to another enterprise's load."""

    asset_id: int
    producer_id: int
    consumer_id: int
    wh: np.ndarray


@dataclass(frozen=True)
class GreenShare:
    """An enterprise's hours. `share_ratio` is None where nothing was consumed or a meter is missing."""

    run: GreenRunFacts
    starts: tuple[datetime, ...]
    load_kwh: tuple[float | None, ...]
    on_site_kwh: tuple[float, ...]
    neighbour_kwh: tuple[float, ...]
    share_ratio: tuple[float | None, ...]
    day_share_ratio: float | None  # sum of hourly matches over the sum of hourly loads that are known


class _Meter:
    """Both directions of some points added up [Wh]; unknown where any of them is."""

    def __init__(self, readings: dict[int, DayReading], point_ids: list[int], n_periods: int, resolution: timedelta) -> None:
        self.imported = np.zeros(n_periods, dtype=np.int64)
        self.exported = np.zeros(n_periods, dtype=np.int64)
        self.known = np.ones(n_periods, dtype=bool)
        for point_id in point_ids:
            reading = readings.get(point_id)
            if reading is None or reading.resolution_s != int(resolution.total_seconds()):
                self.known[:] = False
                continue
            known = (reading.import_wh != MISSING_I8) & (reading.export_wh != MISSING_I8)
            self.known &= known
            self.imported += np.where(known, reading.import_wh, 0)
            self.exported += np.where(known, reading.export_wh, 0)


def park_energy(*, park_id: int, day: date, resolution: timedelta, as_of: datetime) -> ParkEnergy:
    """Generation, load and connection flows of every site, as known at `as_of`."""
    n_periods = len(delivery_day(day, resolution=resolution))
    sites = list(Site.objects.filter(enterprise__park_id=park_id).select_related("enterprise").order_by("enterprise__code", "code"))
    assets = list(Asset.objects.filter(site__in=sites).order_by("site__enterprise__code", "site__code", "code"))
    of_site: dict[int, list[int]] = {}
    for point in points_of_sites(site_ids=[site.pk for site in sites], kind="connection"):
        of_site.setdefault(point.site_id, []).append(point.id)
    of_asset = {asset_id: point.id for asset_id, point in points_of_assets(asset_ids=[asset.pk for asset in assets]).items()}
    wanted = [point_id for points in of_site.values() for point_id in points] + list(of_asset.values())
    readings = day_readings(point_ids=wanted, day=day, as_of=as_of)
    generators, consumers = [], []
    loads: dict[str, np.ndarray] = {}
    point_ids: dict[str, int] = {}
    for site in sites:
        key = f"{site.enterprise.code}/{site.code}"
        connection = _Meter(readings, of_site.get(site.pk, []), n_periods, resolution)
        known = connection.known & (site.pk in of_site)
        load = connection.imported - connection.exported
        for asset in (asset for asset in assets if asset.site_id == site.pk):
            green, store = kind_of(asset.kind).green, asset.kind == STORAGE
            if not green and not store:
                continue
            metered = asset.pk in of_asset
            meter = _Meter(readings, [of_asset[asset.pk]] if metered else [], n_periods, resolution)
            load += meter.exported - meter.imported
            known = known & meter.known & (metered or green)
            if green and metered:
                code = f"{key}/{asset.code}"
                point_ids[code] = of_asset[asset.pk]
                made = np.where(meter.known, np.maximum(meter.exported - meter.imported, 0), 0)
                generators.append(GeneratorDay(code, key, site.enterprise.code, made))
        load = np.maximum(load, 0)
        consumers.append(
            ConsumerDay(
                site=key,
                enterprise=site.enterprise.code,
                load_wh=np.where(known, load, 0),
                import_wh=np.where(known, connection.imported, 0),
                export_wh=np.where(known, connection.exported, 0),
            )
        )
        before = loads.get(site.enterprise.code, np.zeros(n_periods, dtype=np.int64))
        loads[site.enterprise.code] = np.where(known & (before != MISSING_I8), before + np.where(known, load, 0), MISSING_I8)
    return ParkEnergy(
        resolution=resolution,
        generators=tuple(generators),
        consumers=tuple(consumers),
        load_wh=loads,
        point_ids=point_ids,
        enterprise_ids={site.enterprise.code: site.enterprise_id for site in sites},
    )


def _facts(run: GreenMatchRun) -> GreenRunFacts:
    resolution = timedelta(seconds=run.resolution_s)
    return GreenRunFacts(run.pk, run.public_id, run.park_id, run.delivery_day, run.version, run.as_of, resolution, run.inputs_hash)


def latest_run(*, park_id: int, day: date) -> GreenRunFacts | None:
    run = GreenMatchRun.objects.filter(park_id=park_id, delivery_day=day).order_by("-version").first()
    return _facts(run) if run else None


def neighbour_matches(*, run_id: int) -> list[NeighbourMatch]:
    """What earns the environmental premium: matches between different enterprises."""
    rows = GreenMatch.objects.filter(run_id=run_id, path="neighbour").select_related("generation_point__site")
    ordered = rows.order_by("generation_point__code", "consumer__code")
    return [
        NeighbourMatch(row.generation_point.asset_id, row.generation_point.site.enterprise_id, row.consumer_id, unpack_i8(row.wh))
        for row in ordered
    ]


def green_share(*, enterprise_id: int, day: date) -> GreenShare | None:
    """The newest run's hours of one enterprise, or None where the day was not matched."""
    load = (
        GreenLoad.objects.filter(enterprise_id=enterprise_id, run__delivery_day=day).select_related("run").order_by("-run__version").first()
    )
    if load is None:
        return None
    run = _facts(load.run)
    grid = delivery_day(day, resolution=run.resolution)
    per_hour = max(1, int(timedelta(hours=1) / run.resolution))
    own, neighbour = np.zeros(len(grid), dtype=np.int64), np.zeros(len(grid), dtype=np.int64)
    for match in GreenMatch.objects.filter(run_id=run.id, consumer_id=enterprise_id):
        if match.path == "neighbour":
            neighbour += unpack_i8(match.wh)
        else:
            own += unpack_i8(match.wh)
    wh = unpack_i8(load.wh)
    hours = [slice(k, k + per_hour) for k in range(0, len(grid), per_hour)]
    loads = [None if (wh[hour] == MISSING_I8).any() else int(wh[hour].sum()) for hour in hours]
    matched = [int(own[hour].sum() + neighbour[hour].sum()) for hour in hours]
    known = [(m, used) for m, used in zip(matched, loads, strict=True) if used is not None]
    total = sum(used for _, used in known)
    return GreenShare(
        run=run,
        starts=tuple(grid.starts[hour.start] for hour in hours),
        load_kwh=tuple(None if used is None else used / 1000 for used in loads),
        on_site_kwh=tuple(int(own[hour].sum()) / 1000 for hour in hours),
        neighbour_kwh=tuple(int(neighbour[hour].sum()) / 1000 for hour in hours),
        share_ratio=tuple(m / used if used else None for m, used in zip(matched, loads, strict=True)),
        day_share_ratio=sum(m for m, _ in known) / total if total else None,
    )
