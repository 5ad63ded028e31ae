"""The best calls of an interruptible load, exact: a dynamic programme over calls used, periods used and where in a call one is.

States (k, p, u): calls begun, place, periods called. Place 0 stands free, 1 to n_on are inside a call (the last one repeats
where nobody counts how long it lasts), the rest come after it. A call that is in force when period 0 begins stands beside:
what it earns up to each of its possible ends is added up, and the programme takes it from there.
"""

from typing import NamedTuple

import numpy as np

from aggregator.dispatch.domain.fleet._columns import CallColumns
from aggregator.dispatch.domain.fleet._jit import jit
from aggregator.dispatch.domain.fleet._value import Pieces

NEVER = -1e18
RUNNING = -1  # where a state comes from: the call in force at the beginning, ended
WORTHWHILE_CNY = 1e-9


class CallRoom(NamedTuple):
    """Of the load at hand: what can be shed and what is, consumed more after a call (n,) [kW]; what a period of a call is worth by
    its age (n, ramp + 1), one of rebound (n,) [CNY]; phase of every period (n,): 0 none, j > 0 the j-th of a call capped at
    ramp + 1, -1 a rebound. value (2, p, m), came (n, p, m): of the programme's states, and where they come from; see best_calls.
    """

    cap: np.ndarray
    back: np.ndarray
    shed: np.ndarray
    gain_on: np.ndarray
    gain_after: np.ndarray
    phase: np.ndarray
    value: np.ndarray
    came: np.ndarray


def call_sizes(calls: CallColumns) -> np.ndarray:
    """The largest (calls, counted periods, places, ramp) that the programme needs room for."""
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
def call_room(n: int, sizes: np.ndarray) -> CallRoom:
    """For n periods and loads of `sizes`, see call_sizes."""
    return CallRoom(
        np.zeros(n),
        np.zeros(n),
        np.zeros(n),
        np.zeros((n, sizes[3] + 1)),
        np.zeros(n),
        np.zeros(n, dtype=np.int64),
        np.empty((2, sizes[2], (sizes[0] + 2) * (sizes[1] + 2) + 1)),
        np.empty((n, sizes[2], (sizes[0] + 2) * (sizes[1] + 2) + 1), dtype=np.int16),
    )


@jit
def bounds_of_call(i: int, calls: CallColumns, n: int, room: CallRoom, below: np.ndarray, above: np.ndarray) -> int:
    """Writes what load `i` can inject into `below` and `above` (n,), and its cap into the room, from the period on that is returned."""
    begin = calls.first[i] if calls.running[i] == 0 else 0
    p = calls.profile[i]
    for t in range(begin, n):
        cap = calls.shed_profiles_kw[p, t] if p >= 0 else calls.shed_kw[i]
        room.cap[t] = cap
        room.back[t] = calls.rebound_ratio[i] * cap if calls.rebound[i] > 0 else 0.0
        below[t] = -room.back[t]
        above[t] = cap if t < calls.end[i] else 0.0
    return begin


