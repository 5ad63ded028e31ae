"""One plan for a fleet: prices from the upper levels, schedules from exact best responses, and a certificate for the result."""

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pulp

from aggregator.dispatch.domain.fleet._columns import group_sums
from aggregator.dispatch.domain.fleet._sweep import CALLS, FILLS, STORES
from aggregator.dispatch.domain.fleet.certificate import asset_prices, lower_bound
from aggregator.dispatch.domain.fleet.cost import cost_of, flows_of, safe_moves
from aggregator.dispatch.domain.fleet.market_model import market_prices
from aggregator.dispatch.domain.fleet.polish import polish
from aggregator.dispatch.domain.fleet.prices import Prices
from aggregator.dispatch.domain.fleet.problem import FleetProblem
from aggregator.dispatch.domain.fleet.reference import REFERENCE_GAP, solve_reference
from aggregator.dispatch.domain.fleet.responses import respond
from aggregator.dispatch.domain.fleet.result import Certificate, FleetPlan, Flows, Moves
from aggregator.dispatch.domain.fleet.schedules import Schedules
from aggregator.dispatch.domain.fleet.site_model import site_prices
from aggregator.dispatch.domain.fleet.virtual import virtual_assets

REFERENCE_MOST = 120  # assets up to which the exact model is chosen: it answers in seconds
CUT_SHORT = ("timeout", "fallback")
ALL = FILLS | CALLS | STORES
# Guided sweeps: who answers, and with how little faith in the local price. Loads come second: before stores shave the peak, calling
# them for it seems to pay, and no single move would undo that.
GUIDED = ((STORES | FILLS, 0.005), (ALL, 0.03))
TOGETHER = ((ALL, 0.005), (ALL, 0.03))
CROSSED_KW = 1e-3
BOTH_MOST = 5000  # assets up to which both are tried where peaks are charged
LAST_SLOPE = 0.1  # of the guided sweep that reads the market itself
SMOOTH = 0.5  # of the market's deepest step, see schedules.true
TRUE = ((STORES, SMOOTH), (ALL, 0.0))  # the last without smoothing: it never raises the cost


def plan_fleet(
    problem: FleetProblem,
    *,
    deadline_s: float,
    threads: int = 1,
    polish_s: float = 0.0,
    mode: str | None = None,
    reference_gap_ratio: float = REFERENCE_GAP,
    seed: int = 0,
) -> FleetPlan:
    """The best plan found, with its bound; without a usable solver the safe plan, status "fallback", and no bound.

    deadline_s : wall time [s] for the programmes of the upper levels, or for the exact model.
    threads    : for the guided sweeps and the sites' programmes; the plan does not depend on it.
    polish_s   : time [s] that may be spent on a smaller gap.
    mode       : "reference" (exact model, proven to `reference_gap_ratio`), "fleet", or None = by size.
    """
    exact = mode == "reference" or (mode is None and problem.n_assets <= REFERENCE_MOST)
    watch = _Watch()
    try:
        prices, solved = _prices(problem, deadline_s, threads, watch)
    except pulp.PulpSolverError:
        if not exact:
            return _safe(problem, watch)
        prices, solved = None, False
    if not exact:
        assert prices is not None
        swept = _swept(problem, prices, watch, threads=threads, polish_s=polish_s, seed=seed)
        return swept if solved else replace(swept, status="timeout")
    found = solve_reference(problem, deadline_s=deadline_s, gap_ratio=reference_gap_ratio)
    found = replace(found, prices=prices, seconds={**watch.seconds, **found.seconds})
    if prices is None or found.status not in CUT_SHORT:
        return found
    return _better(found, _swept(problem, prices, watch, threads=threads, polish_s=polish_s, seed=seed))


def bounded(problem: FleetProblem, moves: Moves, flows: Flows, *, deadline_s: float) -> FleetPlan | None:
    """A plan that was found elsewhere, with the bound of the problem that it answers; None where no solver gives prices."""
    watch = _Watch()
    try:
        prices, solved = _prices(problem, deadline_s, 1, watch)
    except pulp.PulpSolverError:
        return None
    bound = lower_bound(problem, prices, best_answers_cny(problem, prices))
    safe = safe_moves(problem)
    certificate = Certificate(cost_of(problem, moves, flows), bound, cost_of(problem, safe, flows_of(problem, safe)))
    watch.lap("certificate")
    return FleetPlan(moves, flows, certificate, "fleet", "at_gap" if solved else "timeout", watch.seconds, prices)


def _better(exact: FleetPlan, swept: FleetPlan) -> FleetPlan:
    """Where the exact model was cut short, the sweeps may know better; the higher of both bounds holds for either."""
    best = exact if exact.status != "fallback" and exact.certificate.cost_cny <= swept.certificate.cost_cny else swept
    bound = max(exact.certificate.lower_bound_cny, swept.certificate.lower_bound_cny)
    return replace(best, status="timeout", certificate=replace(best.certificate, lower_bound_cny=bound))


def _swept(problem: FleetProblem, prices: Prices, watch: "_Watch", *, threads: int, polish_s: float, seed: int) -> FleetPlan:
    schedules = _improved(problem, prices, watch, threads=threads, seed=seed)
    bound = lower_bound(problem, prices, best_answers_cny(problem, prices))
    watch.lap("certificate")
    if polish_s > 0:
        polish(problem, schedules, prices, seconds=polish_s)
        watch.lap("polish")
    moves = schedules.moves
    flows = flows_of(problem, moves, value_injection_cny_per_kwh=prices.mu_cny_per_kwh)
    cost = cost_of(problem, moves, flows)
    safe = safe_moves(problem)
    safe_cost = cost_of(problem, safe, flows_of(problem, safe))
    watch.lap("cost")
    return FleetPlan(moves, flows, Certificate(cost, bound, safe_cost), "fleet", "at_gap", watch.seconds, prices)


