"""What the stores have given so far in a window, and what that leaves: energy is never promised twice."""

import numpy as np

from aggregator.dispatch.domain.split.window import WindowProblem

NO_WEIGHT = 1e-9


class Ledger:
    """Walks through the window. `drawn_kwh` (S,): of each store after the periods before `t`; later draws are passed as plans."""

    def __init__(self, problem: WindowProblem) -> None:
        self.problem, self.stores = problem, problem.stores
        self.t = 0
        self.drawn_kwh = np.zeros(len(self.stores))

    def draw_kwh(self, change_kw: np.ndarray, t: int) -> np.ndarray:
        """(S,) what a move of (N,) in period t takes: first what undoes the opposite movement."""
        stores, p = self.stores, self.problem
        moved = change_kw[stores.asset]
        first = np.minimum(moved, p.first_kw[stores.asset, t])
        return np.where(stores.active[:, t], p.hours * (stores.first_ratio * first + stores.further_ratio * (moved - first)), 0.0)

    def draws_kwh(self, change_kw: np.ndarray) -> np.ndarray:
        """(S, T) of moves (N, T)."""
        draws = np.zeros((len(self.stores), change_kw.shape[1]))
        for t in range(change_kw.shape[1]):
            draws[:, t] = self.draw_kwh(change_kw[:, t], t)
        return draws

    def room_kw(self, planned_kwh: np.ndarray) -> np.ndarray:
        """(N,) moves in this period that leave every store what it is planned to give later; planned_kwh (S, T)."""
        return self._of_energy(self._left(planned_kwh))

    def reserved_room_kw(self, weight: np.ndarray) -> np.ndarray:
        """(N,) moves in this period that leave every store its share for the rest of the window.

        The rest is thought to be drawn in proportion to `weight` (S, T), and so is this period.
        """
        stores, t, end = self.stores, self.t, self.problem.need_kw.shape[0]
        level, load = self.drawn_kwh.copy(), np.zeros(len(stores))
        most = np.full(len(stores), np.inf)
        for later in range(t, end):
            active = stores.active[:, later]
            level = np.where(active, level * stores.keep_ratio, level)
            load = np.where(active, load * stores.keep_ratio + weight[:, later], load)
            limits = active & (load > NO_WEIGHT)
            left = np.maximum(0.0, stores.slack_kwh[:, later] - level)
            most = np.where(limits, np.minimum(most, np.divide(left, load, out=np.full(len(load), np.inf), where=limits)), most)
        share = np.multiply(most, weight[:, t], out=np.zeros(len(most)), where=weight[:, t] > NO_WEIGHT)
        return self._of_energy(np.minimum(share, self._left(np.zeros_like(stores.slack_kwh))))

    def book(self, change_kw: np.ndarray) -> None:
        """The moves (N,) of this period are given; on to the next one."""
        stores = self.stores
        active = stores.active[:, self.t]
        after = self.drawn_kwh * stores.keep_ratio + self.draw_kwh(change_kw, self.t)
        self.drawn_kwh = np.where(active, after, self.drawn_kwh)
        self.t += 1

    def _left(self, planned_kwh: np.ndarray) -> np.ndarray:
        """(S,) what may be drawn in this period: the least of what every later bound leaves."""
        stores, t = self.stores, self.t
        level, left, weight = self.drawn_kwh.copy(), np.full(len(stores), np.inf), np.ones(len(stores))
        for later in range(t, self.problem.need_kw.shape[0]):
            active = stores.active[:, later]
            level = np.where(active, level * stores.keep_ratio, level)
            if later > t:
                weight = np.where(active, weight * stores.keep_ratio, weight)
                level = np.where(active, level + planned_kwh[:, later], level)
            room = np.divide(stores.slack_kwh[:, later] - level, weight, out=np.zeros(len(stores)), where=weight > 0)
            left = np.where(active & stores.active[:, t], np.minimum(left, room), left)
        return np.maximum(0.0, np.where(stores.active[:, t], left, np.inf))

    def _of_energy(self, left_kwh: np.ndarray) -> np.ndarray:
        """(N,) the moves that take at most left_kwh (S,), inside the room of power."""
        p, stores, t = self.problem, self.stores, self.t
        room = p.room_kw[:, t].copy()
        rows = np.flatnonzero(stores.active[:, t])
        asset = stores.asset[rows]
        first = p.first_kw[asset, t]
        in_first = p.hours * stores.first_ratio[rows] * first
        left = left_kwh[rows]
        small = left / (p.hours * stores.first_ratio[rows])
        large = first + (left - in_first) / (p.hours * stores.further_ratio[rows])
        room[asset] = np.minimum(room[asset], np.where(left <= in_first, small, large))
        return room
