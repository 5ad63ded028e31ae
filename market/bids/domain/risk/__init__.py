"""Monotone bid curves with CVaR (docs/bid-curves.md): scenarios and summed flexibility in, price-quantity curves and their risk out."""

from market.bids.domain.risk.check import CurveViolation, check_curves
from market.bids.domain.risk.curves import BidCurves, bid_curves
from market.bids.domain.risk.measures import conditional_value_at_risk, value_at_risk
from market.bids.domain.risk.problem import (
    CurveProblem,
    CurveRefused,
    VirtualFill,
    VirtualLoad,
    VirtualPark,
    VirtualStore,
    accepted_kw,
    price_points,
)
from market.bids.domain.risk.reserve import HeldReserve, OfferedReserve, ReserveTerms

__all__ = [
    "BidCurves",
    "CurveProblem",
    "CurveRefused",
    "CurveViolation",
    "HeldReserve",
    "OfferedReserve",
    "ReserveTerms",
    "VirtualFill",
    "VirtualLoad",
    "VirtualPark",
    "VirtualStore",
    "accepted_kw",
    "bid_curves",
    "check_curves",
    "conditional_value_at_risk",
    "price_points",
    "value_at_risk",
]
