"""What is computed of one shard at each step of a plan in shards, and of all together in the end. See docs/scaling.md.

The numbers depend on the shard, on the market and on what the shards before it did, never on who computes them.
"""

from dataclasses import dataclass

import numpy as np
import pulp

from aggregator.dispatch.domain.fleet.certificate import market_bound, sites_bound
from aggregator.dispatch.domain.fleet.checker import COST_RATIO, WHOLE_HORIZON, FleetViolation, check_fleet
from aggregator.dispatch.domain.fleet.cost import cost_of, flows_of, market_cost, safe_moves
from aggregator.dispatch.domain.fleet.improve import GUIDED, TOGETHER, TRUE, guide, settle
from aggregator.dispatch.domain.fleet.mend import CROSSED_KW, crossed_kw
from aggregator.dispatch.domain.fleet.plan import best_answers_cny
from aggregator.dispatch.domain.fleet.prices import UNLIMITED_KW, Prices
from aggregator.dispatch.domain.fleet.problem import FleetProblem, Market, Sites
from aggregator.dispatch.domain.fleet.result import Certificate, FleetPlan, Flows, Moves
from aggregator.dispatch.domain.fleet.schedules import Schedules
from aggregator.dispatch.domain.fleet.shards import market_alone, with_market
from aggregator.dispatch.domain.fleet.site_model import site_prices
from aggregator.dispatch.domain.fleet.virtual import virtual_assets


@dataclass(frozen=True)
class Guided:
    """A shard after its guided sweeps. injection_kw (n,): what it counts in the portfolio while sweeping.

    share_cny_per_kwh (E,), xcap_kw (E, n): see Prices. bound_cny: the shard's part of the bound.
    """

    moves: Moves
    injection_kw: np.ndarray
    share_cny_per_kwh: np.ndarray
    xcap_kw: np.ndarray
    bound_cny: float


@dataclass(frozen=True)
class Closed:
    """A shard's finished plan: cost without the market, and what it injects, its own way and the safe one (n,) [kW]."""

    flows: Flows
    cost_cny: float
    safe_cost_cny: float
    portfolio_kw: np.ndarray
    safe_portfolio_kw: np.ndarray
    violations: tuple[FleetViolation, ...]


def guided(problem: FleetProblem, market: Market, mu_cny_per_kwh: np.ndarray | None, *, seed: int) -> Guided:
    """Prices, guided sweeps and bound of a shard; the safe moves and no bound (-inf) where no solver gives prices (mu None)."""
    if mu_cny_per_kwh is None:
        return _unguided(problem)
    whole = with_market(problem, market, np.zeros(problem.periods))
    try:
        prices, _ = site_prices(whole, virtual_assets(whole), mu_cny_per_kwh)
    except pulp.PulpSolverError:
        return _unguided(problem)
    crossed, schedules = _by_order(whole, prices, GUIDED, seed=seed)
    if crossed:
        schedules = min((crossed, schedules), _by_order(whole, prices, TOGETHER, seed=seed), key=lambda row: row[0])[1]
    bound = sites_bound(whole, prices, best_answers_cny(whole, prices))
    return Guided(schedules.moves, schedules.injection_kw, prices.share_cny_per_kwh, prices.xcap_kw, bound)


def _by_order(problem: FleetProblem, prices: Prices, order: tuple[tuple[int, float], ...], *, seed: int) -> tuple[float, Schedules]:
    """The guided sweeps, and by how much they leave limits crossed [kW]: what single moves may not mend later."""
    schedules = Schedules(problem, seed=seed)
    schedules.limit_exports(prices.xcap_kw)
    guide(schedules, problem, prices, order=order)
    crossed = crossed_kw(problem, schedules.moves, flows_of(problem, schedules.moves))
    return (crossed if crossed > CROSSED_KW else 0.0), schedules


