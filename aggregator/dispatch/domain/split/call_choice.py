"""Which loads are called in which periods, decided without a model: the call that is worth most, one after the other.

What a call is worth: it fills what is missing, else it takes the place of the dearest moves; what is too much costs. In a large
park the calls that are worth most come several at a time, at most one of a connection.
"""

from dataclasses import dataclass

import numpy as np

from aggregator.dispatch.domain.split.best_calls import best_calls
from aggregator.dispatch.domain.split.window import WindowProblem

LOOKS = 4000  # rounds in which offers are worked out again
SAME_GAIN = 1 - 1e-9
FEW = 64  # loads up to which calls come one at a time
PARTS = 16  # else so many rounds go through all loads
EXACT_KW = 1e-9


@dataclass(frozen=True)
class Calls:
    """Calls that are to be made: rows of the problem's loads (C,), and in which periods each is in force (C, T)."""

    load: np.ndarray
    periods: np.ndarray

    def __len__(self) -> int:
        return len(self.load)

    def without(self, place: int) -> "Calls":
        return Calls(np.delete(self.load, place), np.delete(self.periods, place, axis=0))


@dataclass(frozen=True)
class _Offers:
    """What calling each of some loads would do: periods (C, T), moved_kw (C, T), and the gain beyond its cost [CNY/h]."""

    periods: np.ndarray
    moved_kw: np.ndarray
    gain: np.ndarray


def choose_calls(problem: WindowProblem, change_kw: np.ndarray) -> Calls:
    """The calls to be made, given what ranges would do (N, T)."""
    loads, n = problem.loads, len(problem.need_kw)
    rows = np.flatnonzero(problem.room_kw[loads.asset].any(axis=1))
    chosen, periods = [rows[:0]], [np.zeros((0, n), dtype=bool)]
    if len(rows):
        state = _State(problem, change_kw)
        gain = state.offers(rows).gain
        at_a_time = 1 if len(rows) <= FEW else len(rows) // PARTS
        for _ in range(LOOKS):
            order = np.argsort(-gain, kind="stable")[: at_a_time + 1]
            if gain[order[0]] <= 0:
                break
            least = max(0.0, float(gain[order[-1]])) if len(order) > at_a_time else 0.0
            looked = order[:at_a_time][gain[order[:at_a_time]] > 0]
            looked = looked[_first_of_each(problem.site[loads.asset[rows[looked]]])]
            again = state.offers(rows[looked])
            gain[looked] = again.gain  # others have taken what it was good for
            takes = state.still_worth(again, least)
            taken = rows[looked[takes]]
            state.take(loads.asset[taken], again.moved_kw[takes])
            chosen.append(taken)
            periods.append(loads.at(taken).without_idle_ends(again.periods[takes], again.moved_kw[takes]))
            gain[looked[takes]] = 0.0
    return Calls(np.concatenate(chosen), np.concatenate(periods))


def _first_of_each(values: np.ndarray) -> np.ndarray:
    """Places of the first appearance of each value, in order."""
    return np.sort(np.unique(values, return_index=True)[1])


class _Curve:
    """The ranges that move in one period, the dearest first, as pieces: how much can be replaced, and what that saves."""

    def __init__(self, problem: WindowProblem, moved_kw: np.ndarray, t: int) -> None:
        first = np.minimum(moved_kw, problem.first_kw[:, t])
        further = moved_kw - first
        in_first, beyond = np.flatnonzero(first > 0), np.flatnonzero(further > 0)
        asset = np.concatenate((beyond, in_first))
        kw = np.concatenate((further[beyond], first[in_first]))
        cost = np.concatenate((problem.further_cost_cny_per_kwh[beyond, t], problem.first_cost_cny_per_kwh[in_first, t]))
        order = np.argsort(-cost, kind="stable")
        self.asset, kw, cost = asset[order], kw[order], cost[order]
        self.kw = np.concatenate(([0.0], np.cumsum(kw)))
        self.cny = np.concatenate(([0.0], np.cumsum(kw * cost)))
        self.at = 0.0  # kW that are replaced already

    @property
    def left_kw(self) -> float:
        return float(self.kw[-1] - self.at)

    def saved(self, rest_kw: np.ndarray) -> np.ndarray:
        """CNY/h when the next rest_kw are replaced."""
        return np.interp(self.at + rest_kw, self.kw, self.cny) - np.interp(self.at, self.kw, self.cny)

    def replace(self, rest_kw: float) -> tuple[np.ndarray, np.ndarray]:
        """(assets, kW) of the next pieces that give way."""
        end = min(self.at + rest_kw, float(self.kw[-1]))
        first, last = np.searchsorted(self.kw, self.at, side="right") - 1, np.searchsorted(self.kw, end, side="left")
        edges = np.clip(self.kw[first : last + 1], self.at, end)
        self.at = end
        return self.asset[first:last], np.diff(edges)


