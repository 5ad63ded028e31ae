"""Prices as exact integers of 0.0001 CNY/MWh. Missing is missing; zero and negative are prices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import numpy as np

from aggregator.kernel.errors import Anticipated
from aggregator.kernel.periods import delivery_day, midnight

Part = TypeVar("Part")

STEP = Decimal("0.0001")
STEPS_PER_CNY = 10_000
LARGEST = Decimal("99999999.9999")  # Decimal(12,4)
MAX_SOURCE = 200
MISSING = np.iinfo(np.int64).min


class PricesMalformed(Anticipated):
    code = "prices.malformed"
    text = "The prices cannot be used: %(why)s."
    status = 422


def check_length(*, day: date, resolution: timedelta, n_prices: int) -> None:
    """Raises PricesMalformed unless there is one price for each period of the local day."""
    if resolution <= timedelta(0):
        raise PricesMalformed(why="the resolution is not positive")
    grid = delivery_day(day, resolution=resolution)
    if grid.ends_at != midnight(day + timedelta(days=1)):
        raise PricesMalformed(why=f"{int(resolution.total_seconds())} s does not divide the day")
    if len(grid) != n_prices:
        raise PricesMalformed(why=f"{n_prices} prices where {day} has {len(grid)} periods of {int(resolution.total_seconds())} s")


def steps(prices: Sequence[Decimal | None]) -> np.ndarray:
    """int64 of 0.0001 CNY/MWh, MISSING where None, shape (n,).

    Raises PricesMalformed for a price with more decimals, or that is not a number: nothing is rounded.
    """
    return np.array([MISSING if price is None else _step(price) for price in prices], dtype=np.int64)


def _step(price: Decimal) -> int:
    if not price.is_finite() or abs(price) > LARGEST:
        raise PricesMalformed(why=f"{price} is not a price")
    count = price * STEPS_PER_CNY
    if count != count.to_integral_value():
        raise PricesMalformed(why=f"{price} has more than four decimals")
    return int(count)


@dataclass(frozen=True)
class Published:
    """What a `price.published` message says."""

    market: str
    day: date
    resolution: timedelta
    prices: list[Decimal | None]
    source: str
    synthetic: bool


def from_message(data: Mapping[str, Any]) -> Published:
    """The message's facts, each of its declared type. Raises PricesMalformed."""
    try:
        day = date.fromisoformat(_part(data, "day", str))
        resolution = timedelta(seconds=_part(data, "resolution_s", int))
    except (ValueError, OverflowError) as problem:
        raise PricesMalformed(why=str(problem)) from problem
    source = _part(data, "source", str)
    if len(source) > MAX_SOURCE:
        raise PricesMalformed(why=f"source is longer than {MAX_SOURCE}")
    return Published(
        market=_part(data, "market", str),
        day=day,
        resolution=resolution,
        prices=[_price(text) for text in _part(data, "prices_cny_per_mwh", list)],
        source=source,
        synthetic=_part(data, "synthetic", bool),
    )


def _part(data: Mapping[str, Any], name: str, kind: type[Part]) -> Part:
    if name not in data:
        raise PricesMalformed(why=f"{name} is missing")
    value = data[name]
    if type(value) is not kind:  # not isinstance: True is no number here
        raise PricesMalformed(why=f"{name} is not of the type {kind.__name__}")
    return value


def _price(text: Any) -> Decimal | None:
    """A decimal string, or null = missing. A number is refused: its decimals are not exact."""
    if text is None:
        return None
    try:
        return Decimal(text) if isinstance(text, str) else Decimal("")
    except InvalidOperation as problem:
        raise PricesMalformed(why=f"{text!r} is not a decimal string") from problem


def decimals(counts: np.ndarray) -> list[Decimal | None]:
    """Exact prices [CNY/MWh], None where missing."""
    return [None if count == MISSING else (Decimal(count) / STEPS_PER_CNY).quantize(STEP) for count in counts.tolist()]


def cny_per_mwh(counts: np.ndarray) -> np.ndarray:
    """float64 prices [CNY/MWh], NaN where missing, shape (n,)."""
    return np.where(counts == MISSING, np.nan, counts / STEPS_PER_CNY)
