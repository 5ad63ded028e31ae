"""The best calls of an interruptible load, exact: a dynamic programme over calls used, periods used and where in a call one is."""

import numpy as np

from aggregator.dispatch.domain.fleet._jit import jit

NEVER = -1e18


@jit
def best_calls(
    first: int,
    end: int,
    n: int,
    max_calls: int,
    max_periods: int,
    max_on: int,
    pause: int,
    ramp: int,
    rebound: int,
    gain_on: np.ndarray,
    gain_after: np.ndarray,
    now: np.ndarray,
    then: np.ndarray,
    came: np.ndarray,
    on: np.ndarray,
) -> float:
    """Writes the phase of every period into `on` (0 none, j > 0 the j-th of a call capped at ramp + 1, -j the j-th after one).

    gain_on (n, ramp + 1): what shedding is worth in the j-th period of a call [CNY]; gain_after (n,): what a period of
    rebound costs, <= 0 or > 0. `pause` >= rebound and >= 1. Returns the gain.
    """
    counted = max_periods < max_calls * max_on
    n_used = max_periods if counted else 0
    timed = max_on < end - first and not (counted and max_on >= max_periods)
    n_on = max(max_on, 1) if timed else ramp + 1
    # Without rebound and with a rest of one period at most, standing still says it all.
    after = pause if rebound > 0 or pause > 1 else 0
    n_phase = 1 + n_on + after
    for k in range(max_calls + 1):
        for u in range(n_used + 1):
            for p in range(n_phase):
                now[k, u, p] = NEVER
                then[k, u, p] = NEVER
    now[0, 0, 0] = 0.0
    for t in range(first, n):
        for k in range(max_calls + 1):
            for u in range(min(n_used, t - first + 1) + 1):
                best = now[k, u, 0]
                source = 0
                for p in range(n_phase - 1 if after > 0 else 1, n_phase):
                    if now[k, u, p] > best:
                        best = now[k, u, p]
                        source = p
                then[k, u, 0] = best
                came[t, k, u, 0] = source
                before = u - 1 if counted else u
                for p in range(1, n_on + 1):
                    best = NEVER
                    source = 0
                    if t < end and before >= 0:
                        if p == 1:
                            if k > 0:
                                best = now[k - 1, before, 0]
                                if after > 0 and now[k - 1, before, n_phase - 1] > best:
                                    best = now[k - 1, before, n_phase - 1]
                                    source = n_phase - 1
                        else:
                            best = now[k, before, p - 1]
                            source = p - 1
                        if p == n_on and not timed and now[k, before, p] > best:
                            best = now[k, before, p]
                            source = p
                    then[k, u, p] = best + gain_on[t, min(p - 1, ramp)] if best > NEVER / 2 else NEVER
                    came[t, k, u, p] = source
                for q in range(1, after + 1):
                    p = n_on + q
                    best = NEVER
                    source = 0
                    if q == 1:
                        for j in range(1, n_on + 1):
                            if now[k, u, j] > best:
                                best = now[k, u, j]
                                source = j
                    else:
                        best = now[k, u, p - 1]
                        source = p - 1
                    if best > NEVER / 2 and q <= rebound:
                        best += gain_after[t]
                    then[k, u, p] = best
                    came[t, k, u, p] = source
        now, then = then, now
    best = NEVER
    bk = 0
    bu = 0
    bp = 0
    for k in range(max_calls + 1):
        for u in range(n_used + 1):
            for p in range(n_phase):
                if now[k, u, p] > best:
                    best = now[k, u, p]
                    bk = k
                    bu = u
                    bp = p
    for t in range(n - 1, first - 1, -1):
        source = came[t, bk, bu, bp]
        if bp == 0:
            on[t] = 0
        elif bp <= n_on:
            on[t] = 1
            if source == 0 or source > n_on:
                bk -= 1
            if counted:
                bu -= 1
        else:
            on[t] = -(bp - n_on) if bp - n_on <= rebound else 0
        bp = source
    for t in range(first):
        on[t] = 0
    lasted = 0
    for t in range(first, n):
        lasted = lasted + 1 if on[t] > 0 else 0
        if on[t] > 0:
            on[t] = min(lasted, ramp + 1)
    return best
