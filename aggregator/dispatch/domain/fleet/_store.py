"""The best response of a store, exact: the value of stored energy is concave and piecewise linear, so it is a falling list.

Backward, the list of (slope, length) is widened by what charging and discharging may do in a period, stretched by leakage,
and cut at the bounds of the period before. Forward, the store charges while the energy is worth more inside. The list moves
through its arrays, so that cutting its head costs nothing.
"""

from typing import NamedTuple

import numpy as np

from aggregator.dispatch.domain.fleet._columns import ProfileColumns, StoreColumns
from aggregator.dispatch.domain.fleet._jit import jit
from aggregator.dispatch.domain.fleet._value import Pieces

NEAR = 1e-7  # kW, kWh: at a bound
LEAST_GAIN = 1e-9  # CNY/kWh: less is not worth a new answer
BIG = 1e4  # CNY/kWh: what missing the end or a bound costs; never paid where it can be kept


class StoreRoom(NamedTuple):
    """Of the store at hand (n,): its bounds [kW, kWh], drift, change of its energy [kWh]; and room for the list of slopes.

    level : per piece, what the store holds where the piece's cost is the energy's worth. order, place : the pieces of one period.
    """

    below: np.ndarray
    above: np.ndarray
    low: np.ndarray
    high: np.ndarray
    drift: np.ndarray
    change: np.ndarray
    last_worth: np.ndarray
    next_worth: np.ndarray
    level: np.ndarray
    slopes: np.ndarray
    lengths: np.ndarray
    order: np.ndarray
    place: np.ndarray


@jit
def store_room(n: int, most: int) -> StoreRoom:
    """For n periods of up to `most` pieces."""
    return StoreRoom(
        np.empty(n),
        np.empty(n),
        np.empty(n),
        np.empty(n),
        np.empty(n),
        np.empty(n),
        np.empty(n),
        np.empty(n),
        np.empty(n * most),
        np.empty(n * most + 8),
        np.empty(n * most + 8),
        np.empty(most, dtype=np.int64),
        np.empty(most, dtype=np.int64),
    )


@jit
def bounds_of_store(i: int, stores: StoreColumns, profiles: ProfileColumns, room: StoreRoom) -> None:
    """Writes what store `i` can inject, its energy bounds and its drift into the room."""
    p = stores.profile[i]
    for t in range(stores.first[i], stores.end[i]):
        if p >= 0:
            room.below[t] = -profiles.charge_kw[p, t]
            room.above[t] = profiles.discharge_kw[p, t]
            room.low[t] = profiles.min_kwh[p, t]
            room.high[t] = profiles.max_kwh[p, t]
            room.drift[t] = profiles.drift_kwh[p, t]
        else:
            room.below[t] = -stores.charge_kw[i]
            room.above[t] = stores.discharge_kw[i]
            room.low[t] = stores.min_kwh[i]
            room.high[t] = stores.max_kwh[i]
            room.drift[t] = 0.0


@jit
def stands_well(i: int, stores: StoreColumns, hours: float, room: StoreRoom, own: np.ndarray) -> bool:
    """Whether nothing beats what the store does, `own` (n,) [kW]: then a price for its energy supports every period.

    The room holds the store's bounds, and what the last kWh injected and the next one are worth.
    """
    dearest = room.last_worth
    cheapest = room.next_worth
    first = stores.first[i]
    end = stores.end[i]
    if end <= first:
        return True
    stored = hours * stores.eta_in[i]
    drawn = hours / stores.eta_out[i]
    keep = stores.keep[i]
    level = room.level
    s = stores.initial_kwh[i]
    for t in range(first, end):
        s = keep * s + room.drift[t] - own[t] * (stored if own[t] < 0.0 else drawn)
        level[t] = s
        if s < room.low[t] - NEAR or s > room.high[t] + NEAR:
            return False
    if s < stores.end_kwh[i] - NEAR:
        return False
    least = stores.end_value[i]  # between these the price must lie, seen from the end
    most = least
    for t in range(end - 1, first - 1, -1):
        if level[t] <= room.low[t] + NEAR or (t == end - 1 and s <= stores.end_kwh[i] + NEAR):
            most = BIG
        if level[t] >= room.high[t] - NEAR:
            least = -BIG
        if room.below[t] + NEAR < own[t] <= NEAR:  # could charge more
            most = min(most, dearest[t] / stores.eta_in[i])
        if own[t] < -NEAR:  # could charge less
            least = max(least, cheapest[t] / stores.eta_in[i])
        if -NEAR <= own[t] < room.above[t] - NEAR:  # could discharge more
            least = max(least, (cheapest[t] - stores.wear[i]) * stores.eta_out[i])
        if own[t] > NEAR:  # could discharge less
            most = min(most, (dearest[t] - stores.wear[i]) * stores.eta_out[i])
        if least > most + LEAST_GAIN:
            return False
        least *= keep
        most *= keep
    return True


