"""Sweeps: every asset in turn is taken out of its connection, answers the value that the others leave, and is put back.

A guided sweep follows local prices and does not couple sites (ranges of sites may run in threads). A true sweep reads the
sites' own tariffs and the market at the portfolio's injection, each move included: it never raises the cost.
"""

from typing import NamedTuple

import numpy as np

from aggregator.dispatch.domain.fleet._call import best_calls
from aggregator.dispatch.domain.fleet._columns import CallColumns, FillColumns, GroupColumns, ProfileColumns, StoreColumns
from aggregator.dispatch.domain.fleet._jit import jit
from aggregator.dispatch.domain.fleet._store import best_store
from aggregator.dispatch.domain.fleet._value import MOST_PIECES, pieces

FILLS, CALLS, STORES = 1, 2, 4
NO_LIMIT = 1e18


class Worth(NamedTuple):
    """The value of injection at every connection, see _value.pieces. Shapes (E,), (E, n), market (n, M), (n, M + 1)."""

    import_limit: np.ndarray
    peak: np.ndarray
    middle: np.ndarray
    export_cap: np.ndarray
    ceiling: np.ndarray
    peak_value: np.ndarray
    high: np.ndarray
    low: np.ndarray
    spill: np.ndarray
    breaks: np.ndarray
    values: np.ndarray
    n_breaks: int
    group_shift: np.ndarray


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
def cut(
    e: int,
    group: int,
    first: int,
    end: int,
    x0: np.ndarray,
    x1: np.ndarray,
    worth: Worth,
    others: np.ndarray,
    groups: GroupColumns,
    state: State,
    lengths: np.ndarray,
    values: np.ndarray,
    counts: np.ndarray,
) -> None:
    """Per period of [first, end) the pieces of [x0, x1] (n,) for an asset that is out; see _value.pieces. Results (n, MOST_PIECES)."""
    site_kw = state.site_kw[e]
    middle = worth.middle[e]
    export_cap = worth.export_cap[e]
    ceiling = worth.ceiling[e]
    peak_value = worth.peak_value[e]
    high = worth.high[e]
    low = worth.low[e]
    import_limit = worth.import_limit[e]
    peak = worth.peak[e]
    spill = worth.spill[e]
    breaks = worth.breaks
    market = worth.values
    n_breaks = worth.n_breaks
    group_import = groups.import_limit_kw
    group_export = groups.export_limit_kw
    parent = groups.parent
    group_kw = state.group_kw
    group_shift = worth.group_shift
    for t in range(first, end):
        counts[t] = 0
        if x0[t] >= x1[t]:
            continue
        least = -NO_LIMIT
        most = NO_LIMIT
        shift = 0.0
        g = group
        while g >= 0:
            least = max(least, -group_import[g] - group_kw[g, t])
            most = min(most, group_export[g] - group_kw[g, t])
            shift += group_shift[g, t]
            g = parent[g]
        counts[t] = pieces(
            t,
            site_kw[t],
            x0[t],
            x1[t],
            import_limit,
            peak,
            middle[t],
            export_cap[t],
            ceiling[t],
            peak_value[t],
            high[t],
            low[t],
            spill,
            breaks,
            market,
            n_breaks,
            others[t],
            shift,
            least,
            max(least, most),
            lengths,
            values,
        )


