"""A plain family and made-up series, so that the core can be tested without any kind's physics."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np

from aggregator.forecasts.domain.engine.days import Days
from aggregator.forecasts.domain.engine.engine import Engine
from aggregator.forecasts.domain.engine.family import Family, Settings
from aggregator.forecasts.domain.engine.history import DayView, History, Steps
from aggregator.forecasts.domain.engine.issued import Issued
from aggregator.forecasts.domain.engine.load import Load, known_columns
from aggregator.forecasts.domain.engine.pv import Pv
from aggregator.forecasts.domain.engine.wind import Wind
from tests.unit.aggregator.forecasts.engine.plants import pv_history, wind_history

FIRST = date(2024, 4, 1)
PARTS = ("mean", "low", "mid", "high")
FAMILIES: dict[str, Callable[[], Family]] = {"pv": Pv, "wind": Wind, "load": Load}
SETTINGS = Settings(ridge_day=1e-6, floor=-np.inf)


@dataclass(frozen=True)
class Plain:
    """Activity follows one known column; bins are the halves of the day. Level 0 where the column says so."""

    settings: Settings = SETTINGS
    day_bins: int = 2
    step_bins: int = 1

    def day_features(self, view: DayView) -> tuple[tuple[str, np.ndarray], ...]:
        x = np.broadcast_to(view.known("x"), view.past[:, 0].shape)
        return (("known", np.stack([np.ones_like(x), x], axis=-1)),)

    def day_level(self, view: DayView) -> np.ndarray:
        return np.broadcast_to(view.known("level"), view.past[:, 0].shape)

    def day_bin(self, view: DayView, mean: np.ndarray) -> np.ndarray:
        return np.broadcast_to((view.days.clock_hours >= 12).astype(int), mean.shape)

    def climatology(self, view: DayView) -> np.ndarray:
        return np.stack([np.full(view.past[:, 0].shape, value, np.float32) for value in (-1.0, 0.0, 1.0)])

    def step_features(self, steps: Steps) -> np.ndarray:
        now, said, then = steps.at(steps.y, steps.origin), steps.at(steps.m, steps.target), steps.at(steps.m, steps.origin)
        return np.stack([np.ones_like(now), said, now - then], axis=-1)

    def step_level(self, steps: Steps) -> np.ndarray:
        return np.broadcast_to(steps.known("level", steps.target), (len(steps.y), len(steps.target)))

    def step_bin(self, steps: Steps, mean: np.ndarray) -> np.ndarray:
        return np.zeros(mean.shape, dtype=int)


def plain_history(*, assets: int = 3, count: int = 60, slots: int = 24, noise: float = 0.1, seed: int = 1, carried: float = 0.0) -> History:
    """activity = 0.1 k + 2 x + errors of normal law (`noise`), of which `carried` goes on to the next slot, for asset k."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(1, count, slots))
    shocks = noise * random.normal(size=(assets, count * slots))
    errors = shocks.copy()
    for t in range(1, count * slots):
        errors[:, t] = carried * errors[:, t - 1] + shocks[:, t]
    activity = 0.1 * np.arange(assets)[:, None, None] + 2 * x + errors.reshape(assets, count, slots)
    return History(Days(FIRST, count, slots), activity, {"x": x, "level": np.ones_like(x)})


def load_history(*, assets: int = 3, count: int = 40, slots: int = 48, seed: int = 4) -> History:
    """Busy by day, quiet on days off, warmer means more."""
    random = np.random.default_rng(seed)
    days = Days(FIRST, count, slots)
    warm = 20 + 8 * random.normal(size=(1, count, 1)) + 3 * np.sin(2 * np.pi * (days.clock_hours - 9) / 24)
    shape = 1 + 0.6 * np.sin(2 * np.pi * (days.clock_hours - 6) / 24)
    level = np.where(days.working, 1.0, 0.5)[None, :, None] + 0.01 * (warm - 20)
    activity = level * shape + 0.05 * random.normal(size=(assets, count, slots))
    return History(days, np.maximum(activity, 0), known_columns(days=days, weather={"temperature_c": warm}))


def history_of(kind: str, *, assets: int = 3, count: int = 40, slots: int = 48) -> History:
    made = {"pv": pv_history, "wind": wind_history, "load": load_history}[kind]
    return made(assets=assets, count=count, slots=slots)


def copy_of(history: History, activity: np.ndarray | None = None) -> History:
    return History(history.days, (history.activity if activity is None else activity).copy(), dict(history.known))


def blinded(history: History, origin: int) -> History:
    """As it is known right after period `origin`."""
    activity = history.activity.copy()
    activity.reshape(len(activity), -1)[:, origin + 1 :] = np.nan
    return copy_of(history, activity)


def advanced(family: Family, history: History, *, upto: int) -> Engine:
    """Days before `upto` have matured."""
    engine = Engine(family, history)
    for day in range(upto):
        engine.advance(day)
    return engine


def assert_same(one: Issued, other: Issued) -> None:
    for name in PARTS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def assert_ordered(said: Issued, *, floor: float = -np.inf, cap: float = np.inf) -> None:
    """Where there is a forecast it is whole, in order and possible."""
    assert (np.isfinite(said.low) == np.isfinite(said.high)).all()
    known = np.isfinite(said.low)
    assert np.isfinite(said.mean[known]).all()
    assert (said.low <= said.mid)[known].all()
    assert (said.mid <= said.high)[known].all()
    for name in PARTS:
        part = getattr(said, name)
        part = part[np.isfinite(part)]
        assert (part >= floor).all(), name
        assert (part <= np.float32(cap)).all(), name