@jit
def answer_store(i: int, stores: StoreColumns, hours: float, pieces: Pieces, room: StoreRoom, own: np.ndarray) -> float:
    """The store's injection in `own` (n,) [kW] for pieces of its bounds, which are used up; returns its least cost [CNY]."""
    value = pieces.value
    length = pieces.length
    first = stores.first[i]
    end = stores.end[i]
    eta_in = stores.eta_in[i]
    eta_out = stores.eta_out[i]
    wear = stores.wear[i]
    stored = hours * eta_in
    drawn = hours / eta_out
    for t in range(first, end):
        for j in range(pieces.at[t], pieces.split[t]):
            value[j] /= eta_in
            length[j] *= stored
        for j in range(pieces.split[t], pieces.at[t + 1]):
            value[j] = (value[j] - wear) * eta_out
            length[j] *= drawn
    change = room.change
    cost = best_store(first, end, stores.initial_kwh[i], stores.end_kwh[i], stores.end_value[i], stores.keep[i], pieces, room)
    for t in range(first, end):
        own[t] = -change[t] / stored if change[t] >= 0.0 else -change[t] / drawn
    return cost


@jit
def best_store(
    first: int, end: int, initial: float, target: float, end_value: float, keep: float, pieces: Pieces, room: StoreRoom
) -> float:
    """Writes the change of stored energy by charging (> 0) or discharging (< 0) per period [kWh] into `room.change`.

    Pieces as seen by the energy inside, CNY per kWh over kWh: those that consume charge at `value`, the rest earn it. Returns
    the least cost of the relaxed problem, in which a store may charge and discharge at once: a bound for any price.
    """
    value = pieces.value
    length = pieces.length
    at = pieces.at
    split = pieces.split
    low = room.low
    high = room.high
    drift = room.drift
    change = room.change
    level = room.level
    slopes = room.slopes
    lengths = room.lengths
    order = room.order
    place = room.place
    head = 0
    tail = 0
    x0 = low[end - 1]
    left = 0.0
    needed = min(max(target - x0, 0.0), high[end - 1] - x0)
    if needed > 0.0:
        slopes[0] = BIG
        lengths[0] = needed
        left = -BIG * needed
        tail = 1
    slopes[tail] = end_value
    lengths[tail] = high[end - 1] - x0 - needed
    tail += 1
    left += end_value * x0
    if needed > 0.0:
        left += end_value * needed
    total = high[end - 1] - x0
    for t in range(end - 1, first - 1, -1):
        count = at[t + 1] - at[t]
        for q in range(count):  # by falling value; they are in order already but for losses at negative prices
            j = at[t] + q
            p = q
            while p > 0 and value[order[p - 1]] < value[j]:
                order[p] = order[p - 1]
                p -= 1
            order[p] = j
        x = x0
        k = head
        for q in range(count):
            j = order[q]
            while k < tail and slopes[k] > value[j]:
                x += lengths[k]
                k += 1
            level[j] = x
            place[q] = k
        last = tail
        for q in range(count - 1, -1, -1):
            j = order[q]
            for k in range(last - 1, place[q] - 1, -1):
                slopes[k + q + 1] = slopes[k]
                lengths[k + q + 1] = lengths[k]
            last = place[q]
            slopes[last + q] = value[j]
            lengths[last + q] = length[j]
            total += length[j]
            if j < split[t]:
                x0 -= length[j]
                left -= value[j] * length[j]
        tail += count
        x0 -= drift[t]
        if keep != 1.0:
            x0 /= keep
            total /= keep
            for k in range(head, tail):
                slopes[k] *= keep
                lengths[k] /= keep
        if t == first:
            break
        over = x0 + total - high[t - 1]
        while over > 0.0 and tail > head and lengths[tail - 1] <= over:
            over -= lengths[tail - 1]
            total -= lengths[tail - 1]
            tail -= 1
        if over > 0.0 and tail > head:
            lengths[tail - 1] -= over
            total -= over
        under = low[t - 1] - x0
        while under > 0.0 and head < tail and lengths[head] <= under:
            under -= lengths[head]
            total -= lengths[head]
            x0 += lengths[head]
            left += slopes[head] * lengths[head]
            head += 1
        if under > 0.0 and head < tail:
            lengths[head] -= under
            total -= under
            x0 += under
            left += slopes[head] * under
    rest = initial - x0
    cost = -left
    if rest < 0.0:
        cost -= BIG * rest
    k = head
    while k < tail and rest > 0.0:
        x = min(rest, lengths[k])
        cost -= slopes[k] * x
        rest -= x
        k += 1
    if rest > 0.0:
        cost += BIG * rest
    s = initial
    for t in range(first, end):
        s = keep * s + drift[t]
        before = s
        for j in range(split[t] - 1, at[t] - 1, -1):
            if s >= level[j]:
                break
            x = min(level[j], s + length[j])
            whole = x >= s + length[j] - 1e-12
            s = x
            if not whole:
                break
        if s == before:
            for j in range(split[t], at[t + 1]):
                if s <= level[j]:
                    break
                x = max(level[j], s - length[j])
                whole = x <= s - length[j] + 1e-12
                s = x
                if not whole:
                    break
        change[t] = s - before
    return cost
