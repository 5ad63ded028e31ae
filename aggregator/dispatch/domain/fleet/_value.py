"""What one more kW of injection is worth at a connection: a falling step function, cut into pieces for one asset."""

from typing import NamedTuple

import numpy as np

from aggregator.dispatch.domain.fleet._columns import GroupColumns
from aggregator.dispatch.domain.fleet._jit import jit
from aggregator.dispatch.domain.fleet.problem import CAP_CNY_PER_KWH

MOST_PIECES = 16  # of a period, on each side of zero
CAP = CAP_CNY_PER_KWH
TINY = 1e-12
NO_LIMIT = 1e18
MARGIN_KW = 1e-7


class Worth(NamedTuple):
    """The value of injection n at every connection, by where it stands; shapes (E,), (E, n), market (n, M), (n, M + 1).

    CAP below -import_limit, peak_value to -peak, high to `middle`, low to export_limit, -CAP above. Where n counts in the portfolio
    (F = others + n) the market's value (`values` between `breaks`) is added, if n_breaks > 0. From export_cap on, or where that
    is worth less than `spill`, what more is injected is curtailed and worth `spill`, as far as `generation` goes; then the
    steps go on. group_shift (G, n) is what groups add for their assets; outside their limits they push with CAP.
    """

    import_limit: np.ndarray
    peak: np.ndarray
    middle: np.ndarray
    export_cap: np.ndarray
    export_limit: np.ndarray
    generation: np.ndarray
    peak_value: np.ndarray
    high: np.ndarray
    low: np.ndarray
    spill: np.ndarray
    breaks: np.ndarray
    values: np.ndarray
    n_breaks: int
    group_shift: np.ndarray


class Pieces(NamedTuple):
    """Injections of one asset over which a kWh has one value, rising in injection within a period: `value`, `length` [kW].

    Period t owns [at[t], at[t + 1]); from split[t] on they inject, before they consume.
    """

    value: np.ndarray
    length: np.ndarray
    at: np.ndarray
    split: np.ndarray


@jit
def new_pieces(n: int, most: int) -> Pieces:
    """Room for `most` pieces in each of n periods."""
    return Pieces(np.empty(n * most), np.empty(n * most), np.zeros(n + 1, dtype=np.int64), np.zeros(n, dtype=np.int64))


@jit
def counted(n: float, export_cap: float, generation: float) -> float:
    """What is left of injection n where exports beyond the cap are curtailed as far as generation goes [kW]."""
    return max(min(n, export_cap), n - generation)


@jit
def turning(e: int, t: int, worth: Worth, others_kw: float) -> float:
    """Injection from which on generation is curtailed [kW]: the cap, or where the next kWh is worth less than `spill`."""
    spill = worth.spill[e]
    cap = worth.export_cap[e, t]
    last = worth.n_breaks
    begin = -worth.import_limit[e]
    for part in range(3):
        if part == 0:
            v = worth.peak_value[e, t]
            edge = min(-worth.peak[e], cap)
        elif part == 1:
            v = worth.high[e, t]
            edge = min(worth.middle[e, t], cap)
        else:
            v = worth.low[e, t]
            edge = cap
        found = begin
        if last == 0:
            if v >= spill:
                found = edge
        elif v + worth.values[t, last] >= spill:
            found = edge
        else:
            j = 0
            while v + worth.values[t, j] >= spill:
                j += 1
            if j > 0:
                found = max(begin, worth.breaks[t, j - 1] - others_kw)
        if found < edge:
            return found
        begin = max(begin, edge)
    return cap


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
    site_kw: np.ndarray,
    group_kw: np.ndarray,
    pieces: Pieces,
) -> None:
    """The pieces of [x0, x1] (n,), x0 <= 0 <= x1, in every period of [first, end), for an asset that is out of its connection.

    site_kw (n,), group_kw (G, n): injections without the asset. others (n,): those of all other sites.
    """
    value = pieces.value
    length = pieces.length
    at = pieces.at
    split = pieces.split
    import_edge = -worth.import_limit[e]
    peak_edge = -worth.peak[e]
    spill = worth.spill[e]
    middle = worth.middle[e]
    export_limit = worth.export_limit[e]
    generation = worth.generation[e]
    peak_value = worth.peak_value[e]
    high = worth.high[e]
    low = worth.low[e]
    breaks = worth.breaks
    market_values = worth.values
    n_breaks = worth.n_breaks
    k = 0
    for t in range(first, end):
        at[t] = k
        split[t] = k
        n0 = site_kw[t]
        x = x0[t]
        to = x1[t]
        least = -NO_LIMIT
        most = NO_LIMIT
        shift = 0.0
        g = group
        while g >= 0:
            least = max(least, -groups.import_limit_kw[g] - group_kw[g, t])
            most = min(most, groups.export_limit_kw[g] - group_kw[g, t])
            shift += worth.group_shift[g, t]
            g = groups.parent[g]
        most = max(least, most)
        begin = k
        turn = NO_LIMIT
        if generation[t] > 0.0:
            turn = turning(e, t, worth, others[t])
        turned = turn + generation[t]
        n = n0 + x
        j = 0
        while j < n_breaks and breaks[t, j] <= others[t] + counted(n, turn, generation[t]) + TINY:
            j += 1
        while x < to - TINY:
            n = n0 + x
            curtailed = 0.0
            if n >= turned - TINY:
                curtailed = generation[t]
            n -= curtailed
            market = n_breaks > 0
            if curtailed == 0.0 and n >= turn - TINY:
                edge = turned
                v = spill
                market = False
            elif n < import_edge - TINY:
                edge = import_edge
                v = CAP
                market = False
            elif n < peak_edge - TINY:
                edge = peak_edge
                v = peak_value[t]
            elif n < middle[t] - TINY:
                edge = middle[t]
                v = high[t]
            elif n < export_limit - TINY:
                edge = export_limit
                v = low[t]
            else:
                edge = NO_LIMIT
                v = -CAP
                market = False
            if market:
                v += market_values[t, j]
                if j < n_breaks:
                    edge = min(edge, breaks[t, j] - others[t])
            if curtailed > 0.0:
                v = min(v, spill)
            elif n < turn - TINY:
                edge = min(edge, turn)
            stop = min(to, edge + curtailed - n0)
            v += shift
            if x < least - TINY:
                stop = min(stop, least)
                v += CAP
            elif x < most - TINY:
                stop = min(stop, most)
            else:
                v -= CAP
            if stop <= x:
                stop = min(to, x + 1e-9)
            if x < -TINY:
                if k > begin and value[k - 1] == v:
                    length[k - 1] += min(stop, 0.0) - x
                elif k == begin + MOST_PIECES:
                    stop = max(stop, 0.0)
                    length[k - 1] -= x
                else:
                    length[k] = min(stop, 0.0) - x
                    value[k] = v
                    k += 1
                split[t] = k
            if stop > TINY:
                part = stop - max(x, 0.0)
                if k > split[t] and value[k - 1] == v:
                    length[k - 1] += part
                elif k == split[t] + MOST_PIECES:
                    length[k - 1] += to - max(x, 0.0)
                    break
                else:
                    length[k] = part
                    value[k] = v
                    k += 1
            x = stop
            n = n0 + x
            while j < n_breaks and breaks[t, j] <= others[t] + counted(n, turn, generation[t]) + 1e-9:
                j += 1
    at[end] = k


