"""Columns and rows of the reserve: decided once for all scenarios, kept free in every one. Equation (6) of docs/bid-curves.md."""

from dataclasses import dataclass

import numpy as np

from market.bids.domain.risk._park import AT_MOST, Columns, Held, Sheet, Terms
from market.bids.domain.risk._reserve_lots import caps_of
from market.bids.domain.risk.problem import CurveProblem
from market.bids.domain.risk.reserve import HeldReserve, ReserveTerms


@dataclass
class ReserveSheet:
    """`up`, `down`: per store that may hold reserve a column for each block. `cost`: what it earns, negative."""

    sheet: Sheet
    problem: CurveProblem
    terms: ReserveTerms
    curves: list[Columns]

    def __post_init__(self) -> None:
        self.stores = self.problem.reserve_stores
        self.up, self.down, caps = [], [], caps_of(self.problem, self.terms)
        for most_up, most_down in zip(caps.up_kw, caps.down_kw, strict=True):
            self.up.append(self.sheet.add(np.zeros(self.terms.blocks), most_up))
            self.down.append(self.sheet.add(np.zeros(self.terms.blocks), most_down))
        pay = (self.terms.up_cny_per_kw.tolist(), self.terms.down_cny_per_kw.tolist())
        self.cost: Terms = [
            (column, -price)
            for rows, prices in zip((self.up, self.down), pay, strict=True)
            for row in rows
            for column, price in zip(row, prices, strict=True)
        ]
        for t in range(self.problem.periods):
            self._sold_once(t)
        for rows, most_kw in ((self.up, self.terms.up_most_kw), (self.down, self.terms.down_most_kw)):
            for b in range(self.terms.blocks if np.isfinite(most_kw) else 0):
                self.sheet.row([(row[b], 1.0) for row in rows], AT_MOST, most_kw)

    def _sold_once(self, t: int) -> None:
        """The highest step and the reserve together stay inside what is certified and not sold elsewhere; the lowest likewise."""
        problem, b = self.problem, int(self.terms.block[t])
        least, most = (float(bound[t]) for bound in problem.quantity_bounds_kw)
        up, down = [(row[b], 1.0) for row in self.up], [(row[b], 1.0) for row in self.down]
        if problem.locked[t]:
            fixed = float(problem.locked_kw[t])
            self.sheet.row(up, AT_MOST, max(0.0, most - fixed))
            self.sheet.row(down, AT_MOST, max(0.0, fixed - least))
            return
        self.sheet.row([(self.curves[t][-1], 1.0), *up], AT_MOST, most)
        self.sheet.row([(self.curves[t][0], -1.0), *down], AT_MOST, -least)

    def of_park(self, p: int) -> dict[int, Held]:
        """Store number -> its columns, and how they are held."""
        return {k: Held(self.up[r], self.down[r], self.terms) for r, (park, k) in enumerate(self.stores) if park == p}

    def held(self) -> HeldReserve:
        """After a solve."""
        values = [[[column.varValue for column in row] for row in rows] for rows in (self.up, self.down)]
        up, down = (np.maximum(np.array(rows, dtype=float).reshape(len(self.stores), self.terms.blocks), 0.0) for rows in values)
        return HeldReserve(up, down)
