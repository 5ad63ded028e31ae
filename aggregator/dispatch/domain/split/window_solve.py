"""Solving the model of a window: HiGHS first, CBC second, and no longer than there is time.

Calls of loads are what can take for ever. So the calls of the fast path are tried first, and calls in fractions, which say how
much better others could be at most.
"""

import time
from dataclasses import replace

import numpy as np
import pulp

from aggregator.dispatch.domain._bulk import BulkHighs
from aggregator.dispatch.domain._solver import FencedCbc
from aggregator.dispatch.domain.split.condense import MOST_COLUMNS
from aggregator.dispatch.domain.split.fairness import Rule
from aggregator.dispatch.domain.split.window import WindowProblem
from aggregator.dispatch.domain.split.window_model import Answer, WindowModel

MIP_GAP = 1e-3
MAX_NODES = 300  # what ends the search for calls; a busy machine does not change it
BINARY_S = 30.0  # the last resort
CALL_GAP = 2e-3  # of what the window costs: not worth looking for other calls
FEASIBLE = 1e-5
FEASIBLE_CBC = 1e-3
PULP_S = 0.05
PULP_S_PER_COLUMN = 1e-4
MOST_PIECES = 20_000  # beyond, sites' curves are made of classes of assets


def is_large(problem: WindowProblem) -> bool:
    """Whether the model has too many columns to have one for each asset."""
    return bool((problem.room_kw > 0).sum() > MOST_PIECES)


def seconds_needed(problem: WindowProblem) -> float:
    """What building and solving takes on a busy machine, about."""
    return PULP_S + PULP_S_PER_COLUMN * min(float((problem.room_kw > 0).sum()), MOST_COLUMNS)


def solve_window(
    problem: WindowProblem, *, rule: Rule, seconds: float, called: np.ndarray, keep_kw: np.ndarray | None = None, corners: bool = True
) -> Answer | None:
    """The best moves under `rule`; None where no solver delivers a plan in time.

    called (N, T): calls of the fast path. The model with these calls is a linear programme; with calls in fractions it says how
    much better other calls could be at most. Only where that is worth it, binaries decide, for a limited time.
    keep_kw (N, T): a split to stay as near to as the shortfall allows; then the rule's own cost does not count. corners: whether
    the answer of a linear model has to be one of its corners; if not, a large one is solved much faster.
    """
    ends = time.monotonic() + seconds
    free = WindowModel(problem, rule, keep_kw)
    if not free.integer:
        return _run(free, seconds, corners=corners)
    settled = _run(WindowModel(problem, rule, keep_kw, called=called), seconds / 2)
    bound = _run(WindowModel(problem, rule, keep_kw, relaxed=True), ends - time.monotonic())
    if settled is not None and bound is not None and settled.objective <= bound.objective + CALL_GAP * abs(bound.objective):
        return replace(settled, status="at_gap")
    found = _run(free, min(ends - time.monotonic(), BINARY_S))
    answers = [answer for answer in (found, settled) if answer is not None]
    if not answers:
        return None
    best = min(answers, key=lambda answer: answer.objective)
    return best if best is found else replace(best, status="timeout")


def _run(built: WindowModel, seconds: float, *, corners: bool = True) -> Answer | None:
    model = built.model
    ends = time.monotonic() + seconds
    for name, tolerance in (("highs", FEASIBLE), ("cbc", FEASIBLE_CBC)):
        left = ends - time.monotonic()
        if left <= 0:
            return None
        try:
            model.solve(_highs(left, built.integer, corners) if name == "highs" else FencedCbc(seconds=left))
        except Exception:  # noqa: BLE001  (whatever a solver throws, the next one or the fast path stands ready)
            continue
        found = model.sol_status in (pulp.LpSolutionOptimal, *([pulp.LpSolutionIntegerFeasible] if built.integer else []))
        if found and model.valid(tolerance):
            answer = built.read()
            if model.sol_status == pulp.LpSolutionOptimal:
                return answer
            by_nodes = name == "highs" and model.solverModel.getModelStatus().name == "kSolutionLimit"
            return replace(answer, status="at_gap" if by_nodes else "timeout")
        if model.sol_status == pulp.LpSolutionNoSolutionFound:  # time is up
            return None
    return None


def _highs(seconds: float, integer: bool, corners: bool) -> BulkHighs:
    if integer:
        return BulkHighs(time_limit=seconds, mip_rel_gap=MIP_GAP, mip_max_nodes=MAX_NODES)
    return BulkHighs(time_limit=seconds) if corners else BulkHighs(time_limit=seconds, solver="ipm", run_crossover="off")
