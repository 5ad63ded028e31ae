"""What one more kW of injection is worth at a connection: a falling step function, cut into pieces for one asset."""

import numpy as np

from aggregator.dispatch.domain.fleet._jit import jit
from aggregator.dispatch.domain.fleet.problem import CAP_CNY_PER_KWH

MOST_PIECES = 16
CAP = CAP_CNY_PER_KWH
TINY = 1e-12


@jit
def pieces(
    t: int,
    n0: float,
    x0: float,
    x1: float,
    import_limit: float,
    peak: float,
    middle: float,
    export_cap: float,
    ceiling: float,
    peak_value: float,
    high: float,
    low: float,
    spill: float,
    breaks: np.ndarray,
    values: np.ndarray,
    n_breaks: int,
    others: float,
    shift: float,
    least: float,
    most: float,
    lengths: np.ndarray,
    worth: np.ndarray,
) -> int:
    """Cut [x0, x1] of one asset's injection [kW] into pieces of constant value, row t of the results; returns their number.

    Values fall from piece to piece. The connection stands at n0 without the asset. Value of a kWh by injection n = n0 + x:
    CAP below -import_limit, peak_value to -peak, high to `middle`, low to export_cap, spill to `ceiling` (all generation
    curtailed), -CAP above. Where n counts in the portfolio (F = others + n) the market's value (`values` between `breaks`)
    is added. `shift` is what the asset's groups add; outside [least, most] they push with CAP.
    """
    k = 0
    x = x0
    j = 0
    while j < n_breaks and breaks[t, j] <= others + n0 + x + TINY:
        j += 1
    while x < x1 - TINY:
        n = n0 + x
        market = True
        if n < -import_limit - TINY:
            edge, v, market = -import_limit, CAP, False
        elif n < -peak - TINY:
            edge, v = -peak, peak_value
        elif n < middle - TINY:
            edge, v = middle, high
        elif n < export_cap - TINY:
            edge, v = export_cap, low
        elif n < ceiling - TINY:
            edge, v, market = ceiling, spill, False
        else:
            edge, v, market = 1e18, -CAP, False
        end = min(x1, edge - n0)
        if market and n_breaks > 0:
            v = max(v + values[t, j], spill)
            if j < n_breaks:
                end = min(end, breaks[t, j] - others - n0)
        v += shift
        if x < least - TINY:
            end = min(end, least)
            v += CAP
        elif x < most - TINY:
            end = min(end, most)
        else:
            v -= CAP
        if end <= x:
            end = min(x1, x + 1e-9)
        if k > 0 and worth[t, k - 1] == v:
            lengths[t, k - 1] += end - x
        elif k == MOST_PIECES:
            lengths[t, k - 1] += x1 - x
            break
        else:
            lengths[t, k] = end - x
            worth[t, k] = v
            k += 1
        x = end
        while j < n_breaks and breaks[t, j] <= others + n0 + x + 1e-9:
            j += 1
    return k
