"""Folding: the samples of a complete day become one array, and late samples are laid over it."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Samples:
    """Columns of one asset's samples, shape (n,): start [s since 1970 UTC], length [s], value (NaN = missing), mark."""

    at_s: np.ndarray
    resolution_s: np.ndarray
    values: np.ndarray
    quality: np.ndarray


@dataclass(frozen=True)
class DayArrays:
    """One day of one series: n = day length / resolution values (NaN = missing) and the marks of single points."""

    resolution_s: int
    values: np.ndarray
    quality: np.ndarray


def _finer(day: DayArrays, resolution_s: int) -> DayArrays:
    times = day.resolution_s // resolution_s
    return DayArrays(resolution_s, np.repeat(day.values, times), np.repeat(day.quality, times))


def fold(*, samples: Samples, starts_s: int, day_s: int, existing: DayArrays | None = None) -> DayArrays:
    """The day [starts_s, starts_s + day_s) with `samples` laid over what was folded before.

    The result has the finest resolution that occurs (every resolution divides an hour, so the greatest
    common divisor keeps whole slots). A sample fills every slot of its interval; a finer one goes over
    a coarser one, a later one over an earlier one. A missing value leaves what is there.
    """
    known = ~np.isnan(samples.values)
    steps = [int(step) for step in np.unique(samples.resolution_s[known])]
    resolution_s = int(np.gcd.reduce(steps + ([existing.resolution_s] if existing else []) or [3600]))
    n = day_s // resolution_s
    day = DayArrays(resolution_s, np.full(n, np.nan), np.zeros(n, dtype=np.uint8)) if existing is None else _finer(existing, resolution_s)
    values, quality = day.values.copy(), day.quality.copy()
    for step in sorted(steps, reverse=True):
        rows = np.flatnonzero(known & (samples.resolution_s == step))
        rows = rows[np.argsort(samples.at_s[rows], kind="stable")]
        first = (samples.at_s[rows] - starts_s) // resolution_s
        for slot in range(step // resolution_s):
            inside = (first + slot >= 0) & (first + slot < n)
            values[(first + slot)[inside]] = samples.values[rows][inside]
            quality[(first + slot)[inside]] = samples.quality[rows][inside]
    return DayArrays(resolution_s, values, quality)
