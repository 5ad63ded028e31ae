"""The fleet solved exactly: one PuLP model, for small fleets, for tests and for what the fast methods are measured against.

HiGHS first, CBC where HiGHS fails, the safe plan where both do. A solution counts only where the solver holds a feasible
point; the bound is the solver's own. Limits of owners may give way at CAP_CNY_PER_KWH; where they do, for a call that is
worth a sliver across a limit for instance, the model is solved again with limits that hold, and the first solution stands
only if there is none. Its bound is then that of all plans that cross limits by no more than it does.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pulp

from aggregator.dispatch.domain._bulk import BulkHighs, paused_collector
from aggregator.dispatch.domain._solver import CLOSED_GAP, FEASIBLE_CBC, MIP_GAP, FencedCbc
from aggregator.dispatch.domain.fleet._exact_model import ExactModel
from aggregator.dispatch.domain.fleet.cost import cost_of, flows_from, flows_of, injection_of_calls, safe_moves, site_injection
from aggregator.dispatch.domain.fleet.problem import CAP_CNY_PER_KWH, NO_PROFILE, FleetProblem
from aggregator.dispatch.domain.fleet.result import Certificate, FleetPlan, Flows, Moves

REFERENCE_GAP = 1e-4
MAX_NODES = 1000  # what ends a search that does not close its gap; a busy machine does not change it
CBC_LP_GAP = 1e-6  # its text has few digits
MOVING_KW = 1e-6
CROSSED_KWH = 1e-6
SIMPLEX_COLUMNS = 400_000  # above, a plain LP is left to the interior point: at 800,000 the simplex did not end in 500 s


@dataclass(frozen=True)
class _Found:
    """A solver's word on the model: a point is in its variables; status as in FleetPlan; bound of the model's objective."""

    status: str
    bound: float


@dataclass(frozen=True)
class _Parts:
    status: str
    moves: Moves
    flows: Flows
    cost: float
    bound: float
    crossed_kwh: float


def reference_model(problem: FleetProblem, *, relaxed_calls: bool = False) -> tuple[pulp.LpProblem, ExactModel]:
    """The model without any binary for the direction of stores, and what leads back from it. `relaxed_calls`: a plain LP."""
    with paused_collector():
        exact = ExactModel(problem, relaxed=relaxed_calls)
    return exact.model, exact


def solve_reference(
    problem: FleetProblem, *, deadline_s: float, gap_ratio: float = REFERENCE_GAP, relaxed_calls: bool = False
) -> FleetPlan:
    """The cheapest plan, proven to `gap_ratio`, or what is known of it after MAX_NODES nodes or about `deadline_s` [s].

    With `relaxed_calls` calls may be on in part and stores charge and discharge at once: not a schedule, but the bound
    that a linear model gives; cost and bound are the model's.
    """
    begun = time.monotonic()
    until = begun + deadline_s
    _, exact = reference_model(problem, relaxed_calls=relaxed_calls)
    built = time.monotonic()
    notes: list[str] = []
    found = _exactly(exact, until, gap_ratio, notes)
    best = None if found is None else _plan_parts(exact, found)
    if best is not None and best.crossed_kwh > CROSSED_KWH:
        exact.hold_limits()
        held = _exactly(exact, until, gap_ratio, notes)
        best = best if held is None else _plan_parts(exact, held)
    seconds = {"build": built - begun, "solve": time.monotonic() - built}
    safe = safe_moves(problem)
    safe_flows = flows_of(problem, safe)
    safe_cost = cost_of(problem, safe, safe_flows)
    if best is None:
        nothing = Certificate(safe_cost, -np.inf, safe_cost)
        return FleetPlan(safe, safe_flows, nothing, "reference", "fallback", seconds, notes=tuple(notes))
    certificate = Certificate(best.cost, min(best.bound, best.cost), safe_cost)
    return FleetPlan(best.moves, best.flows, certificate, "reference", best.status, seconds, notes=tuple(notes))


def _exactly(exact: ExactModel, until: float, gap_ratio: float, notes: list[str]) -> _Found | None:
    """Solve, and again with every binary that the solution shows to be missing. What goes wrong is added to `notes`."""
    found = _solve(exact, until, gap_ratio, notes)
    while found is not None and not exact.relaxed and _needs_direction(exact):
        found = _solve(exact, until, gap_ratio, notes)
    return found


def _plan_parts(exact: ExactModel, found: _Found) -> _Parts:
    """Read the point that is in the model's variables. The energy across limits is priced in the model, not in the cost."""
    problem, moves = exact.problem, _moves(exact)
    flows = _flows(exact, moves)
    crossed_kwh = problem.hours * sum(v.varValue for v in exact.slack)
    penalty = CAP_CNY_PER_KWH * crossed_kwh
    cost = float(pulp.value(exact.model.objective)) - penalty if exact.relaxed else cost_of(problem, moves, flows)
    return _Parts(found.status, moves, flows, cost, found.bound - penalty, crossed_kwh)


