"""The engine run day by day over a whole series as in production, and what it had said before each day was known."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from aggregator.forecasts.domain.engine.engine import DAY_AHEAD, LEAST_DAYS, Engine
from aggregator.forecasts.domain.engine.family import Family
from aggregator.forecasts.domain.engine.history import History
from aggregator.forecasts.domain.engine.issued import Issued


@dataclass(frozen=True)
class Replay:
    """day_ahead and usual (climatology as a forecast): (N, D, S); steps: (N, H, D, S) at the trained horizons [slots]."""

    engine: Engine
    day_ahead: Issued
    usual: Issued
    steps: Issued
    horizons: np.ndarray

    def at(self, horizon: int) -> Issued:
        """(N, D, S) of what was said `horizon` slots before each period."""
        k = int(np.flatnonzero(self.horizons == horizon)[0])
        return self.steps.each(lambda part: part[:, k])


def replay(family: Family, history: History, tick: Callable[[], None] = lambda: None) -> Replay:
    """Learn day d, then issue day d + 2. Day-ahead: nothing after 10:00 of day d + 1 is looked at; steps: nothing after their origin."""
    n, days, slots = history.shape
    engine = Engine(family, history, leads=(DAY_AHEAD,))
    horizons = engine.steps.horizons
    usual, steps = Issued.none((n, days, slots)), Issued.none((n, len(horizons), days, slots))
    for day in range(days):
        _put(steps, day, engine.learn(day))
        ahead = day + DAY_AHEAD
        if day >= LEAST_DAYS and ahead < days:
            engine.issue(ahead)
            low, mid, high = family.climatology(engine.view(ahead, DAY_AHEAD))
            usual.put(ahead, Issued(mid, low, mid, high))
        tick()
    return Replay(engine, engine.issued[DAY_AHEAD], usual, steps, horizons)


def _put(steps: Issued, day: int, said: Issued) -> None:
    steps.mean[:, :, day], steps.low[:, :, day], steps.mid[:, :, day], steps.high[:, :, day] = said.mean, said.low, said.mid, said.high


def shifted(values: np.ndarray, slots: int) -> np.ndarray:
    """(N, D, S) the value `slots` before each period, over the days laid end to end; NaN before the first."""
    flat = values.reshape(values.shape[0], -1)
    out = np.full(flat.shape, np.nan)
    out[:, slots:] = flat[:, : flat.shape[1] - slots]
    return out.reshape(values.shape)


def past_day(values: np.ndarray, days: int) -> np.ndarray:
    """(N, D, S) the newest known value of the same slot at least `days` days before; NaN before there is one."""
    out = np.full(values.shape, np.nan)
    for day in range(days, values.shape[1]):
        out[:, day] = np.where(np.isfinite(values[:, day - days]), values[:, day - days], out[:, day - 1])
    return out
