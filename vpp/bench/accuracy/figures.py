"""What a measurement returns, and the errors that figures are made of."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Figure:
    """One printed number. `goal` with `at_least`: whether it must be at least or at most that; None = no goal."""

    task: str  # "pv day-ahead"
    series: str  # a station, or "mean"/"median" of them
    name: str  # "daylight nRMSE", "skill against persistence"
    value: float | None  # None = could not be measured, `note` says why
    unit: str  # "%", "", "kWh"
    goal: float | None = None
    at_least: bool = True
    note: str = ""

    @property
    def reached(self) -> bool | None:
        if self.goal is None or self.value is None:
            return None
        return self.value >= self.goal if self.at_least else self.value <= self.goal


def rmse(forecast: np.ndarray, actual: np.ndarray, where: np.ndarray) -> float:
    """Root mean square error where `where` and both are known; NaN if nowhere."""
    known = where & np.isfinite(forecast) & np.isfinite(actual)
    return float(np.sqrt(np.mean((forecast - actual)[known] ** 2))) if known.any() else float("nan")


def mae(forecast: np.ndarray, actual: np.ndarray, where: np.ndarray) -> float:
    known = where & np.isfinite(forecast) & np.isfinite(actual)
    return float(np.mean(np.abs(forecast - actual)[known])) if known.any() else float("nan")


def skill(error: float, reference: float) -> float:
    """1 - error over the reference's error."""
    return 1 - error / reference


def coverage(low: np.ndarray, high: np.ndarray, actual: np.ndarray, where: np.ndarray) -> float:
    """Share of the known periods inside [low, high]."""
    known = where & np.isfinite(low) & np.isfinite(high) & np.isfinite(actual)
    return float(np.mean(((actual >= low) & (actual <= high))[known])) if known.any() else float("nan")


def pinball(bands: tuple[np.ndarray, np.ndarray, np.ndarray], actual: np.ndarray, where: np.ndarray) -> float:
    """Mean pinball loss over P10, P50, P90."""
    known = where & np.isfinite(actual) & np.isfinite(np.stack(bands)).all(axis=0)
    if not known.any():
        return float("nan")
    total = 0.0
    for level, band in zip((0.1, 0.5, 0.9), bands, strict=True):
        error = (actual - band)[known]
        total += float(np.mean(np.maximum(level * error, (level - 1) * error)))
    return total / 3
