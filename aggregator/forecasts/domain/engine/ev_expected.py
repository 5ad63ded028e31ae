"""How many of the cars that are here will still be, and how many will have come.

    expected(t + h) = sum over cars here of S_g(e + h) / S_g(e)  +  sum over u = t+1 .. t+h of rate(u) S_g(u)(t + h - u)

g: group of the arrival; e: cells since its anchor (ev_survival). The first sum is of the cars (staying), the second of the calendar
alone (coming), so it is worked out a day ahead.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np

from aggregator.forecasts.domain.engine.days import Days
from aggregator.forecasts.domain.engine.ev_survival import Stays, Tables, anchor, groups_of

MOST_PAIRS = 1_000_000  # of cars and origins looked at together: bounds the memory


@dataclass
class Expected:
    """By the slot of the origin: `values` (1 + H, T, N) over scale, row 0 what is so at the end of the origin, the others what is
    expected `horizons` (H,) slots later; NaN where it was not worked out. Slots count from the day `first`.
    """

    first: date
    horizons: np.ndarray
    values: np.ndarray

    @classmethod
    def none(cls, *, sites: int, days: Days, horizons: np.ndarray) -> "Expected":
        return cls(days.first, horizons, np.full((1 + len(horizons), days.count * days.slots, sites), np.nan, np.float32))

    def put(self, origins: np.ndarray, values: np.ndarray) -> None:
        """`values` (1 + H, N, O)."""
        self.values[:, origins] = np.swapaxes(values, 1, 2)

    def at(self, days: Days, origin: np.ndarray, ahead: np.ndarray) -> np.ndarray:
        """(N, n) for each origin (n,), a slot of `days`, and slots ahead (n,), linear between the horizons; NaN beyond them."""
        origin = origin + (days.first - self.first).days * days.slots
        known = np.concatenate([[0], self.horizons])
        inside = (origin >= 0) & (origin < self.values.shape[1]) & (ahead >= 0) & (ahead <= known[-1])
        right = np.clip(np.searchsorted(known, ahead), 1, len(known) - 1)
        share = ((ahead - known[right - 1]) / (known[right] - known[right - 1])).astype(np.float32)[:, None]
        origin = np.clip(origin, 0, self.values.shape[1] - 1)
        found = (1 - share) * self.values[right - 1, origin] + share * self.values[right, origin]
        return np.where(inside[:, None], found, np.float32(np.nan)).T


def staying(tables: Tables, stays: Stays, *, days: Days, origins: np.ndarray, horizons: np.ndarray) -> np.ndarray:
    """(1 + H, N, O): cars here at the end of the slots `origins` (O,), then those of them expected `horizons` (H,) slots later.

    `stays` may know more than the origins did: only what had come by then, and not when it left, is looked at.
    """
    sites, count = len(tables.rate), len(origins)
    out = np.zeros((1 + len(horizons), sites * count))
    groups = groups_of(days)
    for car, column in _present(stays, origins):
        site, begins = stays.site[car], stays.begins[car]
        group = groups[np.clip(begins, 0, len(groups) - 1)]
        cell = origins[column] - anchor(begins, days.slots, by_clock=tables.by_clock) + 1
        now, where = tables.share(site, group, cell), site * count + column
        out[0] += np.bincount(where, minlength=out.shape[1])
        for row, h in enumerate(horizons, start=1):
            out[row] += np.bincount(where, tables.share(site, group, cell + h) / now, minlength=out.shape[1])
    return out.reshape(1 + len(horizons), sites, count)


def _present(stays: Stays, origins: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(car, index of the origin) of each car that is here at each origin, some origins at a time."""
    step = max(1, MOST_PAIRS // max(1, len(stays.site)))
    for first in range(0, len(origins), step):
        part = origins[first : first + step, None]
        column, car = np.nonzero((stays.begins <= part) & (stays.ends > part))
        yield car, first + column


def coming(tables: Tables, *, days: Days, first: int, count: int, horizons: np.ndarray) -> np.ndarray:
    """(H, N, count) cars expected to come after the origins first, first + 1, .. and to be here still, each horizon later."""
    kind, groups = np.where(days.working, 0, 1), groups_of(days)
    longest = int(horizons.max())
    out = np.zeros((len(horizons), len(tables.rate), count), np.float32)
    for u in range(first + 1, first + count + longest):
        at = min(u, len(groups) - 1)  # beyond the last day as on it
        rate = tables.rate[:, kind[at // days.slots], u % days.slots].astype(np.float32)
        cell = u - anchor(np.array(u), days.slots, by_clock=tables.by_clock)
        here = rate[:, None] * tables.shares(int(groups[at]), int(cell), longest)
        for row, h in enumerate(horizons):
            begin = u - h - first  # the origin from which the arrival itself is seen; a slot later for each slot stayed
            low, high = max(begin, 0), min(u - first, count)
            if low < high:
                out[row, :, low:high] += here[:, low - begin : high - begin]
    return out