def _unguided(problem: FleetProblem) -> Guided:
    moves, e = safe_moves(problem), len(problem.sites)
    portfolio = flows_of(problem, moves).portfolio_kw
    return Guided(moves, portfolio, np.zeros(e), np.full((e, problem.periods), UNLIMITED_KW), -np.inf)


def settled(problem: FleetProblem, market: Market, before: Guided, *, others_kw: np.ndarray, seed: int) -> tuple[Moves, np.ndarray]:
    """A shard's turn: true sweeps against what the others inject (n,). Its moves, and its injection as in Guided.

    Without prices the safe moves stand.
    """
    if not np.isfinite(before.bound_cny):
        return before.moves, before.injection_kw
    left = with_market(problem, market, others_kw)
    schedules = Schedules(left, seed=seed)
    schedules.limit_exports(before.xcap_kw)
    schedules.resume(before.moves)
    settle(schedules, left, before.share_cny_per_kwh, passes=TRUE)
    return schedules.moves, schedules.injection_kw


def closed(problem: FleetProblem, market: Market, moves: Moves, mu_cny_per_kwh: np.ndarray | None) -> Closed:
    """Flows, cost and check of a shard's last moves; mu is None where no solver gave it."""
    whole = with_market(problem, market, np.zeros(problem.periods))
    flows = flows_of(whole, moves, value_injection_cny_per_kwh=mu_cny_per_kwh)
    safe = safe_moves(problem)
    safe_flows = flows_of(whole, safe)
    cost, safe_cost = cost_of(problem, moves, flows), cost_of(problem, safe, safe_flows)
    # The bound belongs to all shards and the market together: see `whole_plan`.
    plan = FleetPlan(moves, flows, Certificate(cost, -np.inf, safe_cost), "fleet", "at_gap", {})
    return Closed(flows, cost, safe_cost, flows.portfolio_kw, safe_flows.portfolio_kw, check_fleet(problem, plan))


def whole_plan(
    market: Market,
    *,
    hours: float,
    mu_cny_per_kwh: np.ndarray | None,
    sites_cny: float,
    safe_sites_cny: float,
    sites_bound_cny: float,
    portfolio_kw: np.ndarray,
    safe_portfolio_kw: np.ndarray,
) -> tuple[Certificate, tuple[FleetViolation, ...]]:
    """The certificate of all shards, from sums over them; and what the checker says of the market's part and of the bound."""
    alone = market_alone(market, hours=hours)
    earned = market_cost(alone, portfolio_kw)
    bound = -np.inf if mu_cny_per_kwh is None else sites_bound_cny + market_bound(alone, mu_cny_per_kwh)
    certificate = Certificate(sites_cny + earned, bound, safe_sites_cny + market_cost(alone, safe_portfolio_kw))
    above = bound - certificate.cost_cny
    wrong = above > COST_RATIO * max(1.0, abs(certificate.cost_cny))
    named = (FleetViolation("bound above the cost", -1, WHOLE_HORIZON, above),) if wrong else ()
    return certificate, (*_check_market(market, hours, earned, portfolio_kw), *named)


def _check_market(market: Market, hours: float, earned_cny: float, portfolio_kw: np.ndarray) -> tuple[FleetViolation, ...]:
    """The whole fleet as one connection without tariffs: its money is the market's, by the checker's own equations."""
    row, column = portfolio_kw[None, :], np.zeros(1)
    most = np.array([np.abs(portfolio_kw).max(initial=0.0)])
    sites = Sites(row, 0 * row, 0 * row, 0 * row, most, most, np.array([np.inf]), column, column, column)
    none = np.zeros((0, len(portfolio_kw)))
    flows = Flows(0 * row, np.maximum(-row, 0.0), np.maximum(row, 0.0))
    plan = FleetPlan(Moves(none, none, none, none.astype(bool)), flows, Certificate(earned_cny, -np.inf, 0.0), "fleet", "at_gap", {})
    return check_fleet(market_alone(market, hours=hours, sites=sites), plan)