@jit
def answer_call(i: int, calls: CallColumns, n: int, hours: float, pieces: Pieces, room: CallRoom, own: np.ndarray) -> float:
    """The load's injection in `own` (n,) [kW], 0 before, for pieces of its bounds; returns its least cost [CNY].

    Phases are left in the room. A load that is shed in part stops where a kWh is worth no more than its owner asks.
    """
    value = pieces.value
    length = pieces.length
    cost = calls.cost[i]
    ramp = calls.ramp[i]
    whole = calls.whole[i] != 0
    begin = calls.first[i] if calls.running[i] == 0 else 0
    pays = calls.running[i] > 0
    for t in range(begin, n):
        lost = 0.0
        for j in range(pieces.at[t], pieces.split[t]):
            lost += length[j] * value[j]
        room.gain_after[t] = -hours * lost
        total = 0.0
        amount = 0.0
        age = 0
        for j in range(pieces.split[t], pieces.at[t + 1]):
            if whole:
                while age < ramp and room.cap[t] * (age + 1) / (ramp + 1) <= amount + length[j]:
                    part = room.cap[t] * (age + 1) / (ramp + 1) - amount
                    room.gain_on[t, age] = hours * (total + part * (value[j] - cost))
                    age += 1
            elif value[j] <= cost:
                break
            total += length[j] * (value[j] - cost)
            amount += length[j]
        room.shed[t] = amount
        while age <= ramp:
            room.gain_on[t, age] = hours * total
            age += 1
        if room.gain_after[t] > WORTHWHILE_CNY:
            pays = True
        for j in range(ramp + 1):
            if room.gain_on[t, j] > WORTHWHILE_CNY:
                pays = True
    if not pays:
        for t in range(begin, n):
            room.phase[t] = 0
        return 0.0
    gain = best_periods(i, calls, room)
    if gain < 0.0:
        gain = best_calls(i, calls, n, room)
    for t in range(begin, n):
        if room.phase[t] > 0:
            own[t] = room.cap[t] * room.phase[t] / (ramp + 1) if whole else room.shed[t]
        elif room.phase[t] < 0:
            own[t] = -room.back[t]
    return -gain


@jit
def best_periods(i: int, calls: CallColumns, room: CallRoom) -> float:
    """The periods that gain most, as many as a load may be called, if they happen to keep its other rules: then nothing is better.

    Writes the phases of [first, n) and returns the gain [CNY], or -1 where the programme is needed.
    """
    first = calls.first[i]
    end = calls.end[i]
    if calls.ramp[i] > 0 or calls.rebound[i] > 0 or calls.running[i] > 0:
        return -1.0
    gain_on = room.gain_on
    phase = room.phase
    room_left = calls.max_periods[i]
    positive = 0
    for t in range(first, end):
        if gain_on[t, 0] > 0.0:
            positive += 1
    least = 0.0  # of the gains that are worth it
    if positive > room_left:
        least = np.sort(gain_on[first:end, 0])[end - first - room_left] if room_left > 0 else np.inf
    for t in range(first, end):
        if gain_on[t, 0] > least:
            room_left -= 1
    phase[first:] = 0
    total = 0.0
    count = 0
    lasted = 0
    paused = calls.rest[i]
    for t in range(first, end):
        gain = gain_on[t, 0]
        on = gain > least
        if not on and gain == least and least > 0.0 and room_left > 0:
            on = True
            room_left -= 1
        if not on:
            paused = paused + 1 if lasted == 0 else 1
            lasted = 0
            continue
        if lasted == 0:
            count += 1
            if count > 1 and paused < calls.rest[i]:
                return -1.0
        lasted += 1
        if count > calls.max_calls[i] or lasted > calls.max_on[i]:
            return -1.0
        phase[t] = 1
        total += gain
    return total


@jit
def _take(value: np.ndarray, came: np.ndarray, now: int, p: int, source: int, begin: int, end: int, back: int, gain: float) -> None:
    """Place p is what `source` was, `back` columns before, plus a gain. came (p, m) of the period."""
    to = value[1 - now, p, begin:end]
    of = value[now, source, begin - back : end - back]
    where = came[p, begin:end]
    for m in range(len(to)):
        to[m] = of[m] + gain
        where[m] = source


@jit
def _prefer(value: np.ndarray, came: np.ndarray, now: int, p: int, source: int, begin: int, end: int, back: int, gain: float) -> None:
    """The same where that is better than what place p is already."""
    to = value[1 - now, p, begin:end]
    of = value[now, source, begin - back : end - back]
    where = came[p, begin:end]
    for m in range(len(to)):
        better = of[m] + gain > to[m]
        to[m] = of[m] + gain if better else to[m]
        where[m] = source if better else where[m]


