"""The best answer of every asset to fixed prices: what the certificate adds up, and what tests hold against exact models."""

from dataclasses import dataclass

import numpy as np

from aggregator.dispatch.domain.fleet._call import answer_call, bounds_of_call, call_room, call_sizes
from aggregator.dispatch.domain.fleet._columns import (
    CallColumns,
    FillColumns,
    ProfileColumns,
    StoreColumns,
    call_columns,
    fill_columns,
    profile_columns,
    store_columns,
)
from aggregator.dispatch.domain.fleet._fill import answer_fill
from aggregator.dispatch.domain.fleet._jit import jit
from aggregator.dispatch.domain.fleet._store import answer_store, bounds_of_store, store_room
from aggregator.dispatch.domain.fleet._value import new_pieces, one_price
from aggregator.dispatch.domain.fleet.problem import FleetProblem


@dataclass(frozen=True)
class Responses:
    """injection (N, n) [kW] and least cost (N,) [CNY]: own cost minus price x injection.

    A store's least cost is that of its relaxation, which may charge and discharge at once: a bound at any price.
    """

    store_kw: np.ndarray
    fill_kw: np.ndarray
    call_kw: np.ndarray
    store_cny: np.ndarray
    fill_cny: np.ndarray
    call_cny: np.ndarray

    @property
    def total_cny(self) -> float:
        return float(self.store_cny.sum() + self.fill_cny.sum() + self.call_cny.sum())


def respond(
    problem: FleetProblem,
    *,
    price_rows: np.ndarray,
    row_of_store: np.ndarray,
    row_of_fill: np.ndarray,
    row_of_call: np.ndarray,
    keep_schedules: bool = True,
) -> Responses:
    """Exact best responses to `price_rows` (R, n) [CNY/kWh]; `row_of_*` names each asset's row. Without schedules the arrays are (0, n)."""
    e, n = len(problem.sites), problem.periods
    prices = np.ascontiguousarray(price_rows, dtype=np.float64)

    def table(rows: int) -> np.ndarray:
        return np.zeros((rows if keep_schedules else 0, n))

    found = Responses(
        table(len(problem.stores)),
        table(len(problem.fills)),
        table(len(problem.calls)),
        np.zeros(len(problem.stores)),
        np.zeros(len(problem.fills)),
        np.zeros(len(problem.calls)),
    )
    columns = store_columns(problem.stores, e), profile_columns(problem.profiles)
    calls, h = call_columns(problem), problem.hours
    _stores(*columns, prices, row_of_store.astype(np.int64), h, found.store_kw, found.store_cny)
    _fills(fill_columns(problem.fills, e), prices, row_of_fill.astype(np.int64), h, found.fill_kw, found.fill_cny)
    _calls(calls, call_sizes(calls), prices, row_of_call.astype(np.int64), h, found.call_kw, found.call_cny)
    return found


@jit
def _stores(
    stores: StoreColumns, profiles: ProfileColumns, prices: np.ndarray, row: np.ndarray, hours: float, out: np.ndarray, cost: np.ndarray
) -> None:
    n = prices.shape[1]
    pieces = new_pieces(n, 2)
    room = store_room(n, 2)
    own = np.zeros(n)
    for i in range(len(row)):
        bounds_of_store(i, stores, profiles, room)
        one_price(stores.first[i], stores.end[i], room.below, room.above, prices[row[i]], pieces)
        cost[i] = answer_store(i, stores, hours, pieces, room, out[i] if len(out) else own)


@jit
def _fills(fills: FillColumns, prices: np.ndarray, row: np.ndarray, hours: float, out: np.ndarray, cost: np.ndarray) -> None:
    n = prices.shape[1]
    pieces = new_pieces(n, 1)
    period = np.zeros(n, dtype=np.int64)
    below, above, own = np.zeros(n), np.zeros(n), np.zeros(n)
    for i in range(len(row)):
        for t in range(fills.first[i], fills.end[i]):
            below[t] = -fills.charge_kw[i]
        one_price(fills.first[i], fills.end[i], below, above, prices[row[i]], pieces)
        cost[i] = answer_fill(i, fills, hours, pieces, period, out[i] if len(out) else own)


@jit
def _calls(
    calls: CallColumns, sizes: np.ndarray, prices: np.ndarray, row: np.ndarray, hours: float, out: np.ndarray, cost: np.ndarray
) -> None:
    n = prices.shape[1]
    pieces = new_pieces(n, 2)
    room = call_room(n, sizes)
    below, above, own = np.zeros(n), np.zeros(n), np.zeros(n)
    for i in range(len(row)):
        begin = bounds_of_call(i, calls, n, room, below, above)
        one_price(begin, n, below, above, prices[row[i]], pieces)
        cost[i] = answer_call(i, calls, n, hours, pieces, room, out[i] if len(out) else own)
