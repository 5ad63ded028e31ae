"""Does a set of curves keep what was asked? Written without the programme that made them."""

from dataclasses import dataclass

import numpy as np

from market.bids.domain.risk.curves import BidCurves
from market.bids.domain.risk.problem import CurveProblem

NEAR = 1e-6  # kW, and of a cost
RULES = ("falls", "above_certified", "below_certified", "reserved_up", "reserved_down", "not_a_lot", "locked", "risk_figures", "shape")


@dataclass(frozen=True)
class CurveViolation:
    """`rule` of RULES; `period` and `by_kw` (or CNY, for risk_figures) of the worst place."""

    rule: str
    period: int
    by: float


def check_curves(problem: CurveProblem, curves: BidCurves) -> tuple[CurveViolation, ...]:
    """Empty where the curves are monotone, in whole lots, inside certified less reserved capability, and leave closed gates alone;
    and where the risk figures follow from the scenarios' costs."""
    quantity = curves.quantity_kw
    if quantity.shape != problem.points_cny_per_kwh.shape or not np.isfinite(quantity).all():
        return (CurveViolation("shape", 0, np.inf),)
    closed = ~np.isnan(problem.locked_kw)
    least, most = problem.certified_least_kw[:, None], problem.certified_most_kw[:, None]
    off_lot = np.abs(quantity - np.round(quantity / curves.lot_kw) * curves.lot_kw)
    broken = {
        "falls": np.maximum(0.0, -np.diff(quantity, axis=1, prepend=quantity[:, :1])),
        "above_certified": np.where(closed[:, None], 0.0, quantity - most),
        "below_certified": np.where(closed[:, None], 0.0, least - quantity),
        "reserved_up": np.where(closed[:, None], 0.0, quantity + problem.reserved_up_kw[:, None] - most),
        "reserved_down": np.where(closed[:, None], 0.0, least + problem.reserved_down_kw[:, None] - quantity),
        "not_a_lot": np.where(closed[:, None], 0.0, off_lot),
        "locked": np.where(closed[:, None], np.abs(quantity - problem.locked_kw[:, None]), 0.0),
        "risk_figures": np.array([[_wrong_figures(curves)]]),
    }
    found = []
    for rule, by in broken.items():
        if by.max() > NEAR:
            found.append(CurveViolation(rule, int(by.max(axis=1).argmax()), float(by.max())))
    return tuple(found)


def _wrong_figures(curves: BidCurves) -> float:
    """How far mean and CVaR are from their definition, CVaR as the mean over the tail's probability."""
    cost = curves.scenario_cost_cny
    if cost is None or curves.expected_cost_cny is None or curves.cvar_cny is None:
        return 0.0
    left, tail = (1 - curves.confidence) * len(cost), 0.0
    for value in sorted(cost.tolist(), reverse=True):
        part = min(1.0, left)
        tail, left = tail + part * value, left - part
    tail /= (1 - curves.confidence) * len(cost)
    scale = max(1.0, float(np.abs(cost).max()))
    return max(abs(tail - curves.cvar_cny), abs(float(cost.mean()) - curves.expected_cost_cny)) / scale
