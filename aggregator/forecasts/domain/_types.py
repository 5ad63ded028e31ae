"""What a forecaster is given and what it returns."""

from dataclasses import dataclass, field

import numpy as np

from aggregator.assets.domain import Envelope
from aggregator.assets.domain.storage import Held
from aggregator.kernel.quantities import from_consumption

LEVELS = ("firm", "expected", "optimistic")


@dataclass(frozen=True)
class Quantiles:
    """kW injection per period (n,): mean, P10 <= P50 <= P90, and the persistence it is scored against."""

    mean: np.ndarray
    p10: np.ndarray
    p50: np.ndarray
    p90: np.ndarray
    persistence: np.ndarray
    quality: str = "good"


@dataclass(frozen=True)
class Place:
    latitude: float
    longitude: float


@dataclass(frozen=True)
class Stay:
    """One stay of one car; hours from the history's start; departs_at None = still plugged in."""

    key: str
    arrives_at: float
    departs_at: float | None
    charged_kwh: float | None
    need_kwh: float | None


@dataclass(frozen=True)
class Facts:
    """What was known about one asset at issue, beside its power."""

    stays: tuple[Stay, ...] = ()
    held: Held | None = None  # of a storage: reserve that is sold, on the target grid
    soc_ratio: float | None = None
    soc_age_hours: float | None = None  # None = this asset never reported; infinite = no longer


@dataclass(frozen=True)
class Outlook:
    """Forecast of *activity* (kW generated or consumed, >= 0), per target period (n,); NaN = cannot be said."""

    mean: np.ndarray
    low: np.ndarray
    mid: np.ndarray
    high: np.ndarray
    persistence: np.ndarray
    notes: tuple[str, ...] = field(default=())


def injection_of(outlook: Outlook, *, sign: int, quality: str) -> Quantiles:
    """Activity as injection. Flipping a sign swaps the outer quantiles; this is the only place that does."""
    if sign > 0:
        return Quantiles(outlook.mean, outlook.low, outlook.mid, outlook.high, outlook.persistence, quality)
    return Quantiles(
        from_consumption(outlook.mean),
        from_consumption(outlook.high),
        from_consumption(outlook.mid),
        from_consumption(outlook.low),
        from_consumption(outlook.persistence),
        quality,
    )


@dataclass(frozen=True)
class AssetForecast:
    """One asset's forecast: quantiles of injection, three nested envelopes, degradations."""

    quantiles: Quantiles
    levels: dict[str, Envelope]
    notes: tuple[str, ...] = ()
