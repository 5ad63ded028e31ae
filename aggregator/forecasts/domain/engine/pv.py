"""PV: clear-sky power, what the weather forecast makes of it, and how clear the last days were."""

import numpy as np

from aggregator.forecasts.domain.engine import pv_steps
from aggregator.forecasts.domain.engine.family import Settings
from aggregator.forecasts.domain.engine.history import DayView, Steps
from aggregator.forecasts.domain.engine.pv_past import (
    morning_clearness,
    newest_clearness,
    share_of_forecast,
    usual,
    usual_at_any_hour,
    week_clearness,
)

DARK = 0.005
DAY_FLOOR, STEP_FLOOR = 0.05, 0.08  # least level of an error, over scale
CLEARNESS_EDGES = (0.15, 0.30, 0.45, 0.60, 0.75)
BRIGHT_EDGES = (0.15, 0.45)
STEP_CLEARNESS_EDGES = (0.20, 0.45, 0.70)
CHANGE_EDGES = (0.02, 0.06, 0.15)
SHARE_DAYS = 3


class Pv:
    """The errors of a plant's weather forecast are of whole days, so its rows are many and say little: drawn far to the class."""

    settings = Settings(ridge_day=2e-3, toward_class=0.06, cap=1.1, stopped_above=0.15)
    day_bins = (len(CLEARNESS_EDGES) + 1) * (len(BRIGHT_EDGES) + 1)
    step_bins = (len(STEP_CLEARNESS_EDGES) + 1) * (len(CHANGE_EDGES) + 1)

    def day_features(self, view: DayView) -> tuple[tuple[str, np.ndarray], ...]:
        last = newest_clearness(view)
        morning, morning_forecast = morning_clearness(view)
        clear = view.known("clear")
        plain = [np.ones_like(clear), clear, clear * last, _or(view.before(2), clear * last), clear * view.known("sin")]
        history = ("history", np.stack([*plain, *self._past(view, last, morning)], axis=-1, dtype=np.float32))
        if "phi" not in view.history.known:
            return (history,)
        surprise = np.where(np.isfinite(morning) & np.isfinite(morning_forecast), morning - morning_forecast, 0.0)
        return ("weather", np.stack([*plain, clear * surprise, *self._weather(view)], axis=-1, dtype=np.float32)), history

    @staticmethod
    def _past(view: DayView, last: np.ndarray, morning: np.ndarray) -> list[np.ndarray]:
        clear, week = view.known("clear"), week_clearness(view, last)
        fresh = np.where(np.isfinite(morning), morning - last, 0.0)
        return [clear * view.known("cos"), clear * week, clear * fresh, _or(usual(view)[1], clear * week)]

    @staticmethod
    def _weather(view: DayView) -> list[np.ndarray]:
        clear, phi, ghi = (view.known(name) for name in ("clear", "phi", "ghi"))
        parts = [phi, phi**2, phi * share_of_forecast(view, SHARE_DAYS), ghi, ghi * view.known("sin"), ghi * view.known("cos")]
        parts += [view.known(name) for name in ("phi_smooth", "phi_day", "phi_class")]
        parts += [view.known("direct")] if "direct" in view.history.known else []
        air = [view.known(name) for name in ("temperature", "humidity") if name in view.history.known]
        return [*parts, *(clear * part for part in air), *(phi * part for part in air)]

    def day_level(self, view: DayView) -> np.ndarray:
        clear = view.known("clear")
        return np.where(clear > DARK, np.maximum(clear, DAY_FLOOR), 0.0)

    def day_bin(self, view: DayView, mean: np.ndarray) -> np.ndarray:
        clear = view.known("clear")
        share = np.searchsorted(CLEARNESS_EDGES, mean / np.maximum(clear, DAY_FLOOR))
        return share * (len(BRIGHT_EDGES) + 1) + np.searchsorted(BRIGHT_EDGES, clear)

    def climatology(self, view: DayView) -> np.ndarray:
        return usual_at_any_hour(view)

    def step_features(self, steps: Steps) -> np.ndarray:
        return pv_steps.step_features(steps)

    def step_level(self, steps: Steps) -> np.ndarray:
        clear = steps.known("clear", steps.target)
        return np.where(clear > DARK, np.maximum(clear, STEP_FLOOR), 0.0)

    def step_bin(self, steps: Steps, mean: np.ndarray) -> np.ndarray:
        clear = steps.known("clear", steps.target)
        share = np.searchsorted(STEP_CLEARNESS_EDGES, mean / np.maximum(clear, STEP_FLOOR))
        return share * (len(CHANGE_EDGES) + 1) + np.searchsorted(CHANGE_EDGES, pv_steps.restlessness(steps))


def _or(values: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values), values, other)
