"""Which loads are called in which periods, decided without a model: the call that is worth most, one after the other.

What a call is worth: it fills what is missing, else it takes the place of the dearest moves; what is too much costs.
"""

from dataclasses import dataclass

import numpy as np

from aggregator.dispatch.domain.split.window import LoadCalls, WindowProblem

CALLS_TRIED = 2000  # loads that are looked at, the cheapest first
LOOKS = 4000  # offers that are worked out again
SAME_GAIN = 1 - 1e-9

Calls = list[tuple[LoadCalls, np.ndarray]]


@dataclass(frozen=True)
class _Offer:
    """What calling one load would do: in which periods, how much, and what that is worth beyond its cost [CNY/h]."""

    load: LoadCalls
    periods: np.ndarray
    moved_kw: np.ndarray
    gain: float


def choose_calls(problem: WindowProblem, change_kw: np.ndarray) -> Calls:
    """(load, periods (T,)) of the calls to be made, given what ranges would do (N, T)."""
    loads = [load for load in problem.loads if problem.room_kw[load.asset].any()]
    if not loads:
        return []
    loads.sort(key=lambda load: (float(problem.further_cost_cny_per_kwh[load.asset].mean()), load.asset))
    state, chosen, looked = _State(problem, change_kw), [], 0
    offers = {load.asset: state.offer(load) for load in loads[:CALLS_TRIED]}
    while offers:
        best = max(offers.values(), key=lambda offer: (offer.gain, -offer.load.asset))
        if best.gain <= 0:
            break
        again = state.offer(best.load)
        looked += 1
        if again.gain < best.gain * SAME_GAIN and looked < LOOKS:  # others have taken what it was good for
            offers[best.load.asset] = again
            continue
        del offers[best.load.asset]
        if again.gain > 0:
            state.take(again)
            chosen.append((again.load, again.load.without_idle_ends(again.periods, again.moved_kw)))
    return chosen


