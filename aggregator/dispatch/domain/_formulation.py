"""The scheduling problem as a PuLP model. Minimises cost [CNY].

    injection = fixed + up - down                                     per asset
    s[t] = s[t-1] + h eta_in down[t] - h up[t] / eta_out              store, within bounds
    export - import = sum of injections                               per site
    import <= limit + slack, export <= limit + slack                  the owner's limits give way last
    peak >= import                                                    demand charge
    sum of sites = target - direction (short - over)                  where a target stands
    direction (sum of sites - baseline) >= firm - short               in the firm block

Integers come only where they are needed: the interruptions of loads that would be shed, and the
direction of stores that would charge and discharge at once. `refine` adds them after a look at a solution.
Every expression is built from (variable, coefficient) lists; a variable stands once in a list.
"""

import numpy as np
import pulp

from aggregator.assets.domain import Calls, Device, Store
from aggregator.dispatch.domain.problem import ScheduleProblem

RELAX_FACTOR = 10.0  # an owner's limit gives way after everything that can be bought
COUNTER_FACTOR = 2.0  # moving against an instruction is worse than falling short
CURTAIL_TIE_CNY_PER_KWH = 1e-5  # at a price of exactly zero nobody is curtailed
MOVING_KW = 1e-6
NARROW = 1e-6
EXACT_CALL_PERIODS = 200  # loads x periods up to which every period may hold a call
MARGIN_PERIODS = 2

Terms = list[tuple[pulp.LpVariable, float]]


