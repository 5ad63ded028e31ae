"""Two-settlement spot: day-ahead against the contract curve, deviation at the real-time price.

rules of the market in docs/settlement.md section 2; injections, so that a positive amount is received.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from market.settlement.domain._amounts import PeriodAmount

Readings = Sequence[int | None]


@dataclass(frozen=True)
class Terms:
    """One period: contract, day-ahead and actual quantity [MWh] with their prices [CNY/MWh]."""

    contract_mwh: Decimal
    contract_price: Decimal
    day_ahead_mwh: Decimal
    day_ahead_price: Decimal
    actual_mwh: Decimal
    real_time_price: Decimal


def two_settlement_cny(of: Terms) -> Decimal:
    """Q_mlt P_mlt + (Q_da - Q_mlt) P_da + (Q_act - Q_da) P_rt [CNY], exact."""
    contract = of.contract_mwh * of.contract_price
    ahead = (of.day_ahead_mwh - of.contract_mwh) * of.day_ahead_price
    return contract + ahead + (of.actual_mwh - of.day_ahead_mwh) * of.real_time_price


def difference_form_cny(of: Terms) -> Decimal:
    """The same as contracts for difference: Q_act P_rt + Q_da (P_da - P_rt) + Q_mlt (P_mlt - P_da) [CNY], exact."""
    actual = of.actual_mwh * of.real_time_price
    ahead = of.day_ahead_mwh * (of.day_ahead_price - of.real_time_price)
    return actual + ahead + of.contract_mwh * (of.contract_price - of.day_ahead_price)


def day_ahead(*, nominated_wh: Sequence[int], contract_wh: Sequence[int], prices: Sequence[Decimal]) -> tuple[PeriodAmount, ...]:
    """(Q_da - Q_mlt) at the day-ahead price, per period."""
    rows = zip(nominated_wh, contract_wh, prices, strict=True)
    return tuple(PeriodAmount(t, nominated - contracted, price) for t, (nominated, contracted, price) in enumerate(rows))


def deviation(
    *, metered_wh: Readings, credited_wh: Sequence[int], nominated_wh: Sequence[int], prices: Sequence[Decimal]
) -> tuple[PeriodAmount, ...]:
    """(Q_act - Q_dr - Q_da) at the real-time price, per period; a period without reading has no amount."""
    rows = zip(metered_wh, credited_wh, nominated_wh, prices, strict=True)
    return tuple(
        PeriodAmount(t, metered - credited - nominated, price)
        for t, (metered, credited, nominated, price) in enumerate(rows)
        if metered is not None
    )


def missing(metered_wh: Readings) -> tuple[int, ...]:
    """Periods without a reading."""
    return tuple(t for t, metered in enumerate(metered_wh) if metered is None)