@jit
def best_calls(i: int, calls: CallColumns, n: int, room: CallRoom) -> float:
    """Writes the phases of load `i` into the room, from its gains, from period 0 on if a call is in force, else from its first.

    Returns the gain [CNY]. (k, u) stand in one row, so that one loop takes them all: k calls and u periods used at
    k x width + u + margin. The last column of each k, and the margin, are never reached.
    """
    gain_on = room.gain_on
    gain_after = room.gain_after
    value = room.value
    came = room.came
    phase = room.phase
    first = calls.first[i]
    end = calls.end[i]
    max_on = calls.max_on[i]
    max_calls = calls.max_calls[i] if max_on > 0 else 0
    ramp = calls.ramp[i]
    rebound = calls.rebound[i]
    running = calls.running[i]
    pause = max(calls.rest[i], rebound, 1)
    counted = 1 if calls.max_periods[i] < max_calls * max_on else 0
    width = calls.max_periods[i] + 2 if counted else 2
    margin = width + 1
    size = margin + (max_calls + 1) * width
    timed = max_on < end - first and not (counted and max_on >= calls.max_periods[i])
    n_on = max(max_on, 1) if timed else ramp + 1
    # Without rebound and with a rest of one period at most, standing still says it all.
    after = pause if rebound > 0 or pause > 1 else 0
    last = n_on + after
    for p in range(last + 1):
        for m in range(size):
            value[0, p, m] = NEVER
            value[1, p, m] = NEVER
    begin = first
    may_last = 0
    kept = 0.0  # what the call in force has earned before period t
    if running > 0:
        begin = 0
        may_last = max(min(max_on - running, end), 0)
    else:
        value[0, 0, margin] = 0.0
    now = 0
    for t in range(begin, n):
        then = 1 - now
        _take(value, came[t], now, 0, 0, margin, size, 0, 0.0)
        for p in range(last if after > 0 else 1, last + 1):
            _prefer(value, came[t], now, 0, p, margin, size, 0, 0.0)
        for p in range(1, n_on + 1):
            if t < first or t >= end:
                for m in range(size):
                    value[then, p, m] = NEVER
                continue
            gain = gain_on[t, min(p - 1, ramp)]
            back = counted + width if p == 1 else counted
            _take(value, came[t], now, p, p - 1, margin, size, back, gain)
            if p == 1 and after > 0:
                _prefer(value, came[t], now, p, last, margin, size, back, gain)
            if p == n_on and not timed:
                _prefer(value, came[t], now, p, p, margin, size, counted, gain)
            for k in range(max_calls + 1):
                value[then, p, margin + (k + 1) * width - 1] = NEVER
        for p in range(n_on + 1, last + 1):
            gain = gain_after[t] if p - n_on <= rebound else 0.0
            lowest = 1 if p == n_on + 1 else p - 1
            _take(value, came[t], now, p, lowest, margin, size, 0, gain)
            for source in range(2, n_on + 1 if p == n_on + 1 else 2):
                _prefer(value, came[t], now, p, source, margin, size, 0, gain)
        if running > 0 and t <= may_last:
            p = n_on + 1 if after > 0 else 0
            ended = kept + gain_after[t] if rebound > 0 else kept
            if ended > value[then, p, margin]:
                value[then, p, margin] = ended
                came[t, p, margin] = RUNNING
            if t < may_last:
                kept += gain_on[t, min(running + t, ramp)]
        now = then
    best = NEVER
    bp = 0
    bm = margin
    for m in range(margin, size):
        for p in range(last + 1):
            if value[now, p, m] > best:
                best = value[now, p, m]
                bp = p
                bm = m
    if running > 0 and may_last >= n and kept > best:
        best = kept
        bp = RUNNING
    for t in range(n - 1, begin - 1, -1):
        if bp == RUNNING:
            phase[t] = 1
            continue
        source = came[t, bp, bm]
        phase[t] = 0
        if 0 < bp <= n_on:
            phase[t] = 1
            bm -= counted
            if bp == 1 and source != 1:
                bm -= width
        elif n_on < bp <= n_on + rebound:
            phase[t] = -1
        bp = source
    lasted = running
    for t in range(begin, n):
        lasted = lasted + 1 if phase[t] > 0 else 0
        if phase[t] > 0:
            phase[t] = min(lasted, ramp + 1)
    return best
