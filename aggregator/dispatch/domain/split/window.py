"""An instruction over a window of periods, in columns: what each asset may add to its reference, period by period.

All amounts are moves in the instruction's direction, >= 0. N assets sorted by site, T periods, E sites, S stores.
"""

from dataclasses import dataclass, fields, replace

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
class Loads:
    """The rules of interruptible loads over the window [periods]. Columns (L,); `called` (L, T): where the reference calls already.

    running: how long the call lasts that is in force when the window starts, 0 = none. rested: periods since the last call.
    max_calls: calls that may still begin. first: period from which one may.
    """

    asset: np.ndarray
    whole: np.ndarray
    max_calls: np.ndarray
    max_on: np.ndarray
    rest: np.ndarray
    first: np.ndarray
    running: np.ndarray
    rested: np.ndarray
    called: np.ndarray

    def __len__(self) -> int:
        return len(self.asset)

    def at(self, rows: np.ndarray) -> "Loads":
        """Those of some rows."""
        return Loads(**{column.name: getattr(self, column.name)[rows] for column in fields(Loads)})

    @property
    def whole_assets(self) -> np.ndarray:
        """Assets that only go as a whole."""
        return self.asset[self.whole]

    def without_idle_ends(self, called: np.ndarray, change_kw: np.ndarray) -> np.ndarray:
        """(L, T) calls that begin and end where something is shed; what the reference calls, and the start of a running call, stay."""
        used = self.called | (called & (change_kw > IDLE_KW))
        before, after = used.copy(), used.copy()  # of the same call, something was shed already, or will be
        n = called.shape[1]
        if n:
            before[:, 0] |= called[:, 0] & (self.running > 0)
        for t in range(1, n):
            before[:, t] |= called[:, t] & called[:, t - 1] & before[:, t - 1]
            after[:, n - 1 - t] |= called[:, n - 1 - t] & called[:, n - t] & after[:, n - t]
        return used | (called & before & after)


def no_loads(n: int) -> Loads:
    none = np.zeros(0, dtype=np.int64)
    return Loads(none, none.astype(bool), none, none, none, none, none, none, np.zeros((0, n), dtype=bool))


@dataclass(frozen=True)
class Caps:
    """Limits of what stands behind connections: members (pairs of `group` and `asset`, by group) add at most room_kw (C, T)."""

    group: np.ndarray
    asset: np.ndarray
    room_kw: np.ndarray

    def members(self, group: int) -> np.ndarray:
        """Assets of one group."""
        first, end = np.searchsorted(self.group, [group, group + 1])
        return self.asset[first:end]

    @property
    def sizes(self) -> np.ndarray:
        """(C,) how many members each group has."""
        return np.bincount(self.group, minlength=len(self.room_kw))

    def around(self, assets: np.ndarray) -> list[np.ndarray]:
        """Of each of the assets the groups that it is in."""
        order = np.argsort(self.asset, kind="stable")
        first, end = (np.searchsorted(self.asset[order], assets, side=side).tolist() for side in ("left", "right"))
        return [self.group[order[a:b]] for a, b in zip(first, end, strict=True)]

    def sums(self, amount: np.ndarray) -> np.ndarray:
        """(C,) or (C, T) of a column of assets (N,) or (N, T)."""
        total = np.zeros((len(self.room_kw), *amount.shape[1:]))
        np.add.at(total, self.group, amount[self.asset])
        return total


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
    loads: Loads
    site_room_kw: np.ndarray
    groups: Caps
    peaks: Peaks
    shortfall_price_cny_per_kwh: float
    overshoot_price_cny_per_kwh: float
    turn_hours: np.ndarray | None = None
    floor_ratio: np.ndarray | None = None
    unit_kw: float = UNIT_KW

    def by_period(self) -> "WindowProblem":
        """The same with each period's column in one piece of memory: everything walks from period to period."""
        return replace(
            self,
            injection_kw=np.asfortranarray(self.injection_kw),
            room_kw=np.asfortranarray(self.room_kw),
            first_kw=np.asfortranarray(self.first_kw),
            first_cost_cny_per_kwh=np.asfortranarray(self.first_cost_cny_per_kwh),
            further_cost_cny_per_kwh=np.asfortranarray(self.further_cost_cny_per_kwh),
        )

    @property
    def free(self) -> np.ndarray:
        """(N, T) True where an asset is a range; False where a load would have to be called first, or only goes as a whole."""
        free = np.ones(self.room_kw.shape, dtype=bool, order="F")
        free[self.loads.asset] = self.loads.called & ~self.loads.whole[:, None]
        return free

    @property
    def starts(self) -> np.ndarray:
        """First row of each site that has assets."""
        return np.flatnonzero(np.diff(self.site, prepend=-1))

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

    def per_site(self, amount: np.ndarray) -> np.ndarray:
        """(E,) or (E, T) sums of a column of assets (N,) or (N, T)."""
        sums = np.zeros((len(self.site_room_kw), *amount.shape[1:]))
        starts = self.starts
        if len(starts):
            sums[self.site[starts]] = np.add.reduceat(amount, starts, axis=0)
        return sums
