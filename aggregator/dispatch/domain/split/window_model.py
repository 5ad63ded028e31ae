"""The window as one PuLP model over supply curves: every period's need, and the energy of the whole window.

min  sum cost y + price of shortfall and overshoot + price of a raised demand peak
     sum y + short - over = need                            per period
     0 <= y <= room                                         per piece of a curve and period
     drawn[t] = keep drawn[t-1] + h ratio y <= slack        per store: what is drawn early is missing late
     sum y <= room of the connection, of feeders            where it could be too much
     calls of loads: how many, how long, how far apart      binaries; only loads that go as a whole overshoot

A site's curve in a period is made of the pieces of its assets; its connection is a row over them. The fairness weight bends
curves: each piece is cut into a few, the later ones dearer, so that equal assets share.
"""

from dataclasses import dataclass

import numpy as np
import pulp

from aggregator.dispatch.domain._bulk import ModelBuilder, Term
from aggregator.dispatch.domain.split.fairness import Rule, places
from aggregator.dispatch.domain.split.window import WindowProblem

CUTS = 3  # of a piece, for fairness
SHORT_CUTS = 4  # of a period's shortfall, each a little dearer: what is missing is spread over the periods
UNEVEN_RATIO = 1e-3
MOST_CUT_COLUMNS = 20_000  # beyond, pieces are not cut
MOST_BINARIES = 400  # stores whose two pieces must follow one another; beyond, both are counted at what the first one takes
FLOOR_PRICE_RATIO = 0.5  # of the shortfall's: a floor goes before cost and after the instruction
LEAST_OVER_CNY_PER_KWH = 0.01


@dataclass(frozen=True)
class Answer:
    """change_kw (N, T) moves >= 0, called (N, T); status: optimal | at_gap | timeout (valid, not proven); objective of the model."""

    change_kw: np.ndarray
    called: np.ndarray
    status: str
    objective: float


