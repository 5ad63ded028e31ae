"""The split as a PuLP model over the sites' supply curves: a few columns per site instead of one per asset.

min sum cost y;  0 <= y <= room of the piece,  least <= sum of a site <= most,  sum y = amount

A site's curve is what its assets give at each price under the declared rule; it is cut into pieces at a few prices, each
piece at its mean cost (fairness included, so that the model is the QP of `ask` with straight pieces). PuLP decides what each
site gives; inside a site the rule is then kept exactly. Pieces part at quantiles of the cost and at the price of the fast
path: where that is the optimum the model meets it exactly, and where it were not, the model would find a cheaper answer.
"""

import time
from dataclasses import dataclass

import numpy as np
import pulp

from aggregator.dispatch.domain._bulk import BulkHighs, ModelBuilder
from aggregator.dispatch.domain._solver import FencedCbc
from aggregator.dispatch.domain.split import merit, water
from aggregator.dispatch.domain.split.ask import Ask, Filled

FAR_PIECES = 4  # at quantiles of the cost
NEAR = np.array([-0.5, 0.0, 0.5])  # around the price of the fast path, in fairness weights
MEAN_SITE = 1000.0  # amounts are scaled to this mean of a site and costs to the price of 1: the solver's tolerances are absolute
LEAST_SPAN = 1e-3
SAME = 1e-12
FEASIBLE = 1e-5  # of the scaled amounts
FEASIBLE_CBC = 1e-2  # its answer is text with few digits; rounding mends what is missing


@dataclass(frozen=True)
class _Curves:
    """Site, room and mean cost of each column of the model, by site, then by price."""

    site: np.ndarray
    room: np.ndarray
    cost: np.ndarray


def columns_of(ask: Ask) -> int:
    """How many columns the model has at most: what it costs to solve."""
    return len(ask.starts) * (FAR_PIECES + len(NEAR) + 1)


def fill_by_curves(ask: Ask, *, near: float, seconds: float) -> Filled | None:
    """HiGHS first, CBC second, within about `seconds`; None where neither proves an optimum that holds in every row.

    near: the price of the fast path.
    """
    curves = _curves(ask, _prices(ask, near))
    used = _cheapest(ask, curves, near, seconds)
    if used is None:
        return None
    price = _price(ask, curves, used)
    if not ask.shares:
        used = _even(ask, curves, used, price)
    of_site = np.clip(np.bincount(curves.site, used, len(ask.starts)), ask.least, ask.most)
    amount = water.within_sites(ask, of_site) if ask.shares else merit.within_sites(ask, of_site)
    return Filled(amount, price, merit.site_prices(ask, curves.site, curves.cost, used, price))


def _prices(ask: Ask, near: float) -> np.ndarray:
    """Rising; everything that can be given is given at the last."""
    far = np.quantile(ask.cost, np.linspace(0.0, 1.0, FAR_PIECES + 1)[1:])
    if not ask.shares:
        return np.unique(np.append(far, (np.nextafter(near, -np.inf), near)))
    highest = float((ask.cost + ask.fairness * ask.room / ask.weight).max())
    return np.unique(np.minimum(np.concatenate((far, near + ask.fairness * NEAR, [highest])), highest))


def _curves(ask: Ask, prices: np.ndarray) -> _Curves:
    """Growth of each site's amount and cost from price to price, where it grows."""
    amounts, costs = np.zeros((len(prices) + 1, len(ask.starts))), np.zeros((len(prices) + 1, len(ask.starts)))
    slope = ask.weight / ask.fairness if ask.shares else None
    for k, price in enumerate(prices.tolist(), start=1):
        if k == len(prices):
            amount = ask.room
        elif slope is None:
            amount = np.where(ask.cost <= price, ask.room, 0.0)
        else:
            amount = np.clip((price - ask.cost) * slope, 0.0, ask.room)
        cost = ask.cost if slope is None else ask.cost + 0.5 * amount / slope
        amounts[k], costs[k] = ask.per_site(amount), ask.per_site(amount * cost)
    room, cost = np.diff(amounts, axis=0).T, np.diff(costs, axis=0).T
    site, piece = np.nonzero(room > 0)
    room, cost = room[site, piece], cost[site, piece]
    lowest = np.append(ask.cost.min(), prices)[piece]
    return _Curves(site, room, np.clip(cost / room, lowest, prices[piece]))  # a hair of room has no mean of its own


