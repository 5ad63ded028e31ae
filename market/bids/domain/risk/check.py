"""Does a set of curves keep what was asked? Written without the programme that made them."""

from dataclasses import dataclass

import numpy as np

from market.bids.domain.risk.curves import BidCurves
from market.bids.domain.risk.problem import CurveProblem
from market.bids.domain.risk.reserve import OfferedReserve

NEAR = 1e-9  # of the largest quantity that is certified or locked, and of a cost: binary fractions, no more
RULES = (
    *("falls", "above_certified", "below_certified", "reserved_up", "reserved_down", "not_a_lot", "locked", "risk_figures", "shape"),
    *("reserve_lot", "reserve_closed", "reserve_not_held", "sold_twice_up", "sold_twice_down"),
)


@dataclass(frozen=True)
class CurveViolation:
    """`rule` of RULES; `period` (of the reserve rules but sold_twice: block), and by how many kW at the worst place (risk_figures: by
    what part of the largest cost)."""

    rule: str
    period: int
    by: float


def check_curves(problem: CurveProblem, curves: BidCurves) -> tuple[CurveViolation, ...]:
    """Empty where the curves are monotone, in whole lots, inside certified less reserved capability, and leave closed gates alone;
    where the risk figures follow from the scenarios' costs; and where the reserve is held, and sold once."""
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
    broken |= _of_reserve(problem, curves)
    near_kw, found = _near_kw(problem, curves), []
    for rule, by in broken.items():
        if by.max() > (NEAR if rule == "risk_figures" else near_kw):
            found.append(CurveViolation(rule, int(by.max(axis=1).argmax()), float(by.max())))
    return tuple(found)


def _of_reserve(problem: CurveProblem, curves: BidCurves) -> dict[str, np.ndarray]:
    """Energy, demand response and reserve of a direction are different kilowatts: by what any scenario accepts, they fit together."""
    terms, offered = problem.reserve, curves.reserve
    if terms is None or offered is None:
        return {}
    both = np.array([offered.up_kw, offered.down_kw])
    open_, held = np.array([terms.up_open, terms.down_open]), np.array([offered.held.up_kw.sum(axis=0), offered.held.down_kw.sum(axis=0)])
    lots = np.round(both / terms.lot_kw)
    few = np.where(both > 0, np.maximum(0.0, terms.least_kw - both), 0.0)
    up, down = offered.up_kw[terms.block], offered.down_kw[terms.block]
    closed = ~np.isnan(problem.locked_kw)  # an ordered movement may be all that is certified, and more: then nothing else is sold
    above = (curves.accepted_kw + problem.reserved_up_kw + up - problem.certified_most_kw).max(axis=0)
    below = (problem.certified_least_kw + problem.reserved_down_kw + down - curves.accepted_kw).max(axis=0)
    return {
        "reserve_lot": (np.abs(both - lots * terms.lot_kw) + few).max(axis=0)[:, None],
        "reserve_closed": (both - np.where(open_, [[terms.up_most_kw], [terms.down_most_kw]], 0.0)).max(axis=0)[:, None],
        "reserve_not_held": np.maximum(np.abs(held - both).max(axis=0), _beyond_stores(problem, offered))[:, None],
        "sold_twice_up": np.where(closed & (up <= 0), 0.0, above)[:, None],
        "sold_twice_down": np.where(closed & (down <= 0), 0.0, below)[:, None],
    }


def _near_kw(problem: CurveProblem, curves: BidCurves) -> float:
    bounds = (problem.certified_least_kw, problem.certified_most_kw, np.nan_to_num(problem.locked_kw))
    return NEAR * max(curves.lot_kw, *(float(np.abs(bound).max()) for bound in bounds))


def _beyond_stores(problem: CurveProblem, offered: OfferedReserve) -> np.ndarray:
    """(B,) what is held beyond a store's own reserve, or beyond the energy that lies between its bounds [kW]."""
    terms, worst = problem.reserve, np.zeros(len(offered.up_kw))
    assert terms is not None
    for row, (p, k) in enumerate(problem.reserve_stores):
        store, up, down = problem.parks[p].stores[k], offered.held.up_kw[row], offered.held.down_kw[row]
        span_kwh = np.array([(store.max_kwh - store.min_kwh)[terms.block == b].min() for b in range(len(up))])
        wanted_kwh = terms.lasting_hours * (up / store.eta_out + down * store.eta_in)
        lacks = [up - store.reserve_up_kw, down - store.reserve_down_kw, (wanted_kwh - span_kwh) / terms.lasting_hours]
        worst = np.maximum(worst, np.max(lacks, axis=0))
    return worst


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
