"""Exact per-period money: whole watt-hours at a four-decimal price have ten decimals of yuan."""

from dataclasses import dataclass
from decimal import Decimal

WH_PER_MWH = 1_000_000
CNY_EXACT = Decimal("0.0000000001")


def amount_cny(*, wh: int, price_cny_per_mwh: Decimal) -> Decimal:
    """Energy [Wh] at a price [CNY/MWh], unrounded."""
    return (Decimal(wh) * price_cny_per_mwh / WH_PER_MWH).quantize(CNY_EXACT)


@dataclass(frozen=True)
class PeriodAmount:
    """What one period contributes to a line. `index` counts from the delivery day's first period."""

    index: int
    wh: int
    price_cny_per_mwh: Decimal

    @property
    def amount_cny(self) -> Decimal:
        return amount_cny(wh=self.wh, price_cny_per_mwh=self.price_cny_per_mwh)
