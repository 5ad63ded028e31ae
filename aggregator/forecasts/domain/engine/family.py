"""What one kind of asset brings to the engine: its features, the natural size of its errors, and their bins."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from aggregator.forecasts.domain.engine.history import DayView, Steps


@dataclass(frozen=True)
class Settings:
    """How a kind learns. Memories are mean ages of what a table is made of [days]."""

    ridge_day: float
    ridge_step: float = 1e-3
    toward_class: float = 0.0  # day-ahead: ridge about the class's answer, in place of that about 0
    forget_per_day: float = 0.99
    gamma: float = 0.12  # how fast the width of the bands adapts
    day_memory: float = 22.0
    step_memory: float = 15.0
    thin_day: float = 60.0  # least errors in a bin
    thin_step: float = 80.0
    mixed: bool = False  # bands are mixed with climatology by how well each did lately
    floor: float | np.ndarray = 0.0  # least activity over scale; (N, 1) where assets differ: a net load that generates goes below 0
    cap: float = np.inf  # most
    stopped_above: float = np.inf  # an asset that gives nothing at a level above this has stopped: that teaches nothing


class Family(Protocol):
    """Activity is over the asset's scale. Arrays of a day are (N, S), of steps (N, n)."""

    @property
    def settings(self) -> Settings: ...

    @property
    def day_bins(self) -> int: ...

    @property
    def step_bins(self) -> int: ...

    def day_features(self, view: DayView) -> tuple[tuple[str, np.ndarray], ...]:
        """Named feature arrays (N, S, p), best first; NaN where one is not known."""

    def day_level(self, view: DayView) -> np.ndarray:
        """Natural size of an error, 0 = surely no activity."""

    def day_bin(self, view: DayView, mean: np.ndarray) -> np.ndarray:
        """0..day_bins-1, -1 = none."""

    def step_features(self, steps: Steps) -> np.ndarray:
        """(N, n, q)."""

    def step_level(self, steps: Steps) -> np.ndarray: ...

    def step_bin(self, steps: Steps, mean: np.ndarray) -> np.ndarray: ...

    def climatology(self, view: DayView) -> np.ndarray:
        """(3, N, S) P10, P50, P90 of what is usual; NaN where nothing is known."""
