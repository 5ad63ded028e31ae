"""Sums of many assets at few places, without a loop over either. Shapes: m assets, S x L places, n periods."""

from collections.abc import Iterator, Sequence

import numpy as np


class Rows:
    """Assets in the order of their places (m,), so that a place's members stand together."""

    def __init__(self, place: np.ndarray, shape: tuple[int, int]) -> None:
        self.place, self.shape, self.count = place, shape, shape[0] * shape[1]
        self._order = np.argsort(place, kind="stable")

    def sum(self, values: np.ndarray) -> np.ndarray:
        """(m,) to (S, L)."""
        return np.bincount(self.place, weights=values, minlength=self.count).reshape(self.shape)

    def chunks(self, size: int) -> Iterator[np.ndarray]:
        """Asset numbers, in order, some at a time: courses of all assets at once would not fit."""
        for begin in range(0, len(self._order), size):
            yield self._order[begin : begin + size]

    def add(self, total: np.ndarray, part: np.ndarray, values: np.ndarray) -> None:
        """Add the courses (len(part), n) of a chunk to `total` (S x L, n)."""
        place = self.place[part]
        begin = np.flatnonzero(np.diff(place, prepend=-1))
        total[place[begin]] += np.add.reduceat(values, begin, axis=0)


def steps(place: np.ndarray, shape: tuple[int, int], n: int, changes: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """(S, L, n): sum of step functions, each asset given by (period, rise) pairs."""
    width = n + 2
    index = np.concatenate([place * width + period for period, _ in changes])
    rise = np.bincount(index, weights=np.concatenate([values for _, values in changes]), minlength=shape[0] * shape[1] * width)
    return np.maximum(np.cumsum(rise.reshape(*shape, width), axis=-1)[..., :n], 0.0)


def spread(label: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """Sums of (S, ...) over the first axis by label, (count, ...)."""
    total = np.zeros((count, *values.shape[1:]))
    order = np.argsort(label, kind="stable")
    begin = np.flatnonzero(np.diff(label[order], prepend=-1))
    total[label[order][begin]] = np.add.reduceat(values[order], begin, axis=0)
    return total