@jit
def sweep_fills(
    e: int,
    fills: FillColumns,
    groups: GroupColumns,
    worth: Worth,
    state: State,
    others: np.ndarray,
    hours: float,
    lengths: np.ndarray,
    values: np.ndarray,
    counts: np.ndarray,
    rows: np.ndarray,
    offers: np.ndarray,
) -> None:
    """Each need is charged where a kWh is worth least. offers (3, n x MOST_PIECES): value, length, period."""
    below = rows[0]
    zero = rows[1]
    for i in range(fills.at[e], fills.at[e + 1]):
        group = fills.group[i]
        first = fills.first[i]
        end = fills.end[i]
        own = state.fill_kw[i]
        move(e, group, first, end, own, -1.0, groups, state)
        for t in range(first, end):
            own[t] = 0.0
            below[t] = -fills.charge_kw[i]
            zero[t] = 0.0
        cut(e, group, first, end, below, zero, worth, others, groups, state, lengths, values, counts)
        m = 0
        for t in range(first, end):
            for j in range(counts[t]):
                offers[0, m] = values[t, j]
                offers[1, m] = lengths[t, j]
                offers[2, m] = t
                m += 1
        rest = fills.need_kwh[i] / (hours * fills.eta_in[i])
        for q in np.argsort(offers[0, :m]):
            x = min(rest, offers[1, q])
            own[int(offers[2, q])] -= x
            rest -= x
            if rest <= 1e-12:
                break
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
    lengths: np.ndarray,
    values: np.ndarray,
    counts: np.ndarray,
    rows: np.ndarray,
    gain_on: np.ndarray,
    gain_after: np.ndarray,
    now: np.ndarray,
    then: np.ndarray,
    came: np.ndarray,
    phase: np.ndarray,
) -> None:
    """Each load is called when shedding is worth more than its owner asks, rebound included."""
    n = state.site_kw.shape[1]
    below = rows[0]
    above = rows[1]
    for i in range(calls.at[e], calls.at[e + 1]):
        group = calls.group[i]
        shed = calls.shed_kw[i]
        ramp = calls.ramp[i]
        first = calls.first[i]
        end = calls.end[i]
        own = state.call_kw[i]
        move(e, group, first, n, own, -1.0, groups, state)
        pays = False
        for t in range(first, n):
            own[t] = 0.0
            state.call_phase[i, t] = 0
            gain_after[t] = 0.0
            below[t] = 0.0
        for j in range(ramp + 1):
            x = shed * (j + 1) / (ramp + 1)
            for t in range(first, end):
                above[t] = x
            cut(e, group, first, end, below, above, worth, others, groups, state, lengths, values, counts)
            for t in range(first, end):
                total = 0.0
                for q in range(counts[t]):
                    total += lengths[t, q] * values[t, q]
                gain_on[t, j] = hours * (total - x * calls.cost[i])
                if gain_on[t, j] > 1e-9:
                    pays = True
        if calls.rebound[i] > 0:
            for t in range(first, n):
                below[t] = -shed * calls.rebound_ratio[i]
                above[t] = 0.0
            cut(e, group, first, n, below, above, worth, others, groups, state, lengths, values, counts)
            for t in range(first, n):
                for q in range(counts[t]):
                    gain_after[t] -= hours * lengths[t, q] * values[t, q]
                if gain_after[t] > 1e-9:
                    pays = True
        if not pays:
            continue
        best_calls(
            first,
            end,
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
        for t in range(first, n):
            if phase[t] > 0:
                own[t] = shed * phase[t] / (ramp + 1)
                state.call_phase[i, t] = 1
            elif phase[t] < 0:
                own[t] = -shed * calls.rebound_ratio[i]
                state.call_phase[i, t] = -1
        move(e, group, first, n, own, 1.0, groups, state)


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
    lengths: np.ndarray,
    values: np.ndarray,
    counts: np.ndarray,
    out_counts: np.ndarray,
    rows: np.ndarray,
    work: np.ndarray,
    lists: np.ndarray,
) -> None:
    """Each store against the value that the others leave. work (6, n, MOST_PIECES), rows (7, n), lists (2, many)."""
    below = rows[0]
    above = rows[1]
    zero = rows[2]
    low = rows[3]
    high = rows[4]
    drift = rows[5]
    change = rows[6]
    for q in range(stores.at[e], stores.at[e + 1]):
        i = order[q]
        group = stores.group[i]
        first = stores.first[i]
        end = stores.end[i]
        p = stores.profile[i]
        eta_in = stores.eta_in[i]
        eta_out = stores.eta_out[i]
        wear = stores.wear[i]
        own = state.store_kw[i]
        move(e, group, first, end, own, -1.0, groups, state)
        for t in range(first, end):
            zero[t] = 0.0
            if p >= 0:
                below[t] = -profiles.charge_kw[p, t]
                above[t] = profiles.discharge_kw[p, t]
                low[t] = profiles.min_kwh[p, t]
                high[t] = profiles.max_kwh[p, t]
                drift[t] = profiles.drift_kwh[p, t]
            else:
                below[t] = -stores.charge_kw[i]
                above[t] = stores.discharge_kw[i]
                low[t] = stores.min_kwh[i]
                high[t] = stores.max_kwh[i]
                drift[t] = 0.0
        cut(e, group, first, end, below, zero, worth, others, groups, state, lengths, values, counts)
        for t in range(first, end):
            k = counts[t]
            for j in range(k):
                work[0, t, j] = values[t, k - 1 - j] / eta_in
                work[1, t, j] = lengths[t, k - 1 - j] * hours * eta_in
        cut(e, group, first, end, zero, above, worth, others, groups, state, lengths, values, out_counts)
        for t in range(first, end):
            for j in range(out_counts[t]):
                work[2, t, j] = (values[t, j] - wear) * eta_out
                work[3, t, j] = lengths[t, j] * hours / eta_out
        best_store(
            first,
            end,
            stores.initial_kwh[i],
            stores.end_kwh[i],
            stores.end_value[i],
            stores.keep[i],
            low,
            high,
            drift,
            work[0],
            work[1],
            counts,
            work[2],
            work[3],
            out_counts,
            work[4],
            work[5],
            lists[0],
            lists[1],
            change,
        )
        for t in range(first, end):
            own[t] = -change[t] / (hours * eta_in) if change[t] >= 0.0 else -change[t] * eta_out / hours
        move(e, group, first, end, own, 1.0, groups, state)


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
    """Sites [e0, e1) once, the types of assets in `which`: cars, then loads, then stores in `order`.

    sizes = the largest (calls, periods, phases, ramp) of any load.
    """
    n = state.site_kw.shape[1]
    others = np.zeros(n)
    lengths = np.empty((n, MOST_PIECES))
    values = np.empty((n, MOST_PIECES))
    counts = np.zeros(n, dtype=np.int64)
    out_counts = np.zeros(n, dtype=np.int64)
    rows = np.zeros((7, n))
    work = np.empty((6, n, MOST_PIECES))
    lists = np.empty((2, 2 * n * MOST_PIECES + 8))
    offers = np.empty((3, n * MOST_PIECES))
    gain_on = np.empty((n, sizes[3] + 1))
    gain_after = np.empty(n)
    now = np.empty((sizes[0] + 1, sizes[1] + 1, sizes[2]))
    then = np.empty((sizes[0] + 1, sizes[1] + 1, sizes[2]))
    came = np.empty((n, sizes[0] + 1, sizes[1] + 1, sizes[2]), dtype=np.int16)
    phase = np.zeros(n, dtype=np.int64)
    for e in range(e0, e1):
        if coupled:
            for t in range(n):
                others[t] = state.portfolio_kw[t] - min(state.site_kw[e, t], worth.export_cap[e, t])
        if which & FILLS:
            sweep_fills(e, fills, groups, worth, state, others, hours, lengths, values, counts, rows, offers)
        if which & CALLS:
            sweep_calls(
                e,
                calls,
                groups,
                worth,
                state,
                others,
                hours,
                lengths,
                values,
                counts,
                rows,
                gain_on,
                gain_after,
                now,
                then,
                came,
                phase,
            )
        if which & STORES:
            sweep_stores(
                e,
                order,
                stores,
                profiles,
                groups,
                worth,
                state,
                others,
                hours,
                lengths,
                values,
                counts,
                out_counts,
                rows,
                work,
                lists,
            )
        if coupled:
            for t in range(n):
                state.portfolio_kw[t] = others[t] + min(state.site_kw[e, t], worth.export_cap[e, t])