class Formulation:
    """One model and the way back from its variables to assets and periods."""

    def __init__(self, problem: ScheduleProblem) -> None:
        self.problem = problem
        self.n = len(problem.grid)
        self.h = problem.grid.hours
        self.model = pulp.LpProblem("schedule", pulp.LpMinimize)
        self.cost: Terms = []
        self.up: dict[str, list[pulp.LpVariable | None]] = {}
        self.down: dict[str, list[pulp.LpVariable | None]] = {}
        self.firm: pulp.LpVariable | None = None
        self.offered: pulp.LpVariable | None = None
        self.integer = False
        self.restricted = False
        self.on: dict[str, list[pulp.LpVariable | None]] = {}
        self._exclusive: set[tuple[str, int]] = set()
        self._names = 0
        self._rows = 0
        for key in problem.asset_keys:
            self._asset(key)
        sums = self._sites()
        self._target(sums)
        self._firm_block(sums)
        self._same_direction()
        self.model.setObjective(pulp.LpAffineExpression(self.cost))

    # -- building blocks

    def _variable(self, low: float, high: float | None, *, cost: float = 0.0, whole: bool = False) -> pulp.LpVariable:
        self._names += 1
        if high is not None and 0 < high - low < NARROW:
            high = low + NARROW  # a nearly fixed column misleads presolve; 1e-6 kWh is below what is checked
        variable = self.model.add_variable(f"v{self._names:07d}", low, high, pulp.LpInteger if whole else pulp.LpContinuous)
        if cost:
            self.cost.append((variable, cost))
        self.integer |= whole
        return variable

    def _row(self, terms: Terms, sense: int, right: float) -> None:
        self._rows += 1
        self.model.addConstraint(pulp.LpConstraint(pulp.LpAffineExpression(terms), sense, f"r{self._rows:07d}", right))

    def _asset(self, key: str) -> None:
        device = self.problem.devices[key][1]
        tie = CURTAIL_TIE_CNY_PER_KWH if device.store is None else 0.0
        self.up[key] = [self._variable(0, cap, cost=self.h * device.up_cost_cny_per_kwh) if cap > 0 else None for cap in device.up_kw]
        self.down[key] = [
            self._variable(0, cap, cost=self.h * (device.down_cost_cny_per_kwh + tie)) if cap > 0 else None for cap in device.down_kw
        ]
        if device.store is not None:
            self._store(key, device, device.store)
        if device.calls is not None:
            used = [(v, 1 / cap) for v, cap in zip(self.up[key], device.up_kw, strict=True) if v is not None]
            if used:  # the relaxation of what _calls says exactly
                runs = device.calls.max_calls + (1 if self.problem.running_calls.get(key, 0) else 0)
                self._row(used, pulp.LpConstraintLE, float(runs * device.calls.max_on_periods))

    def _store(self, key: str, device: Device, store: Store) -> None:
        low, high = reachable(device.up_kw, device.down_kw, store, self.h)
        before: pulp.LpVariable | None = None
        for t in range(self.n):
            now = self._variable(low[t], high[t])
            terms: Terms = [(now, 1.0)]
            if before is not None:
                terms.append((before, -1.0))
            down, up = self.down[key][t], self.up[key][t]
            if down is not None:
                terms.append((down, -self.h * store.eta_in))
            if up is not None:
                terms.append((up, self.h / store.eta_out))
            self._row(terms, pulp.LpConstraintEQ, store.initial_kwh if before is None else 0.0)
            before = now
        if before is not None:
            self.cost.append((before, -self.problem.terminal_price_cny_per_kwh * device.terminal_value_ratio))

    def _sites(self) -> list[Terms]:
        """Per period the terms of the portfolio's injection."""
        problem = self.problem
        sums: list[Terms] = [[] for _ in range(self.n)]
        members: dict[str, list[str]] = {key: [] for key in problem.sites}
        for key in problem.asset_keys:
            members[problem.devices[key][0]].append(key)
        relax = RELAX_FACTOR * max(
            1.0, problem.shortfall_price_cny_per_kwh, float(np.abs(problem.injection_value_cny_per_kwh).max(initial=0.0))
        )
        for site_key in problem.site_keys:
            site = problem.sites[site_key]
            devices = [problem.devices[key][1] for key in members[site_key]]
            fixed = sum((d.fixed_kw for d in devices), np.zeros(self.n))
            most = fixed + sum((d.up_kw for d in devices), np.zeros(self.n))
            least = fixed - sum((d.down_kw for d in devices), np.zeros(self.n))
            peak = None
            if site.demand_price_cny_per_kw > 0:
                peak = self._variable(site.peak_so_far_kw, None, cost=site.demand_price_cny_per_kw)
            for t in range(self.n):
                value, adder = problem.injection_value_cny_per_kwh[t], site.import_adder_cny_per_kwh[t]
                inward = self._variable(0, None, cost=self.h * (value + adder))
                outward = self._variable(0, None, cost=-self.h * value)
                self._limit(inward, site.import_limit_kw, -least[t], relax)
                self._limit(outward, site.export_limit_kw, most[t], relax)
                terms: Terms = [(outward, 1.0), (inward, -1.0)]
                sums[t] += terms
                for key in members[site_key]:
                    terms = [*terms, *((v, -c) for v, c in self.move_terms(key, t))]
                self._row(terms, pulp.LpConstraintEQ, float(fixed[t]))
                if peak is not None and -least[t] > site.peak_so_far_kw:
                    self._row([(peak, 1.0), (inward, -1.0)], pulp.LpConstraintGE, 0.0)
                if adder < 0:  # importing and exporting at once would pay
                    way = self._variable(0, 1, whole=True)
                    self._row([(inward, 1.0), (way, -max(0.0, -least[t]))], pulp.LpConstraintLE, 0.0)
                    self._row([(outward, 1.0), (way, max(0.0, most[t]))], pulp.LpConstraintLE, max(0.0, most[t]))
        return sums

    def _limit(self, flow: pulp.LpVariable, limit_kw: float, most_kw: float, relax: float) -> None:
        if most_kw <= limit_kw:
            flow.upBound = max(0.0, limit_kw)
            return
        slack = self._variable(0, None, cost=self.h * relax)
        self._row([(flow, 1.0), (slack, -1.0)], pulp.LpConstraintLE, limit_kw)

    def _target(self, sums: list[Terms]) -> None:
        target = self.problem.target
        if target is None:
            return
        for t in np.flatnonzero(self.problem.wanted):
            short = self._variable(0, None, cost=self.h * self.problem.shortfall_price_cny_per_kwh)
            over = self._variable(0, None, cost=self.h * self.problem.overshoot_price_cny_per_kwh)
            terms = [*sums[t], (short, float(target.direction)), (over, -float(target.direction))]
            self._row(terms, pulp.LpConstraintEQ, float(target.injection_kw[t]))

    def _firm_block(self, sums: list[Terms]) -> None:
        firm = self.problem.firm
        if firm is None:
            return
        value = self.problem.injection_value_cny_per_kwh
        periods = np.flatnonzero(self.problem.in_firm).tolist()
        sign = float(firm.direction)
        if firm.fixed_kw is None:
            earned = self.h * sum(firm.price_cny_per_kwh - sign * value[t] for t in periods)
            self.firm = self._variable(0, max(0.0, firm.max_kw), cost=-earned)
            offered = self.offered = self._variable(0, 1, whole=True)
            self._row([(self.firm, 1.0), (offered, -max(0.0, firm.max_kw))], pulp.LpConstraintLE, 0.0)
        for k, t in enumerate(periods):
            terms = [(v, sign * c) for v, c in sums[t]]
            if firm.fixed_kw is None:
                free = max(0.0, sign * firm.baseline_kw[k] - self._least(sign, t))
                self._row([*terms, (self.firm, -1.0), (offered, -free)], pulp.LpConstraintGE, sign * firm.baseline_kw[k] - free)
            else:
                lost = firm.price_cny_per_kwh - sign * value[t]
                short = self._variable(0, None, cost=self.h * (self.problem.shortfall_price_cny_per_kwh + max(0.0, lost)))
                self._row([*terms, (short, 1.0)], pulp.LpConstraintGE, sign * firm.baseline_kw[k] + firm.fixed_kw)

    def _least(self, sign: float, t: int) -> float:
        """Least of sign x portfolio injection that devices can reach."""
        devices = [device for _, device in self.problem.devices.values()]
        return float(sum(sign * d.fixed_kw[t] - (d.down_kw[t] if sign > 0 else d.up_kw[t]) for d in devices))

    def _same_direction(self) -> None:
        problem, target = self.problem, self.problem.target
        if target is None:
            return
        sign, price = float(target.direction), COUNTER_FACTOR * problem.shortfall_price_cny_per_kwh
        for key in problem.asset_keys:
            if key not in problem.reference_kw:
                continue
            device = problem.devices[key][1]
            low, high = -device.down_kw, device.up_kw
            moved = np.clip(problem.reference_kw[key] - device.fixed_kw, low, high)
            for t in np.flatnonzero(problem.wanted).tolist():
                terms = self.move_terms(key, t)
                if terms:
                    counter = self._variable(0, None, cost=self.h * price)
                    self._row([*((v, sign * c) for v, c in terms), (counter, 1.0)], pulp.LpConstraintGE, sign * float(moved[t]))

    def move_terms(self, key: str, t: int) -> Terms:
        return [(v, c) for v, c in ((self.up[key][t], 1.0), (self.down[key][t], -1.0)) if v is not None]

    # -- refinement

    def refine(self, up_kw: dict[str, np.ndarray], down_kw: dict[str, np.ndarray]) -> bool:
        """Add the integers that this solution shows to be needed. False where none is missing.

        Leaving out an integer only relaxes the problem, so a solution that needs none is exact.
        """
        grown = self._interruptions(up_kw)
        for key in self.problem.asset_keys:
            both = np.flatnonzero((up_kw[key] > MOVING_KW) & (down_kw[key] > MOVING_KW))
            fresh = [int(t) for t in both if (key, int(t)) not in self._exclusive]
            if fresh:
                # Where it pays in one period it pays in all that are as cheap; guard these as well.
                value = self.problem.injection_value_cny_per_kwh
                limit = max(value[fresh])
                for t in range(self.n):
                    if (key, t) not in self._exclusive and (t in fresh or value[t] <= limit):
                        self._one_way(key, t)
                grown = True
        if grown:
            self.model.setObjective(pulp.LpAffineExpression(self.cost))
        return grown

    def _interruptions(self, up_kw: dict[str, np.ndarray]) -> bool:
        """Integers for the loads that would be shed. False where none is missing.

        With few of them the model stays exact. With many (a demand charge makes every load shed a little),
        a call may only lie around the windows that the relaxation likes best: measured on 12 sites and 24
        loads, 2 s instead of a minute, and the cost as good; the gap to the relaxation is reported.
        """
        loads = {key: calls for key, calls in self._loads().items() if key not in self.on}
        shed = [key for key in loads if (up_kw[key] > MOVING_KW).any()]
        if not shed:
            return False
        if not self.restricted and sum(v is not None for key in shed for v in self.up[key]) <= EXACT_CALL_PERIODS:
            for key in shed:
                self._calls(key, loads[key])
            return True
        self.restricted = True
        for key, calls in loads.items():
            keep = self._likely(key, calls, up_kw[key]) if key in shed else np.zeros(self.n, dtype=bool)
            for v, kept in zip(self.up[key], keep, strict=True):
                if v is not None and not kept:
                    v.upBound = 0.0
            self._calls(key, calls)
        return True

    def _loads(self) -> dict[str, Calls]:
        """What may be interrupted, in the order of the assets."""
        devices = ((key, self.problem.devices[key][1]) for key in self.problem.asset_keys)
        return {key: device.calls for key, device in devices if device.calls is not None}

    def _likely(self, key: str, calls: Calls, up_kw: np.ndarray) -> np.ndarray:
        """Mask of the periods around the windows with the most shedding; of a running call, its rest."""
        length = min(calls.max_on_periods, self.n)
        score = np.convolve(up_kw, np.ones(length), "valid")
        keep = np.zeros(self.n, dtype=bool)
        lasted = self.problem.running_calls.get(key, 0)
        if lasted:
            keep[: max(0, calls.max_on_periods - lasted)] = True
        for _ in range(calls.max_calls):
            first = int(np.argmax(score))
            if score[first] <= MOVING_KW:
                break
            keep[max(0, first - MARGIN_PERIODS) : first + length + MARGIN_PERIODS] = True
            score[max(0, first - length + 1) : first + length] = 0.0
        return keep

    def _one_way(self, key: str, t: int) -> None:
        self._exclusive.add((key, t))
        up, down = self.up[key][t], self.down[key][t]
        if up is None or down is None:
            return
        way = self._variable(0, 1, whole=True)
        self._row([(up, 1.0), (way, -up.upBound)], pulp.LpConstraintLE, 0.0)
        self._row([(down, 1.0), (way, down.upBound)], pulp.LpConstraintLE, down.upBound)

    def _calls(self, key: str, calls: Calls) -> None:
        """on/off per period: at most max_calls runs, none longer than max_on_periods."""
        most_kw, lasted = self.problem.devices[key][1].up_kw, self.problem.running_calls.get(key, 0)
        on: list[pulp.LpVariable | None] = []
        starts: Terms = []
        for t in range(self.n):
            shed = self.up[key][t]
            if shed is None or shed.upBound == 0 or (t < calls.first_period and not lasted):
                if shed is not None:
                    shed.upBound = 0.0
                on.append(None)
                continue
            now = self._variable(0, 1, whole=True)
            sense = pulp.LpConstraintEQ if calls.all_or_nothing else pulp.LpConstraintLE
            self._row([(shed, 1.0), (now, -float(most_kw[t]))], sense, 0.0)
            if t > 0 or not lasted:
                start = self._variable(0, 1 if t >= calls.first_period else 0)
                earlier: Terms = [(on[-1], 1.0)] if on and on[-1] is not None else []
                self._row([(start, 1.0), (now, -1.0), *earlier], pulp.LpConstraintGE, 0.0)
                starts.append((start, 1.0))
            on.append(now)
        self.on[key] = on
        if starts:
            self._row(starts, pulp.LpConstraintLE, calls.max_calls)
        for t in range(-lasted, self.n - calls.max_on_periods):
            window = [v for v in on[max(0, t) : t + calls.max_on_periods + 1] if v is not None]
            already = max(0, -t) if lasted else 0
            if window:
                self._row([(v, 1.0) for v in window], pulp.LpConstraintLE, max(0.0, float(calls.max_on_periods - already)))

    def without_integers(self) -> None:
        """Close what needs an integer: no interruption, no firm offer, no charging where both ways would pay.

        What is left is a plain LP: the plan for when the exact one does not come in time.
        """
        for key in self._loads():
            for v in self.up[key]:
                if v is not None:
                    v.upBound = 0.0
        for key, t in self._exclusive:
            up = self.up[key][t]
            if up is not None and self.down[key][t] is not None:
                up.upBound = 0.0
        if self.firm is not None:
            self.firm.upBound = 0.0


def reachable(up_kw: np.ndarray, down_kw: np.ndarray, store: Store, hours: float) -> tuple[np.ndarray, np.ndarray]:
    """The store's bounds, never asking for more than power allows from the start (float32 rounding, station caps)."""
    low, high = np.array(store.min_kwh, dtype=float), np.array(store.max_kwh, dtype=float)
    full = empty = store.initial_kwh
    for t in range(len(low)):
        full = full + hours * store.eta_in * down_kw[t]
        empty = empty - hours * up_kw[t] / store.eta_out
        high[t] = max(high[t], empty)
        full = min(full, high[t])
        low[t] = min(low[t], full)
        empty = max(empty, low[t])
    return low, high
