"""Half-open, start-labelled periods. UTC inside, the market's local day outside."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np

from aggregator.kernel.errors import Anticipated

SHANGHAI = ZoneInfo("Asia/Shanghai")


class NaiveTime(Anticipated):
    code = "periods.naive_time"
    text = "The time %(value)s has no time zone."


class OutsideGrid(Anticipated):
    code = "periods.outside_grid"
    text = "The time %(value)s is not the start of a period between %(starts_at)s and %(ends_at)s."


def as_utc(at: datetime) -> datetime:
    """`at` in UTC. Raises NaiveTime: a time without zone is never guessed."""
    if at.tzinfo is None:
        raise NaiveTime(value=at.isoformat())
    return at.astimezone(UTC)


@dataclass(frozen=True)
class Grid:
    """`n_periods` equal periods [start, end) from `starts_at` (aware; kept in UTC)."""

    starts_at: datetime
    resolution: timedelta
    n_periods: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "starts_at", as_utc(self.starts_at))
        if self.resolution <= timedelta(0) or self.n_periods < 0:
            raise ValueError("a grid needs a positive resolution and n_periods >= 0")

    def __len__(self) -> int:
        return self.n_periods

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + self.n_periods * self.resolution

    @property
    def hours(self) -> float:
        """Length of one period [h]."""
        return self.resolution / timedelta(hours=1)

    @cached_property
    def starts(self) -> tuple[datetime, ...]:
        return tuple(self.starts_at + k * self.resolution for k in range(self.n_periods))

    @cached_property
    def epoch_seconds(self) -> np.ndarray:
        """Starts as int64 seconds since 1970 UTC, shape (n_periods,)."""
        step = int(self.resolution.total_seconds())
        return int(self.starts_at.timestamp()) + step * np.arange(self.n_periods, dtype=np.int64)

    def index(self, at: datetime) -> int:
        """The period that contains `at`. Raises OutsideGrid."""
        k = int((as_utc(at) - self.starts_at) // self.resolution)
        if not 0 <= k < self.n_periods:
            raise OutsideGrid(value=at.isoformat(), starts_at=self.starts_at.isoformat(), ends_at=self.ends_at.isoformat())
        return k

    def window(self, starts_at: datetime, ends_at: datetime) -> slice:
        """Periods that overlap [starts_at, ends_at), clipped to the grid (possibly empty)."""
        if as_utc(ends_at) <= as_utc(starts_at):
            return slice(0, 0)
        first = max(0, (as_utc(starts_at) - self.starts_at) // self.resolution)
        last = min(self.n_periods, -((self.starts_at - as_utc(ends_at)) // self.resolution))
        return slice(first, max(first, last))

    def tail(self, first: int) -> "Grid":
        """The grid from period `first` on."""
        return Grid(self.starts_at + first * self.resolution, self.resolution, self.n_periods - first)


def midnight(day: date, *, tz: ZoneInfo = SHANGHAI) -> datetime:
    """Local start of `day`, in UTC."""
    return datetime.combine(day, time(), tz).astimezone(UTC)


def delivery_day(day: date, *, resolution: timedelta, tz: ZoneInfo = SHANGHAI) -> Grid:
    """The periods of one local day; 23 and 25 hours where the zone has them."""
    starts_at = midnight(day, tz=tz)
    length = midnight(day + timedelta(days=1), tz=tz) - starts_at
    return Grid(starts_at, resolution, int(length / resolution))


def day_of(at: datetime, *, tz: ZoneInfo = SHANGHAI) -> date:
    """The local day that contains `at`."""
    return as_utc(at).astimezone(tz).date()


def local_hours(grid: Grid, *, tz: ZoneInfo = SHANGHAI) -> np.ndarray:
    """Local clock hour of each period's start [h, 0..24), shape (n_periods,)."""
    local = [at.astimezone(tz) for at in grid.starts]
    return np.array([t.hour + t.minute / 60 + t.second / 3600 for t in local])
