"""The best response of a car that charges one way: its need where a kWh is worth least, the earliest among equals."""

import numpy as np

from aggregator.dispatch.domain.fleet._columns import FillColumns
from aggregator.dispatch.domain.fleet._jit import jit
from aggregator.dispatch.domain.fleet._value import TINY, Pieces


@jit
def answer_fill(i: int, fills: FillColumns, hours: float, pieces: Pieces, period: np.ndarray, own: np.ndarray) -> float:
    """The car's injection in `own` (n,) [kW], 0 before, for pieces of [-charge, 0]; returns what it costs [CNY].

    period : room for as many whole numbers as there are pieces.
    """
    first = fills.first[i]
    end = fills.end[i]
    if end <= first:
        return 0.0
    for t in range(first, end):
        for j in range(pieces.at[t], pieces.at[t + 1]):
            period[j] = t
    rest = fills.need_kwh[i] / (hours * fills.eta_in[i])
    cost = 0.0
    for j in np.argsort(pieces.value[: pieces.at[end]], kind="mergesort"):
        x = min(rest, pieces.length[j])
        own[period[j]] -= x
        cost += hours * x * pieces.value[j]
        rest -= x
        if rest <= TINY:
            break
    return cost
