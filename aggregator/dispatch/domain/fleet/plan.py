"""One plan for a fleet: prices from the upper levels, schedules from exact best responses, and a certificate for the result."""

import time
from dataclasses import replace

import numpy as np
import pulp

from aggregator.dispatch.domain.fleet._watch import Clock, Watch
from aggregator.dispatch.domain.fleet.canonical import Canonical
from aggregator.dispatch.domain.fleet.certificate import asset_prices, lower_bound
from aggregator.dispatch.domain.fleet.cost import cost_of, flows_of, safe_moves
from aggregator.dispatch.domain.fleet.improve import improved
from aggregator.dispatch.domain.fleet.market_model import market_prices
from aggregator.dispatch.domain.fleet.mend import CROSSED_KW, crossed_kw
from aggregator.dispatch.domain.fleet.polish import polish
from aggregator.dispatch.domain.fleet.prices import Prices
from aggregator.dispatch.domain.fleet.problem import FleetProblem
from aggregator.dispatch.domain.fleet.reference import REFERENCE_GAP, solve_reference
from aggregator.dispatch.domain.fleet.responses import respond
from aggregator.dispatch.domain.fleet.result import Certificate, FleetPlan, Flows, Moves
from aggregator.dispatch.domain.fleet.site_model import site_prices
from aggregator.dispatch.domain.fleet.virtual import virtual_assets
from aggregator.dispatch.domain.fleet.warm import warm_up

REFERENCE_MOST = 120  # assets up to which the exact model is chosen: it answers in seconds
CUT_SHORT = ("timeout", "fallback")


def plan_fleet(
    problem: FleetProblem,
    *,
    deadline_s: float,
    threads: int = 1,
    polish_s: float = 0.0,
    mode: str | None = None,
    reference_gap_ratio: float = REFERENCE_GAP,
    seed: int = 0,
    clock: Clock = time.monotonic,
) -> FleetPlan:
    """The best plan found, with its bound; without a usable solver the safe plan, status "fallback", and no bound.

    deadline_s : wall time [s]. Past it nothing new is begun: status "timeout", the best plan so far, without a bound where the
                 prices came too late. One site's programme or one block of sites is finished first.
    threads    : for the guided sweeps and the sites' programmes; the plan does not depend on it.
    polish_s   : time [s] that may be spent on a smaller gap.
    mode       : "reference" (exact model, proven to `reference_gap_ratio`), "fleet", or None = by size.
    clock      : seconds, counted from anywhere.
    The order of sites and assets means nothing, see `canonical`.
    """
    ordered = Canonical(problem)
    problem = ordered.problem
    exact = mode == "reference" or (mode is None and problem.n_assets <= REFERENCE_MOST)
    warm_up()  # compiling is not planning: the deadline runs from here
    watch = Watch(clock, deadline_s)
    try:
        prices, notes = _prices(problem, threads, watch)
    except pulp.PulpSolverError as fault:
        prices, notes = None, (f"no prices: {fault}",)
    swept = _safe(problem, watch) if prices is None else _swept(problem, prices, watch, threads=threads, polish_s=polish_s, seed=seed)
    if not exact:
        return ordered.back(replace(swept, notes=notes))
    found = solve_reference(problem, deadline_s=watch.left_s, gap_ratio=reference_gap_ratio)
    found = replace(found, prices=prices, seconds={**watch.seconds, **found.seconds}, notes=(*notes, *found.notes))
    if prices is None or found.status not in CUT_SHORT:
        return ordered.back(found)
    return ordered.back(_better(found, swept))


def bounded(problem: FleetProblem, moves: Moves, flows: Flows, *, deadline_s: float, clock: Clock = time.monotonic) -> FleetPlan | None:
    """A plan that was found elsewhere, with the bound of the problem that it answers; None where no solver gives prices."""
    ordered, watch = Canonical(problem), Watch(clock, deadline_s)
    try:
        prices, notes = _prices(ordered.problem, 1, watch)
    except pulp.PulpSolverError:
        return None
    bound = lower_bound(ordered.problem, prices, best_answers_cny(ordered.problem, prices))
    safe = safe_moves(problem)
    certificate = Certificate(cost_of(problem, moves, flows), bound, cost_of(problem, safe, flows_of(problem, safe)))
    watch.lap("certificate")
    status = "timeout" if watch.is_over() else "at_gap"
    return FleetPlan(moves, flows, certificate, "fleet", status, watch.seconds, ordered.prices_back(prices), notes)


