"""PV in the next hours: what was just measured, drawn along the clear sky, and the day-ahead forecast."""

from functools import partial

import numpy as np

from aggregator.forecasts.domain.engine.history import Steps

TWILIGHT = 0.03  # of nameplate; below, the last value says nothing about the next
MOST_RATIO = 6.0
BRIGHT = 0.08  # least clear sky of which a share is taken


def step_features(steps: Steps) -> np.ndarray:
    """(N, n, 11). Where the last values say nothing, the day-ahead forecast stands in for them."""
    clear, mean = _flat(steps, "clear"), steps.m
    hour = max(1, round(steps.slots / 24))
    y_t = steps.at(steps.y, steps.origin)
    c_t, m_t = steps.at(clear, steps.origin), steps.at(mean, steps.origin)
    y_hour, c_hour, m_hour = (steps.by_origin(partial(_mean_back, steps, series, hour)) for series in (steps.y, clear, mean))
    c_u, m_u = steps.at(clear, steps.target), steps.at(mean, steps.target)
    lit = c_t > TWILIGHT
    ratio = np.where(lit, np.minimum(c_u / np.maximum(c_t, TWILIGHT), MOST_RATIO), 0.0)
    ratio_hour = np.where(lit & (c_hour > TWILIGHT), np.minimum(c_u / np.maximum(c_hour, TWILIGHT), MOST_RATIO), 0.0)
    beyond_clear_sky = y_t - y_hour - (c_t - c_hour) * y_t / np.maximum(c_t, TWILIGHT)
    yesterday = steps.at(steps.y, steps.target - steps.slots)
    parts = (
        np.ones_like(c_u),
        c_u,
        m_u,
        np.where(lit, y_t, 0.0),
        np.where(lit, y_t * ratio, m_u),
        np.where(lit, (y_t - m_t) * ratio, 0.0),
        np.where(lit, y_hour * ratio_hour, m_u),
        np.where(lit, (y_hour - m_hour) * ratio_hour, 0.0),
        np.where(lit, beyond_clear_sky, 0.0),
        np.where(np.isfinite(yesterday), yesterday, m_u),
        np.where(lit, m_u - m_t * ratio, 0.0),
    )
    return np.stack(parts, axis=-1, dtype=np.float32)


def restlessness(steps: Steps) -> np.ndarray:
    """(N, n) standard deviation of the clearness over the two hours before the origin, in bright periods; 0 in the dark."""
    width = 2 * max(1, round(steps.slots / 24))
    return steps.by_origin(lambda origin: _deviation(steps, origin, width))


def _deviation(steps: Steps, origin: np.ndarray, width: int) -> np.ndarray:
    clear = _flat(steps, "clear")
    count, total, squares = (np.zeros((steps.y.shape[0], len(origin))) for _ in range(3))
    for k in range(width):
        y, c = steps.at(steps.y, origin - k), steps.at(clear, origin - k)
        known = (c > BRIGHT) & np.isfinite(y)
        share = np.where(known, y / np.maximum(c, BRIGHT), 0.0)
        count, total, squares = count + known, total + share, squares + share**2
    least = np.maximum(count, 1)
    return np.sqrt(np.maximum(squares / least - (total / least) ** 2, 0.0))


def _flat(steps: Steps, name: str) -> np.ndarray:
    column = steps.history.known[name]
    return column.reshape(column.shape[0], -1)


def _mean_back(steps: Steps, series: np.ndarray, width: int, origin: np.ndarray) -> np.ndarray:
    """Mean of the `width` periods that end with the origin; NaN if one is not known."""
    return sum((steps.at(series, origin - k) for k in range(1, width)), start=steps.at(series, origin)) / width
