"""Quantiles from errors made before (conformal): a table per class, a scale per asset, a width that adapts.

    r = (y - mean) / level        s = the asset's mean |r| over the class's, clipped
    q = mean + level s g table[bin]

Several models (horizons) stand side by side. Tables are counts of r / s in fixed cells, older days weighted less.
"""

from dataclasses import dataclass

import numpy as np

TAIL = 0.1
LEVELS = np.array([TAIL, 0.5, 1 - TAIL])
FINE = 0.002  # cells are linear below this size of an error and logarithmic above
CELL = 0.025
CELLS = 801
NARROWEST, WIDEST = 0.5, 2.5
SCALE_LEAST, SCALE_MOST = 0.4, 2.5
SCALE_ROWS = 300.0  # an asset with fewer errors has the class's scale


def cell_of(r: np.ndarray) -> np.ndarray:
    """The cell 0..CELLS-1 of each error."""
    return np.clip(np.rint(np.arcsinh(r / FINE) / CELL) + CELLS // 2, 0, CELLS - 1).astype(np.int64)


def value_of(cell: np.ndarray) -> np.ndarray:
    """The error at a (fractional) cell."""
    return FINE * np.sinh((cell - CELLS // 2) * CELL)


@dataclass(frozen=True)
class Bands:
    """What is added to means, ready to use: table (H, B, 3), scale (N, H), width (N, H, 2)."""

    table: np.ndarray
    scale: np.ndarray
    width: np.ndarray

    def between(self, weights: np.ndarray) -> "Bands":
        """Of models that lie between: weights (H, n), columns add up to 1."""
        return Bands(np.einsum("hbq,hk->kbq", self.table, weights), self.scale @ weights, np.einsum("nhw,hk->nkw", self.width, weights))

    def plain(self) -> "Bands":
        """Without the adaptive width."""
        return Bands(self.table, self.scale, np.ones_like(self.width))

    def at(self, bins: np.ndarray) -> np.ndarray:
        """(3, N, H, ...) in units of the level; bins (N, H, ...), NaN in no bin."""
        model = np.arange(len(self.table)).reshape(1, -1, *(1,) * (bins.ndim - 2))
        found = np.where((bins >= 0)[..., None], self.table[model, np.maximum(bins, 0)], np.nan)
        trailing = (..., *(None,) * (bins.ndim - 2))
        low, middle, high = np.moveaxis(found, -1, 0) * self.scale[trailing]
        below, above = self.width[..., 0][trailing], self.width[..., 1][trailing]
        return np.stack([middle + below * (low - middle), middle, middle + above * (high - middle)])


@dataclass(frozen=True)
class Calibration:
    """counts (H, B, CELLS) of the class; size, rows (N, H): decayed sum of |r| and number; width (N, H, 2): below, above."""

    counts: np.ndarray
    size: np.ndarray
    rows: np.ndarray
    width: np.ndarray

    @classmethod
    def none(cls, *, assets: int, models: int, bins: int) -> "Calibration":
        one = np.zeros((assets, models))
        return cls(np.zeros((models, bins, CELLS)), one, one.copy(), np.ones((assets, models, 2)))

    @property
    def usual(self) -> np.ndarray:
        """(N, H) mean |r| of the asset, of the class where it has few."""
        group = self.size.sum(axis=0) / np.maximum(self.rows.sum(axis=0), 1.0)
        return np.where(self.rows >= SCALE_ROWS, self.size / np.maximum(self.rows, 1.0), group)

    @property
    def scale(self) -> np.ndarray:
        """(N, H) how much larger the asset's errors are than the class's."""
        group = self.size.sum(axis=0) / np.maximum(self.rows.sum(axis=0), 1.0)
        return np.where(group > 0, np.clip(self.usual / np.where(group > 0, group, 1.0), SCALE_LEAST, SCALE_MOST), 1.0)

    def learned(self, *, r: np.ndarray, bins: np.ndarray, below: np.ndarray, above: np.ndarray, keep: float, gamma: float) -> "Calibration":
        """After one day more. r, bins (N, H, S), NaN = not known; below, above (N, H): share of it beyond P10, P90, NaN = unknown."""
        known = np.isfinite(r) & (bins >= 0)
        model = np.arange(r.shape[1])[None, :, None]
        scaled = np.where(known, r, 0.0) / self.scale[..., None]
        where = ((model * self.counts.shape[1] + bins) * CELLS + cell_of(scaled))[known]
        seen = np.bincount(where, minlength=self.counts.size).reshape(self.counts.shape)
        missed = np.stack([below, above], axis=-1)
        step = np.where(np.isfinite(missed), gamma * (missed - TAIL), 0.0)
        return Calibration(
            keep * self.counts + seen,
            keep * self.size + np.where(known, np.abs(r), 0.0).sum(axis=-1),
            keep * self.rows + known.sum(axis=-1),
            np.clip(self.width * np.exp(step), NARROWEST, WIDEST),
        )

    def bands(self, *, thin_rows: float) -> Bands:
        """A thin bin has the quantiles of the whole class; NaN without any error."""
        models, bins, _ = self.counts.shape
        own = quantiles_of(self.counts.reshape(models * bins, CELLS)).reshape(models, bins, 3)
        whole = quantiles_of(self.counts.sum(axis=1))[:, None]
        table = np.where((self.counts.sum(axis=-1) >= thin_rows)[..., None], own, whole)
        return Bands(*(part.astype(np.float32) for part in (table, self.scale, self.width)))


def quantiles_of(counts: np.ndarray) -> np.ndarray:
    """(B, 3) the LEVELS of each row of cells, linear inside a cell; NaN for an empty row."""
    running = np.cumsum(counts, axis=1)
    total = running[:, -1]
    out = np.full((len(counts), len(LEVELS)), np.nan)
    rows = np.arange(len(counts))
    for column, level in enumerate(LEVELS):
        wanted = level * total
        cell = np.minimum((running < wanted[:, None]).sum(axis=1), CELLS - 1)
        before = np.where(cell > 0, running[rows, np.maximum(cell - 1, 0)], 0.0)
        inside = (wanted - before) / np.maximum(counts[rows, cell], 1e-12)
        out[:, column] = np.where(total > 0, value_of(cell - 0.5 + inside), np.nan)
    return out
