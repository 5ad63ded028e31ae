"""What a class of assets (all generation, all load) did on past days, added up block by block: no day's assets all at once."""

from dataclasses import dataclass

import numpy as np

LEAST_SHARE = 0.8  # of the class, by what is forecast of each asset, has to be known in a period


@dataclass
class ClassDays:
    """Sum over assets of their distance from their own mean at the same clock time [kW], for (n_days, n_periods)."""

    distance_kw: np.ndarray
    known_kw: np.ndarray
    whole_kw: np.ndarray

    @classmethod
    def empty(cls, *, days: int, periods: int) -> "ClassDays":
        return cls(np.zeros((days, periods)), np.zeros((days, periods)), np.zeros(periods))

    def add(self, injection_kw: np.ndarray, *, forecast_kw: np.ndarray) -> None:
        """A block of assets: injection (n_assets, n_days, n_periods), NaN = not known; forecast mean (n_assets, n_periods)."""
        known = np.isfinite(injection_kw)
        filled = np.where(known, injection_kw, 0.0)
        mean = filled.sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        size = np.abs(forecast_kw)
        self.distance_kw += np.where(known, injection_kw - mean[:, None], 0.0).sum(axis=0)
        self.known_kw += (known * size[:, None]).sum(axis=0)
        self.whole_kw += size.sum(axis=0)

    def observed_kw(self) -> np.ndarray:
        """(n_days, n_periods), NaN where too little of the class is known; zero where nothing of it is expected."""
        return np.where(self.known_kw >= LEAST_SHARE * self.whole_kw, self.distance_kw, np.nan)
