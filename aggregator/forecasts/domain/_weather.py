"""Weather forecasts on days: of each day the version that was known when it was forecast."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np

from aggregator.forecasts.domain.engine.days import Days
from aggregator.kernel.periods import Grid, day_of

WEATHER_COLUMNS = (
    "ghi_w_per_m2",  # global horizontal irradiance
    "direct_w_per_m2",  # its direct part, horizontal
    "temperature_c",
    "humidity_ratio",
    "wind_m_per_s",  # at 10 m
    "wind_100m_m_per_s",
)


@dataclass(frozen=True)
class WeatherDay:
    """One local day of one issue: columns -> (clock slots of its own resolution,)."""

    day: date
    available_at: datetime
    columns: dict[str, np.ndarray]


def by_day(*, grid: Grid, columns: dict[str, np.ndarray], tz: ZoneInfo) -> dict[date, dict[str, np.ndarray]]:
    """Columns of `grid` as local days of clock slots, NaN where the grid has no value."""
    if not len(grid):
        return {}
    first, last = day_of(grid.starts_at, tz=tz), day_of(grid.ends_at - grid.resolution, tz=tz)
    days = Days.of(first, last, resolution=grid.resolution, tz=tz)
    matrices = {name: days.matrix(values, grid) for name, values in columns.items()}
    return {day: {name: matrix[k] for name, matrix in matrices.items()} for k, day in enumerate(days.dates)}


def on_days(days: Days, rows: Iterable[WeatherDay], *, known_by: Callable[[date], datetime]) -> dict[str, np.ndarray]:
    """(D, S) per column: of each day the newest version available at `known_by(day)`, NaN where there was none.

    A model so learns from weather forecasts of the same age as the one that it will be given.
    """
    chosen: dict[int, WeatherDay] = {}
    for row in sorted(rows, key=lambda row: row.available_at):
        k = days.index(row.day)
        if 0 <= k < days.count and row.available_at <= known_by(row.day):
            chosen[k] = row
    out: dict[str, np.ndarray] = {}
    for k, row in chosen.items():
        for name, values in row.columns.items():
            matrix = out.setdefault(name, np.full((days.count, days.slots), np.nan))
            matrix[k] = _resampled(values, days.slots)
    return out


def _resampled(values: np.ndarray, slots: int) -> np.ndarray:
    """A day of values at another resolution: means of finer ones, coarser ones repeated."""
    have = values.size
    if have == slots:
        return values
    if have % slots == 0:
        return values.reshape(slots, have // slots).mean(axis=1)
    if slots % have == 0:
        return np.repeat(values, slots // have)
    return np.full(slots, np.nan)  # neither resolution is a multiple of the other: not known
