"""Means and quantiles of earlier days, as far as they are known."""

import numpy as np


def known_mean(values: np.ndarray, axis: int) -> np.ndarray:
    """Mean along `axis` of what is known; NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=axis)
    return np.where(count > 0, np.where(known, values, 0.0).sum(axis=axis) / np.maximum(count, 1), np.nan)


def quantiles(values: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """(Q, N, S) quantiles over the second axis of (N, K, S), linear between ranks, NaN ignored."""
    ordered = np.sort(values, axis=1)
    most = np.maximum(np.isfinite(ordered).sum(axis=1) - 1, 0)
    out = []
    for level in levels:
        position = level * most
        below = np.floor(position).astype(int)
        above = np.minimum(below + 1, most)
        low = np.take_along_axis(ordered, below[:, None], axis=1)[:, 0]
        high = np.take_along_axis(ordered, above[:, None], axis=1)[:, 0]
        out.append(low + (position - below) * (high - low))
    return np.stack(out)
