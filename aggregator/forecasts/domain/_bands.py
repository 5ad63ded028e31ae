"""Quantiles from past errors (conformal): what this method got wrong on days it had not seen."""

import numpy as np

TAIL = 0.1
LIKE_DAYS = 2
THIN_ROWS = 20
THIN_DAYS = 8


def tails(days: int) -> tuple[float, float, float]:
    """Sample levels for P10, P50, P90, widened for a finite sample (split conformal).

    Errors of one day are alike but not the same: `days` of them count as LIKE_DAYS x days independent ones.
    """
    rows = max(LIKE_DAYS * days, 1)
    high = min(1.0, (1 - TAIL) * (rows + 1) / rows)
    return 1 - high, 0.5, high


def column_quantiles(sample: np.ndarray, levels: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Quantiles per column of `sample` (m, n), NaN ignored: ((len(levels), n), how many values a column has)."""
    ordered = np.sort(sample, axis=0)
    count = np.isfinite(ordered).sum(axis=0)
    out = np.full((len(levels), sample.shape[1]), np.nan)
    some = np.flatnonzero(count)
    for row, level in enumerate(levels):
        position = level * (count[some] - 1)
        below = np.floor(position).astype(int)
        above = np.minimum(below + 1, count[some] - 1)
        low, high = ordered[below, some], ordered[above, some]
        out[row, some] = low + (position - below) * (high - low)
    return out, count


def clock_bands(errors: np.ndarray, *, same_type: np.ndarray) -> np.ndarray:
    """(3, n) error quantiles per target period from (B, J, n): the same clock hour on days of the same type.

    `same_type` (B, n) bool. With fewer than THIN_DAYS such days, all days; NaN where even these are too few.
    """
    past, near, n = errors.shape
    alike = np.where(same_type[:, None, :], errors, np.nan)
    finite = np.isfinite(errors).any(axis=1)
    days_alike = int(np.median((finite & same_type).sum(axis=0)))
    days_all = int(np.median(finite.sum(axis=0)))
    out, count = column_quantiles(errors.reshape(past * near, n), tails(days_all))
    out[:, (count < THIN_ROWS) | (finite.sum(axis=0) < THIN_DAYS // 2)] = np.nan
    if days_alike >= THIN_DAYS:
        narrow, rows = column_quantiles(alike.reshape(past * near, n), tails(days_alike))
        enough = rows >= THIN_ROWS
        out[:, enough] = narrow[:, enough]
    return out


def binned_bands(errors: np.ndarray, *, past_bin: np.ndarray, target_bin: np.ndarray, thin_rows: int = 60) -> np.ndarray:
    """(3, *target_bin.shape) error quantiles of the bin that each target period falls in; a thin bin takes all errors.

    errors, past_bin (B, J, n); target_bin usually (n,). Bins are integers, -1 = in none.
    """
    finite = np.isfinite(errors) & (past_bin >= 0)
    days = int(finite.any(axis=(1, 2)).sum())
    levels = tails(days)
    out = np.full((3, *target_bin.shape), np.nan)
    if finite.sum() < thin_rows or days < THIN_DAYS // 2:
        return out
    everything = np.quantile(errors[finite], levels)
    for number in np.unique(target_bin[target_bin >= 0]):
        rows = errors[finite & (past_bin == number)]
        out[:, target_bin == number] = (np.quantile(rows, levels) if rows.size >= thin_rows else everything)[:, None]
    return out
