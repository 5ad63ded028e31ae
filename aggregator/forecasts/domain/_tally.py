"""Sums over values of a forecast and what came, which add up over issues and days, and the figures that are made of them."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np

from aggregator.forecasts.domain._scores import banded
from aggregator.forecasts.domain._types import Quantiles

LEVELS = ((0.1, "p10"), (0.5, "p50"), (0.9, "p90"))


@dataclass(frozen=True)
class Tally:
    """Of one asset or portfolio. Errors are forecast minus actual [kW]; `pinball` is the mean over P10, P50 and P90.

    bands, inside: values whose band has a width, and those of them that it held. pairs: values for which persistence is known
    as well, with both absolute errors there.
    """

    values: float = 0.0
    error: float = 0.0
    absolute: float = 0.0
    squared: float = 0.0
    pinball: float = 0.0
    size: float = 0.0
    bands: float = 0.0
    inside: float = 0.0
    pairs: float = 0.0
    absolute_of_pairs: float = 0.0
    absolute_persistence: float = 0.0
    live: float = 0.0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


NOTHING = Tally()


@dataclass(frozen=True)
class Figures:
    """Ratios of the reference power (capacity, or mean power of loads); None = cannot be said.

    nrmse_ratio: the root of summed squared errors over summed squared references. skill_ratio: 1 - MAE over persistence's MAE, where
    both are known. live_ratio: share of values whose asset had told its power of the hour before the issue.
    """

    values: int
    nmae_ratio: float | None
    nrmse_ratio: float | None
    bias_ratio: float | None
    pinball_ratio: float | None
    coverage_p10_p90_ratio: float | None
    persistence_nmae_ratio: float | None
    skill_ratio: float | None
    live_ratio: float | None


def tally(*, said: Quantiles, actual_kw: np.ndarray, capacity_kw: float, live: bool) -> Tally:
    """Over the periods (n,) where the mean and the actual are known.

    capacity_kw: what a width is compared with, NaN = the mean of |actual|. live: a value of the last hour was known at the issue.
    """
    known = np.isfinite(actual_kw) & np.isfinite(said.mean)
    if not known.any():
        return NOTHING
    error, size = (said.mean - actual_kw)[known], np.abs(actual_kw[known])
    losses = [_pinball(level, getattr(said, name)[known], actual_kw[known]) for level, name in LEVELS]
    scale = np.array([capacity_kw if np.isfinite(capacity_kw) else size.mean()])
    wide, slack = (part[0] for part in banded(p10=said.p10[None], p90=said.p90[None], actual_kw=actual_kw[None], reference_kw=scale))
    held = wide & (actual_kw >= said.p10 - slack) & (actual_kw <= said.p90 + slack)
    naive = (said.persistence - actual_kw)[known]
    pairs = np.isfinite(naive)
    return Tally(
        values=float(known.sum()),
        error=float(error.sum()),
        absolute=float(np.abs(error).sum()),
        squared=float((error**2).sum()),
        pinball=float(np.mean(losses)),
        size=float(size.sum()),
        bands=float(wide.sum()),
        inside=float(held.sum()),
        pairs=float(pairs.sum()),
        absolute_of_pairs=float(np.abs(error[pairs]).sum()),
        absolute_persistence=float(np.abs(naive[pairs]).sum()),
        live=float(known.sum()) if live else 0.0,
    )


def _pinball(level: float, said: np.ndarray, actual: np.ndarray) -> float:
    error = actual - said
    return float(np.maximum(level * error, (level - 1) * error).sum())


def mean_size_kw(one: Tally) -> float:
    """Mean of |actual|; NaN without values."""
    return one.size / one.values if one.values else float("nan")


def figures(*, tallies: Sequence[Tally], reference_kw: Sequence[float]) -> Figures:
    """Of several assets as one kind, or of one portfolio; `reference_kw` of each, used for its values."""
    total = sum(tallies, NOTHING)
    known = [(one, ref) for one, ref in zip(tallies, reference_kw, strict=True) if one.values]
    size = sum(one.values * ref for one, ref in known)
    size_of_pairs = sum(one.pairs * ref for one, ref in known)
    squared_size = sum(one.values * ref**2 for one, ref in known)
    return Figures(
        values=int(total.values),
        nmae_ratio=_ratio(total.absolute, size),
        nrmse_ratio=None if squared_size <= 0 else float(np.sqrt(total.squared / squared_size)),
        bias_ratio=_ratio(total.error, size),
        pinball_ratio=_ratio(total.pinball, size),
        coverage_p10_p90_ratio=_ratio(total.inside, total.bands),
        persistence_nmae_ratio=_ratio(total.absolute_persistence, size_of_pairs),
        skill_ratio=None if total.absolute_persistence <= 0 else 1 - total.absolute_of_pairs / total.absolute_persistence,
        live_ratio=_ratio(total.live, total.values),
    )


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None