def _solve(exact: ExactModel, until: float, gap_ratio: float, notes: list[str]) -> _Found | None:
    """None without a feasible point. Never raises: whatever a solver throws is told, and the safe plan stands ready."""
    for name, solver in (("HiGHS", _with_highs), ("CBC", _with_cbc)):
        try:
            found = solver(exact.model, until, gap_ratio)
        except Exception as fault:  # noqa: BLE001
            notes.append(f"{name}: {type(fault).__name__}: {fault}")
            continue
        if found is not None:
            return found
        notes.append(f"{name}: no usable plan")
    return None


def _with_highs(model: pulp.LpProblem, until: float, gap_ratio: float) -> _Found | None:
    """A second try without presolve, which has called feasible models infeasible."""
    whole = bool(model.isMIP())
    method: dict[str, Any] = (
        {"solver": "ipm", "run_crossover": "off"} if not whole and model.numVariables() > SIMPLEX_COLUMNS else {"solver": "choose"}
    )
    for presolve in ("choose", "off"):
        left = until - time.monotonic()
        if left <= 0:
            return None
        model.solve(BulkHighs(time_limit=left, mip_rel_gap=gap_ratio, mip_max_nodes=MAX_NODES, presolve=presolve, **method))
        if model.sol_status != pulp.LpSolutionInfeasible:
            break
    if model.sol_status not in (pulp.LpSolutionOptimal, pulp.LpSolutionIntegerFeasible):
        return None
    info = model.solverModel.getInfo()
    proven = model.sol_status == pulp.LpSolutionOptimal
    if not whole:
        objective = info.objective_function_value
        inexact = 2 * info.primal_dual_objective_error * abs(objective)  # of an interior point
        return _Found("optimal", objective - inexact) if proven else _Found("timeout", -np.inf)
    by_nodes = model.solverModel.getModelStatus().name == "kSolutionLimit"
    status = "timeout" if not proven and not by_nodes else "optimal" if info.mip_gap <= CLOSED_GAP else "at_gap"
    return _Found(status, info.mip_dual_bound)


def _with_cbc(model: pulp.LpProblem, until: float, _: float) -> _Found | None:
    left = until - time.monotonic()
    if left <= 0:
        return None
    model.solve(FencedCbc(seconds=left))
    if model.sol_status not in (pulp.LpSolutionOptimal, pulp.LpSolutionIntegerFeasible) or not model.valid(FEASIBLE_CBC):
        return None
    if model.sol_status != pulp.LpSolutionOptimal:
        return _Found("timeout", -np.inf)
    # It stops at the gap that it was allowed, calls that optimal and does not tell which gap.
    objective, gap = float(pulp.value(model.objective)), MIP_GAP if model.isMIP() else CBC_LP_GAP
    return _Found("at_gap" if model.isMIP() else "optimal", objective - gap * abs(objective))