class _State:
    """What ranges and the calls chosen so far do; per period the ranges that move as a curve, the dearest first."""

    def __init__(self, problem: WindowProblem, change_kw: np.ndarray) -> None:
        self.problem, self.change = problem, change_kw.copy()
        self.ranges = np.where(problem.free, self.change, 0.0)
        self.missing = np.maximum(0.0, problem.need_kw - self.change.sum(axis=0))
        self.of_site = problem.per_site(self.change)
        self.of_group = problem.groups.members.astype(float) @ self.change
        self.curves = [self._curve(t) for t in range(len(problem.need_kw))]

    def _curve(self, t: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(assets, kW so far, CNY/h so far) of the moving ranges, both sums beginning at zero."""
        p, moved = self.problem, self.ranges[:, t]
        moving = np.flatnonzero(moved > 0)
        last = np.where(moved > p.first_kw[:, t], p.further_cost_cny_per_kwh[:, t], p.first_cost_cny_per_kwh[:, t])[moving]
        order = np.argsort(-last, kind="stable")
        moving, last = moving[order], last[order]
        kw = np.concatenate(([0.0], np.cumsum(moved[moving])))
        return moving, kw, np.concatenate(([0.0], np.cumsum(moved[moving] * last)))

    def offer(self, load: LoadCalls) -> _Offer:
        p, asset = self.problem, load.asset
        room = p.room_kw[asset] - self.change[asset]
        left, beside = self._left(asset)
        if load.whole:  # ranges at the same connection give way, and are missed
            moved, pushed = room, np.maximum(0.0, room - left)
            allowed = (pushed <= beside + 1e-9) & (p.need_kw > 0)
        else:
            allowed, pushed = np.ones(len(room), dtype=bool), np.zeros(len(room))
            moved = np.minimum(np.minimum(room, self._useful()), np.maximum(0.0, left))
        worth = self._worth(self.missing + pushed, moved) - pushed * p.shortfall_price_cny_per_kwh
        gain = worth - moved * p.further_cost_cny_per_kwh[asset]
        if not load.whole:
            gain = np.maximum(0.0, gain)
        periods = best_calls(load, gain, allowed)
        moved = np.where(periods & (load.whole | (gain > 0)), moved, 0.0)
        useful = (periods & ~load.called).any() and moved.any()
        return _Offer(load, periods, moved, float(gain[periods].sum()) if useful else 0.0)

    def take(self, offer: _Offer) -> None:
        p, asset = self.problem, offer.load.asset
        site, groups = p.site[asset], p.groups.members[:, asset]
        for t in np.flatnonzero(offer.moved_kw > 0).tolist():
            more = float(offer.moved_kw[t])
            rest = more - min(more, float(self.missing[t]))
            self.missing[t] = max(0.0, float(self.missing[t]) - more)
            for k in self.curves[t][0].tolist():
                if rest <= 0:
                    break
                replaced = min(rest, float(self.ranges[k, t]))
                self.ranges[k, t] -= replaced
                self.change[k, t] -= replaced
                self.of_site[p.site[k], t] -= replaced
                self.of_group[p.groups.members[:, k], t] -= replaced
                rest -= replaced
            self.curves[t] = self._curve(t)
            self.change[asset, t] += more
            self.of_site[site, t] += more
            self.of_group[groups, t] += more

    def _left(self, asset: int) -> tuple[np.ndarray, np.ndarray]:
        """(T,) what the asset's connection and groups still carry, and what ranges move that share all of these limits."""
        p = self.problem
        left = p.site_room_kw[p.site[asset]] - self.of_site[p.site[asset]]
        inside = p.groups.members[:, asset]
        if inside.any():
            left = np.minimum(left, (p.groups.room_kw[inside] - self.of_group[inside]).min(axis=0))
        first, end = np.searchsorted(p.site, [p.site[asset], p.site[asset] + 1])
        beside = self.ranges[first:end]
        if inside.any():
            beside = beside[p.groups.members[inside][:, first:end].all(axis=0)]
        return left, beside.sum(axis=0)

    def _useful(self) -> np.ndarray:
        return np.where(self.problem.need_kw > 0, self.missing + np.array([curve[1][-1] for curve in self.curves]), 0.0)

    def _worth(self, missing_kw: np.ndarray, more_kw: np.ndarray) -> np.ndarray:
        """(T,) what more_kw would save per hour: shortfall first, then the dearest moves."""
        p = self.problem
        filled = np.minimum(more_kw, missing_kw)
        rest = more_kw - filled
        saved = np.array([np.interp(kw, curve[1], curve[2]) for kw, curve in zip(rest, self.curves, strict=True)])
        over = np.maximum(0.0, rest - np.array([curve[1][-1] for curve in self.curves]))
        worth = filled * p.shortfall_price_cny_per_kwh + saved - over * p.overshoot_price_cny_per_kwh
        return np.where((p.need_kw > 0) & (more_kw > 0), worth, 0.0)


def best_calls(load: LoadCalls, worth: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """(T,) True where calls that keep the load's rules are worth most; what is called already stays. Exact.

    A dynamic programme over periods; state: calls begun, and how long the present call (> 0) or pause (<= 0, as its negative) lasts.
    """
    rest = max(1, load.rest)  # a call that goes on without a pause is the same call
    state = (0, load.running) if load.running else (0, -min(rest, load.rested))
    best: dict[tuple[int, int], tuple[float, tuple | None]] = {state: (0.0, None)}
    for t in range(len(worth)):
        after: dict[tuple[int, int], tuple[float, tuple | None]] = {}

        def offer(key: tuple[int, int], value: float, path: tuple, into: dict = after) -> None:
            if key not in into or value > into[key][0] + 1e-12:
                into[key] = (value, path)

        for (begun, lasts), (value, path) in best.items():
            pause = -1 if lasts > 0 else max(-rest, lasts - 1)
            if not load.called[t]:
                offer((begun, pause), value, (False, path))
            if not (allowed[t] or load.called[t]):
                continue
            gain = value + float(worth[t])
            if lasts > 0:
                if lasts < load.max_on:
                    offer((begun, lasts + 1), gain, (True, path))
            elif -lasts >= rest and (load.called[t] or (begun < load.max_calls and t >= load.first)):
                offer((begun + (not load.called[t]), 1), gain, (True, path))
        if not after:  # the reference itself breaks a rule: it is left as it is
            return load.called.copy()
        best = after
    path = max(best.values(), key=lambda row: row[0])[1]
    mask = []
    while path is not None:
        mask.append(path[0])
        path = path[1]
    return np.array(mask[::-1], dtype=bool)
