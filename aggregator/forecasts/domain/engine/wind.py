"""Wind: cubic in the forecast wind speed; without weather, what is usual and what was measured last."""

from collections.abc import Mapping

import numpy as np

from aggregator.forecasts.domain.engine.calibration import LEVELS
from aggregator.forecasts.domain.engine.days import Days
from aggregator.forecasts.domain.engine.family import Settings
from aggregator.forecasts.domain.engine.history import DayView, Steps
from aggregator.forecasts.domain.engine.samples import known_mean, quantiles

ROUGHNESS_EXPONENT = 1 / 7  # power law from 10 m to hub height
SMOOTH_HOURS = 1.0  # to either side
USUAL_DAYS = 28
NEWEST_HOURS = 3.0
POWER_EDGES = (0.05, 0.15, 0.30, 0.50, 0.75)


def known_columns(
    *, days: Days, rated_wind_m_per_s: np.ndarray, hub_height_m: np.ndarray, weather: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """speed (N, D, S): forecast wind at the hub over rated wind, from the column at 100 m or else at 10 m; none without either.

    Rated wind and hub height (N,); weather as in WEATHER_COLUMNS, (N or 1, D, S), NaN where not known.
    """
    rated, height = (np.asarray(a, dtype=float)[:, None, None] for a in (rated_wind_m_per_s, hub_height_m))
    if "wind_100m_m_per_s" in weather:
        speed = weather["wind_100m_m_per_s"] / rated
    elif "wind_m_per_s" in weather:
        speed = weather["wind_m_per_s"] * (height / 10) ** ROUGHNESS_EXPONENT / rated
    else:
        return {}
    return {"speed": speed, "speed_smooth": _smooth(speed, round(SMOOTH_HOURS / days.hours))}


class Wind:
    settings = Settings(ridge_day=2e-3, cap=1.1)
    day_bins = step_bins = len(POWER_EDGES) + 1

    def day_features(self, view: DayView) -> tuple[tuple[str, np.ndarray], ...]:
        history = ("history", self._past(view))
        if "speed" not in view.history.known:
            return (history,)
        v, smooth = view.known("speed"), view.known("speed_smooth")
        cubic = [np.ones_like(v), v, v**2, v**3, np.minimum(v, 1) ** 3, np.maximum(v - 1, 0), smooth**3]
        return ("weather", np.stack(cubic, axis=-1, dtype=np.float32)), history

    @staticmethod
    def _past(view: DayView) -> np.ndarray:
        """1, the mean of a month, the last complete day's, and the last hours before the issue."""
        month = known_mean(_last_days(view, USUAL_DAYS).reshape(view.past.shape[0], -1), axis=1)
        day = known_mean(_last_days(view, 1)[:, -1], axis=1)
        width = max(1, round(NEWEST_HOURS / view.days.hours))
        newest = known_mean(np.concatenate([view.past[:, -1], view.morning[:, : view.issue_slot]], axis=1)[:, -width:], axis=1)
        day = np.where(np.isfinite(day), day, month)
        parts = [np.ones_like(month), month, day, np.where(np.isfinite(newest), newest, day)]
        return np.repeat(np.stack(parts, axis=-1)[:, None], view.past.shape[-1], axis=1)

    def day_level(self, view: DayView) -> np.ndarray:
        return np.ones_like(view.past[:, -1])

    def day_bin(self, view: DayView, mean: np.ndarray) -> np.ndarray:
        return np.searchsorted(POWER_EDGES, mean)

    def climatology(self, view: DayView) -> np.ndarray:
        """Quantiles of the last month, the same at every hour: wind has little of a day's course."""
        month = _last_days(view, USUAL_DAYS)
        flat = quantiles(month.reshape(month.shape[0], -1, 1), LEVELS)
        return np.repeat(flat, month.shape[-1], axis=2)

    def step_features(self, steps: Steps) -> np.ndarray:
        hour = max(1, round(steps.slots / 24))
        y_t, y_1, y_2 = (steps.at(steps.y, steps.origin - k) for k in range(3))
        m_t, m_u = steps.at(steps.m, steps.origin), steps.at(steps.m, steps.target)
        mean = steps.by_origin(lambda t: sum((steps.at(steps.y, t - k) for k in range(1, hour)), start=steps.at(steps.y, t)) / hour)
        yesterday = steps.at(steps.y, steps.target - steps.slots)
        parts = [np.ones_like(y_t), y_t, y_1, y_2, m_u, y_t - m_t, m_u - m_t, np.where(np.isfinite(yesterday), yesterday, m_u), mean]
        return np.stack(parts, axis=-1, dtype=np.float32)

    def step_level(self, steps: Steps) -> np.ndarray:
        return np.ones((steps.y.shape[0], len(steps.target)), dtype=np.float32)

    def step_bin(self, steps: Steps, mean: np.ndarray) -> np.ndarray:
        return np.searchsorted(POWER_EDGES, mean)


def _last_days(view: DayView, days: int) -> np.ndarray:
    """(N, K, S)."""
    return view.past[:, -days:]


def _smooth(values: np.ndarray, width: int) -> np.ndarray:
    """Mean over +-width slots, across midnight; where not all are known, the value itself."""
    flat = values.reshape(values.shape[0], -1)
    total = np.mean([np.roll(flat, k, axis=1) for k in range(-width, width + 1)], axis=0)
    total[:, :width], total[:, flat.shape[1] - width :] = flat[:, :width], flat[:, flat.shape[1] - width :]
    return np.where(np.isfinite(total), total, flat).reshape(values.shape)
