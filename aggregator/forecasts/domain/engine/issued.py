"""A forecast of activity over scale: mean and P10 <= P50 <= P90, arrays of one shape."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass
class Issued:
    """NaN where nothing can be said."""

    mean: np.ndarray
    low: np.ndarray
    mid: np.ndarray
    high: np.ndarray

    @classmethod
    def none(cls, shape: tuple[int, ...]) -> "Issued":
        return cls(*(np.full(shape, np.nan, dtype=np.float32) for _ in range(4)))

    def each(self, change: Callable[[np.ndarray], np.ndarray]) -> "Issued":
        return Issued(change(self.mean), change(self.low), change(self.mid), change(self.high))

    def put(self, day: int, forecast: "Issued") -> None:
        """`forecast` (N, S) becomes day `day` of these (N, D, S)."""
        self.mean[:, day], self.low[:, day], self.mid[:, day], self.high[:, day] = forecast.mean, forecast.low, forecast.mid, forecast.high


def finished(mean: np.ndarray, bands: np.ndarray, level: np.ndarray, *, floor: float | np.ndarray, cap: float) -> Issued:
    """Bands (3, ..) in order and inside what is possible; nothing where there surely is nothing (level 0)."""
    dark = level <= 0
    low, mid, high = np.sort(np.clip(bands, floor, cap), axis=0)
    return Issued(np.where(dark, 0.0, mean), np.where(dark, 0.0, low), np.where(dark, 0.0, mid), np.where(dark, 0.0, high))


def share_beyond(beyond: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Share of the known periods (last axis) that lie beyond; NaN where fewer than 8 are known."""
    count = known.sum(axis=-1)
    return np.where(count >= 8, (beyond & known).sum(axis=-1) / np.maximum(count, 1), np.nan)
