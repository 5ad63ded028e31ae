"""From samples with their own intervals to the periods of a grid."""

import numpy as np

from aggregator.kernel.periods import Grid


def resample(
    *, asset: np.ndarray, at_s: np.ndarray, resolution_s: np.ndarray, values: np.ndarray, n_assets: int, grid: Grid
) -> tuple[np.ndarray, np.ndarray]:
    """Time-weighted means per period, and the part of each period that samples cover.

    A sample holds over [at_s, at_s + resolution_s) [s since 1970 UTC]. `asset` numbers the rows of the
    result; all columns have shape (n,), values are finite.

    Returns mean (n_assets, n_periods), NaN where nothing is known, and coverage in 0..1.
    """
    period_s = int(grid.resolution.total_seconds())
    offset = at_s - int(grid.starts_at.timestamp())
    ends = offset + resolution_s
    first = offset // period_s
    touched = (ends - 1) // period_s - first + 1
    if touched.size and touched.max() > 1:
        rows = np.repeat(np.arange(len(offset)), touched)
        nth = np.arange(len(rows)) - np.repeat(np.cumsum(touched) - touched, touched)
        period, asset, values = first[rows] + nth, asset[rows], values[rows]
        seconds = np.minimum(ends[rows], (period + 1) * period_s) - np.maximum(offset[rows], period * period_s)
    else:
        period, seconds = first, resolution_s
    inside = (period >= 0) & (period < len(grid))
    cell = asset[inside] * len(grid) + period[inside]
    weight = seconds[inside].astype(np.float64)
    size = n_assets * len(grid)
    total_s = np.bincount(cell, weights=weight, minlength=size)
    total = np.bincount(cell, weights=weight * values[inside], minlength=size)
    mean = np.divide(total, total_s, out=np.full(size, np.nan), where=total_s > 0)
    shape = (n_assets, len(grid))
    return mean.reshape(shape), np.minimum(1.0, total_s / period_s).reshape(shape)


def last_of_period(
    *, asset: np.ndarray, at_s: np.ndarray, resolution_s: np.ndarray, values: np.ndarray, n_assets: int, grid: Grid
) -> np.ndarray:
    """The value that stands at the end of each period, (n_assets, n_periods), NaN where none ended in it.

    For states (state of charge), which a sample tells for the end of its interval. Of two samples with
    the same end the later row wins.
    """
    period_s = int(grid.resolution.total_seconds())
    ends = at_s + resolution_s - int(grid.starts_at.timestamp())
    period = (ends - 1) // period_s
    chosen = np.flatnonzero((period >= 0) & (period < len(grid)))
    chosen = chosen[np.argsort(ends[chosen], kind="stable")]
    out = np.full((n_assets, len(grid)), np.nan)
    out[asset[chosen], period[chosen]] = values[chosen]  # of repeated cells numpy keeps the last
    return out
