"""One kind of assets: it learns a day when that has matured, issues days ahead, and the next hours from any moment."""

from dataclasses import dataclass, field, replace

import numpy as np

from aggregator.forecasts.domain.engine.day_model import DayModel
from aggregator.forecasts.domain.engine.family import Family
from aggregator.forecasts.domain.engine.history import DayView, History, Steps
from aggregator.forecasts.domain.engine.issued import Issued
from aggregator.forecasts.domain.engine.step_model import StepModel

DAY_AHEAD = 2  # days from the last complete day to the forecast one
WEEK_AHEAD = 8
LEADS = (DAY_AHEAD, WEEK_AHEAD)
ISSUE_HOUR = 10.0  # of the issue day, up to which its own course is looked at
LEAST_DAYS = 7  # of history before anything is fitted
REACH_DAYS = 8  # before the origin that features of the next hours look at


@dataclass(frozen=True)
class Matured:
    """Of one day: what was measured, and what had been said of it, over scale. (N, S), steps (N, H, slots of the day that were used).

    `size`: how large an error is usual there.
    """

    day: int
    actual: np.ndarray
    size: np.ndarray
    day_ahead: Issued
    steps: Issued
    slots: np.ndarray


@dataclass
class Engine:
    """Call `advance(day)` for each matured day in order; `whole_day` and `ahead` at any time in between."""

    family: Family
    history: History
    leads: tuple[int, ...] = LEADS
    models: dict[int, DayModel] = field(init=False)
    issued: dict[int, Issued] = field(init=False)
    steps: StepModel = field(init=False)
    seen: np.ndarray = field(init=False)  # (N,) days with a known value so far

    def __post_init__(self) -> None:
        n, _, slots = self.history.shape
        self.seen = np.zeros(n, dtype=np.int64)
        self.models = {lead: DayModel(self.family, n) for lead in self.leads}
        self.issued = {lead: Issued.none(self.history.shape) for lead in self.leads}
        self.steps = StepModel(self.family, n, slots)

    @property
    def issue_slot(self) -> int:
        return int(ISSUE_HOUR / self.history.days.hours)

    def view(self, day: int, lead: int, issue_slot: int | None = None) -> DayView:
        slot = self.issue_slot if issue_slot is None else min(issue_slot, self.issue_slot)
        return DayView(self.history, day, lead, slot)

    def advance(self, day: int, every: int = 1) -> Matured:
        """The day has matured: what was issued on it at ISSUE_HOUR is worked out again, then it is learned from."""
        for lead in self.leads:
            if day >= LEAST_DAYS and day - 1 + lead < self.history.days.count:
                self.issue(day - 1 + lead, lead)
        before = self.issued[DAY_AHEAD].each(lambda part: part[:, day].copy())
        said = self.learn(day, every)
        self.seen = self.seen + np.isfinite(self.history.activity[:, day]).any(axis=1)
        slots = np.arange(day % every, self.history.days.slots, every)
        return Matured(day, self.history.activity[:, day], self.error_size(day), before, said, slots)

    def error_size(self, day: int) -> np.ndarray:
        """(N, S) how large an error of the day-ahead forecast is usual, over scale."""
        if day < LEAST_DAYS:
            return np.zeros_like(self.history.activity[:, day])
        level = self.family.day_level(self.view(day, DAY_AHEAD))
        return level * self.models[DAY_AHEAD].calibration.usual[:, :1]

    def learn(self, day: int, every: int = 1) -> Issued:
        """From the complete day: errors of what was issued, then the fits. Returns what the steps had said of it, (N, H, slots)."""
        for lead, model in self.models.items():
            if day - lead >= LEAST_DAYS - 1:
                model.learn(self.view(day, lead), self.issued[lead].each(lambda part: part[:, day]))
        return self.steps.learn(self.history, self.issued[DAY_AHEAD].mean, day, every)

    def issue(self, day: int, lead: int = DAY_AHEAD, issue_slot: int | None = None) -> Issued:
        """(N, S) for a whole day; kept as what was said of it."""
        said = self.models[lead].issue(self.view(day, lead, issue_slot))
        self.issued[lead].put(day, said)
        return said

    def whole_day(self, day: int, *, last: int, issue_slot: int) -> Issued:
        """(N, S) of a day from `last`, the last matured one, on; NaN beyond the longest lead.

        Tomorrow is issued with what today has shown so far, today is as it was issued, later days are coarse.
        """
        lead = next((lead for lead in sorted(self.leads) if day - last <= lead), None)
        if lead is None or day <= last:
            return Issued.none(self.history.activity[:, day].shape)
        kept = self.issued[lead].each(lambda part: part[:, day])
        if day - last == lead or not np.isfinite(kept.mean).any():
            return self.issue(day, lead, issue_slot)
        return kept

    def ahead(self, origin: int, target: np.ndarray) -> Issued:
        """(N, n) from the last measured period `origin` for periods `target`, all counted over the days laid end to end.

        What lies beyond the longest horizon, or cannot be said from what was just measured, is as issued for its day.
        """
        n, _, slots = self.history.shape
        first = max(0, origin // slots - REACH_DAYS)
        here = slice(first, int(target.max()) // slots + 1)
        y = self.history.activity[:, here].reshape(n, -1).copy()
        y[:, origin + 1 - first * slots :] = np.nan
        part = History(
            replace(self.history.days, first=self.history.days.dates[first], count=here.stop - first), self.history.activity[:, here]
        )
        part.known = {name: column[:, here] for name, column in self.history.known.items()}
        said = self._latest(here)
        near = self.steps.issue(Steps(y, said.mean, part, np.full(target.shape, origin - first * slots), target - first * slots))
        far = said.each(lambda flat: flat[:, target - first * slots])
        known = np.isfinite(near.mean) & np.isfinite(near.low)
        return Issued(*(np.where(known, close, distant) for close, distant in zip(vars(near).values(), vars(far).values(), strict=True)))

    def _latest(self, days: slice) -> Issued:
        """(N, T) what was last said of the days, day-ahead before week-ahead."""
        n = self.history.shape[0]
        parts = []
        for name in vars(self.issued[DAY_AHEAD]):
            said = np.full_like(self.history.activity[:, days], np.nan)
            for lead in sorted(self.leads):
                said = np.where(np.isfinite(said), said, getattr(self.issued[lead], name)[:, days])
            parts.append(said.reshape(n, -1))
        return Issued(*parts)
