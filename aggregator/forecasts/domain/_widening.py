"""Do the bands hold? Earlier days are looked at as they came, and bands that were too narrow become wider."""

from collections.abc import Callable

import numpy as np

CHECKED_DAYS = 14
LEAST_DAYS_BEFORE = 7
LEAST_ROWS = 60
INSIDE = 0.8  # what P10..P90 is meant to hold
WIDEST = 2.0


def widening(errors: np.ndarray, bands_for: Callable[[np.ndarray, int], np.ndarray]) -> float:
    """The factor in 1..WIDEST by which the bands of the last days should have been wider to hold INSIDE of them.

    errors (B, J, n), days in order of time. `bands_for(errors, k)` gives the bands (3, J or 1, n) of day k from
    `errors`, in which day k and all later ones are NaN. Never narrower: a calm fortnight proves little.
    """
    past = errors.shape[0]
    known = np.isfinite(errors).any(axis=(1, 2))
    ratios = []
    for k in range(max(0, past - CHECKED_DAYS), past):
        if known[k] and known[:k].sum() >= LEAST_DAYS_BEFORE:
            before = np.where(np.arange(past)[:, None, None] < k, errors, np.nan)
            ratios.append(_distance(errors[k], bands_for(before, k)))
    found = np.concatenate(ratios) if ratios else np.empty(0)
    if found.size < LEAST_ROWS:
        return 1.0
    return float(np.clip(np.quantile(found, INSIDE), 1.0, WIDEST))


def widened(bands: np.ndarray, factor: float) -> np.ndarray:
    """(3, ...) bands with their distances from the middle multiplied."""
    return bands[1] + factor * (bands - bands[1])


def _distance(errors: np.ndarray, bands: np.ndarray) -> np.ndarray:
    """Distance from the middle in widths of the band on that side: at most 1 = inside. Flat, known ones only."""
    low, middle, high = np.broadcast_arrays(*bands, errors)[:3]
    width = np.where(errors > middle, high - middle, middle - low)
    known = np.isfinite(errors) & (width > 0)
    return np.abs(errors - middle)[known] / width[known]
