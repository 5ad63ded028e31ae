"""The best answer of every asset to fixed prices: what the certificate adds up, and what tests hold against exact models."""

from dataclasses import dataclass

import numpy as np

from aggregator.dispatch.domain.fleet._call import best_calls
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
from aggregator.dispatch.domain.fleet._jit import jit
from aggregator.dispatch.domain.fleet._store import best_store
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
    stores, profiles = store_columns(problem.stores, e), profile_columns(problem.profiles)
    calls = call_columns(problem.calls, e)
    _stores(stores, profiles, prices, row_of_store.astype(np.int64), problem.hours, found.store_kw, found.store_cny)
    _fills(fill_columns(problem.fills, e), prices, row_of_fill.astype(np.int64), problem.hours, found.fill_kw, found.fill_cny)
    _calls(calls, prices, row_of_call.astype(np.int64), problem.hours, call_sizes(calls, n), found.call_kw, found.call_cny)
    return found


def call_sizes(calls: CallColumns, n_periods: int) -> np.ndarray:
    """The largest (calls, counted periods, phases, ramp) that the programme over calls needs room for."""
    if not len(calls.group):
        return np.zeros(4, dtype=np.int64)
    counted = calls.max_periods < calls.max_calls * calls.max_on
    timed = (calls.max_on < calls.end - calls.first) & ~(counted & (calls.max_on >= calls.max_periods))
    on = np.where(timed, np.maximum(calls.max_on, 1), calls.ramp + 1)
    pause = np.maximum(np.maximum(calls.rest, calls.rebound), 1)
    after = np.where((calls.rebound > 0) | (pause > 1), pause, 0)
    used = np.where(counted, calls.max_periods, 0)
    return np.array([calls.max_calls.max(), used.max(), (1 + on + after).max(), calls.ramp.max()], dtype=np.int64)


@jit
def _stores(
    stores: StoreColumns, profiles: ProfileColumns, prices: np.ndarray, row: np.ndarray, hours: float, out: np.ndarray, cost: np.ndarray
) -> None:
    n = prices.shape[1]
    work = np.empty((6, n, 1))
    counts = np.zeros((2, n), dtype=np.int64)
    low = np.zeros(n)
    high = np.zeros(n)
    drift = np.zeros(n)
    change = np.zeros(n)
    lists = np.empty((2, 2 * n + 8))
    for i in range(len(row)):
        p = stores.profile[i]
        for t in range(stores.first[i], stores.end[i]):
            charge = stores.charge_kw[i]
            discharge = stores.discharge_kw[i]
            low[t] = stores.min_kwh[i]
            high[t] = stores.max_kwh[i]
            drift[t] = 0.0
            if p >= 0:
                charge = profiles.charge_kw[p, t]
                discharge = profiles.discharge_kw[p, t]
                low[t] = profiles.min_kwh[p, t]
                high[t] = profiles.max_kwh[p, t]
                drift[t] = profiles.drift_kwh[p, t]
            price = prices[row[i], t]
            work[0, t, 0] = price / stores.eta_in[i]
            work[1, t, 0] = charge * hours * stores.eta_in[i]
            work[2, t, 0] = (price - stores.wear[i]) * stores.eta_out[i]
            work[3, t, 0] = discharge * hours / stores.eta_out[i]
            counts[0, t] = 1 if charge > 0.0 else 0
            counts[1, t] = 1 if discharge > 0.0 else 0
        cost[i] = best_store(
            stores.first[i],
            stores.end[i],
            stores.initial_kwh[i],
            stores.end_kwh[i],
            stores.end_value[i],
            stores.keep[i],
            low,
            high,
            drift,
            work[0],
            work[1],
            counts[0],
            work[2],
            work[3],
            counts[1],
            work[4],
            work[5],
            lists[0],
            lists[1],
            change,
        )
        if len(out):
            for t in range(stores.first[i], stores.end[i]):
                out[i, t] = -change[t] / (hours * stores.eta_in[i]) if change[t] >= 0.0 else -change[t] * stores.eta_out[i] / hours


@jit
def _fills(fills: FillColumns, prices: np.ndarray, row: np.ndarray, hours: float, out: np.ndarray, cost: np.ndarray) -> None:
    for i in range(len(row)):
        first = fills.first[i]
        rest = fills.need_kwh[i] / (hours * fills.eta_in[i])
        cost[i] = 0.0
        for q in np.argsort(prices[row[i], first : fills.end[i]]):
            x = min(rest, fills.charge_kw[i])
            cost[i] += hours * x * prices[row[i], first + q]
            if len(out):
                out[i, first + q] = -x
            rest -= x
            if rest <= 1e-12:
                break


@jit
def _calls(
    calls: CallColumns, prices: np.ndarray, row: np.ndarray, hours: float, sizes: np.ndarray, out: np.ndarray, cost: np.ndarray
) -> None:
    n = prices.shape[1]
    gain_on = np.empty((n, sizes[3] + 1))
    gain_after = np.empty(n)
    now = np.empty((sizes[0] + 1, sizes[1] + 1, sizes[2]))
    then = np.empty((sizes[0] + 1, sizes[1] + 1, sizes[2]))
    came = np.empty((n, sizes[0] + 1, sizes[1] + 1, sizes[2]), dtype=np.int16)
    phase = np.zeros(n, dtype=np.int64)
    for i in range(len(row)):
        shed = calls.shed_kw[i]
        ramp = calls.ramp[i]
        pays = False
        for t in range(calls.first[i], n):
            price = prices[row[i], t]
            for j in range(ramp + 1):
                gain_on[t, j] = hours * shed * (j + 1) / (ramp + 1) * (price - calls.cost[i])
            gain_after[t] = -hours * shed * calls.rebound_ratio[i] * price
            if (t < calls.end[i] and price > calls.cost[i]) or (calls.rebound[i] > 0 and price < 0.0):
                pays = True
        cost[i] = 0.0
        if not pays:
            continue
        cost[i] = -best_calls(
            calls.first[i],
            calls.end[i],
            n,
            calls.max_calls[i],
            calls.max_periods[i],
            calls.max_on[i],
            max(calls.rest[i], calls.rebound[i], 1),
            ramp,
            calls.rebound[i],
            gain_on,
            gain_after,
            now,
            then,
            came,
            phase,
        )
        if len(out):
            for t in range(calls.first[i], n):
                if phase[t] > 0:
                    out[i, t] = shed * phase[t] / (ramp + 1)
                elif phase[t] < 0:
                    out[i, t] = -shed * calls.rebound_ratio[i]