@jit
def at_margin(
    e: int,
    worth: Worth,
    others: np.ndarray,
    groups: GroupColumns,
    site_kw: np.ndarray,
    group_kw: np.ndarray,
    pieces: Pieces,
    dearest: np.ndarray,
    cheapest: np.ndarray,
) -> None:
    """What the last kWh injected at a connection is worth, and the next one (n,) [CNY/kWh]. `pieces` are used up."""
    n = len(site_kw)
    dearest[:] = -MARGIN_KW
    cheapest[:] = MARGIN_KW
    cut(e, -1, 0, n, dearest, cheapest, worth, others, groups, site_kw, group_kw, pieces)
    for t in range(n):
        dearest[t] = pieces.value[pieces.at[t]]
        cheapest[t] = pieces.value[pieces.at[t + 1] - 1]


@jit
def in_groups(
    group: int,
    first: int,
    end: int,
    worth: Worth,
    groups: GroupColumns,
    group_kw: np.ndarray,
    dearest: np.ndarray,
    cheapest: np.ndarray,
    last_worth: np.ndarray,
    next_worth: np.ndarray,
) -> None:
    """The same for an asset of `group`, over [first, end): what its groups add, and their limits where they are reached."""
    for t in range(first, end):
        last_worth[t] = dearest[t]
        next_worth[t] = cheapest[t]
    g = group
    while g >= 0:
        for t in range(first, end):
            last_worth[t] += worth.group_shift[g, t]
            next_worth[t] += worth.group_shift[g, t]
            if group_kw[g, t] <= -groups.import_limit_kw[g] + MARGIN_KW:
                last_worth[t] += CAP
            if group_kw[g, t] < -groups.import_limit_kw[g] - MARGIN_KW:
                next_worth[t] += CAP
            if group_kw[g, t] >= groups.export_limit_kw[g] - MARGIN_KW:
                next_worth[t] -= CAP
            if group_kw[g, t] > groups.export_limit_kw[g] + MARGIN_KW:
                last_worth[t] -= CAP
        g = groups.parent[g]


@jit
def one_price(first: int, end: int, x0: np.ndarray, x1: np.ndarray, price: np.ndarray, pieces: Pieces) -> None:
    """The same for an injection that is worth `price` (n,) wherever it stands."""
    k = 0
    for t in range(first, end):
        pieces.at[t] = k
        if x0[t] < 0.0:
            pieces.value[k] = price[t]
            pieces.length[k] = -x0[t]
            k += 1
        pieces.split[t] = k
        if x1[t] > 0.0:
            pieces.value[k] = price[t]
            pieces.length[k] = x1[t]
            k += 1
    pieces.at[end] = k
