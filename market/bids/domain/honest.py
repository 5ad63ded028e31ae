"""How much may be promised: what the plan reaches, less what the weather may take, inside every limit."""

from dataclasses import dataclass
from decimal import Decimal
from statistics import NormalDist

import numpy as np

from market.bids.domain.steps import above, below

P10_CONFIDENCE = 0.9  # injection is above its own P10 with this probability


@dataclass(frozen=True)
class FirmOffer:
    """Change of injection above baseline [kW, >= 0] for the whole window, its price, and what bound it.

    A zero quantity is no offer; `limit` then says why. `solver_status` is the worst of the plans behind it.
    """

    injection_change_kw: Decimal
    price_cny_per_mwh: Decimal
    limit: str
    planned_kw: float
    margin_kw: float
    firm_kw: float
    solver_status: str = "fallback"


def margin_kw(*, expected_kw: np.ndarray, p10_kw: np.ndarray, confidence: float) -> float:
    """What the portfolio's mean injection of the window may fall short of its expectation [kW, >= 0].

    Shapes (n_window,). The distance to P10 is taken as fully correlated within the window (a cloudy
    afternoon stays cloudy) and stretched from 90 % to `confidence` as for a normal distribution.
    Raises ValueError for a confidence outside [0.5, 1).
    """
    if not 0.5 <= confidence < 1:
        raise ValueError("a confidence lies in [0.5, 1)")
    stretch = NormalDist().inv_cdf(confidence) / NormalDist().inv_cdf(P10_CONFIDENCE)
    return float(np.mean(np.maximum(0.0, expected_kw - p10_kw))) * stretch


def honest_quantity(
    *,
    planned_kw: float,
    margin_kw: float,
    firm_up_kw: np.ndarray,
    max_kw: float,
    min_kw: float,
    quantity_step_kw: Decimal,
    certified_kw: float = np.inf,
) -> tuple[Decimal, str]:
    """The quantity to offer and the limit that binds.

    Parameters
    ----------
    planned_kw : what the optimal plan holds above baseline through the window [kW].
    firm_up_kw : (n_window,) what the firm envelope can move up in each period [kW].
    max_kw, min_kw : most that the invitation asks for, least that the market takes [kW].
    certified_kw : what certificates allow [kW]; inf where none says.
    """
    limits = {"invitation_maximum": max_kw, "certificate": certified_kw}
    limits["firm_envelope"] = float(np.min(firm_up_kw, initial=np.inf))
    limits["forecast_margin"] = planned_kw - margin_kw
    binding = min(limits, key=lambda name: round(limits[name], 3))  # of equal ones the first is named
    quantity = below(max(0.0, min(limits.values())), quantity_step_kw)
    if quantity <= 0 or quantity < Decimal(repr(float(min_kw))):
        return Decimal(0), "market_minimum" if quantity > 0 else binding
    return quantity, binding


def price_of(*, cost_cny_per_mwh: float, markup_ratio: float, floor: Decimal, cap: Decimal, step: Decimal) -> Decimal | None:
    """Cost and the declared markup, up to the next tick; None where the cap does not even pay the cost.

    A markup that would pass the cap gives way; the cost never does.
    """
    highest = below(float(cap), step)
    if above(cost_cny_per_mwh, step) > highest:
        return None
    asked = above(cost_cny_per_mwh + markup_ratio * max(0.0, cost_cny_per_mwh), step)
    return min(max(asked, floor), highest)