def _cheapest(ask: Ask, curves: _Curves, near: float, seconds: float) -> np.ndarray | None:
    """(columns,) amounts in units."""
    scale = MEAN_SITE * len(ask.starts) / ask.amount
    cost = curves.cost - curves.cost.min()
    cost /= max(near - float(curves.cost.min()), LEAST_SPAN * float(cost.max()), np.finfo(float).tiny)
    build = ModelBuilder("split")
    y = build.variables([0.0] * len(cost), (curves.room * scale).tolist(), cost.tolist())
    first = np.searchsorted(curves.site, np.arange(len(ask.starts) + 1)).tolist()
    for p in np.flatnonzero(ask.most < ask.site_room).tolist():
        build.row([(v, 1.0) for v in y[first[p] : first[p + 1]]], pulp.LpConstraintLE, float(ask.most[p]) * scale)
    for p in np.flatnonzero(ask.least).tolist():
        build.row([(v, 1.0) for v in y[first[p] : first[p + 1]]], pulp.LpConstraintGE, float(ask.least[p]) * scale)
    build.row([(v, 1.0) for v in y], pulp.LpConstraintEQ, ask.amount * scale)
    return np.array([v.varValue for v in y]) / scale if _proven(build.finish(), seconds) else None


def _proven(model: pulp.LpProblem, seconds: float) -> bool:
    """Whether a solver found a proven optimum in time, and one that satisfies every row."""
    ends = time.monotonic() + seconds
    for solver, tolerance in ((_highs, FEASIBLE), (FencedCbc, FEASIBLE_CBC)):
        left = ends - time.monotonic()
        if left <= 0:
            return False
        try:
            model.solve(solver(seconds=left))
        except Exception:  # noqa: BLE001  (whatever a solver throws, the next one or the fast path stands ready)
            continue
        if model.sol_status == pulp.LpSolutionOptimal and model.valid(tolerance):
            return True
    return False


def _highs(*, seconds: float) -> BulkHighs:
    return BulkHighs(time_limit=seconds, presolve="off")  # presolve takes three times what it saves here


def _price(ask: Ask, curves: _Curves, used: np.ndarray) -> float:
    """Of the dearest piece in use where neither cap nor least amount holds the site; read off the answer, not off duals."""
    of_site = np.bincount(curves.site, used, len(ask.starts))
    free = (of_site < ask.most - merit.USED_UNITS) & ((of_site > ask.least + merit.USED_UNITS) | (ask.least == 0))
    in_use = used > merit.USED_UNITS
    last = curves.cost[in_use & free[curves.site]]
    return float((last if len(last) else curves.cost[in_use]).max(initial=curves.cost.min()))


def _even(ask: Ask, curves: _Curves, used: np.ndarray, price: float) -> np.ndarray:
    """Pieces that cost the same at different sites share by one fraction: a solver fills one and leaves the other."""
    last = np.flatnonzero(np.isclose(curves.cost, price, rtol=SAME, atol=0.0))
    site = curves.site[last]
    others = np.bincount(curves.site, used, len(ask.starts))[site] - used[last]
    low = np.clip(ask.least[site] - others, 0.0, curves.room[last])
    high = np.clip(ask.most[site] - others, low, curves.room[last])
    fraction = (used[last].sum() - low.sum()) / max(float((high - low).sum()), np.finfo(float).tiny)
    shared = used.copy()
    shared[last] = low + min(1.0, max(0.0, fraction)) * (high - low)
    return shared
