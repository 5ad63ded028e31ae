"""The bands of a portfolio, from its own errors: the same conformal tables as an asset's, with one member."""

import numpy as np

from aggregator.forecasts.domain.engine.calibration import Calibration
from aggregator.forecasts.domain.engine.issued import share_beyond
from aggregator.forecasts.domain.engine.step_model import between

MEMORY_DAYS = 30.0
GAMMA = 0.12
THIN_ROWS = 30.0
BLOCK_HOURS = 3
BINS = 2 * 24 // BLOCK_HOURS
LEAST_DAYS = 8
DUST_KW = 1e-6


def bins_of(clock_hours: np.ndarray, working: np.ndarray) -> np.ndarray:
    """Block of the clock x working day or not, elementwise."""
    return (clock_hours // BLOCK_HOURS).astype(int) + (24 // BLOCK_HOURS) * np.asarray(working, dtype=int)


def own_bands(
    *,
    errors_kw: np.ndarray,
    level_kw: np.ndarray,
    bins: np.ndarray,
    target_level_kw: np.ndarray,
    target_bins: np.ndarray,
    horizons: np.ndarray,
    ahead: np.ndarray,
) -> np.ndarray | None:
    """(3, n) P10, P50, P90 of the error [kW] per target period; None with fewer than LEAST_DAYS days.

    errors_kw (K, M, S) of earlier days, oldest first, NaN = not known; level_kw, bins (K, S): natural size of an error and its bin,
    nothing is counted where the level is 0; the same of the targets (n,); horizons (M - 1,) of the models
    after the first, which is day-ahead; ahead (n,): horizon of each target in slots. Day by day the bands of the days before are
    looked at, and their width follows how many errors they missed.
    """
    known_days = np.isfinite(errors_kw[:, 0]).any(axis=-1)
    if known_days.sum() < LEAST_DAYS:
        return None
    r = np.where(level_kw[:, None] > DUST_KW, errors_kw / np.maximum(level_kw[:, None], DUST_KW), np.nan)
    models = r.shape[1]
    calibration = Calibration.none(assets=1, models=models, bins=BINS)
    for k in np.flatnonzero(known_days):
        day, spread = r[k][None], np.broadcast_to(bins[k], r[k].shape)[None]
        bands = calibration.bands(thin_rows=THIN_ROWS).at(spread)
        known = np.isfinite(day) & np.isfinite(bands[0])
        calibration = calibration.learned(
            r=day,
            bins=np.where(np.isfinite(day), spread, -1),
            below=share_beyond(day < bands[0], known),
            above=share_beyond(day > bands[2], known),
            keep=float(np.exp(-1 / MEMORY_DAYS)),
            gamma=GAMMA,
        )
    final = calibration.bands(thin_rows=THIN_ROWS)
    weights = model_weights(horizons, ahead)
    found = final.between(weights).at(target_bins[None])[:, 0] * target_level_kw
    return np.where(target_level_kw > DUST_KW, np.sort(found, axis=0), 0.0)


def model_weights(horizons: np.ndarray, ahead: np.ndarray) -> np.ndarray:
    """(M, n): day-ahead beyond the longest horizon, else between the two trained ones around."""
    near = between(horizons, ahead)
    far = ahead > horizons[-1]
    return np.concatenate([far[None].astype(float), np.where(far, 0.0, near)])