def _prices(problem: FleetProblem, deadline_s: float, threads: int, watch: "_Watch") -> tuple[Prices, bool]:
    """And whether the market's programme was solved in time. Raises pulp.PulpSolverError where there is no HiGHS."""
    virtual = virtual_assets(problem)
    watch.lap("aggregate")
    market = market_prices(problem, virtual, deadline_s=deadline_s)
    watch.lap("market")
    prices = market.sites if market.sites is not None else site_prices(problem, virtual, market.mu_cny_per_kwh, threads=threads)
    watch.lap("sites")
    return prices, market.solved


def _safe(problem: FleetProblem, watch: "_Watch") -> FleetPlan:
    """The plan for when no solver delivers prices: valid, without a bound."""
    moves = safe_moves(problem)
    flows = flows_of(problem, moves)
    cost = cost_of(problem, moves, flows)
    return FleetPlan(moves, flows, Certificate(cost, -np.inf, cost), "fleet", "fallback", watch.seconds)


def _improved(problem: FleetProblem, prices: Prices, watch: "_Watch", *, threads: int, seed: int) -> Schedules:
    """All sweeps, in both orders of the first one where peaks are charged, which neither answers well, and the fleet is small; and
    where the first order leaves a limit crossed, which single moves may not mend. The one that crosses least, of those the cheapest.
    """
    both = problem.n_assets <= BOTH_MOST and problem.sites.demand_price_cny_per_kw.any()
    found: list[tuple[float, float, Schedules]] = []
    for order in (GUIDED, TOGETHER):
        if found and not both and found[0][0] == 0:
            break
        schedules = Schedules(problem, seed=seed)
        _improve(schedules, problem, prices, order, threads, watch)
        flows = flows_of(problem, schedules.moves, value_injection_cny_per_kwh=prices.mu_cny_per_kwh)
        crossed = crossed_kw(problem, schedules.moves, flows)
        found.append((crossed if crossed > CROSSED_KW else 0.0, cost_of(problem, schedules.moves, flows), schedules))
    return min(found, key=lambda row: row[:2])[2]


def crossed_kw(problem: FleetProblem, moves: Moves, flows: Flows) -> float:
    """By how much connections and groups are crossed, summed over periods [kW]."""
    sites, groups = problem.sites, problem.groups
    parts = [(problem.stores.group, moves.store_kw), (problem.fills.group, moves.fill_kw), (problem.calls.group, moves.call_kw)]
    injection = group_sums(problem, parts)
    over = (
        flows.import_kw - sites.import_limit_kw[:, None],
        flows.export_kw - sites.export_limit_kw[:, None],
        -injection - groups.import_limit_kw[:, None],
        injection - groups.export_limit_kw[:, None],
    )
    return sum(float(np.maximum(excess, 0.0).sum()) for excess in over)


def _improve(
    schedules: Schedules, problem: FleetProblem, prices: Prices, order: tuple[tuple[int, float], ...], threads: int, watch: "_Watch"
) -> None:
    schedules.limit_exports(prices.xcap_kw)
    guide(schedules, problem, prices, order=order, threads=threads)
    _guide(
        schedules,
        problem,
        prices,
        which=ALL,
        slope=LAST_SLOPE,
        mu_cny_per_kwh=prices.mu_cny_per_kwh,
        smoothing_kw=SMOOTH * _deepest_kw(problem),
    )
    watch.lap("guided")
    settle(schedules, problem, prices.share_cny_per_kwh, passes=TRUE)
    watch.lap("true")


def guide(
    schedules: Schedules, problem: FleetProblem, prices: Prices, *, order: tuple[tuple[int, float], ...] = GUIDED, threads: int = 1
) -> None:
    """The guided sweeps in which sites know nothing of each other, from steep to flat."""
    for which, slope in order:
        _guide(schedules, problem, prices, which=which, slope=slope, threads=threads)


def _guide(schedules: Schedules, problem: FleetProblem, prices: Prices, *, slope: float, **how: Any) -> None:
    _, spill = _shares(problem, prices.share_cny_per_kwh)
    schedules.guided(
        value_cny_per_kwh=prices.lam_cny_per_kwh,
        target_kw=prices.target_kw,
        spill_cny_per_kwh=spill,
        group_shift_cny_per_kwh=prices.group_down_cny_per_kwh - prices.group_up_cny_per_kwh,
        slope=slope,
        **how,
    )


def settle(schedules: Schedules, problem: FleetProblem, share_cny_per_kwh: np.ndarray, *, passes: tuple[tuple[int, float], ...]) -> None:
    """True sweeps: of each pass the types of assets, and how much of its deepest step the market is smoothed. share (E,): see Prices."""
    share, spill = _shares(problem, share_cny_per_kwh)
    for which, smooth in passes:
        smoothing_kw = smooth * _deepest_kw(problem)
        schedules.true(share_price_cny_per_kwh=share, spill_cny_per_kwh=spill, which=which, smoothing_kw=smoothing_kw)


def _deepest_kw(problem: FleetProblem) -> float:
    market = problem.market
    return float(max(market.up_kw.max(initial=0.0), market.down_kw.max(initial=0.0)))


def _shares(problem: FleetProblem, share_cny_per_kwh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(E,) each: price of the export share, and what a curtailed kWh is worth, both 0 where no share is ruled."""
    ratio = problem.sites.export_share_ratio
    bounded = np.isfinite(ratio)
    share = np.where(bounded, share_cny_per_kwh, 0.0)
    return share, -np.where(bounded, ratio, 0.0) * share


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


class _Watch:
    """Wall seconds per stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, stage: str) -> None:
        now = time.monotonic()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._last
        self._last = now
