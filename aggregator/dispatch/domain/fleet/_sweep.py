"""Sweeps: every asset in turn is taken out of its connection, answers the value that the others leave, and is put back.

A guided sweep follows local prices and does not couple sites (ranges of sites may run in threads). A true sweep reads the
sites' own tariffs and the market at the portfolio's injection, each move included: it never raises the cost.
"""

from typing import NamedTuple

import numpy as np

from aggregator.dispatch.domain.fleet._call import CallRoom, answer_call, bounds_of_call, call_room
from aggregator.dispatch.domain.fleet._columns import CallColumns, FillColumns, GroupColumns, ProfileColumns, StoreColumns
from aggregator.dispatch.domain.fleet._fill import answer_fill
from aggregator.dispatch.domain.fleet._jit import jit
from aggregator.dispatch.domain.fleet._store import StoreRoom, answer_store, bounds_of_store, stands_well, store_room
from aggregator.dispatch.domain.fleet._value import MOST_PIECES, Pieces, Worth, at_margin, counted, cut, in_groups, new_pieces

FILLS, CALLS, STORES = 1, 2, 4


class State(NamedTuple):
    """What the assets do and what follows: injections (N, n), phases of calls, of sites (E, n), groups (G, n), portfolio (n,)."""

    store_kw: np.ndarray
    fill_kw: np.ndarray
    call_kw: np.ndarray
    call_phase: np.ndarray
    site_kw: np.ndarray
    group_kw: np.ndarray
    portfolio_kw: np.ndarray


@jit
def move(e: int, group: int, first: int, end: int, by: np.ndarray, sign: float, groups: GroupColumns, state: State) -> None:
    """Add sign x `by` (n,) [kW] to the connection and the groups of an asset, over [first, end)."""
    site_kw = state.site_kw[e]
    for t in range(first, end):
        site_kw[t] += sign * by[t]
    while group >= 0:
        group_kw = state.group_kw[group]
        for t in range(first, end):
            group_kw[t] += sign * by[t]
        group = groups.parent[group]


@jit
def sweep_fills(
    e: int,
    fills: FillColumns,
    groups: GroupColumns,
    worth: Worth,
    state: State,
    others: np.ndarray,
    hours: float,
    pieces: Pieces,
    below: np.ndarray,
    above: np.ndarray,
    period: np.ndarray,
) -> None:
    """Each need is charged where a kWh is worth least."""
    for i in range(fills.at[e], fills.at[e + 1]):
        group = fills.group[i]
        first = fills.first[i]
        end = fills.end[i]
        own = state.fill_kw[i]
        move(e, group, first, end, own, -1.0, groups, state)
        for t in range(first, end):
            own[t] = 0.0
            below[t] = -fills.charge_kw[i]
            above[t] = 0.0
        cut(e, group, first, end, below, above, worth, others, groups, state.site_kw[e], state.group_kw, pieces)
        answer_fill(i, fills, hours, pieces, period, own)
        move(e, group, first, end, own, 1.0, groups, state)


@jit
def sweep_calls(
    e: int,
    calls: CallColumns,
    groups: GroupColumns,
    worth: Worth,
    state: State,
    others: np.ndarray,
    hours: float,
    pieces: Pieces,
    below: np.ndarray,
    above: np.ndarray,
    room: CallRoom,
) -> None:
    """Each load is called when shedding is worth more than its owner asks, rebound included."""
    n = state.site_kw.shape[1]
    for i in range(calls.at[e], calls.at[e + 1]):
        group = calls.group[i]
        own = state.call_kw[i]
        begin = bounds_of_call(i, calls, n, room, below, above)
        move(e, group, begin, n, own, -1.0, groups, state)
        for t in range(begin, n):
            own[t] = 0.0
        cut(e, group, begin, n, below, above, worth, others, groups, state.site_kw[e], state.group_kw, pieces)
        answer_call(i, calls, n, hours, pieces, room, own)
        for t in range(begin, n):
            state.call_phase[i, t] = min(room.phase[t], 1)
        move(e, group, begin, n, own, 1.0, groups, state)


@jit
def sweep_stores(
    e: int,
    order: np.ndarray,
    stores: StoreColumns,
    profiles: ProfileColumns,
    groups: GroupColumns,
    worth: Worth,
    state: State,
    others: np.ndarray,
    hours: float,
    pieces: Pieces,
    dearest: np.ndarray,
    cheapest: np.ndarray,
    room: StoreRoom,
) -> None:
    """Each store against the value that the others leave; one that stands well already is passed over."""
    known = False
    for q in range(stores.at[e], stores.at[e + 1]):
        i = order[q]
        group = stores.group[i]
        first = stores.first[i]
        end = stores.end[i]
        own = state.store_kw[i]
        bounds_of_store(i, stores, profiles, room)
        if not known:
            at_margin(e, worth, others, groups, state.site_kw[e], state.group_kw, pieces, dearest, cheapest)
            known = True
        in_groups(group, first, end, worth, groups, state.group_kw, dearest, cheapest, room.last_worth, room.next_worth)
        if stands_well(i, stores, hours, room, own):
            continue
        move(e, group, first, end, own, -1.0, groups, state)
        cut(e, group, first, end, room.below, room.above, worth, others, groups, state.site_kw[e], state.group_kw, pieces)
        answer_store(i, stores, hours, pieces, room, own)
        move(e, group, first, end, own, 1.0, groups, state)
        known = False


@jit
def sweep(
    e0: int,
    e1: int,
    which: int,
    coupled: bool,
    hours: float,
    order: np.ndarray,
    stores: StoreColumns,
    fills: FillColumns,
    calls: CallColumns,
    profiles: ProfileColumns,
    groups: GroupColumns,
    worth: Worth,
    state: State,
    sizes: np.ndarray,
) -> None:
    """Sites [e0, e1) once, the types of assets in `which`: cars, then loads, then stores in `order`. sizes: see call_sizes."""
    n = state.site_kw.shape[1]
    others = np.zeros(n)
    below = np.zeros(n)
    above = np.zeros(n)
    pieces = new_pieces(n, 2 * MOST_PIECES)
    period = np.zeros(n * 2 * MOST_PIECES, dtype=np.int64)
    of_store = store_room(n, 2 * MOST_PIECES)
    of_call = call_room(n, sizes)
    for e in range(e0, e1):
        if coupled:
            for t in range(n):
                others[t] = state.portfolio_kw[t] - counted(state.site_kw[e, t], worth.export_cap[e, t], worth.generation[e, t])
        if which & FILLS:
            sweep_fills(e, fills, groups, worth, state, others, hours, pieces, below, above, period)
        if which & CALLS:
            sweep_calls(e, calls, groups, worth, state, others, hours, pieces, below, above, of_call)
        if which & STORES:
            sweep_stores(e, order, stores, profiles, groups, worth, state, others, hours, pieces, below, above, of_store)
        if coupled:
            for t in range(n):
                state.portfolio_kw[t] = others[t] + counted(state.site_kw[e, t], worth.export_cap[e, t], worth.generation[e, t])
