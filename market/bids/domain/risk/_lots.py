"""From a solver's quantities to what may be offered: whole lots, rising, inside what is certified and free."""

import numpy as np

from market.bids.domain.risk.problem import CurveProblem, CurveRefused, acceptance

DUST = 1e-9


class Lots:
    """Whole lots inside every period's bounds; periods whose gate has closed keep their quantity as it is."""

    def __init__(self, problem: CurveProblem, lot_kw: float) -> None:
        least, most = problem.quantity_bounds_kw
        self.lot_kw, self.problem = lot_kw, problem
        self.least, self.most = np.ceil(least / lot_kw - DUST), np.floor(most / lot_kw + DUST)
        if (self.least > self.most)[~problem.locked].any():
            raise CurveRefused(why="no whole lot lies inside what may be offered")

    def rounded(self, quantity_kw: np.ndarray) -> np.ndarray:
        """Curves (n, K) in whole lots, non-decreasing."""
        lots = np.clip(np.rint(quantity_kw / self.lot_kw), self.least[:, None], self.most[:, None])
        rising = np.maximum.accumulate(lots, axis=1) * self.lot_kw
        return np.where(self.problem.locked[:, None], self.problem.locked_kw[:, None], rising)


def filled(problem: CurveProblem, quantity: np.ndarray) -> np.ndarray:
    """Points (n, K) that no scenario's price reaches are put on the straight line between their neighbours: nothing else tells them."""
    below, share = acceptance(problem)
    period = np.broadcast_to(np.arange(problem.periods), below.shape)
    known = np.zeros(quantity.shape, dtype=bool)
    known[period[share < 1], below[share < 1]] = True
    known[period[share > 0], below[share > 0] + 1] = True
    out = quantity.copy()
    for t in np.flatnonzero(~known.all(axis=1)):
        points = problem.points_cny_per_kwh[t]
        out[t] = np.interp(points, points[known[t]], quantity[t, known[t]])
    return out
