"""The risk behind an offer as plain figures: what is stored with a bid and shown before it is approved."""

from decimal import Decimal
from typing import Any

import numpy as np

from market.bids.domain.offer import SpotOffer
from market.bids.domain.scenarios import JointScenarios
from market.bids.domain.steps import cleared_kw

KW_PER_MW = 1000
PRICE_DIGITS = 4
RELIEF_DIGITS = 0  # an interior point leaves some watt-hours of dust


def scenario_rows(offer: SpotOffer, scenarios: JointScenarios, *, hours: float) -> list[dict[str, Any]]:
    """One row per scenario: its days, what it costs, the position that its prices accept and what is then delivered [MWh injection].

    The position is that of the steps as they are offered; delivered is without what demand response orders, so that the two
    differ by the deviation. Cost, delivery and relief are None where no curves stand.
    """
    positions = accepted_mwh(offer, scenarios, hours=hours)
    curves, asked = offer.curves, offer.asked
    delivered = None
    if curves is not None and asked is not None and curves.delivered_kw is not None:
        ordered_kw = asked.baseline_injection_kw - offer.position_kw
        delivered = (curves.delivered_kw - ordered_kw).sum(axis=1) * hours / KW_PER_MW
    return [
        {
            "day": scenarios.days[s].isoformat(),
            "availability": scenarios.labels[s],
            "probability": 1 / len(scenarios),
            "cost_cny": _at(None if curves is None else curves.scenario_cost_cny, s, digits=2),
            "price_mean_cny_per_mwh": round(float(scenarios.prices_cny_per_mwh[s].mean()), PRICE_DIGITS),
            "accepted_mwh": round(positions[s], 3),
            "delivered_mwh": _at(delivered, s, digits=3),
            "relief_kwh": _at(None if curves is None else curves.relief_kwh, s, digits=RELIEF_DIGITS),
        }
        for s in range(len(scenarios))
    ]


def accepted_mwh(offer: SpotOffer, scenarios: JointScenarios, *, hours: float) -> list[float]:
    """The day's position at each scenario's prices, by the steps alone; a period that no step accepts has none."""
    return [
        hours / KW_PER_MW * sum(float(cleared_kw(steps, _price(price)) or 0) for steps, price in zip(offer.steps, row, strict=True))
        for row in scenarios.prices_cny_per_mwh
    ]


def _price(cny_per_mwh: float) -> Decimal:
    return Decimal(repr(round(float(cny_per_mwh), PRICE_DIGITS)))


def _at(values: np.ndarray | None, s: int, *, digits: int) -> float | None:
    return None if values is None else round(float(values[s]), digits)
