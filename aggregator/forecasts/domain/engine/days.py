"""Local days of clock slots, so that lags and time of day mean the same on every day."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from aggregator.kernel.calendar import DayType, day_type
from aggregator.kernel.periods import SHANGHAI, Grid, midnight

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Days:
    """`count` local days from `first`, of `slots` equal clock slots each.

    A period belongs to (its local day, its clock slot). A 23-hour day leaves slots empty; on a 25-hour day the repeated
    hour shares its slots, so a grid of any length maps in and out.
    """

    first: date
    count: int
    slots: int
    tz: ZoneInfo = SHANGHAI
    type_of: Callable[[date], DayType] = day_type  # the workday calendar of the place

    @classmethod
    def of(cls, first: date, last: date, *, resolution: timedelta, tz: ZoneInfo = SHANGHAI) -> "Days":
        """Days first..last. Raises ValueError where the resolution does not divide a day."""
        if DAY % resolution:
            raise ValueError("the resolution must divide a day")
        return cls(first, (last - first).days + 1, DAY // resolution, tz)

    @property
    def resolution(self) -> timedelta:
        return DAY / self.slots

    @property
    def hours(self) -> float:
        """Length of one slot [h]."""
        return 24 / self.slots

    @cached_property
    def dates(self) -> tuple[date, ...]:
        return tuple(self.first + k * DAY for k in range(self.count))

    @cached_property
    def types(self) -> np.ndarray:
        """(D,) "working", "weekend" or "holiday" by the workday calendar (调休 included)."""
        return np.array([self.type_of(day) for day in self.dates])

    @cached_property
    def working(self) -> np.ndarray:
        """(D,) bool."""
        return self.types == "working"

    @cached_property
    def weekday(self) -> np.ndarray:
        """(D,) Monday = 0."""
        return np.array([day.weekday() for day in self.dates])

    @cached_property
    def clock_hours(self) -> np.ndarray:
        """(S,) local clock hour at the middle of each slot."""
        return (np.arange(self.slots) + 0.5) * self.hours

    @cached_property
    def mid_epoch(self) -> np.ndarray:
        """(D, S) middle of each slot, seconds since 1970 UTC (on a day of a clock change off by the shift)."""
        starts = np.array([midnight(day, tz=self.tz).timestamp() for day in self.dates])
        return starts[:, None] + self.resolution.total_seconds() * (np.arange(self.slots) + 0.5)[None, :]

    def index(self, day: date) -> int:
        return (day - self.first).days

    def place(self, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
        """(day index, slot index) of the start of each period of `grid`; day indices may fall outside 0..D-1."""
        local = pd.DatetimeIndex(pd.to_datetime(grid.epoch_seconds, unit="s", utc=True)).tz_convert(self.tz)
        ordinals = local.tz_localize(None).normalize().to_numpy().astype("datetime64[D]").astype(np.int64)
        first = np.datetime64(self.first, "D").astype(np.int64)
        seconds = local.hour.to_numpy() * 3600 + local.minute.to_numpy() * 60 + local.second.to_numpy()
        return ordinals - first, seconds // int(self.resolution.total_seconds())

    def flat(self, grid: Grid) -> np.ndarray:
        """Index of each period of `grid` over the days laid end to end."""
        day, slot = self.place(grid)
        return day * self.slots + slot

    def matrix(self, values: np.ndarray, grid: Grid) -> np.ndarray:
        """`values` (.., len(grid)) as (.., D, S); NaN where nothing was given."""
        values = np.asarray(values)
        out = np.full((*values.shape[:-1], self.count, self.slots), np.nan)
        if len(grid):
            day, slot = self.place(grid)
            inside = (day >= 0) & (day < self.count)
            out[..., day[inside], slot[inside]] = values[..., inside]
        return out
