"""Whether P10, P50 and P90 are what they are called."""

from dataclasses import dataclass

import numpy as np

from aggregator.forecasts.domain._scores import LEAST_PERIODS, banded
from aggregator.forecasts.domain._types import Quantiles


@dataclass(frozen=True)
class Calibration:
    """Shares of measured values below the quantiles of injection, of `n_values`; all None where these are too few."""

    below_p10_ratio: float | None
    below_p50_ratio: float | None
    below_p90_ratio: float | None
    n_values: int


def calibration(*, forecasts: list[Quantiles], actual_kw: np.ndarray, reference_kw: np.ndarray) -> Calibration:
    """Of several assets together. actual_kw (N, n) injection, NaN = not known or not ours to judge; reference_kw (N,).

    Counts what the coverage of a score counts: below P90 less below P10 is that coverage. A value on the median
    counts half on either side.
    """
    p10, p50, p90 = (np.stack([getattr(q, name) for q in forecasts]) for name in ("p10", "p50", "p90"))
    counted, slack = banded(p10=p10, p90=p90, actual_kw=actual_kw, reference_kw=reference_kw)
    n = int(counted.sum())
    if n < LEAST_PERIODS:
        return Calibration(None, None, None, n)
    median = np.where(np.abs(actual_kw - p50) <= slack, 0.5, actual_kw < p50)
    shares = (actual_kw < p10 - slack, median, actual_kw <= p90 + slack)
    below = [float(share[counted].mean()) for share in shares]
    return Calibration(below[0], below[1], below[2], n)
