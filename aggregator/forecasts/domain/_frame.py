"""Whole local days around a target grid, so that lags and time of day mean the same on every day."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from aggregator.kernel.calendar import is_working
from aggregator.kernel.periods import SHANGHAI, Grid, as_utc, day_of, midnight

HISTORY_DAYS = 56
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Frame:
    """D local days (history, then the days that `grid` touches) of S clock slots each.

    A period belongs to (its local day, its clock slot). A 23-hour day leaves slots empty; on a 25-hour
    day the repeated hour shares its slots, so a grid of any length maps in and out.
    """

    grid: Grid
    issued_at: datetime
    tz: ZoneInfo = SHANGHAI
    history_days: int = HISTORY_DAYS

    def __post_init__(self) -> None:
        object.__setattr__(self, "issued_at", as_utc(self.issued_at))
        if DAY % self.grid.resolution or len(self.grid) == 0:
            raise ValueError("a forecast needs periods, and a resolution that divides a day")

    @cached_property
    def slots(self) -> int:
        """Periods of an ordinary day."""
        return DAY // self.grid.resolution

    @cached_property
    def days(self) -> tuple[date, ...]:
        last = day_of(self.grid.ends_at - self.grid.resolution, tz=self.tz)
        first = min(day_of(self.grid.starts_at, tz=self.tz), day_of(self.issued_at, tz=self.tz)) - self.history_days * DAY
        return tuple(first + k * DAY for k in range((last - first).days + 1))

    @cached_property
    def first_target(self) -> int:
        """Index of the first day that `grid` touches."""
        return (day_of(self.grid.starts_at, tz=self.tz) - self.days[0]).days

    @cached_property
    def lead_days(self) -> int:
        """Days from the last day that was complete at issue to the last target day, >= 1."""
        last_complete = day_of(self.issued_at, tz=self.tz) - DAY
        return max(1, (self.days[-1] - last_complete).days)

    @cached_property
    def history_grid(self) -> Grid:
        """From the first day's midnight to the last period that had ended at issue."""
        starts_at = midnight(self.days[0], tz=self.tz)
        ends_at = min(self.issued_at, midnight(self.days[-1] + DAY, tz=self.tz))
        return Grid(starts_at, self.grid.resolution, max(0, (ends_at - starts_at) // self.grid.resolution))

    @cached_property
    def known(self) -> np.ndarray:
        """(D, S) bool: the slot had ended when the forecast was issued."""
        return self.matrix(np.ones(len(self.history_grid)), self.history_grid) == 1

    @cached_property
    def origin(self) -> int:
        """Flat index (day x S + slot) of the last period that had ended at issue; -1 if none."""
        flat = np.flatnonzero(self.known.ravel())
        return int(flat[-1]) if flat.size else -1

    @cached_property
    def target(self) -> tuple[np.ndarray, np.ndarray]:
        """Day and slot index of each period of `grid`."""
        return self.place(self.grid)

    @cached_property
    def working(self) -> np.ndarray:
        """(D,) bool by the workday calendar (调休 included)."""
        return np.array([is_working(day) for day in self.days])

    @cached_property
    def weekday(self) -> np.ndarray:
        """(D,) Monday = 0."""
        return np.array([day.weekday() for day in self.days])

    @cached_property
    def clock_hours(self) -> np.ndarray:
        """(S,) local clock hour at the middle of each slot."""
        return (np.arange(self.slots) + 0.5) * self.grid.hours

    def place(self, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
        """(day index, slot index) of each period; day indices may fall outside 0..D-1."""
        local = pd.DatetimeIndex(pd.to_datetime(grid.epoch_seconds, unit="s", utc=True)).tz_convert(self.tz)
        ordinals = local.tz_localize(None).normalize().to_numpy().astype("datetime64[D]").astype(np.int64)
        first = np.datetime64(self.days[0], "D").astype(np.int64)
        seconds = local.hour.to_numpy() * 3600 + local.minute.to_numpy() * 60 + local.second.to_numpy()
        return ordinals - first, seconds // int(grid.resolution.total_seconds())

    def matrix(self, values: np.ndarray, grid: Grid) -> np.ndarray:
        """`values` (len(grid),) as (D, S); NaN where nothing was given."""
        out = np.full((len(self.days), self.slots), np.nan)
        if len(grid):
            day, slot = self._history_place if grid == self.history_grid else self.place(grid)
            inside = (day >= 0) & (day < len(self.days))
            out[day[inside], slot[inside]] = np.asarray(values, dtype=np.float64)[inside]
        return out

    @cached_property
    def _history_place(self) -> tuple[np.ndarray, np.ndarray]:
        return self.place(self.history_grid)

    @cached_property
    def mid_epoch(self) -> np.ndarray:
        """(D, S) middle of each slot, seconds since 1970 UTC (clock changes: off by the shift for one day)."""
        starts = np.array([midnight(day, tz=self.tz).timestamp() for day in self.days])
        step = self.grid.resolution.total_seconds()
        return starts[:, None] + step * (np.arange(self.slots) + 0.5)[None, :]
