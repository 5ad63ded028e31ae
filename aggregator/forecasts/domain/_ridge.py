"""Ridge regression refitted before every day, from daily normal equations."""

import numpy as np

FORGET_PER_DAY = 0.99
MIN_DAYS = 7


def rolling_coefficients(
    *, x: np.ndarray, y: np.ndarray, lead_days: int, ridge: float, forget: float = FORGET_PER_DAY, min_days: int = MIN_DAYS
) -> np.ndarray:
    """coef (D, p): row d is fitted on days up to d - lead_days only; NaN before `min_days` of them.

    x (D, S, p), y (D, S); rows with a NaN are left out. Solves (G + ridge diag(G) + 1e-8 I) coef = b with
    G = sum x x', b = sum x y, older days weighted by `forget` per day. With ridge 0 and forget 1 it is OLS.
    """
    days, _, p = x.shape
    usable = np.isfinite(y) & np.isfinite(x).all(axis=2)
    rows = np.where(usable[..., None], x, 0.0)
    gram = np.matmul(rows.transpose(0, 2, 1), rows)
    moment = np.matmul(rows.transpose(0, 2, 1), np.where(usable, y, 0.0)[..., None])[..., 0]
    learned = np.cumsum(usable.any(axis=1))
    for d in range(1, days):
        gram[d] += forget * gram[d - 1]
        moment[d] += forget * moment[d - 1]
    coef = np.full((days, p), np.nan)
    ready = np.flatnonzero(learned >= min_days)
    ready = ready[ready + lead_days < days]
    if ready.size:
        diagonal = np.einsum("dpp->dp", gram[ready])
        regular = gram[ready] + (ridge * diagonal + 1e-8)[..., None] * np.eye(p)
        coef[ready + lead_days] = np.linalg.solve(regular, moment[ready][..., None])[..., 0]
    return coef


def predict(*, x: np.ndarray, coef: np.ndarray) -> np.ndarray:
    """(D, S): each day with its own coefficients; NaN where a feature or the fit is missing."""
    return np.einsum("dsp,dp->ds", x, coef)
