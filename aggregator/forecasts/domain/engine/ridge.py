"""Ridge regression for many assets at once, from normal equations that are updated as days mature.

Equal to statsmodels OLS (ridge 0, forget 1) and WLS with weights forget**age, solved in bulk.
"""

from dataclasses import dataclass

import numpy as np

JITTER = 1e-8
PSEUDO_ROWS = 150.0  # what the class model is worth beside an asset's own rows


@dataclass(frozen=True)
class Moments:
    """gram (..., p, p) = sum of w x x', moment (..., p) = sum of w x y, rows (...) = sum of w."""

    gram: np.ndarray
    moment: np.ndarray
    rows: np.ndarray

    @classmethod
    def none(cls, lead: tuple[int, ...], p: int) -> "Moments":
        return cls(np.zeros((*lead, p, p)), np.zeros((*lead, p)), np.zeros(lead))

    def aged(self, forget: float) -> "Moments":
        return Moments(self.gram * forget, self.moment * forget, self.rows * forget)

    def plus(self, x: np.ndarray, y: np.ndarray) -> "Moments":
        """With rows x (..., m, p), y (..., m) added; a row with a NaN teaches nothing."""
        usable = np.isfinite(y) & np.isfinite(x.sum(axis=-1))
        if not usable.all():
            x, y = np.where(usable[..., None], x, x.dtype.type(0)), np.where(usable, y, y.dtype.type(0))
        turned = np.swapaxes(x, -1, -2)
        return Moments(self.gram + turned @ x, self.moment + (turned @ y[..., None])[..., 0], self.rows + usable.sum(axis=-1))

    def pooled(self) -> "Moments":
        """Of all assets (first axis) together."""
        return Moments(self.gram.sum(axis=0), self.moment.sum(axis=0), self.rows.sum(axis=0))


def solved(own: Moments, *, ridge: float) -> np.ndarray:
    """coef (..., p) of (G + ridge diag(G) + JITTER I) coef = b."""
    p = own.moment.shape[-1]
    diagonal = np.einsum("...pp->...p", own.gram)
    regular = own.gram + (ridge * diagonal + JITTER)[..., None] * np.eye(p)
    return np.linalg.solve(regular, own.moment[..., None])[..., 0]


def shrunk(own: Moments, group: Moments, *, ridge: float, toward_class: float = 0.0, pseudo_rows: float = PSEUDO_ROWS) -> np.ndarray:
    """coef (N, ..., p) drawn to the class model: as if `pseudo_rows` mean rows of the class, answered by it, were seen as well.

    `toward_class` is a ridge about the class's answer instead of about 0, in place of `ridge`, however many rows an asset has.
    NaN where neither the asset nor the class has any row.
    """
    answer = solved(group, ridge=ridge)
    weight = pseudo_rows / np.maximum(group.rows, 1.0)
    gram = own.gram + weight[..., None, None] * group.gram
    moment = own.moment + weight[..., None] * (group.gram @ answer[..., None])[..., 0]
    if toward_class:
        moment = moment + toward_class * np.einsum("...pp->...p", gram) * answer
    coef = solved(Moments(gram, moment, own.rows), ridge=toward_class or ridge)
    return np.where((own.rows + group.rows > 0)[..., None], coef, np.nan)


def predicted(x: np.ndarray, coef: np.ndarray) -> np.ndarray:
    """x (..., m, p) . coef (..., p) -> (..., m); NaN where a feature or the fit is missing."""
    return (x @ coef[..., None].astype(x.dtype, copy=False))[..., 0]
