"""Was a setpoint followed? Telemetry decides; what it cannot show is "unverified", neither followed nor failed."""

from dataclasses import dataclass

import numpy as np

TOLERANCE_RATIO = 0.05  # of rated power
TOLERANCE_KW = 1.0


@dataclass(frozen=True)
class Finding:
    """outcome: followed | contradicted | unverified; measured injection and tolerance [kW]."""

    outcome: str
    measured_kw: float | None
    tolerance_kw: float


def tolerance_kw(rated_kw: float) -> float:
    return max(TOLERANCE_RATIO * rated_kw, TOLERANCE_KW)


def mean_kw(samples_kw: np.ndarray) -> float | None:
    """Mean of what was measured; None where nothing was."""
    known = samples_kw[np.isfinite(samples_kw)]
    return float(known.mean()) if len(known) else None


def judge(*, kind: str, value_kw: float, measured_kw: float | None, rated_kw: float) -> Finding:
    """A limit is kept from one side (consuming less than allowed is no fault); injection from both."""
    tolerance = tolerance_kw(rated_kw)
    if measured_kw is None or not np.isfinite(measured_kw):
        return Finding("unverified", None, tolerance)
    if kind == "injection_kw":
        excess = abs(measured_kw - value_kw)
    elif kind == "import_limit_kw":
        excess = -measured_kw - value_kw
    else:
        excess = measured_kw - value_kw
    return Finding("followed" if excess <= tolerance else "contradicted", float(measured_kw), tolerance)
