"""Weather forecasts on the frame: of each day the version that was known with the lead of this forecast."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from aggregator.forecasts.domain._frame import Frame
from aggregator.kernel.periods import Grid

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
    frame = Frame(grid, grid.starts_at, tz=tz, history_days=0)
    matrices = {name: frame.matrix(values, grid) for name, values in columns.items()}
    return {day: {name: matrix[k] for name, matrix in matrices.items()} for k, day in enumerate(frame.days)}


def on_frame(frame: Frame, rows: list[WeatherDay]) -> dict[str, np.ndarray]:
    """(D, S) per column, NaN where no version was known in time.

    Target days take what was available at issue; an earlier day what was available as long before it, so
    that a model learns from weather forecasts of the same age as the one it will be given.
    """
    index = {day: k for k, day in enumerate(frame.days)}
    chosen: dict[int, WeatherDay] = {}
    for row in sorted(rows, key=lambda row: row.available_at):
        k = index.get(row.day)
        if k is None:
            continue
        cutoff = frame.issued_at + min(0, k - frame.first_target) * timedelta(days=1)
        if row.available_at <= cutoff:
            chosen[k] = row
    out: dict[str, np.ndarray] = {}
    for k, row in chosen.items():
        for name, values in row.columns.items():
            matrix = out.setdefault(name, np.full((len(frame.days), frame.slots), np.nan))
            matrix[k] = _resampled(values, frame.slots)
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
