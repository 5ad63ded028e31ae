"""Spare time into a smaller gap: the exact programme of one site after the other, calls kept, the market inside.

Sites come in the order of what their assets lose against their best answers to the prices. A site's new schedule counts
only where it is cheaper, so the cost never rises.
"""

import time
from dataclasses import replace
from typing import TypeVar

import numpy as np

from aggregator.dispatch.domain.fleet._columns import group_sums
from aggregator.dispatch.domain.fleet.certificate import asset_prices
from aggregator.dispatch.domain.fleet.cost import cost_of, final_kwh, flows_of
from aggregator.dispatch.domain.fleet.prices import Prices
from aggregator.dispatch.domain.fleet.problem import NO_GROUP, CallLoads, Fills, FleetProblem, Groups, Stores
from aggregator.dispatch.domain.fleet.reference import solve_reference
from aggregator.dispatch.domain.fleet.responses import respond
from aggregator.dispatch.domain.fleet.result import Moves
from aggregator.dispatch.domain.fleet.schedules import Schedules

Columns = TypeVar("Columns", Stores, Fills, CallLoads)

LONGEST_S = 5.0  # one site; one that takes longer is left as it is
LEAST_GAIN_CNY = 1e-6


def polish(
    problem: FleetProblem, schedules: Schedules, prices: Prices, *, seconds: float | None = None, most_sites: int | None = None
) -> int:
    """Improve `schedules` in place at up to `most_sites` sites, or for about `seconds` [s of wall time]; at every site without either.

    Returns how many sites became cheaper. A number of sites gives the same plan on a busy machine as on an idle one,
    as long as none of them takes LONGEST_S.
    """
    until = np.inf if seconds is None else time.monotonic() + seconds
    better = 0
    flows = flows_of(problem, schedules.moves, value_injection_cny_per_kwh=prices.mu_cny_per_kwh)
    portfolio = flows.portfolio_kw
    for e in np.argsort(-_loss(problem, schedules.moves, prices), kind="stable")[:most_sites].tolist():
        left = until - time.monotonic()
        if left <= 0:
            break
        own = flows.export_kw[e] - flows.import_kw[e]
        part = _Part(problem, schedules.moves, e, others_kw=portfolio - own)
        plan = solve_reference(part.problem, deadline_s=min(left, LONGEST_S))
        gain = part.cost_cny - plan.certificate.cost_cny
        if plan.status == "fallback" or gain < LEAST_GAIN_CNY:
            continue
        schedules.replace(e, part.stores, part.fills, plan.moves)
        portfolio = portfolio - own + plan.flows.portfolio_kw
        better += 1
    return better


def _loss(problem: FleetProblem, moves: Moves, prices: Prices) -> np.ndarray:
    """(E,) what the assets of every site lose at the prices against their best answers [CNY]."""
    rows, h, e = asset_prices(problem, prices), problem.hours, len(problem.sites)
    best = respond(
        problem,
        price_rows=rows.price_rows,
        row_of_store=rows.row_of_store,
        row_of_fill=rows.row_of_fill,
        row_of_call=rows.row_of_call,
        keep_schedules=False,
    )
    stores, fills = problem.stores, problem.fills
    discharged = np.maximum(moves.store_kw, 0.0).sum(axis=1)
    store = h * stores.wear_cny_per_kwh * discharged - stores.end_value_cny_per_kwh * final_kwh(problem, moves.store_kw, discharged)
    store -= h * np.einsum("it,it->i", rows.price_rows[rows.row_of_store], moves.store_kw) + best.store_cny
    fill = -h * np.einsum("it,it->i", rows.price_rows[rows.row_of_fill], moves.fill_kw) - best.fill_cny
    return np.bincount(stores.site, store, e) + np.bincount(fills.site, fill, e)


class _Part:
    """One site as a fleet of its own: its calls fixed, the other sites' injection in the market's reference."""

    def __init__(self, problem: FleetProblem, moves: Moves, e: int, *, others_kw: np.ndarray) -> None:
        self.stores = np.flatnonzero(problem.stores.site == e)
        self.fills = np.flatnonzero(problem.fills.site == e)
        calls = np.flatnonzero(problem.calls.site == e)
        groups = np.flatnonzero(problem.groups.site == e)
        number = np.full(len(problem.groups) + 1, NO_GROUP)  # the last entry answers for "no group"
        number[groups] = np.arange(len(groups))
        called = group_sums(problem, [(problem.calls.group[calls], moves.call_kw[calls])])[groups]
        one = slice(e, e + 1)
        sites = replace(problem.sites, **{name: getattr(problem.sites, name)[one] for name in vars(problem.sites)})
        sites = replace(sites, fixed_injection_kw=sites.fixed_injection_kw + moves.call_kw[calls].sum(axis=0))
        market = replace(problem.market, reference_injection_kw=problem.market.reference_injection_kw - others_kw)
        self.problem = FleetProblem(
            problem.hours,
            sites,
            _rows(problem.stores, self.stores, number),
            _rows(problem.fills, self.fills, number),
            _rows(problem.calls, calls[:0], number),
            market,
            Groups(
                np.zeros(len(groups), dtype=np.int64),
                number[problem.groups.parent[groups]],
                problem.groups.import_limit_kw[groups],
                problem.groups.export_limit_kw[groups],
                called,
            ),
            problem.profiles,
        )
        none = np.zeros((0, problem.periods))
        mine = Moves(moves.store_kw[self.stores], moves.fill_kw[self.fills], none, none.astype(bool))
        self.cost_cny = cost_of(self.problem, mine, flows_of(self.problem, mine))


def _rows(part: Columns, chosen: np.ndarray, number: np.ndarray) -> Columns:
    columns = {name: values[chosen] for name, values in vars(part).items()}
    return type(part)(**{**columns, "site": np.zeros(len(chosen), dtype=np.int64), "group": number[columns["group"]]})
