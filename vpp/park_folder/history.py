"""A park's past as rows: telemetry and meter readings of what its assets did without us, sessions, prices, weather."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np

from aggregator.assets.domain import parse_spec
from aggregator.assets.domain.air_conditioning import AirConditioningSpec
from aggregator.assets.domain.storage import StorageSpec
from aggregator.assets.domain.two_way_charger import TwoWayChargerSpec
from aggregator.forecasts.operations import forget_learned, import_weather
from aggregator.kernel.periods import SHANGHAI, Grid, day_of, delivery_day, midnight
from aggregator.kernel.quantities import kwh_from_wh
from aggregator.metering.domain import ReadingIn
from aggregator.metering.models import MeterReading
from aggregator.metering.operations import import_readings
from aggregator.telemetry.domain import SessionFacts
from aggregator.telemetry.models import TelemetryDay, TelemetrySample
from aggregator.telemetry.operations import DayValues, import_days, import_sessions
from market.prices.models import PriceCurve
from market.prices.operations import record_prices
from vpp.park_folder.booked import booked_sessions, left_alone
from vpp.park_folder.contents import Contents, Progress, WeatherColumns, origin_of
from vpp.park_folder.schema import NATURAL, Asset, Known, ParkFolder, PriceUse, Source
from vpp.park_folder.structure import Structure

# Marks rows that a folder brought: it may correct them, and leaves alone what gateways and meters told.
PREFIX = "park folder, "
PRICE_STEP = Decimal("0.0001")


@dataclass(frozen=True)
class _Day:
    day: date
    grid: Grid
    periods: slice  # of the contents' grid


class HistoryWriter:
    """Writes the contents of one folder; the same contents again change nothing."""

    def __init__(self, *, park: ParkFolder, contents: Contents, structure: Structure, progress: Progress) -> None:
        self._park, self._contents, self._structure, self._progress = park, contents, structure, progress
        self._days = list(_days(contents.grid))

    def write(self) -> dict[str, int]:
        """Rows written, by what they are; days that were lived through already are counted and left."""
        lived = self._lived_days()
        fresh = [one for one in self._days if one.day not in lived]
        injection = {asset.code: self._injection_kw(asset) for asset in self._park.assets}
        written = {
            "telemetry_days": self._telemetry(injection, fresh),
            "meter_readings": self._readings(injection, fresh),
            "charging_sessions": self._sessions(),
            "prices": self._prices("day_ahead", self._contents.day_ahead_cny_per_mwh)
            + self._prices("real_time", self._contents.real_time_cny_per_mwh),
            "weather_days": sum(self._weather(one) for one in self._contents.weather),
            "days_left_as_lived": len(self._days) - len(fresh),
        }
        if written["telemetry_days"] or written["charging_sessions"]:
            forget_learned(park_id=self._structure.park_id, since=self._days[0].day)
        return written

    def _lived_days(self) -> set[date]:
        """Days of which something else than a park folder has told telemetry or readings."""
        asset_ids, codes = list(self._structure.asset_ids.values()), list(self._structure.point_codes.values())
        telemetry = TelemetryDay.objects.filter(asset_id__in=asset_ids).exclude(source__startswith=PREFIX)
        readings = MeterReading.objects.filter(metering_point__code__in=codes).exclude(source__startswith=PREFIX)
        lived = set(telemetry.values_list("day", flat=True)) | set(readings.values_list("day", flat=True))
        samples = TelemetrySample.objects.filter(asset_id__in=asset_ids)
        return lived | {one.day for one in self._days if samples.filter(at__gte=one.grid.starts_at, at__lt=one.grid.ends_at).exists()}

    def _injection_kw(self, asset: Asset) -> np.ndarray:
        """Injection without us [kW], NaN = missing. Storage stands idle, a two-way charger charges at once: docs/park-folder.md."""
        natural = self._contents.natural_kw.get(asset.code)
        spec = parse_spec(asset.kind, asset.spec)
        if isinstance(spec, TwoWayChargerSpec):
            return left_alone(spec, self._contents.grid)[0]
        if natural is None:
            return np.zeros(len(self._contents.grid))
        return natural if NATURAL.get(asset.kind) == "generation" else -natural

    def _source_of(self, asset: Asset) -> str:
        power, sessions = self._park.power_use(asset), self._park.sessions_use(asset)
        if power is not None:
            return _labelled(self._park.series[power.series])
        if sessions is not None:
            return _labelled(self._park.sessions[sessions.sessions])
        left = "by its timetable" if asset.kind == "two_way_charger" else "idle"
        return f"{PREFIX}{asset.origin}: {left} before the first delivery day"

    def _telemetry(self, injection: dict[str, np.ndarray], days: list[_Day]) -> int:
        written = 0
        for asset in self._park.assets:
            self._progress(asset.code)
            series = {"injection_kw": injection[asset.code]}
            spec = parse_spec(asset.kind, asset.spec)
            if isinstance(spec, StorageSpec):
                series["soc_ratio"] = np.full(len(self._contents.grid), spec.soc_initial_ratio)
            elif isinstance(spec, AirConditioningSpec):  # nobody has moved it yet: the thermostat held its set point
                series["soc_ratio"] = np.full(len(self._contents.grid), spec.set_kwh / spec.band_kwh)
            elif isinstance(spec, TwoWayChargerSpec):
                series["soc_ratio"] = left_alone(spec, self._contents.grid)[1]
            for name, values in series.items():
                rows = [
                    DayValues(one.day, values[one.periods], self._park.resolution_s, known_at(self._park.telemetry_known, one.day))
                    for one in days
                ]
                report = import_days(asset_id=self._structure.asset_ids[asset.code], series=name, days=rows, source=self._source_of(asset))
                written += report.created + report.changed
        return written

    def _readings(self, injection: dict[str, np.ndarray], days: list[_Day]) -> int:
        """Sub-meters of the assets, and each grid connection as the exact sum of its assets."""
        points: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        for site in self._park.sites:
            net, missing = np.zeros(len(self._contents.grid), dtype=np.int64), np.zeros(len(self._contents.grid), dtype=bool)
            for asset in site.assets:
                wh, gap = _watt_hours(injection[asset.code], self._contents.grid.hours)
                points[asset.code] = wh, gap
                net, missing = net + wh, missing | gap
            points[site.code] = net, missing
        quality = "synthetic" if self._park.synthetic else "measured"
        written = 0
        for one in days:
            self._progress(one.day.isoformat())
            readings = [
                ReadingIn(
                    metering_point=self._structure.point_codes[code],
                    day=one.day.isoformat(),
                    resolution_s=self._park.resolution_s,
                    import_kwh=_kwh(-wh[one.periods], missing[one.periods]),
                    export_kwh=_kwh(wh[one.periods], missing[one.periods]),
                    quality=quality,
                    reason="",
                )
                for code, (wh, missing) in sorted(points.items())
            ]
            available_at = known_at(self._park.readings_known, one.day)
            report = import_readings(readings=readings, available_at=available_at, source=f"{PREFIX}{self._park.code}")
            if report.rejected:
                raise report.rejected[0].refusal
            written += report.accepted
        return written

    def _sessions(self) -> int:
        """Stays up to the end of the history; who is still plugged in then has no end yet."""
        written, end = 0, self._contents.grid.ends_at
        for code, stays in sorted(self._contents.stays.items()):
            facts = []
            for stay in stays:
                over = stay.plugged_out_at is not None and stay.plugged_out_at <= end
                out, energy = (stay.plugged_out_at, stay.energy_kwh) if over else (None, None)
                facts.append(SessionFacts(stay.key, stay.plugged_in_at, out, energy, stay.need_kwh, stay.user))
            written += import_sessions(asset_id=self._structure.asset_ids[code], sessions=facts)
        for asset in self._park.assets:
            spec = parse_spec(asset.kind, asset.spec)
            if isinstance(spec, TwoWayChargerSpec):
                facts = booked_sessions(spec, self._contents.grid)
                written += import_sessions(asset_id=self._structure.asset_ids[asset.code], sessions=facts)
        return written

    def _prices(self, market: str, prices: np.ndarray) -> int:
        use: PriceUse = getattr(self._park.prices, market)
        source = self._park.series[use.series]
        stored = PriceCurve.objects.filter(park_id=self._structure.park_id, market=market)
        before = stored.count()
        for one in self._days:
            record_prices(
                park_id=self._structure.park_id,
                market=market,
                day=one.day,
                resolution=one.grid.resolution,
                prices=[None if np.isnan(price) else Decimal(repr(float(price))).quantize(PRICE_STEP) for price in prices[one.periods]],
                available_at=known_at(use.known, one.day),
                source=origin_of(source),
                synthetic=source.origin == "synthetic",
            )
        return stored.count() - before

    def _weather(self, weather: WeatherColumns) -> int:
        asset_id = None if weather.asset is None else self._structure.asset_ids[weather.asset]
        ahead = timedelta(days=-weather.known.day) - timedelta(hours=weather.known.at.hour, minutes=weather.known.at.minute)
        return import_weather(
            park_id=self._structure.park_id,
            asset_id=asset_id,
            grid=weather.grid,
            columns=weather.columns,
            available_at=ahead,
            source=weather.source,
        )


def known_at(known: Known, day: date) -> datetime:
    """When a value of local day `day` became known, UTC."""
    return datetime.combine(day + timedelta(days=known.day), known.at, SHANGHAI).astimezone(UTC)


def _labelled(source: Source) -> str:
    return f"{PREFIX}{origin_of(source)}"[:200]


def _days(grid: Grid) -> Iterator[_Day]:
    day = day_of(grid.starts_at)
    while midnight(day) < grid.ends_at:
        one = delivery_day(day, resolution=grid.resolution)
        first = grid.index(one.starts_at)
        yield _Day(day, one, slice(first, first + len(one)))
        day += timedelta(days=1)


def _watt_hours(injection_kw: np.ndarray, hours: float) -> tuple[np.ndarray, np.ndarray]:
    """(whole Wh per period, where it is missing)."""
    missing = np.isnan(injection_kw)
    return np.rint(np.where(missing, 0.0, injection_kw) * hours * 1000).astype(np.int64), missing


def _kwh(wh: np.ndarray, missing: np.ndarray) -> list[Decimal | None]:
    """One direction as settlement kWh: the other direction's energy is none of it."""
    return [None if gap else kwh_from_wh(max(0, int(one))) for one, gap in zip(wh, missing, strict=True)]
