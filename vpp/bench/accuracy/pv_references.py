"""The methods that the PV engine is compared with, on the same days."""

import numpy as np

from aggregator.forecasts.domain.engine.engine import DAY_AHEAD
from vpp.bench.accuracy.replay import past_day, shifted

FIT_DAYS = 60
LEAST_ROWS = 100
TWILIGHT, MOST_RATIO = 0.03, 6.0
USUAL_DAYS, USUAL_SLOTS = 30, 2  # of climatology: last days, and slots to either side
BRIGHT = 0.05
LEVELS = (0.1, 0.5, 0.9)


def last_complete_day(activity: np.ndarray) -> np.ndarray:
    """Persistence, day-ahead: the same slot of the last complete day that is known."""
    return past_day(activity, DAY_AHEAD)


def one_scale_chain(activity: np.ndarray, phi: np.ndarray, lit: np.ndarray) -> np.ndarray:
    """The PVWatts chain on the weather forecast times one factor per plant, fitted on the last 60 days; NaN before there are rows."""
    rows = lit & np.isfinite(activity) & np.isfinite(phi)
    cross, square = (np.where(rows, part, 0.0).sum(axis=-1) for part in (activity * phi, phi * phi))
    out = np.full(activity.shape, np.nan)
    for day in range(DAY_AHEAD, activity.shape[1]):
        here = slice(max(0, day - DAY_AHEAD + 1 - FIT_DAYS), day - DAY_AHEAD + 1)
        enough = rows[:, here].sum(axis=(1, 2)) > LEAST_ROWS
        factor = cross[:, here].sum(axis=1) / np.maximum(square[:, here].sum(axis=1), 1e-9)
        out[:, day] = np.where(enough[:, None], factor[:, None] * phi[:, day], np.nan)
    return out


def smart_persistence(activity: np.ndarray, clear: np.ndarray, before_dawn: np.ndarray, horizon: int) -> np.ndarray:
    """The last value drawn along the clear sky; `before_dawn` where it says nothing."""
    last, clear_then = shifted(activity, horizon), shifted(clear, horizon)
    ratio = np.minimum(clear / np.maximum(clear_then, TWILIGHT), MOST_RATIO)
    return np.where(clear_then > TWILIGHT, last * ratio, np.where(np.isfinite(clear_then), before_dawn, np.nan))


def climatology(activity: np.ndarray, clear: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """P10, P50, P90 (N, D, S) of the clearness at about the same time of day on the last 30 complete days, times clear sky."""
    share = np.where(clear > BRIGHT, activity / np.maximum(clear, BRIGHT), np.nan)
    near = np.stack([np.roll(share, k, axis=-1) for k in range(-USUAL_SLOTS, USUAL_SLOTS + 1)], axis=2)
    out = np.full((3, *activity.shape), np.nan)
    for day in range(DAY_AHEAD, activity.shape[1]):
        here = near[:, max(0, day - DAY_AHEAD + 1 - USUAL_DAYS) : day - DAY_AHEAD + 1]
        out[:, :, day] = np.nanquantile(here.reshape(here.shape[0], -1, here.shape[-1]), LEVELS, axis=1) * clear[:, day]
    return out[0], out[1], out[2]
