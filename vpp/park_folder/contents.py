"""Everything a park folder says about a span of days, in the product's units and signs."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from django.utils.translation import gettext as _

from aggregator.assets.domain import parse_spec
from aggregator.assets.domain.ev_station import EvStationSpec
from aggregator.kernel.periods import Grid, midnight
from vpp.park_folder.charging import Stay, read_stays, unsteered
from vpp.park_folder.problems import Findings
from vpp.park_folder.schema import ENERGY_UNITS, NATURAL, POWER_UNITS, PRICE_UNITS, Asset, Known, ParkFolder, PowerUse, SeriesSource, Source
from vpp.park_folder.series import OnGrid, SeriesReader
from vpp.park_folder.tables import Tables

Progress = Callable[[str], None]


@dataclass(frozen=True)
class WeatherColumns:
    """Forecast weather of the park (asset None) or of one asset, per period of `grid`."""

    asset: str | None
    grid: Grid
    columns: dict[str, np.ndarray]
    known: Known
    source: str


@dataclass(frozen=True)
class Contents:
    """`natural_kw` >= 0 by asset code: generation, or consumption of loads and unsteered stations [kW]."""

    grid: Grid
    natural_kw: dict[str, np.ndarray]
    stays: dict[str, list[Stay]]
    day_ahead_cny_per_mwh: np.ndarray
    real_time_cny_per_mwh: np.ndarray
    weather: tuple[WeatherColumns, ...]


def days_grid(first: date, last: date, *, resolution: timedelta) -> Grid:
    """The periods of local days `first` to `last`, both included."""
    starts_at = midnight(first)
    return Grid(starts_at, resolution, int((midnight(last + timedelta(days=1)) - starts_at) / resolution))


def origin_of(source: Source) -> str:
    """How a stored row names where it comes from."""
    return f"{source.origin}: {source.source}"[:200]


class ContentsReader:
    """Reads one folder. Problems go to `findings`; the caller refuses."""

    def __init__(self, *, park: ParkFolder, park_dir: Path, data_root: Path | None, findings: Findings, progress: Progress) -> None:
        self._park, self._findings, self._progress = park, findings, progress
        self._tables = Tables(park_dir=park_dir, data_root=data_root, findings=findings)
        self._series = SeriesReader(tables=self._tables, findings=findings)

    def files(self) -> dict[str, Path]:
        """Every file that the folder names, by series name."""
        sources = {**self._park.series, **self._park.sessions}
        paths = {name: self._tables.path_of(source) for name, source in sorted(sources.items())}
        return {name: path for name, path in paths.items() if path is not None}

    def read(self, *, first: date, last: date, weather_last: date) -> Contents | None:
        """Local days `first` to `last`, weather (it is known ahead) to `weather_last`; None with problems."""
        resolution = timedelta(seconds=self._park.resolution_s)
        grid = days_grid(first, last, resolution=resolution)
        natural: dict[str, np.ndarray] = {}
        stays: dict[str, list[Stay]] = {}
        for asset in self._park.assets:
            self._progress(asset.code)
            self._activity(asset, grid, natural, stays)
        self._progress("prices")
        day_ahead, real_time = self._prices("day_ahead", grid), self._prices("real_time", grid)
        weather = self._weather(days_grid(first, weather_last, resolution=resolution))
        if self._findings.problems or day_ahead is None or real_time is None:
            return None
        return Contents(grid, natural, stays, day_ahead, real_time, weather)

    def _activity(self, asset: Asset, grid: Grid, natural: dict[str, np.ndarray], stays: dict[str, list[Stay]]) -> None:
        power, sessions = self._park.power_use(asset), self._park.sessions_use(asset)
        # What leads nowhere has been reported with its line; here it is only passed over.
        if power is not None and power.series in self._park.series and power.unit in {**POWER_UNITS, **ENERGY_UNITS}:
            kw = self._natural_kw(asset, power, self._park.series[power.series], grid)
            if kw is not None:
                natural[asset.code] = kw
        if sessions is not None and sessions.sessions in self._park.sessions:
            source = self._park.sessions[sessions.sessions]
            found = read_stays(source, station=asset.code, tables=self._tables, findings=self._findings)
            if found is not None:
                end = grid.ends_at
                spec = EvStationSpec.model_validate(asset.spec)  # only stations have sessions
                stays[asset.code] = [s for s in found if s.plugged_in_at < end and (s.plugged_out_at or end) > grid.starts_at]
                natural[asset.code], _charged = unsteered(spec, stays[asset.code], grid=grid)

    def _natural_kw(self, asset: Asset, use: PowerUse, source: SeriesSource, grid: Grid) -> np.ndarray | None:
        column = use.column or asset.code
        read = self._series.on_grid(source, column, grid=grid, name=asset.code)
        if read is None:
            return None
        factor = POWER_UNITS[use.unit] if use.unit in POWER_UNITS else ENERGY_UNITS[use.unit] * 3600 / source.resolution_s
        flip = -1.0 if use.positive_is not in (None, NATURAL[asset.kind]) else 1.0
        kw = read.values * (factor * use.scale * flip)
        below = kw < 0
        if below.any() and use.below_zero == "refuse":
            text = _("%(code)s: %(count)s values are below zero (least %(least).3f kW); say what they mean with `below_zero`")
            fields = {"code": asset.code, "count": int(below.sum()), "least": float(np.nanmin(kw))}
            self._findings.problem("value.below_zero", read.path, read.line(below), text % fields)
            return None
        self._count(
            "value.below_zero", read, asset, below, _("%(code)s: %(count)s values below zero taken as declared (%(how)s)"), use.below_zero
        )
        kw[below] = 0.0 if use.below_zero == "zero" else np.nan
        rated_kw = float(parse_spec(asset.kind, asset.spec).rated_kw)
        above = kw > rated_kw
        self._count("value.above_rated", read, asset, above, _("%(code)s: %(count)s values above rated_kw held at it"), "")
        return np.minimum(kw, rated_kw)

    def _count(self, code: str, read: OnGrid, asset: Asset, where: np.ndarray, text: str, how: str) -> None:
        if where.any():
            self._findings.notice(code, read.path, read.line(where), text % {"code": asset.code, "count": int(where.sum()), "how": how})

    def _prices(self, market: str, grid: Grid) -> np.ndarray | None:
        use = getattr(self._park.prices, market)
        if use.series not in self._park.series or use.unit not in PRICE_UNITS:
            return None
        read = self._series.on_grid(self._park.series[use.series], use.column, grid=grid, name=market)
        return None if read is None else read.values * PRICE_UNITS[use.unit]

    def _weather(self, grid: Grid) -> tuple[WeatherColumns, ...]:
        out = []
        for use in self._park.weather:
            source = self._park.series.get(use.series)
            if source is None:
                continue
            columns = {
                name: self._series.on_grid(source, column, grid=grid, name=f"{use.asset or self._park.code} {name}")
                for name, column in use.columns.items()
            }
            read = {name: column.values for name, column in columns.items() if column is not None}
            out.append(WeatherColumns(use.asset, grid, read, use.known, origin_of(source)))
        return tuple(out)
