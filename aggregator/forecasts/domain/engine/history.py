"""What is known of the assets of one kind, day by day, and the views of it that an issue may look at.

Arrays are float32, (N assets, D days, S slots). Activity is kW generated or consumed over the asset's scale, NaN where it is not known or
not to be learned from. A view shows only what had been measured when the forecast was issued: features cannot look ahead.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from aggregator.forecasts.domain.engine.days import Days

PAST_DAYS = 28  # how far back a forecast of a day looks: an engine that goes on from its state has them all


@dataclass
class History:
    """`known`: columns that are known for a day when it is forecast (clear sky, weather forecast), (N or 1, D, S)."""

    days: Days
    activity: np.ndarray
    known: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.activity = np.asarray(self.activity, dtype=np.float32)
        self.known = {name: np.asarray(column, dtype=np.float32) for name, column in self.known.items()}

    @property
    def shape(self) -> tuple[int, int, int]:
        n, d, s = self.activity.shape
        return n, d, s


@dataclass(frozen=True)
class DayView:
    """What a forecast of day `day` may know that was issued at `issue_slot` of the day after the last complete one.

    `lead`: days from the last complete day to `day`; 2 is day-ahead.
    """

    history: History
    day: int
    lead: int
    issue_slot: int

    @property
    def days(self) -> Days:
        return self.history.days

    @property
    def last(self) -> int:
        """The last complete day."""
        return self.day - self.lead

    @property
    def first(self) -> int:
        """The first day that is looked at."""
        return max(0, self.last + 1 - PAST_DAYS)

    @property
    def past(self) -> np.ndarray:
        """(N, K, S) the last PAST_DAYS complete days, the newest last."""
        return self.history.activity[:, self.first : self.last + 1]

    def before(self, days: int) -> np.ndarray:
        """(N, S) activity `days` days before the forecast day; NaN if that was not complete or is not kept."""
        at = self.day - days
        if days < self.lead or at < 0:
            return np.full(self.history.activity[:, 0].shape, np.nan)
        return self.history.activity[:, at]

    @property
    def morning(self) -> np.ndarray:
        """(N, S) the issue day as far as it had come, NaN after."""
        seen = self.history.activity[:, self.last + 1].copy()
        seen[:, self.issue_slot :] = np.nan
        return seen

    def known(self, name: str, day: int | None = None) -> np.ndarray:
        """(N or 1, S) a known column on the forecast day, or on `day`."""
        return self.history.known[name][:, self.day if day is None else day]


@dataclass(frozen=True)
class Steps:
    """Origins t and targets u (indices into the days laid end to end, same shape (n,)) and the series they look into.

    `y` (N, T) activity, NaN from the issue on in a live forecast; `m` (N, T) the day-ahead mean issued for the period.
    """

    y: np.ndarray
    m: np.ndarray
    history: History
    origin: np.ndarray
    target: np.ndarray

    @property
    def slots(self) -> int:
        return self.history.days.slots

    @cached_property
    def _origins(self) -> tuple[np.ndarray, np.ndarray]:
        found, where = np.unique(self.origin, return_inverse=True)
        return found, where

    def at(self, series: np.ndarray, where: np.ndarray) -> np.ndarray:
        """(N, n) values at `where`; NaN outside of what is kept."""
        inside = (where >= 0) & (where < series.shape[1])
        found = np.take(series, np.clip(where, 0, series.shape[1] - 1), axis=1)
        return found if inside.all() else np.where(inside, found, np.float32(np.nan))

    def known(self, name: str, where: np.ndarray) -> np.ndarray:
        column = self.history.known[name]
        return self.at(column.reshape(column.shape[0], -1), where)

    def by_origin(self, compute: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """(N, n) of something that depends on the origin only: `compute` gets each origin once, (k,) -> (N, k)."""
        origins, where = self._origins
        return np.take(compute(origins), where, axis=1)
