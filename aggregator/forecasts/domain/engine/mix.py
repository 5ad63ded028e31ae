"""Bands of several methods averaged, weighted by how well each did lately."""

from dataclasses import dataclass

import numpy as np

from aggregator.forecasts.domain.engine.calibration import LEVELS
from aggregator.forecasts.domain.engine.samples import known_mean

SHARPNESS = 12.0
HALF_LIFE_DAYS = 10.0
START = np.array([0.25, 0.25, 0.50])  # the engine's bands, climatology, half of each


@dataclass(frozen=True)
class Mix:
    """loss (N, 3, Q): trailing pinball loss of each candidate at each of the LEVELS, weight (N,): of how many days."""

    loss: np.ndarray
    weight: np.ndarray

    @classmethod
    def none(cls, assets: int) -> "Mix":
        return cls(np.zeros((assets, 3, len(LEVELS))), np.zeros(assets))

    def weights(self) -> np.ndarray:
        """(N, 3, Q), sum 1 over the candidates."""
        mean = self.loss / np.maximum(self.weight, 1e-12)[:, None, None]
        best = np.maximum(mean.min(axis=1, keepdims=True), 1e-12)
        raw = START[:, None] * np.exp(-SHARPNESS * np.where(self.weight[:, None, None] > 0, mean / best - 1, 0.0))
        return raw / raw.sum(axis=1, keepdims=True)

    def learned(self, *, actual: np.ndarray, engine: np.ndarray, usual: np.ndarray) -> "Mix":
        """actual (N, S); bands (3, N, S) as they were issued."""
        losses = np.stack([_pinball(actual, bands) for bands in candidates(engine, usual)], axis=1)
        known = np.isfinite(losses).all(axis=(1, 2))
        keep = np.where(known, 0.5 ** (1 / HALF_LIFE_DAYS), 1.0)
        return Mix(
            keep[:, None, None] * self.loss + np.where(known[:, None, None], losses, 0.0),
            keep * self.weight + known,
        )

    def mixed(self, *, engine: np.ndarray, usual: np.ndarray) -> np.ndarray:
        """(3, N, S); where only one of the two is known, that one."""
        weights = self.weights()
        total = sum(weights[:, k].T[:, :, None] * bands for k, bands in enumerate(candidates(engine, usual)))
        return np.where(np.isfinite(total), total, np.where(np.isfinite(engine), engine, usual))


def candidates(engine: np.ndarray, usual: np.ndarray) -> tuple[np.ndarray, ...]:
    return engine, usual, (engine + usual) / 2


def _pinball(actual: np.ndarray, bands: np.ndarray) -> np.ndarray:
    """(N, Q) mean pinball loss of a day at each of the LEVELS; NaN where nothing is known."""
    error = actual[None] - bands
    return known_mean(np.maximum(LEVELS[:, None, None] * error, (LEVELS[:, None, None] - 1) * error), axis=-1).T
