"""Signs and energies. Inside, injection into the grid is positive; this module flips foreign signs."""

from decimal import ROUND_HALF_UP, Decimal
from typing import TypeVar

import numpy as np

Signed = TypeVar("Signed", float, Decimal, np.ndarray)

KWH = Decimal("0.001")
WH_PER_KWH = 1000


def from_consumption(value: Signed) -> Signed:
    """Consumption-positive to injection-positive (and back: the flip is its own inverse)."""
    return -value


to_consumption = from_consumption


def kwh_from_wh(wh: int) -> Decimal:
    """Metered watt-hours as settlement kWh, exact, three decimals."""
    return (Decimal(int(wh)) / WH_PER_KWH).quantize(KWH)


def wh_from_kwh(kwh: Decimal) -> int:
    """Settlement kWh as whole watt-hours, half up away from zero."""
    return int((Decimal(kwh) * WH_PER_KWH).quantize(Decimal(1), rounding=ROUND_HALF_UP))