class _State:
    """What ranges and the calls chosen so far do."""

    def __init__(self, problem: WindowProblem, change_kw: np.ndarray) -> None:
        self.problem, self.change = problem, change_kw.copy()
        ranges = np.where(problem.free, self.change, 0.0)
        self.missing = np.maximum(0.0, problem.need_kw - self.change.sum(axis=0))
        self.of_site, self.of_group = problem.per_site(self.change), problem.groups.sums(self.change)
        self.ranges_of_site, self.ranges_of_group = problem.per_site(ranges), problem.groups.sums(ranges)
        self.curves = [_Curve(problem, ranges[:, t], t) for t in range(len(problem.need_kw))]

    def offers(self, rows: np.ndarray) -> _Offers:
        p, loads = self.problem, self.problem.loads.at(rows)
        asset, whole, asked = loads.asset, loads.whole[:, None], self.problem.need_kw > 0
        room = p.room_kw[asset] - self.change[asset]
        left, beside = self._left(asset)
        pushed = np.where(whole, np.maximum(0.0, room - left), 0.0)  # ranges at the same connection give way, and are missed
        useful = np.where(asked, self.missing + np.array([curve.left_kw for curve in self.curves]), 0.0)
        moved = np.where(whole, room, np.minimum(np.minimum(room, useful), np.maximum(0.0, left)))
        gain = self._worth(self.missing + pushed, moved) - pushed * p.shortfall_price_cny_per_kwh
        gain -= moved * p.further_cost_cny_per_kwh[asset]
        gain = np.where(whole, gain, np.maximum(0.0, gain))
        periods = best_calls(loads, gain, ~whole | ((pushed <= beside + EXACT_KW) & asked))
        moved = np.where(periods & (whole | (gain > 0)), moved, 0.0)
        of_use = (periods & ~loads.called).any(axis=1) & moved.any(axis=1)
        return _Offers(periods, moved, np.where(of_use, np.where(periods, gain, 0.0).sum(axis=1), 0.0))

    def still_worth(self, offers: _Offers, least: float) -> np.ndarray:
        """Places of the offers that are worth something, and at least `least`, even if all before them are taken."""
        up_to = np.cumsum(offers.moved_kw, axis=0)
        missing = np.broadcast_to(self.missing, up_to.shape)
        after = self._worth(missing, up_to) - self._worth(missing, up_to - offers.moved_kw)
        gain = offers.gain - np.where(offers.moved_kw > 0, self._worth(missing, offers.moved_kw) - after, 0.0).sum(axis=1)
        return np.flatnonzero((gain > 0) & (gain >= least * SAME_GAIN))

    def take(self, assets: np.ndarray, moved_kw: np.ndarray) -> None:
        """Calls of assets (C,) that shed moved_kw (C, T)."""
        p, more = self.problem, moved_kw.sum(axis=0)
        for t in np.flatnonzero(more > 0).tolist():
            filled = min(float(more[t]), float(self.missing[t]))
            self.missing[t] -= filled
            given_way, kw = self.curves[t].replace(float(more[t]) - filled)
            site = p.site[given_way]
            for table, at in ((self.change, given_way), (self.of_site, site), (self.ranges_of_site, site)):
                np.subtract.at(table[:, t], at, kw)
            if len(p.groups.room_kw):
                less = p.groups.sums(np.bincount(given_way, kw, len(p.site)))
                self.of_group[:, t] -= less
                self.ranges_of_group[:, t] -= less
        self.change[assets] += moved_kw
        np.add.at(self.of_site, p.site[assets], moved_kw)
        if len(p.groups.room_kw):
            added = np.zeros_like(self.change)
            added[assets] = moved_kw
            self.of_group += p.groups.sums(added)

    def _left(self, asset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(C, T) what the assets' connections and groups still carry, and what ranges move that share all of these limits."""
        p = self.problem
        left = (p.site_room_kw - self.of_site)[p.site[asset]]
        beside = self.ranges_of_site[p.site[asset]]
        if len(p.groups.room_kw):
            of_groups = p.groups.room_kw - self.of_group
            for place, groups in enumerate(p.groups.around(asset)):
                if len(groups):
                    left[place] = np.minimum(left[place], of_groups[groups].min(axis=0))
                    beside[place] = self.ranges_of_group[groups[p.groups.sizes[groups].argmin()]]
        return left, beside

    def _worth(self, missing_kw: np.ndarray, more_kw: np.ndarray) -> np.ndarray:
        """(C, T) what more_kw would save per hour: shortfall first, then the dearest moves."""
        p = self.problem
        filled = np.minimum(more_kw, missing_kw)
        rest = more_kw - filled
        saved = np.array([curve.saved(rest[:, t]) for t, curve in enumerate(self.curves)]).T
        over = np.maximum(0.0, rest - np.array([curve.left_kw for curve in self.curves]))
        worth = filled * p.shortfall_price_cny_per_kwh + saved - over * p.overshoot_price_cny_per_kwh
        return np.where((p.need_kw > 0) & (more_kw > 0), worth, 0.0)