class WindowModel:
    """`model` is what a solver gets, `read` the way back. integer: whether it has binaries at all."""

    def __init__(
        self,
        problem: WindowProblem,
        rule: Rule,
        keep_kw: np.ndarray | None,
        *,
        called: np.ndarray | None = None,
        relaxed: bool = False,
    ) -> None:
        """called: calls as they are to be; relaxed: calls, and whatever else is whole, in fractions."""
        self.called, self.relaxed = called, relaxed
        self.p, self.rule, self.keep_kw = problem, rule, keep_kw
        self.build = ModelBuilder("window")
        self.h = problem.hours
        self.n = problem.room_kw.shape[1]
        self.asked = problem.need_kw > 0
        self.first: dict[tuple[int, int], list[pulp.LpVariable]] = {}
        self.further: dict[tuple[int, int], list[pulp.LpVariable]] = {}
        self.sums: list[list[Term]] = [[] for _ in range(self.n)]
        self.on: dict[int, list[pulp.LpVariable | None]] = {}
        self.whole = set(problem.loads.whole_assets.tolist())
        self.integer = False
        self.low = 0.0
        self.first_cost, self.further_cost = self._costs()
        self._columns()
        self.load_of = {asset: row for row, asset in enumerate(problem.loads.asset.tolist())}
        for row in range(len(problem.loads)):
            self._calls(row)
        self._stores()
        self._caps()
        self._needs()
        if rule.name == "floor" and problem.floor_ratio is not None and keep_kw is None:
            self._floors(problem.floor_ratio)
        self._peaks()
        self.model = self.build.finish()

    # -- costs and columns

    def _costs(self) -> tuple[np.ndarray, np.ndarray]:
        """What the model compares, from zero upwards: a constant per kWh changes nothing, the need is given."""
        p = self.p
        if self.keep_kw is not None:
            return np.zeros(p.room_kw.shape), np.zeros(p.room_kw.shape)
        if self.rule.name == "pro_rata":
            even = np.zeros(p.room_kw.shape)
            return even, even
        usable = p.room_kw > 0
        if self.rule.name == "rotation":
            assert p.turn_hours is not None
            mean = (p.further_cost_cny_per_kwh * usable).sum(axis=1) / np.maximum(1, usable.sum(axis=1))
            place = places(mean, p.turn_hours, self.rule)
            queue = np.repeat(place / max(1.0, float(place.max(initial=0.0))), self.n).reshape(usable.shape)
            return queue, queue
        low = min(
            float(p.first_cost_cny_per_kwh[usable].min(initial=np.inf)), float(p.further_cost_cny_per_kwh[usable].min(initial=np.inf))
        )
        self.low = low if np.isfinite(low) else 0.0
        return p.first_cost_cny_per_kwh - self.low, p.further_cost_cny_per_kwh - self.low

    def _columns(self) -> None:
        p = self.p
        usable = (p.room_kw > 0) & self.asked
        usable[sorted(self.whole)] = False
        weight = self.rule.fairness_cny_per_kwh if self.rule.name in ("cost", "floor") else 1.0 if self.rule.name == "pro_rata" else 0.0
        cuts = CUTS if weight > 0 and self.keep_kw is None and usable.sum() * CUTS <= MOST_CUT_COLUMNS else 1
        rows, periods = np.nonzero(usable)
        if self.keep_kw is not None:
            for k, t in zip(rows.tolist(), periods.tolist(), strict=True):
                self._kept(k, t, float(p.room_kw[k, t]), float(min(p.first_kw[k, t], p.room_kw[k, t])))
        else:
            room = p.room_kw[rows, periods]
            first = np.minimum(p.first_kw[rows, periods], room)
            self._cut(self.first, rows, periods, np.zeros(len(rows)), first, room, self.first_cost, weight, cuts)
            self._cut(self.further, rows, periods, first, room, room, self.further_cost, weight, cuts)
        for (_, t), row in (*self.first.items(), *self.further.items()):
            self.sums[t] += [(v, 1.0) for v in row]

    def _cut(
        self,
        into: dict[tuple[int, int], list[pulp.LpVariable]],
        rows: np.ndarray,
        periods: np.ndarray,
        start: np.ndarray,
        end: np.ndarray,
        room: np.ndarray,
        cost: np.ndarray,
        weight: float,
        cuts: int,
    ) -> None:
        """Columns of the stretches [start, end] of rooms; the fairness price rises with the fraction of the room."""
        there = np.flatnonzero(end > start)
        rows, periods, start, end, room = (column[there] for column in (rows, periods, start, end, room))
        width = (end - start) / cuts
        middle = (start[:, None] + width[:, None] * (np.arange(cuts) + 0.5)) / room[:, None]
        price = self.h * (cost[rows, periods][:, None] + weight * middle)
        most = np.repeat(width, cuts).tolist()
        made = self.build.variables([0.0] * len(most), most, price.ravel().tolist())
        for place, at in enumerate(zip(rows.tolist(), periods.tolist(), strict=True)):
            into[at] = made[place * cuts : (place + 1) * cuts]

    def _kept(self, k: int, t: int, room: float, first: float) -> None:
        """What was split by the rule costs nothing, more costs one price."""
        assert self.keep_kw is not None
        kept = float(min(self.keep_kw[k, t], room))
        for store, low, high in ((self.first, 0.0, first), (self.further, first, room)):
            middle = min(max(kept, low), high)
            widths = [(middle - low, 0.0), (high - middle, self.h)]
            store[k, t] = self.build.variables([0.0] * 2, [w for w, _ in widths], [c for _, c in widths])

    # -- rows

    def _needs(self) -> None:
        p = self.p
        short_price = p.shortfall_price_cny_per_kwh - self.low
        over_price = max(LEAST_OVER_CNY_PER_KWH, p.overshoot_price_cny_per_kwh + self.low)
        self.short: dict[int, list[Term]] = {}
        wholes: list[list[Term]] = [[] for _ in range(self.n)]
        for asset in sorted(self.whole):
            for t, on in enumerate(self.on.get(asset, [])):
                if on is not None and not self._called(asset)[t]:
                    wholes[t].append((on, float(p.room_kw[asset, t])))
        for t in np.flatnonzero(self.asked).tolist():
            need = float(p.need_kw[t])
            prices = self.h * short_price * (1.0 + UNEVEN_RATIO * np.arange(SHORT_CUTS))
            short = self.build.variables([0.0] * SHORT_CUTS, [need / SHORT_CUTS] * SHORT_CUTS, prices.tolist())
            self.short[t] = [(v, 1.0) for v in short]
            terms = [*self.sums[t], *wholes[t], *self.short[t]]
            if wholes[t]:
                over = self.build.variable(0.0, None, self.h * over_price)
                terms.append((over, -1.0))
                self.build.row([(over, 1.0), *((v, -c) for v, c in wholes[t])], pulp.LpConstraintLE, 0.0)
            self.build.row(terms, pulp.LpConstraintEQ, need)

    def _called(self, asset: int) -> np.ndarray:
        return self.p.loads.called[self.load_of[asset]]

    def _stores(self) -> None:
        stores = self.p.stores
        binaries = 0
        for s in range(len(stores)):
            k, keep = int(stores.asset[s]), float(stores.keep_ratio[s])
            ratios = float(stores.first_ratio[s]), float(stores.further_ratio[s])
            periods = np.flatnonzero(stores.active[s]).tolist()
            draws: list[tuple[int, list[Term]]] = []
            slack = stores.slack_kwh[s]
            for place, t in enumerate(periods):
                first, further = self.first.get((k, t), []), self.further.get((k, t), [])
                ratio = ratios[1]
                if first and further and ratios[0] > ratios[1]:  # the second piece takes less energy: it must wait for the first
                    binaries += 1
                    if binaries <= MOST_BINARIES:
                        self._in_order(k, t, first, further)
                    else:
                        ratio = ratios[0]
                row = [(v, self.h * ratios[0]) for v in first] + [(v, self.h * ratio) for v in further]
                if row:
                    draws.append((t, row))
                if not draws or (keep == 1.0 and slack[periods[place + 1 :]].min(initial=np.inf) <= slack[t]):
                    continue  # a later bound, at least as tight, says it all
                terms = [(v, c * keep ** (t - then)) for then, drawn in draws for v, c in drawn]
                most = sum(c * float(v.upBound or 0.0) for v, c in terms)
                if most > slack[t]:
                    self.build.row(terms, pulp.LpConstraintLE, max(0.0, float(slack[t])))

    def _binary(self, low: float, high: float, cost: float = 0.0) -> pulp.LpVariable:
        whole = not self.relaxed and low < high
        self.integer |= whole
        return self.build.variable(low, high, cost, integer=whole)

    def _in_order(self, k: int, t: int, first: list[pulp.LpVariable], further: list[pulp.LpVariable]) -> None:
        p = self.p
        full = float(min(p.first_kw[k, t], p.room_kw[k, t]))
        on = self._binary(0.0, 1.0)
        self.build.row([*((v, 1.0) for v in first), (on, -full)], pulp.LpConstraintGE, 0.0)
        self.build.row([*((v, 1.0) for v in further), (on, full - float(p.room_kw[k, t]))], pulp.LpConstraintLE, 0.0)

    def _caps(self) -> None:
        p = self.p
        first = np.searchsorted(p.site, np.arange(len(p.site_room_kw) + 1)).tolist()
        for site, room in enumerate(p.site_room_kw):
            self._cap(np.arange(first[site], first[site + 1]), room)
        for group, room in enumerate(p.groups.room_kw):
            self._cap(p.groups.members(group), room)

    def _cap(self, assets: np.ndarray, room_kw: np.ndarray) -> None:
        together = self.p.room_kw[assets].sum(axis=0)
        for t in np.flatnonzero(self.asked & (together > room_kw)).tolist():
            terms = [term for k in assets.tolist() for term in self._moves(k, t)]
            if terms:
                self.build.row(terms, pulp.LpConstraintLE, max(0.0, float(room_kw[t])))

    def _moves(self, k: int, t: int) -> list[Term]:
        terms = [(v, 1.0) for v in (*self.first.get((k, t), []), *self.further.get((k, t), []))]
        on = self.on.get(k)
        if k in self.whole and on is not None and on[t] is not None and not self._called(k)[t]:
            terms.append((on[t], float(self.p.room_kw[k, t])))
        return terms

    def _floors(self, floor_ratio: np.ndarray) -> None:
        """Each site gives at least its share of what is served, or pays for what it misses."""
        p = self.p
        price = FLOOR_PRICE_RATIO * self.h * p.shortfall_price_cny_per_kwh
        for t in np.flatnonzero(self.asked).tolist():
            for s in np.flatnonzero(floor_ratio > 0).tolist():
                terms = [term for k in np.flatnonzero(p.site == s).tolist() for term in self._moves(k, t)]
                if terms:
                    missed = self.build.variable(0.0, None, price)
                    served = float(floor_ratio[s])
                    short = [(v, served) for v, _ in self.short[t]]
                    self.build.row([*terms, (missed, 1.0), *short], pulp.LpConstraintGE, served * float(p.need_kw[t]))

    def _peaks(self) -> None:
        """Only downwards can a move raise the largest import."""
        p = self.p
        if p.direction > 0:
            return
        for s in np.flatnonzero(p.peaks.price_cny_per_kw > 0).tolist():
            members = np.flatnonzero(p.site == s)
            peak = self.build.variable(float(p.peaks.covered_kw[s]), None, float(p.peaks.price_cny_per_kw[s]))
            self.build.add_cost(-float(p.peaks.price_cny_per_kw[s] * p.peaks.covered_kw[s]))
            for t in np.flatnonzero(self.asked).tolist():
                terms = [(v, -c) for k in members.tolist() for v, c in self._moves(k, t)]
                most = float(p.peaks.import_kw[s, t] + p.room_kw[members, t].sum())
                if terms and most > p.peaks.covered_kw[s]:
                    self.build.row([(peak, 1.0), *terms], pulp.LpConstraintGE, float(p.peaks.import_kw[s, t]))

    def _calls(self, row: int) -> None:
        """Binaries for one load: on in a period, begun in a period."""
        p, loads = self.p, self.p.loads
        k, whole, called = int(loads.asset[row]), bool(loads.whole[row]), loads.called[row]
        rest, begins, running = int(loads.rest[row]), int(loads.first[row]), int(loads.running[row])
        sheds = (p.room_kw[k] > 0) & self.asked
        if not (sheds & ~called).any():
            return
        may = called | sheds if whole else np.ones(self.n, dtype=bool)  # a call may last while nothing is shed
        self.integer = True
        on: list[pulp.LpVariable | None] = []
        starts: list[Term] = []
        for t in range(self.n):
            if not may[t]:
                on.append(None)
                continue
            room = float(p.room_kw[k, t])
            cost = self.h * room * float(self.further_cost[k, t]) if whole and not called[t] else 0.0
            low, high = (float(called[t]), 1.0) if self.called is None else (float(self.called[k, t]),) * 2
            now = self._binary(low, high, cost)
            if not whole:
                terms = [(v, 1.0) for v in (*self.first.get((k, t), []), *self.further.get((k, t), []))]
                if terms:
                    self.build.row([*terms, (now, -room)], pulp.LpConstraintLE, 0.0)
            before = on[t - 1] if t else None
            if t or not running:
                fresh = called[t] or (t >= begins and (running > 0 or int(loads.rested[row]) + t >= rest))
                start = self.build.variable(0.0, 1.0 if fresh else 0.0)
                terms = [(start, 1.0), (now, -1.0)] + ([(before, 1.0)] if before is not None else [])
                self.build.row(terms, pulp.LpConstraintGE, 0.0)
                for earlier in range(max(0, t - rest), t - 1):
                    if on[earlier] is not None and not (called[t] and called[earlier]):
                        self.build.row([(start, 1.0), (on[earlier], 1.0)], pulp.LpConstraintLE, 1.0)
                starts.append((start, 0.0 if called[t] else 1.0))
            on.append(now)
        self.on[k] = on
        counted = [(v, c) for v, c in starts if c]
        if counted:
            self.build.row(counted, pulp.LpConstraintLE, float(loads.max_calls[row]))
        max_on = int(loads.max_on[row])
        for t in range(-running, self.n - max_on):
            window = [v for v in on[max(0, t) : t + max_on + 1] if v is not None]
            already = max(0, -t) if running else 0
            if window and already + len(window) > max_on:
                self.build.row([(v, 1.0) for v in window], pulp.LpConstraintLE, max(0.0, float(max_on - already)))

    # -- and back

    def read(self) -> Answer:
        """The answer that a solver has left in the model's variables."""
        p = self.p
        change, called = np.zeros(p.room_kw.shape), np.zeros(p.room_kw.shape, dtype=bool)
        for pieces in (self.first, self.further):
            for (k, t), cuts in pieces.items():
                change[k, t] += sum(max(0.0, v.varValue or 0.0) for v in cuts)
        called[p.loads.asset] = p.loads.called
        for k, row in self.on.items():
            for t, now in enumerate(row):
                if now is not None and (now.varValue or 0.0) > 0.5:
                    called[k, t] = True
                    if k in self.whole and not self._called(k)[t]:
                        change[k, t] = p.room_kw[k, t]
        called[p.loads.asset] = p.loads.without_idle_ends(called[p.loads.asset], change[p.loads.asset])
        return Answer(
            np.minimum(change, p.room_kw), called, "at_gap" if self.integer else "optimal", float(pulp.value(self.model.objective))
        )