def _needs_direction(exact: ExactModel) -> bool:
    """Add binaries where a store charges and discharges at once and cannot do with the difference. False where none is missing.

    The difference is the same injection with less wear and more left in the store: only a full store cannot take it.
    Without the binary the model is a relaxation, so a solution that needs none is optimal.
    """
    added = 0
    for i, (charge, discharge) in enumerate(zip(exact.charge, exact.discharge, strict=True)):
        if not charge or not discharge:
            continue
        inward, outward = _values(charge), _values(discharge)
        both = np.minimum(inward, outward) > MOVING_KW
        if not both.any() or _can_net(exact, i, outward - inward):
            continue
        guarded = range(len(charge)) if i in exact.guarded else np.flatnonzero(both).tolist()
        added += sum(exact.one_way(i, k) for k in guarded)
    return added > 0


def _can_net(exact: ExactModel, i: int, injection_kw: np.ndarray) -> bool:
    """Whether a store can follow the injection of its window with one direction at a time, and is worth no less at its end."""
    stores, profiles, h = exact.problem.stores, exact.problem.profiles, exact.problem.hours
    first, profile, level = int(stores.first[i]), int(stores.profile[i]), float(stores.initial_kwh[i])
    if stores.end_value_cny_per_kwh[i] < 0:
        return False
    for k, kw in enumerate(injection_kw.tolist()):
        level = level * stores.keep_ratio[i] + h * (-kw * stores.eta_in[i] if kw < 0 else -kw / stores.eta_out[i])
        most = stores.max_kwh[i]
        if profile != NO_PROFILE:
            level, most = level + profiles.drift_kwh[profile, first + k], profiles.max_kwh[profile, first + k]
        if level > most + MOVING_KW:
            return False
    return True


def _values(variables: list[pulp.LpVariable]) -> np.ndarray:
    return np.array([v.varValue for v in variables])


def _moves(exact: ExactModel) -> Moves:
    problem, n = exact.problem, exact.problem.periods
    stores, fills, calls = problem.stores, problem.fills, problem.calls
    store_kw, fill_kw, call_kw = (np.zeros((len(part), n)) for part in (stores, fills, calls))
    for i, (charge, discharge) in enumerate(zip(exact.charge, exact.discharge, strict=True)):
        window = slice(stores.first[i], stores.end[i])
        for sign, variables in ((-1.0, charge), (1.0, discharge)):
            if variables:
                store_kw[i, window] += sign * _values(variables).clip(0.0, None)
    for i, variables in enumerate(exact.fill):
        fill_kw[i, fills.first[i] : fills.end[i]] = -_values(variables).clip(0.0, fills.charge_kw[i])
    charged = -problem.hours * fills.eta_in * fill_kw.sum(axis=1)
    fill_kw *= np.divide(fills.need_kwh, charged, out=np.ones(len(fills)), where=charged > 0)[:, None]  # a solver's last digits
    on = np.zeros((len(calls), n), dtype=bool)
    for i, call in enumerate(exact.call):
        on[i, call.begin : call.begin + len(call.on)] = _values(call.on) > 0.5
        for t, terms in call.terms.items():
            call_kw[i, t] = sum(v.varValue * c for v, c in terms)
    if exact.relaxed:
        return Moves(store_kw, fill_kw, call_kw, on)
    whole = injection_of_calls(problem, on)  # without a solver's last digits
    return Moves(store_kw, fill_kw, np.where(calls.whole[:, None], whole, call_kw.clip(0.0, whole)), on)


def _flows(exact: ExactModel, moves: Moves) -> Flows:
    """The model's generation; import and export from the balance, never both."""
    used = np.zeros_like(exact.problem.sites.generation_kw)
    for e, by_period in enumerate(exact.generation):
        for t, v in by_period.items():
            used[e, t] = min(max(v.varValue, 0.0), v.upBound)
    return flows_from(exact.problem, site_injection(exact.problem, moves), used)
