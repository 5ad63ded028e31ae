"""Monotone bid curves with CVaR: solved, rounded to lots, priced by definition; flat at the baseline where no solver delivers."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from aggregator.dispatch.domain import STATUSES
from market.bids.domain.risk._lots import Lots, filled
from market.bids.domain.risk._reserve_lots import offered_reserve, too_small
from market.bids.domain.risk._solve import SOLVERS, Search, Solution
from market.bids.domain.risk.delivery import delivered_kw, scenario_costs
from market.bids.domain.risk.measures import conditional_value_at_risk, value_at_risk, weighed
from market.bids.domain.risk.problem import CurveProblem, CurveRefused, accepted_kw, in_units, unit_of
from market.bids.domain.risk.reserve import HeldReserve, OfferedReserve

OPTIMAL, AT_GAP, _, FALLBACK = STATUSES
CLOSED_GAP = 1e-6
TIE = 1e-3  # weight that the mean keeps: scenarios outside the tail are to be run sensibly too


@dataclass(frozen=True)
class BidCurves:
    """`quantity_kw` (n, K) at the problem's price points, non-decreasing; change of injection against the baseline.

    Costs [CNY] are those of the rounded curves with a delivery that was checked: scenario_cost_cny (S,), their mean, value at
    risk and CVaR at `confidence`, and objective = (1 - risk_weight) mean + risk_weight CVaR. No curves, rounded or not, have an
    objective under lower_bound_cny. status: optimal (gap closed), at_gap, fallback (flat at the baseline: then no cost is known).
    accepted_kw, delivered_kw (S, n): what each scenario accepts and gets (baseline included); relief_kwh (S,): what a
    scenario's load needs beyond its connections, zero where the scenarios are sound. `reserve`: what is offered beside the curves;
    what it earns is in every cost. `seconds` of wall time per stage.
    """

    quantity_kw: np.ndarray
    lot_kw: float
    confidence: float
    risk_weight: float
    accepted_kw: np.ndarray
    status: str
    solver: str
    seconds: dict[str, float]
    scenario_cost_cny: np.ndarray | None = None
    expected_cost_cny: float | None = None
    cvar_cny: float | None = None
    value_at_risk_cny: float | None = None
    objective_cny: float | None = None
    lower_bound_cny: float | None = None
    delivered_kw: np.ndarray | None = None
    relief_kwh: np.ndarray | None = None
    reserve: OfferedReserve | None = None

    def with_reserve(self, reserve: OfferedReserve) -> "BidCurves":
        """The same curves with less reserve beside them: every cost is dearer by what it no longer earns."""
        assert self.reserve is not None
        lost = self.reserve.income_cny - reserve.income_cny
        money = ("scenario_cost_cny", "expected_cost_cny", "cvar_cny", "value_at_risk_cny", "objective_cny")
        dearer = {name: getattr(self, name) + lost for name in money if getattr(self, name) is not None}
        return replace(self, reserve=reserve, **dearer)

    @property
    def gap_ratio(self) -> float | None:
        """(objective - bound) / |objective|; None where either is unknown."""
        if self.lower_bound_cny is None or not self.objective_cny:
            return None
        return (self.objective_cny - self.lower_bound_cny) / abs(self.objective_cny)


def bid_curves(
    problem: CurveProblem,
    *,
    confidence: float = 0.9,
    risk_weight: float = 0.5,
    deadline_s: float,
    lot_kw: float,
    solvers: Sequence[str] = SOLVERS,
) -> BidCurves:
    """Curves for all open periods at once, within about `deadline_s` [s of wall time]; never an exception for lack of a solver.

    risk_weight 0 minimises the mean, 1 the mean of the dearest 1 - confidence only. `solvers` are tried in turn. Raises
    CurveRefused where confidence or weight are none, or where no whole lot lies inside the quantity's bounds.
    """
    if not 0 < confidence < 1 or not 0 <= risk_weight <= 1 or lot_kw <= 0:
        raise CurveRefused(why="a confidence lies in (0, 1), a risk weight in [0, 1], and a lot is above zero")
    until = time.monotonic() + deadline_s
    Lots(problem, lot_kw)  # refused before anything is solved
    unit_kw = unit_of([*problem.quantity_bounds_kw, np.array([park.import_limit_kw for park in problem.parks])])
    search = Search(in_units(problem, unit_kw), confidence, min(risk_weight, 1 - TIE), solvers, until)
    solution = _with_whole_reserve(search)
    if solution is None:  # the baseline at any price
        flat = Lots(problem, lot_kw).rounded(np.zeros(problem.points_cny_per_kwh.shape))
        return BidCurves(flat, lot_kw, confidence, risk_weight, accepted_kw(problem, flat), FALLBACK, "", search.seconds)
    return _priced(search, solution, problem=problem, lot_kw=lot_kw, unit_kw=unit_kw, risk_weight=risk_weight)


def _with_whole_reserve(search: Search) -> Solution | None:
    """Where a block holds less reserve than may be offered, once more without it: what it kept free is of use elsewhere.

    The bound stays that of the first solve, which was free to offer anything.
    """
    first = search.run()
    terms = search.problem.reserve
    if first is None or terms is None or first.held is None:
        return first
    up, down = too_small(terms, first.held)
    if not (up.any() or down.any()):
        return first
    search.problem = replace(search.problem, reserve=terms.without(up, down))
    again = search.run()
    return first if again is None else replace(again, lower_bound=first.lower_bound)


def _offered(problem: CurveProblem, held: HeldReserve | None, *, unit_kw: float, lot_kw: float) -> OfferedReserve | None:
    if problem.reserve is None or held is None:
        return None
    whole = HeldReserve(held.up_kw * unit_kw, held.down_kw * unit_kw)
    return offered_reserve(problem, problem.reserve, whole, curve_lot_kw=lot_kw)


def _lots(problem: CurveProblem, reserve: OfferedReserve | None, lot_kw: float) -> Lots:
    """Of the curves: what is offered as reserve is no longer theirs."""
    if problem.reserve is None or reserve is None:
        return Lots(problem, lot_kw)
    up, down = (np.where(problem.locked, 0.0, kw[problem.reserve.block]) for kw in (reserve.up_kw, reserve.down_kw))
    return Lots(replace(problem, reserved_up_kw=problem.reserved_up_kw + up, reserved_down_kw=problem.reserved_down_kw + down), lot_kw)


def _priced(search: Search, found: Solution, *, problem: CurveProblem, lot_kw: float, unit_kw: float, risk_weight: float) -> BidCurves:
    """Rounded, and priced as rounded: the delivery stays, what it differs from the accepted lots is a deviation."""
    reserve = _offered(problem, found.held, unit_kw=unit_kw, lot_kw=lot_kw)
    quantity_kw = _lots(problem, reserve, lot_kw).rounded(filled(search.problem, found.quantity) * unit_kw)
    accepted = accepted_kw(problem, quantity_kw)
    cost = unit_kw * scenario_costs(search.problem, found.flows, accepted / unit_kw)
    if reserve is not None:
        cost = cost - reserve.income_cny
    objective = weighed(cost, confidence=search.confidence, risk_weight=risk_weight)
    bound = found.lower_bound * unit_kw
    return BidCurves(
        quantity_kw=quantity_kw,
        lot_kw=lot_kw,
        confidence=search.confidence,
        risk_weight=risk_weight,
        accepted_kw=accepted,
        status=OPTIMAL if objective - bound <= CLOSED_GAP * abs(objective) else AT_GAP,
        solver=found.solver,
        seconds=search.seconds,
        scenario_cost_cny=cost,
        expected_cost_cny=float(cost.mean()),
        cvar_cny=conditional_value_at_risk(cost, search.confidence),
        value_at_risk_cny=value_at_risk(cost, search.confidence),
        objective_cny=objective,
        lower_bound_cny=bound if np.isfinite(bound) else None,
        delivered_kw=delivered_kw(found.flows) * unit_kw,
        relief_kwh=problem.hours * unit_kw * np.sum([flow.relief_kw.sum(axis=1) for flow in found.flows], axis=0),
        reserve=reserve,
    )
