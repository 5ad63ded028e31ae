"""Limits that the sweeps leave crossed: the exact programme of one such site after the other, its calls and the market inside.

Assets that answer one after the other can stop at a crossing that none of them mends alone. Few sites do, and only those are
solved that cross a limit by more than the prices' programmes had to.
"""

import numpy as np

from aggregator.dispatch.domain.fleet._columns import group_sums
from aggregator.dispatch.domain.fleet._watch import Watch
from aggregator.dispatch.domain.fleet.cost import flows_of
from aggregator.dispatch.domain.fleet.prices import Prices
from aggregator.dispatch.domain.fleet.problem import FleetProblem
from aggregator.dispatch.domain.fleet.reference import solve_reference
from aggregator.dispatch.domain.fleet.result import Flows, Moves
from aggregator.dispatch.domain.fleet.schedules import Schedules
from aggregator.dispatch.domain.fleet.shards import part_of, with_market

CROSSED_KW = 1e-3
LONGEST_S = 5.0  # one site; one that takes longer is left as it is
GAP = 1e-3


def mend(problem: FleetProblem, schedules: Schedules, prices: Prices, watch: Watch) -> int:
    """Other schedules, in place, for sites that then cross less. Returns how many there were."""
    mu = prices.mu_cny_per_kwh
    flows = flows_of(problem, schedules.moves, value_injection_cny_per_kwh=mu)
    portfolio, mended = flows.portfolio_kw, 0
    for e in np.flatnonzero(_needlessly_crossed(problem, schedules.group_kw, flows, prices)).tolist():
        if watch.is_over():
            break
        part = part_of(problem, np.array([e]))
        others = portfolio - (flows.export_kw[e] - flows.import_kw[e])
        alone = with_market(part.problem, problem.market, others)
        before = Moves(*(values[rows] for values, rows in _rows(schedules.moves, part.stores, part.fills, part.calls)))
        plan = solve_reference(alone, deadline_s=min(watch.left_s, LONGEST_S), gap_ratio=GAP)
        after = flows_of(alone, plan.moves, value_injection_cny_per_kwh=mu)
        was = crossed_kw(alone, before, flows_of(alone, before, value_injection_cny_per_kwh=mu))
        if plan.status == "fallback" or crossed_kw(alone, plan.moves, after) > was - CROSSED_KW:
            continue
        moves = schedules.moves
        new = (plan.moves.store_kw, plan.moves.fill_kw, plan.moves.call_kw, plan.moves.call_on)
        for (values, rows), kw in zip(_rows(moves, part.stores, part.fills, part.calls), new, strict=True):
            values[rows] = kw
        schedules.resume(moves)
        portfolio = others + after.portfolio_kw
        mended += 1
    return mended


def _rows(moves: Moves, stores: np.ndarray, fills: np.ndarray, calls: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(moves.store_kw, stores), (moves.fill_kw, fills), (moves.call_kw, calls), (moves.call_on, calls)]


def crossed_kw(problem: FleetProblem, moves: Moves, flows: Flows) -> float:
    """By how much connections and groups are crossed, summed over periods [kW]."""
    parts = [(problem.stores.group, moves.store_kw), (problem.fills.group, moves.fill_kw), (problem.calls.group, moves.call_kw)]
    return float(crossed_by_site(problem, group_sums(problem, parts), flows).sum())


def crossed_by_site(problem: FleetProblem, group_kw: np.ndarray, flows: Flows) -> np.ndarray:
    """(E,) the same by site."""
    inside, own = _beyond(problem, group_kw, flows)
    return own.sum(axis=1) + np.bincount(problem.groups.site, inside.sum(axis=1), len(problem.sites))


def _needlessly_crossed(problem: FleetProblem, group_kw: np.ndarray, flows: Flows, prices: Prices) -> np.ndarray:
    """(E,) bool: some limit by more than in the programme with summed assets, which contains every schedule."""
    inside, own = _beyond(problem, group_kw, flows)
    needless = own.max(axis=1, initial=0.0) > prices.over_limit_kw + CROSSED_KW
    needless[problem.groups.site[inside.max(axis=1, initial=0.0) > prices.group_over_limit_kw + CROSSED_KW]] = True
    return needless


def _beyond(problem: FleetProblem, group_kw: np.ndarray, flows: Flows) -> tuple[np.ndarray, np.ndarray]:
    """(G, n), (E, n): by how much groups and connections are crossed [kW]."""
    sites, groups = problem.sites, problem.groups

    def beyond(low: np.ndarray, high: np.ndarray, least: np.ndarray, most: np.ndarray) -> np.ndarray:
        return np.maximum(low - least[:, None], 0.0) + np.maximum(high - most[:, None], 0.0)

    inside = beyond(-group_kw, group_kw, groups.import_limit_kw, groups.export_limit_kw)
    return inside, beyond(flows.import_kw, flows.export_kw, sites.import_limit_kw, sites.export_limit_kw)
