"""What the independent check finds, and from which size on it counts."""

from dataclasses import dataclass

import numpy as np

ABSOLUTE = 2e-3  # [kW], [kWh]: envelopes are stored as float32
RELATIVE = 2e-6


@dataclass(frozen=True)
class Violation:
    """`subject` (asset, site or group) breaks `limit` in `period` by `by` [kW or kWh; runs and periods for calls]."""

    subject: str
    limit: str
    period: int
    by: float


def over(subject: str, limit: str, excess: np.ndarray, size: float) -> list[Violation]:
    tolerance = ABSOLUTE + RELATIVE * abs(size)
    bad = ~(np.asarray(excess) <= tolerance)  # NaN is a violation, too
    return [Violation(subject, limit, int(t), float(excess[t])) for t in np.flatnonzero(bad)]
