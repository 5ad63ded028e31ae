"""An instruction over a window of periods, in columns: what each asset may add to its reference, period by period.

All amounts are moves in the instruction's direction, >= 0. N assets sorted by site, T periods, E sites, S stores.
"""

from dataclasses import dataclass

import numpy as np

from aggregator.dispatch.domain.split.problem import UNIT_KW

IDLE_KW = 1e-6


@dataclass(frozen=True)
class Stores:
    """Energy behind the moves. Columns (S,) or (S, T); an asset has several stores only one after the other (cars that change).

    drawn[t] = keep drawn[t-1] + h (first_ratio a[t] + further_ratio b[t]) <= slack_kwh[t]        while active

    a: the part of the move that undoes the opposite movement of the reference, b: the rest. drawn: how far the store is from
    where the reference would have it [kWh, on the side to which the move takes it].
    """

    asset: np.ndarray
    active: np.ndarray
    slack_kwh: np.ndarray
    keep_ratio: np.ndarray
    first_ratio: np.ndarray
    further_ratio: np.ndarray

    def __len__(self) -> int:
        return len(self.asset)


@dataclass(frozen=True)
class LoadCalls:
    """The rules of one interruptible load over the window [periods]; `called` (T,): where its reference is interrupted already.

    running: how long the call lasts that is in force when the window starts, 0 = none. rested: periods since the last call.
    max_calls: calls that may still begin. first: period from which one may.
    """

    asset: int
    whole: bool
    max_calls: int
    max_on: int
    rest: int
    first: int
    running: int
    rested: int
    called: np.ndarray

    def without_idle_ends(self, called: np.ndarray, change_kw: np.ndarray) -> np.ndarray:
        """(T,) calls that begin and end where something is shed; what the reference calls, and the start of a running call, stay."""
        used = self.called | (called & (change_kw > IDLE_KW))
        keep = self.called.copy()
        edges = np.flatnonzero(np.diff(np.concatenate(([0], called.astype(int), [0]))))
        for first, end in zip(edges[::2], edges[1::2], strict=True):
            inside = np.flatnonzero(used[first:end])
            if len(inside):
                start = first if first == 0 and self.running else first + inside[0]
                keep[start : first + inside[-1] + 1] = True
        return keep


@dataclass(frozen=True)
class Caps:
    """Limits of connections and of what stands behind them: the sum of members (C, N) bool adds at most room_kw (C, T)."""

    members: np.ndarray
    room_kw: np.ndarray


@dataclass(frozen=True)
class Peaks:
    """Demand charges that a move downwards could raise: price (E,), covered_kw (E,), import_kw (E, T) of the reference, signed."""

    price_cny_per_kw: np.ndarray
    covered_kw: np.ndarray
    import_kw: np.ndarray


@dataclass(frozen=True)
class WindowProblem:
    """Arrays (N,), (N, T), (E, T) or (T,).

    need_kw (T,) >= 0: change asked for in `direction` (+1.0 up, -1.0 down). injection_kw (N, T) signed: the reference.
    room_kw: how far power allows; first_kw <= room_kw: the part that undoes the opposite movement (see `Stores`), at first_cost;
    the rest costs further_cost [CNY/kWh]. site_room_kw (E, T): of the connections; `groups`: what stands behind them.
    turn_hours (N,), floor_ratio (E,): what the rules rotation and floor need, see `fairness`.
    """

    hours: float
    direction: float
    need_kw: np.ndarray
    site: np.ndarray
    injection_kw: np.ndarray
    room_kw: np.ndarray
    first_kw: np.ndarray
    first_cost_cny_per_kwh: np.ndarray
    further_cost_cny_per_kwh: np.ndarray
    stores: Stores
    loads: tuple[LoadCalls, ...]
    site_room_kw: np.ndarray
    groups: Caps
    peaks: Peaks
    shortfall_price_cny_per_kwh: float
    overshoot_price_cny_per_kwh: float
    turn_hours: np.ndarray | None = None
    floor_ratio: np.ndarray | None = None
    unit_kw: float = UNIT_KW

    @property
    def free(self) -> np.ndarray:
        """(N, T) True where an asset is a range; False where a load would have to be called first, or only goes as a whole."""
        free = np.ones(self.room_kw.shape, dtype=bool)
        for load in self.loads:
            free[load.asset] = load.called & (not load.whole)
        return free

    def cost_cny(self, change_kw: np.ndarray) -> float:
        """Of moves (N, T) >= 0, before what the energy itself earns; a raised demand peak included."""
        first = np.minimum(change_kw, self.first_kw)
        cost = self.hours * float((first * self.first_cost_cny_per_kwh + (change_kw - first) * self.further_cost_cny_per_kwh).sum())
        return cost + float((self.peaks.price_cny_per_kw * (self.peaks_kw(change_kw) - self.peaks.covered_kw)).sum())

    def peaks_kw(self, change_kw: np.ndarray) -> np.ndarray:
        """(E,) largest import after the moves, at least what is covered."""
        peaks = self.peaks
        if not peaks.price_cny_per_kw.any():
            return peaks.covered_kw
        inward = peaks.import_kw - self.direction * self.per_site(change_kw)
        return np.maximum(peaks.covered_kw, inward.max(axis=1, initial=-np.inf))

    def per_site(self, change_kw: np.ndarray) -> np.ndarray:
        """(E, T) sums."""
        sums = np.zeros(self.site_room_kw.shape)
        np.add.at(sums, self.site, change_kw)
        return sums
