"""The best response of a store, exact: the value of stored energy is concave and piecewise linear, so it is a falling list.

Backward, the list of (slope, length) is widened by what charging and discharging may do in a period, stretched by leakage,
and cut at the bounds of the period before. Forward, the store charges while the energy is worth more inside.
"""

import numpy as np

from aggregator.dispatch.domain.fleet._jit import jit

BIG = 1e4  # CNY/kWh: what missing the end or a bound costs; never paid where it can be kept


@jit
def best_store(
    first: int,
    end: int,
    initial: float,
    target: float,
    end_value: float,
    keep: float,
    low: np.ndarray,
    high: np.ndarray,
    drift: np.ndarray,
    in_slope: np.ndarray,
    in_length: np.ndarray,
    in_count: np.ndarray,
    out_slope: np.ndarray,
    out_length: np.ndarray,
    out_count: np.ndarray,
    in_level: np.ndarray,
    out_level: np.ndarray,
    slopes: np.ndarray,
    lengths: np.ndarray,
    change: np.ndarray,
) -> float:
    """Writes the change of stored energy by charging (> 0) or discharging (< 0) per period [kWh] into `change`.

    Pieces per period: charging costs in_slope rising [CNY per stored kWh] over in_length [kWh], discharging earns
    out_slope falling over out_length. Returns the least cost of the relaxed problem, in which a store may charge and
    discharge at once: a bound for any price.
    """
    m = 0
    x0 = low[end - 1]
    left = 0.0
    needed = min(max(target - x0, 0.0), high[end - 1] - x0)
    if needed > 0.0:
        slopes[0] = BIG
        lengths[0] = needed
        left = -BIG * needed
        m = 1
    slopes[m] = end_value
    lengths[m] = high[end - 1] - x0 - needed
    m += 1
    left += end_value * x0
    if needed > 0.0:
        left += end_value * needed
    total = high[end - 1] - x0
    for t in range(end - 1, first - 1, -1):
        for j in range(in_count[t]):
            x = x0
            k = 0
            while k < m and slopes[k] > in_slope[t, j]:
                x += lengths[k]
                k += 1
            in_level[t, j] = x
        for j in range(out_count[t]):
            x = x0
            k = 0
            while k < m and slopes[k] > out_slope[t, j]:
                x += lengths[k]
                k += 1
            out_level[t, j] = x
        for j in range(in_count[t] + out_count[t]):
            if j < in_count[t]:
                a = in_slope[t, j]
                b = in_length[t, j]
                x0 -= b
                left -= a * b
            else:
                a = out_slope[t, j - in_count[t]]
                b = out_length[t, j - in_count[t]]
            total += b
            k = m
            while k > 0 and slopes[k - 1] < a:
                slopes[k] = slopes[k - 1]
                lengths[k] = lengths[k - 1]
                k -= 1
            slopes[k] = a
            lengths[k] = b
            m += 1
        x0 -= drift[t]
        if keep != 1.0:
            x0 /= keep
            total /= keep
            for k in range(m):
                slopes[k] *= keep
                lengths[k] /= keep
        if t == first:
            break
        over = x0 + total - high[t - 1]
        while over > 0.0 and m > 0 and lengths[m - 1] <= over:
            over -= lengths[m - 1]
            total -= lengths[m - 1]
            m -= 1
        if over > 0.0 and m > 0:
            lengths[m - 1] -= over
            total -= over
        under = low[t - 1] - x0
        k = 0
        while under > 0.0 and k < m and lengths[k] <= under:
            under -= lengths[k]
            total -= lengths[k]
            x0 += lengths[k]
            left += slopes[k] * lengths[k]
            k += 1
        if under > 0.0 and k < m:
            lengths[k] -= under
            total -= under
            x0 += under
            left += slopes[k] * under
        if k > 0:
            for j in range(k, m):
                slopes[j - k] = slopes[j]
                lengths[j - k] = lengths[j]
            m -= k
    rest = initial - x0
    value = left
    if rest < 0.0:
        value += BIG * rest
    k = 0
    while k < m and rest > 0.0:
        x = min(rest, lengths[k])
        value += slopes[k] * x
        rest -= x
        k += 1
    if rest > 0.0:
        value -= BIG * rest
    s = initial
    for t in range(first, end):
        s = keep * s + drift[t]
        before = s
        for j in range(in_count[t]):
            if s >= in_level[t, j]:
                break
            x = min(in_level[t, j], s + in_length[t, j])
            whole = x >= s + in_length[t, j] - 1e-12
            s = x
            if not whole:
                break
        if s == before:
            for j in range(out_count[t]):
                if s <= out_level[t, j]:
                    break
                x = max(out_level[t, j], s - out_length[t, j])
                whole = x <= s - out_length[t, j] + 1e-12
                s = x
                if not whole:
                    break
        change[t] = s - before
    return -value
