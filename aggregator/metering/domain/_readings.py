"""One metered day: decimal kWh in, whole watt-hours out, exactly or not at all."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np

from aggregator.kernel.errors import Anticipated

MISSING_WH = np.iinfo(np.int64).min
LIMIT_WH = 10**12  # 1 GWh in one period
WH_PER_KWH = 1000
PLAIN = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")


class ReadingRefused(Anticipated):
    """One reading is left out; the rest is kept."""

    code = "metering.reading_refused"
    text = "The reading is not valid."
    status = 422


class PointUnknown(ReadingRefused):
    code = "metering.point_unknown"
    text = "%(point)s is no metering point of this sender."


class DayRefused(ReadingRefused):
    code = "metering.day_refused"
    text = "%(day)s is not a day (YYYY-MM-DD) that is over."


class LengthRefused(ReadingRefused):
    code = "metering.length_refused"
    text = "%(column)s has %(found)s values; %(day)s has %(expected)s periods of %(resolution_s)s s."


class ResolutionRefused(ReadingRefused):
    code = "metering.resolution_refused"
    text = "resolution_s must be a whole number of seconds that divides an hour, not %(value)s."


class QuantityRefused(ReadingRefused):
    code = "metering.quantity_refused"
    text = "%(column)s, value %(number)s: %(value)s is no decimal kWh >= 0 with at most 3 decimals (text, or null if missing)."


class QualityRefused(ReadingRefused):
    code = "metering.quality_refused"
    text = "quality is one of %(known)s, and reason has at most 200 characters."


QUALITIES = ("measured", "estimated", "synthetic")
REASON_LENGTH = 200


@dataclass(frozen=True)
class ReadingIn:
    """One local day of one metering point as it was told, unchecked. kWh as text or Decimal; None = missing.

    import_kwh is taken from the grid, export_kwh fed into it; both >= 0.
    """

    metering_point: Any
    day: Any
    resolution_s: Any
    import_kwh: Any
    export_kwh: Any
    quality: Any = "measured"
    reason: Any = ""


def check_labels(*, reading: ReadingIn) -> None:
    """Raises ResolutionRefused, QualityRefused."""
    step = reading.resolution_s
    if type(step) is not int or not 1 <= step <= 3600 or 3600 % step:
        raise ResolutionRefused(value=str(step)[:40])
    if reading.quality not in QUALITIES or not isinstance(reading.reason, str) or len(reading.reason) > REASON_LENGTH:
        raise QualityRefused(known=", ".join(QUALITIES))


def parse_day(value: Any) -> date:
    """Raises DayRefused."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError) as problem:
        raise DayRefused(day=str(value)[:40]) from problem


def at_resolution(wh: np.ndarray, *, resolution_s: int, wanted_s: int) -> np.ndarray | None:
    """The same energy in longer periods; a sum with a missing part is missing. None where the meter is too coarse."""
    if wanted_s % resolution_s:
        return None
    parts = wh.reshape(-1, wanted_s // resolution_s)
    return np.where((parts == MISSING_WH).any(axis=1), MISSING_WH, parts.sum(axis=1, where=parts != MISSING_WH))


def watt_hours(*, column: str, values: Sequence[Any], expected: int, day: date, resolution_s: int) -> np.ndarray:
    """int64 Wh (expected,), MISSING_WH for None. Raises LengthRefused, QuantityRefused: nothing is rounded."""
    if not isinstance(values, (list, tuple)) or len(values) != expected:
        found = len(values) if isinstance(values, (list, tuple)) else 0
        raise LengthRefused(column=column, found=found, expected=expected, day=day, resolution_s=resolution_s)
    return np.array([_wh(column, number, value) for number, value in enumerate(values)], dtype=np.int64)


def _wh(column: str, number: int, value: Any) -> int:
    if value is None:
        return int(MISSING_WH)
    refused = QuantityRefused(column=column, number=number, value=str(value)[:40])
    # A binary float is not exact, so it is no settlement quantity; a boolean is none at all.
    if isinstance(value, (bool, float)) or not isinstance(value, (str, Decimal, int)):
        raise refused
    if isinstance(value, str) and not PLAIN.fullmatch(value):  # Decimal() also takes 1_000, 1e3 and full-width digits
        raise refused
    try:
        wh = Decimal(value) * WH_PER_KWH
        if not wh.is_finite() or not 0 <= wh <= LIMIT_WH or wh != wh.to_integral_value():
            raise refused
    except InvalidOperation as problem:
        raise refused from problem
    return int(wh)
