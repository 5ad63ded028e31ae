"""A large park as a small one: the supply curve of each site in a few classes of like assets, for the model of the window.

Assets of a site are alike that stand behind the same group, have energy that binds or not, last equally long and cost about the
same. A class has the sum of its members' rooms and energy and the mean of their costs. Its energy is what the members could
really draw: one that has more energy than power to give it does not lend it to another. Loads that are not called are left out;
those that go as a whole are taken off what is needed.
"""

from dataclasses import dataclass, replace

import numpy as np

from aggregator.dispatch.domain.split.window import Caps, Stores, WindowProblem, no_loads

MOST_COLUMNS = 30_000  # of the model, if it can be had with one class of each kind: about what is solved in a few seconds
COST_CLASSES = (1, 4)  # least and most, of those without energy that binds
LASTING_CLASSES = (1, 2)
BOUNDS = 4  # periods at whose ends energy is counted


@dataclass(frozen=True)
class Condensed:
    """problem: of the classes. row (N,): the class of each asset, -1 where it cannot move at all. fixed_kw (N, T): loads as wholes."""

    problem: WindowProblem
    row: np.ndarray
    fixed_kw: np.ndarray


def condense(problem: WindowProblem, called: np.ndarray) -> Condensed:
    """called (N, T): the calls as they are to be."""
    loads, n = problem.loads, len(problem.need_kw)
    room, fixed = problem.room_kw.copy(), np.zeros_like(problem.room_kw)
    room[loads.asset] = np.where(called[loads.asset], room[loads.asset], 0.0)
    fresh = called[loads.asset] & ~loads.called & loads.whole[:, None]
    fixed[loads.asset] = np.where(fresh, room[loads.asset], 0.0)
    room[loads.whole_assets] = 0.0
    first = np.minimum(problem.first_kw, room)
    store_of, drawable = _binding(problem, room, first)
    row, count = _classes(problem, room, store_of, drawable)
    moves = row >= 0
    site = np.zeros(count, dtype=np.int64)
    site[row[moves]] = problem.site[moves]

    def total(table: np.ndarray) -> np.ndarray:
        return np.array([np.bincount(row[moves], table[moves, t], count) for t in range(n)]).reshape(n, count).T

    rooms, firsts = total(room), total(first)
    members = np.flatnonzero(row[problem.groups.asset] >= 0)
    pairs = np.unique(np.stack((problem.groups.group[members], row[problem.groups.asset[members]])), axis=1)
    small = replace(
        problem,
        need_kw=np.maximum(0.0, problem.need_kw - fixed.sum(axis=0)),
        site=site,
        injection_kw=np.zeros((count, n)),
        room_kw=rooms,
        first_kw=np.minimum(firsts, rooms),
        first_cost_cny_per_kwh=_mean(total(first * problem.first_cost_cny_per_kwh), firsts),
        further_cost_cny_per_kwh=_mean(total((room - first) * problem.further_cost_cny_per_kwh), rooms - firsts),
        stores=_stores(problem, row, count, store_of, drawable, room),
        loads=no_loads(n),
        site_room_kw=np.maximum(0.0, problem.site_room_kw - problem.per_site(fixed)),
        groups=Caps(pairs[0], pairs[1], np.maximum(0.0, problem.groups.room_kw - problem.groups.sums(fixed))),
        turn_hours=None,
    )
    return Condensed(small, row, fixed)


def _mean(sums: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.divide(sums, weights, out=np.zeros_like(sums), where=weights > 0)


def _binding(problem: WindowProblem, room: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(store_of (N,): one store of each asset, -1 = none that could bind; drawable (S, T): what power lets each draw by then)."""
    stores = problem.stores
    in_first = first[stores.asset]
    draws = stores.first_ratio[:, None] * in_first + stores.further_ratio[:, None] * (room[stores.asset] - in_first)
    drawable = problem.hours * np.cumsum(np.where(stores.active & (problem.need_kw > 0), draws, 0.0), axis=1)
    binds = (drawable > stores.slack_kwh).any(axis=1)
    store_of = np.full(len(problem.site), -1)
    store_of[stores.asset[binds]] = np.flatnonzero(binds)
    return store_of, np.minimum(drawable, stores.slack_kwh)


def _classes(problem: WindowProblem, room: np.ndarray, store_of: np.ndarray, drawable: np.ndarray) -> tuple[np.ndarray, int]:
    """(class of each asset, how many): by site, innermost group, whether energy binds, how long it lasts, cost."""
    n, usable = room.shape[1], room.max(axis=1, initial=0.0) > 0
    sites = max(1, len(np.unique(problem.site[usable])))
    most = MOST_COLUMNS // (sites * n)
    by_lasting = int(np.clip(most // 4, *LASTING_CLASSES))
    by_cost = int(np.clip(most - 2 * by_lasting, *COST_CLASSES))
    cost = _mean((room * problem.further_cost_cny_per_kwh).sum(axis=1), room.sum(axis=1))
    first_only = (room - problem.first_kw).max(axis=1, initial=0.0) <= 0
    cost = np.where(first_only, problem.first_cost_cny_per_kwh.mean(axis=1), cost)
    kind = np.zeros(len(usable), dtype=np.int64)
    plain = usable & (store_of < 0)
    kind[plain] = _quantile(cost[plain], by_cost)
    bound = np.flatnonzero(usable & (store_of >= 0))
    if len(bound):
        lasts = drawable[store_of[bound], -1] / room[bound].sum(axis=1)
        kind[bound] = by_cost + 2 * _quantile(lasts, by_lasting) + first_only[bound]
    innermost = np.full(len(usable), -1)
    groups = problem.groups
    largest_first = np.argsort(-groups.sizes[groups.group], kind="stable")
    innermost[groups.asset[largest_first]] = groups.group[largest_first]
    rows = np.flatnonzero(usable)
    keys = np.stack((problem.site[rows], innermost[rows], kind[rows]))
    found, place = np.unique(keys, axis=1, return_inverse=True)
    row = np.full(len(usable), -1)
    row[rows] = place.reshape(-1)
    return row, found.shape[1]


def _quantile(values: np.ndarray, parts: int) -> np.ndarray:
    """Which of so many equally large parts each value falls into; like values into the same."""
    if not len(values) or parts == 1:
        return np.zeros(len(values), dtype=np.int64)
    return np.searchsorted(np.quantile(values, np.arange(1, parts) / parts), values, side="left")


def _stores(problem: WindowProblem, row: np.ndarray, count: int, store_of: np.ndarray, drawable: np.ndarray, room: np.ndarray) -> Stores:
    """One per class whose members' energy may bind."""
    assets = np.flatnonzero((store_of >= 0) & (row >= 0))
    of_class, stores, n = row[assets], problem.stores, room.shape[1]
    power = room[assets].sum(axis=1)
    weight = np.maximum(np.bincount(of_class, power, count), np.finfo(float).tiny)

    def mean(column: np.ndarray) -> np.ndarray:
        return np.bincount(of_class, power * column[store_of[assets]], count) / weight

    slack = np.array([np.bincount(of_class, drawable[store_of[assets], t], count) for t in range(n)]).T.reshape(count, n)
    counted = np.arange(n - 1, -1, -1) % max(1, n // BOUNDS) == 0
    slack = np.where(counted, slack, np.inf)
    keep, first, further = mean(stores.keep_ratio), mean(stores.first_ratio), mean(stores.further_ratio)
    rows = np.unique(of_class)
    return Stores(rows, np.ones((len(rows), n), dtype=bool), slack[rows], keep[rows], first[rows], further[rows])
