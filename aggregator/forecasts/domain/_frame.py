"""When a forecast is issued, for which periods, and the local days around them."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np

from aggregator.kernel.calendar import is_working
from aggregator.kernel.periods import SHANGHAI, Grid, as_utc, day_of, midnight

HISTORY_DAYS = 56
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Frame:
    """Local days: history, then the days that `grid` touches. Raises ValueError for a grid that cannot be forecast."""

    grid: Grid
    issued_at: datetime
    tz: ZoneInfo = SHANGHAI
    history_days: int = HISTORY_DAYS

    def __post_init__(self) -> None:
        object.__setattr__(self, "issued_at", as_utc(self.issued_at))
        if DAY % self.grid.resolution or len(self.grid) == 0:
            raise ValueError("a forecast needs periods, and a resolution that divides a day")

    @cached_property
    def issue_day(self) -> date:
        return day_of(self.issued_at, tz=self.tz)

    @cached_property
    def days(self) -> tuple[date, ...]:
        first = min(day_of(self.grid.starts_at, tz=self.tz), self.issue_day) - self.history_days * DAY
        return tuple(first + k * DAY for k in range((self.last_day - first).days + 1))

    @cached_property
    def last_day(self) -> date:
        """The last day that `grid` touches."""
        return day_of(self.grid.ends_at - self.grid.resolution, tz=self.tz)

    @cached_property
    def first_target(self) -> int:
        """Index of the first day that `grid` touches."""
        return (day_of(self.grid.starts_at, tz=self.tz) - self.days[0]).days

    @cached_property
    def history_grid(self) -> Grid:
        """From the first day's midnight to the last period that had ended at issue."""
        starts_at = midnight(self.days[0], tz=self.tz)
        ends_at = min(self.issued_at, midnight(self.days[-1] + DAY, tz=self.tz))
        return Grid(starts_at, self.grid.resolution, max(0, (ends_at - starts_at) // self.grid.resolution))

    @cached_property
    def working(self) -> np.ndarray:
        """(D,) bool by the workday calendar (调休 included)."""
        return np.array([is_working(day) for day in self.days])
