"""Yuan as exact Decimals, fen as integers, and splits that add up."""

from collections.abc import Hashable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)

CNY = Decimal("0.00000001")
PRICE = Decimal("0.0001")


def fen_from_cny(amount: Decimal) -> int:
    """Round once, half up away from zero."""
    return int((amount * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def amount_cny(*, kwh: Decimal, price_cny_per_mwh: Decimal) -> Decimal:
    """Energy [kWh] at a price [CNY/MWh], unrounded."""
    return kwh * price_cny_per_mwh / 1000


def apportion(total: int, exact: Mapping[Key, Decimal]) -> dict[Key, int]:
    """Whole fen next to each exact amount [fen], adding up to `total` = the rounded sum of `exact`.

    Largest remainder; ties go to the smaller key (by text). Signs may be mixed.
    Raises ValueError where `total` is not within one fen of the exact sum: that is another pool.
    """
    shares = {key: Fraction(amount) for key, amount in exact.items()}
    if abs(sum(shares.values(), Fraction(0)) - total) >= 1:
        raise ValueError("apportion() splits the rounded sum of its amounts, nothing else")
    floors = {key: amount.__floor__() for key, amount in shares.items()}
    left = total - sum(floors.values())
    order = sorted(shares, key=lambda key: (floors[key] - shares[key], str(key)))
    winners = set(order[:left])
    return {key: floors[key] + (key in winners) for key in shares}


def split(total: int, weights: Mapping[Key, Decimal]) -> dict[Key, int]:
    """Split `total` fen by weights >= 0 (largest remainder; a negative pool by its size, negated).

    Raises ValueError for a negative weight, or where there is something to split and no weight.
    """
    if any(weight < 0 for weight in weights.values()):
        raise ValueError("weights must be >= 0")
    whole = sum((Fraction(weight) for weight in weights.values()), Fraction(0))
    if total == 0:
        return dict.fromkeys(weights, 0)
    if whole == 0:
        raise ValueError("nothing to split by: all weights are zero")
    size = abs(total)
    exact = {key: size * Fraction(weight) / whole for key, weight in weights.items()}
    floors = {key: amount.__floor__() for key, amount in exact.items()}
    left = size - sum(floors.values())
    order = sorted(exact, key=lambda key: (floors[key] - exact[key], str(key)))
    winners = set(order[:left])
    sign = 1 if total > 0 else -1
    return {key: sign * (floors[key] + (key in winners)) for key in exact}
