"""The error of the last hour before issue, and how much of it is carried on to later periods."""

import numpy as np

from aggregator.forecasts.domain._frame import Frame

CORRECTION_HOURS = 12.0
RECENT_HOURS = 1.0


def nan_mean(rows: np.ndarray) -> np.ndarray:
    """Mean over the first axis, NaN where nothing is known."""
    finite = np.isfinite(rows)
    count = finite.sum(axis=0)
    total = np.where(finite, rows, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def neighbours(frame: Frame) -> np.ndarray:
    """Neighbouring periods within an hour, at most nine of them."""
    width = max(1, round(1 / frame.grid.hours))
    return np.unique(np.round(np.linspace(-width, width, min(9, 2 * width + 1))).astype(int))


def take(matrix: np.ndarray, at: np.ndarray) -> np.ndarray:
    flat = matrix.ravel()
    return np.where((at >= 0) & (at < flat.size), flat[np.clip(at, 0, flat.size - 1)], np.nan)


def recent_error(error: np.ndarray, frame: Frame) -> np.ndarray:
    """Mean error over the last hour, per flat period; NaN where none of it is known."""
    width = max(1, round(RECENT_HOURS / frame.grid.hours))
    flat = error.ravel()
    stack = np.stack([np.concatenate([np.full(k, np.nan), flat[: flat.size - k]]) for k in range(width)])
    return nan_mean(stack)


def horizons(frame: Frame, target: np.ndarray) -> np.ndarray:
    return target - (frame.origin - frame.first_target * frame.slots)


def fading(
    error: np.ndarray, recent: np.ndarray, past: np.ndarray, near: np.ndarray, target: np.ndarray, frame: Frame
) -> tuple[np.ndarray, np.ndarray]:
    """fade (n,) in 0..1, and the recent error (B, J, 1) that each earlier day had at this clock time.

    fade[u] = sum e(t) e(u) / sum e(t)^2 over earlier days, t = the time of issue, u = the target period;
    never growing with the horizon, and 0 beyond CORRECTION_HOURS.
    """
    origin = frame.origin - frame.first_target * frame.slots
    at = past[:, None, None] * frame.slots + near[None, :, None] + origin
    then = np.where(at < frame.first_target * frame.slots, take(recent[None, :], at), np.nan)
    horizon = horizons(frame, target)
    active = horizon * frame.grid.hours <= CORRECTION_HOURS
    fade = np.zeros(target.size)
    if active.any() and np.isfinite(then).any():
        later = take(error, past[:, None, None] * frame.slots + near[None, :, None] + target[active][None, None, :])
        both = np.isfinite(then) & np.isfinite(later)
        square = np.where(both, then**2, 0.0).sum(axis=(0, 1))
        cross = np.where(both, then * later, 0.0).sum(axis=(0, 1))
        slope = np.where(square > 0, cross / np.maximum(square, 1e-12), 0.0)
        fade[active] = np.minimum.accumulate(np.clip(slope, 0.0, 1.0))
    return fade, then