def _better(exact: FleetPlan, swept: FleetPlan) -> FleetPlan:
    """Where the exact model was cut short, the sweeps may know better; the higher of both bounds holds for either."""
    best = exact if exact.status != "fallback" and exact.certificate.cost_cny <= swept.certificate.cost_cny else swept
    bound = max(exact.certificate.lower_bound_cny, swept.certificate.lower_bound_cny)
    certificate = replace(best.certificate, lower_bound_cny=bound)
    return replace(best, status="timeout", certificate=certificate, seconds=exact.seconds, notes=exact.notes)


def _swept(problem: FleetProblem, prices: Prices, watch: Watch, *, threads: int, polish_s: float, seed: int) -> FleetPlan:
    """The bound first, which needs prices alone: then all time that is left may go into the plan."""
    bound = -np.inf if watch.is_over() else lower_bound(problem, prices, best_answers_cny(problem, prices))
    watch.lap("certificate")
    schedules = improved(problem, prices, watch, threads=threads, seed=seed)
    if polish_s > 0 and not watch.is_over():
        polish(problem, schedules, prices, seconds=min(polish_s, watch.left_s))
        watch.lap("polish")
    moves, safe = schedules.moves, safe_moves(problem)
    flows, safe_flows = flows_of(problem, moves, value_injection_cny_per_kwh=prices.mu_cny_per_kwh), flows_of(problem, safe)
    cost, safe_cost = cost_of(problem, moves, flows), cost_of(problem, safe, safe_flows)
    over = watch.is_over()
    if over and _rank(problem, safe, safe_flows, safe_cost) < _rank(problem, moves, flows, cost):
        moves, flows, cost = safe, safe_flows, safe_cost
    watch.lap("cost")
    return FleetPlan(moves, flows, Certificate(cost, bound, safe_cost), "fleet", "timeout" if over else "at_gap", watch.seconds, prices)


def _rank(problem: FleetProblem, moves: Moves, flows: Flows, cost_cny: float) -> tuple[float, float]:
    crossed = crossed_kw(problem, moves, flows)
    return (crossed if crossed > CROSSED_KW else 0.0, cost_cny)


def _prices(problem: FleetProblem, threads: int, watch: Watch) -> tuple[Prices, tuple[str, ...]]:
    """And what is to be told of them. Raises pulp.PulpSolverError where there is no HiGHS."""
    virtual = virtual_assets(problem)
    watch.lap("aggregate")
    market = market_prices(problem, virtual, deadline_s=watch.left_s)
    watch.lap("market")
    notes = () if market.solved else ("no value of the market in time: its middle price stands",)
    if market.sites is not None:
        return market.sites, notes
    prices, unpriced = site_prices(problem, virtual, market.mu_cny_per_kwh, threads=threads, is_over=watch.is_over)
    watch.lap("sites")
    return prices, notes if not unpriced else (*notes, f"{unpriced} of {len(problem.sites)} sites priced at their tariffs")


def _safe(problem: FleetProblem, watch: Watch) -> FleetPlan:
    """The plan for when no solver delivers prices: valid, without a bound."""
    moves = safe_moves(problem)
    flows = flows_of(problem, moves)
    cost = cost_of(problem, moves, flows)
    return FleetPlan(moves, flows, Certificate(cost, -np.inf, cost), "fleet", "fallback", watch.seconds)


def best_answers_cny(problem: FleetProblem, prices: Prices) -> float:
    """Sum over assets of the least own cost - h x price . injection, what a bound is made of."""
    rows = asset_prices(problem, prices)
    best = respond(
        problem,
        price_rows=rows.price_rows,
        row_of_store=rows.row_of_store,
        row_of_fill=rows.row_of_fill,
        row_of_call=rows.row_of_call,
        keep_schedules=False,
    )
    return best.total_cny
