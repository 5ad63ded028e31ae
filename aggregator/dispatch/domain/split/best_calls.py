"""The calls of loads that are worth most, under all of their rules: an exact dynamic programme over periods, all loads at once."""

import numpy as np

from aggregator.dispatch.domain.split.window import Loads

NEVER = -np.inf


def best_calls(loads: Loads, worth: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """(L, T) True where calls that keep the loads' rules are worth most; what is called already stays. Exact.

    worth (L, T) of a period in which the load is called; allowed (L, T): where that is possible. Where the reference itself
    breaks a rule it is left as it is.
    """
    n_loads, n = worth.shape
    if not n_loads or not n:
        return loads.called.copy()
    walk = _Walk(loads, n)
    for t in range(n):
        walk.step(t, worth[:, t], allowed[:, t] | loads.called[:, t])
    return walk.best()


class _Walk:
    """Value of the best way into each state, one array of loads (L,) each.

    idle[b][q]: b calls may still begin, and the pause has lasted q + 1 periods, or longer at the last q. busy[b][m]: a call of
    this window has lasted m + 1 periods. running: the call that was in force at the start goes on; nothing has begun since.
    """

    def __init__(self, loads: Loads, n: int) -> None:
        self.loads, self.n = loads, n
        self.called = np.ascontiguousarray(loads.called.T)
        self.rest = np.maximum(1, loads.rest)  # a call that goes on without a pause is the same call
        self.n_idle = int(min(self.rest.max(), n + 1))
        self.n_busy = int(np.clip(loads.max_on.max(), 1, n))
        self.calls = np.minimum(loads.max_calls, (n + 1) // 2)
        self.n_calls = int(self.calls.max()) + 1
        never = np.full(len(loads), NEVER)
        runs = loads.running > 0
        waits = np.clip(loads.rested - np.maximum(0, self.rest - self.n_idle), 1, self.n_idle) - 1
        self.rest = np.minimum(self.rest, self.n_idle)
        self.idle = [
            [np.where(~runs & (self.calls == b) & (waits == q), 0.0, NEVER) for q in range(self.n_idle)] for b in range(self.n_calls)
        ]
        self.busy = [[never] * self.n_busy for _ in range(self.n_calls)]
        self.running = np.where(runs, 0.0, NEVER)
        self.ended: list[np.ndarray] = []  # by period (B, L): which m the call had that ends; n_busy = the running one
        self.begun: list[np.ndarray] = []  # by period (B, L): which q the pause had that ends
        self.stayed: list[np.ndarray] = []  # by period (B, L): whether the longest pause was that before, too
        self.lost = np.zeros(len(loads), dtype=bool)

    def step(self, t: int, worth: np.ndarray, may: np.ndarray) -> None:
        loads, called, last = self.loads, self.called[t], self.n_idle - 1
        gain, off = np.where(may, worth, NEVER), np.where(called, NEVER, 0.0)
        fresh = np.where(called | (t >= loads.first), gain, NEVER)
        shape = self.n_calls, len(worth)
        ended, begun, stayed = np.zeros(shape, dtype=np.int16), np.zeros(shape, dtype=np.int16), np.zeros(shape, dtype=bool)
        starts = []
        for b in range(self.n_calls):
            best = np.full(len(worth), NEVER)
            for q, value in enumerate(self.idle[b]):
                better = (value > best) & (q + 1 >= self.rest)
                best, begun[b] = np.where(better, value, best), np.where(better, q, begun[b])
            starts.append(best)
        idle, busy = [], []
        for b in range(self.n_calls):
            over = np.where(self.calls == b, self.running, NEVER)
            ended[b] = self.n_busy
            for m, value in enumerate(self.busy[b]):
                better = value > over
                over, ended[b] = np.where(better, value, over), np.where(better, m, ended[b])
            pauses = [over, *self.idle[b][:-1]] if last else [np.maximum(over, self.idle[b][0])]
            stayed[b] = self.idle[b][last] >= (self.idle[b][last - 1] if last else over)
            if last:
                pauses[last] = np.maximum(self.idle[b][last], self.idle[b][last - 1])
            idle.append([value + off for value in pauses])
            counted = starts[b + 1] if b + 1 < self.n_calls else np.full(len(worth), NEVER)
            begins = np.where(called, starts[b], counted) + fresh
            goes_on = [np.where(m + 1 < loads.max_on, self.busy[b][m] + gain, NEVER) for m in range(self.n_busy - 1)]
            busy.append([np.where(loads.max_on > 0, begins, NEVER), *goes_on])
        self.running = np.where(loads.running + t < loads.max_on, self.running + gain, NEVER)
        self.idle, self.busy = idle, busy
        self.ended.append(ended)
        self.begun.append(begun)
        self.stayed.append(stayed)
        self.lost |= np.max([self.running, *(value for row in (*idle, *busy) for value in row)], axis=0) == NEVER

    def best(self) -> np.ndarray:
        """From the best last state back to the first: states 0 .. Q-1 are idle, Q .. Q+M-1 busy, Q+M running."""
        rows, n_idle, n_busy = np.arange(len(self.loads)), self.n_idle, self.n_busy
        states = [value for b in range(self.n_calls) for value in (*self.idle[b], *self.busy[b])]
        place = np.argmax([*states, self.running], axis=0)
        runs = place == len(states)
        left, state = np.divmod(place, n_idle + n_busy)
        left, state = np.where(runs, self.calls, left), np.where(runs, n_idle + n_busy, state)
        mask = np.zeros((len(rows), self.n), dtype=bool)
        for t in range(self.n - 1, -1, -1):
            on = state >= n_idle
            mask[:, t] = on
            begins, ends, pauses = state == n_idle, state == 0, ~on & (state > 0)
            stays = (state == n_idle - 1) & self.stayed[t][left, rows]
            counted = begins & ~self.called[t]
            before = np.where(counted, np.minimum(left + 1, self.n_calls - 1), left)
            came = np.where(on & (state < n_idle + n_busy), state - 1, state)
            came = np.where(begins, self.begun[t][before, rows], came)
            came = np.where(pauses, state - 1, came)
            came = np.where(ends, n_idle + self.ended[t][left, rows], came)
            state, left = np.where(stays, state, came), before
        return np.where(self.lost[:, None], self.loads.called, mask)
