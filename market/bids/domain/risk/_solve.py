"""Solvers for the curves' programme, the best first; a point is believed only where the delivery behind it is possible."""

import gc
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pulp

from aggregator.dispatch.domain import BulkHighs
from aggregator.dispatch.domain._solver import FencedCbc
from market.bids.domain.risk._bound import dual_bound
from market.bids.domain.risk._model import CurveModel
from market.bids.domain.risk._natural import likely_tail
from market.bids.domain.risk._reserve_check import worst_reserve_violation
from market.bids.domain.risk.delivery import ParkFlows, scenario_costs, worst_violation
from market.bids.domain.risk.measures import value_at_risk
from market.bids.domain.risk.problem import CurveProblem, accepted_kw
from market.bids.domain.risk.reserve import HeldReserve

SOLVERS = ("highs_ipm", "highs_simplex", "cbc")
IPM_TOLERANCE = 1e-5  # a lot is coarser, and the gap that is left is told
NEAR = 1e-5  # of the problem's unit: what a point may break before it is not believed


@dataclass
class Solution:
    """`quantity` (n, K) and the reserve `held` before rounding, the delivery behind them, and a cost under which no curves are,
    -inf where unknown."""

    quantity: np.ndarray
    flows: tuple[ParkFlows, ...]
    lower_bound: float
    solver: str
    held: HeldReserve | None


@dataclass
class Search:
    """Looks for the best curves of a problem (in its natural unit) until a wall time; `seconds` says where it went."""

    problem: CurveProblem
    confidence: float
    risk_weight: float
    solvers: Sequence[str]
    until: float
    seconds: dict[str, float] = field(default_factory=lambda: {"build": 0.0, "solve": 0.0, "check": 0.0})

    def run(self) -> Solution | None:
        """The scenarios that may be in the tail are guessed; where the guess was wrong, all of them are taken in."""
        best = None
        for tail in self._tails():
            found = self._with_tail(tail)
            best = found or best
            if found is None or not self._missed(found, tail):
                break
        return best

    def _tails(self) -> Iterator[np.ndarray]:
        everyone = np.ones(self.problem.scenarios, dtype=bool)
        if self.risk_weight == 0:
            yield ~everyone
            return
        likely = likely_tail(self.problem, confidence=self.confidence)
        yield likely
        if not likely.all():
            yield everyone

    def _missed(self, found: Solution, tail: np.ndarray) -> bool:
        """Whether a scenario that was left out is dearer than the tail's edge."""
        cost = scenario_costs(self.problem, found.flows, accepted_kw(self.problem, found.quantity))
        return bool((cost[~tail] > value_at_risk(cost, self.confidence) + NEAR * np.abs(cost).max()).any())

    def _with_tail(self, tail: np.ndarray) -> Solution | None:
        with self._timed("build"), _uncollected():
            model = CurveModel(self.problem, confidence=self.confidence, risk_weight=self.risk_weight, tail=tail)
        for name in self.solvers:
            with self._timed("solve"):
                solved = self._solve(model.program, name)
            if not solved:
                continue
            with self._timed("check"):
                flows, held = model.flows(), model.held()
                if max(worst_violation(self.problem, flows), worst_reserve_violation(self.problem, flows, held)) <= NEAR:
                    return Solution(model.quantity_kw(), flows, dual_bound(model), name, held)
        return None

    def _solve(self, program: pulp.LpProblem, name: str) -> bool:
        left_s = self.until - time.monotonic()
        if left_s <= 0:
            return False
        try:
            program.solve(_solver(name, left_s))
        except Exception:  # noqa: BLE001  (whatever a solver throws, the next one stands ready)
            return False
        return bool(program.sol_status == pulp.LpSolutionOptimal)

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        begun = time.monotonic()
        yield
        self.seconds[stage] += time.monotonic() - begun


def _solver(name: str, seconds: float) -> pulp.LpSolver:
    if name == "highs_ipm":  # no crossover: bids need no vertex
        return BulkHighs(solver="ipm", run_crossover="off", ipm_optimality_tolerance=IPM_TOLERANCE, time_limit=seconds)
    if name == "highs_simplex":
        return BulkHighs(solver="simplex", time_limit=seconds)
    return FencedCbc(seconds=seconds)


@contextmanager
def _uncollected() -> Iterator[None]:
    """200,000 objects are made and none is garbage: looking for some takes as long as making them."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
