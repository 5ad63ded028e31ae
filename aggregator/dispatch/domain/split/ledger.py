"""What the stores have given so far in a window, and what that leaves: energy is never promised twice."""

import numpy as np

from aggregator.dispatch.domain.split.window import WindowProblem

NO_WEIGHT = 1e-9


class Ledger:
    """Walks through the window. `drawn_kwh` (S,): of each store after the periods before `t`.

    planned_kw (N, T): moves that are planned for later, and for which energy is kept; nothing where None.
    """

    def __init__(self, problem: WindowProblem, planned_kw: np.ndarray | None = None) -> None:
        self.problem, self.stores = problem, problem.stores
        self.t = 0
        self.drawn_kwh = np.zeros(len(self.stores))
        self._active = np.ascontiguousarray(self.stores.active.T)
        self._slack = np.ascontiguousarray(self.stores.slack_kwh.T)
        self._leaks = bool((self.stores.keep_ratio != 1.0).any())
        self._most = self._most_drawn(planned_kw)

    def draw_kwh(self, change_kw: np.ndarray, t: int) -> np.ndarray:
        """(S,) what a move of (N,) in period t takes: first what undoes the opposite movement."""
        stores, p = self.stores, self.problem
        moved = change_kw[stores.asset]
        first = np.minimum(moved, p.first_kw[:, t][stores.asset])
        kwh = p.hours * (stores.first_ratio * first + stores.further_ratio * (moved - first))
        return kwh * self._active[t]

    def room_kw(self) -> np.ndarray:
        """(N,) moves in this period that leave every store what it is planned to give later."""
        return self._of_energy(self._left())

    def reserved_room_kw(self, weight: np.ndarray) -> np.ndarray:
        """(N,) moves in this period that leave every store its share for the rest of the window.

        The rest is thought to be drawn in proportion to `weight` (T, S), and so is this period.
        """
        keep, t = self.stores.keep_ratio, self.t
        level, load = self.drawn_kwh.copy(), np.zeros(len(self.stores))
        most = np.full(len(self.stores), np.inf)
        for later in range(t, len(self._active)):
            active = self._active[later]
            if self._leaks:
                decay = np.where(active, keep, 1.0)
                level *= decay
                load *= decay
            load += weight[later]
            limits = active & (load > NO_WEIGHT)
            left = np.maximum(0.0, self._slack[later] - level)
            np.minimum(most, np.divide(left, load, out=left, where=limits), out=most, where=limits)
        share = np.multiply(most, weight[t], out=np.zeros(len(most)), where=weight[t] > NO_WEIGHT)
        return self._of_energy(np.minimum(share, self._left()))

    def book(self, change_kw: np.ndarray) -> None:
        """The moves (N,) of this period are given; on to the next one."""
        if self._leaks:
            self.drawn_kwh *= np.where(self._active[self.t], self.stores.keep_ratio, 1.0)
        self.drawn_kwh += self.draw_kwh(change_kw, self.t)
        self.t += 1

    def _most_drawn(self, planned_kw: np.ndarray | None) -> np.ndarray:
        """(T, S) how much may be drawn after each period, so that all later bounds hold after what is planned."""
        most, keep = np.where(self._active, self._slack, np.inf), self.stores.keep_ratio
        for t in range(len(most) - 2, -1, -1):
            later = most[t + 1]
            if planned_kw is not None:
                later = later - self.draw_kwh(planned_kw[:, t + 1], t + 1)
            if self._leaks:
                later = np.divide(later, keep, out=np.full(len(keep), np.inf), where=keep > 0)
                later = np.where(self._active[t + 1], later, most[t + 1])
            np.minimum(most[t], later, out=most[t])
        return most

    def _left(self) -> np.ndarray:
        """(S,) what may be drawn in this period."""
        drawn = self.drawn_kwh * self.stores.keep_ratio if self._leaks else self.drawn_kwh
        return np.where(self._active[self.t], np.maximum(0.0, self._most[self.t] - drawn), np.inf)

    def _of_energy(self, left_kwh: np.ndarray) -> np.ndarray:
        """(N,) the moves that take at most left_kwh (S,), inside the room of power."""
        p, stores, t = self.problem, self.stores, self.t
        room = p.room_kw[:, t].copy()
        first = p.first_kw[:, t][stores.asset]
        left_kw = left_kwh / p.hours
        small = left_kw / stores.first_ratio
        large = first + (left_kw - stores.first_ratio * first) / stores.further_ratio
        most = np.where(small <= first, small, large)
        if self._active[t].all():
            room[stores.asset] = np.minimum(room[stores.asset], most)  # an asset has one store at a time
        else:
            now = self._active[t]
            room[stores.asset[now]] = np.minimum(room[stores.asset[now]], most[now])
        return room
