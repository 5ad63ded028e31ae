"""What stands behind a bid: the curves at single prices and in single periods, the scenarios, and the risk of their cost."""

from dataclasses import dataclass
from typing import Any

from aggregator.kernel.periods import delivery_day
from market.bids.queries import BidFacts, BidRisk, BidScenario, steps_of
from vpp.charting import edges, wall

NOTHING_KWH = 0.05
LEVELS = 6  # prices that the fan of curves is drawn at


@dataclass(frozen=True)
class Curves:
    """JSON for the charts: every period's steps, and what is offered at a few prices through the day [kW injection]."""

    as_json: dict[str, Any]
    levels: list[float]


def price_curves(facts: BidFacts) -> Curves | None:
    """None where the bid has no curves: no steps, or a fixed quantity (demand response)."""
    steps = {at: [(float(s.price_cny_per_mwh), float(s.injection_kw)) for s in rows] for at, rows in steps_of(bid_id=facts.id).items()}
    if facts.product != "spot" or not steps:
        return None
    grid = delivery_day(facts.delivery_day, resolution=facts.resolution)
    levels = _levels(sorted({price for rows in steps.values() for price, _ in rows}))
    periods = [{"at": wall(at), "steps": steps.get(at, [])} for at in grid.starts]
    fan = [{"price": level, "kw": [_at(steps.get(at, []), level) for at in grid.starts]} for level in levels]
    return Curves({"edges": edges(grid), "periods": periods, "fan": fan}, levels)


def _levels(prices: list[float]) -> list[float]:
    """All of them where they are few; else prices from the lowest to the highest at which something changes."""
    if len(prices) <= LEVELS:
        return prices
    return [prices[round(k * (len(prices) - 1) / (LEVELS - 1))] for k in range(LEVELS)]


def _at(steps: list[tuple[float, float]], price: float) -> float | None:
    """What the steps offer at a price; None below the first of them."""
    offered = [kw for at, kw in steps if at <= price]
    return offered[-1] if offered else None


@dataclass(frozen=True)
class RiskPicture:
    """Scenarios with the dearest first, those of the tail marked; `weighed_cny` is what was minimised.

    `beyond_kwh`: own load that does not fit through the connections, in the mean of the scenarios; None where that is next to nothing.
    """

    risk: BidRisk
    beyond_kwh: float | None
    rows: list[tuple[BidScenario, bool]]
    weighed_cny: float | None
    gap_cny: float | None
    as_json: dict[str, Any] | None


def risk_picture(risk: BidRisk) -> RiskPicture:
    """Without figures (the fallback) there is no picture, and the scenarios stand as they came."""
    if risk.expected_cost_cny is None or risk.cvar_cny is None or risk.value_at_risk_cny is None or risk.weight is None:
        return RiskPicture(risk, None, [(one, False) for one in risk.scenarios], None, None, None)
    known = sorted((one for one in risk.scenarios if one.cost_cny is not None), key=lambda one: -(one.cost_cny or 0.0))
    rows = [(one, (one.cost_cny or 0.0) >= risk.value_at_risk_cny) for one in known]
    weighed = (1 - risk.weight) * risk.expected_cost_cny + risk.weight * risk.cvar_cny
    bars = [{"name": one.day.isoformat(), "cny": one.cost_cny, "tail": tail} for one, tail in reversed(rows)]
    marks = {
        "mean": risk.expected_cost_cny,
        "var": risk.value_at_risk_cny,
        "cvar": risk.cvar_cny,
        "weighed": weighed,
    }
    gap = None if risk.lower_bound_cny is None else weighed - risk.lower_bound_cny
    beyond = risk.relief_kwh if risk.relief_kwh is not None and risk.relief_kwh >= NOTHING_KWH else None
    return RiskPicture(risk, beyond, rows, weighed, gap, {"bars": bars, "marks": marks})
