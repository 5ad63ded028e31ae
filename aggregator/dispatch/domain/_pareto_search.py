"""All plans of a day found so far, and where to look for another; see pareto.py."""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from aggregator.assets.domain.generation import GenerationSpec
from aggregator.dispatch.domain.checker import Violation, check_schedule
from aggregator.dispatch.domain.facts import AssetFacts
from aggregator.dispatch.domain.pareto_measures import CarbonFactor, DayFlows, day_flows
from aggregator.dispatch.domain.problem import ScheduleProblem
from aggregator.dispatch.domain.schedule import Schedule, assemble, solve_schedule
from aggregator.dispatch.domain.weighing import Axis, amount_of, carbon_axis, self_consumption_axis, weighed

RESOLUTION_RATIO = 1e-3  # of what there is between the ends: points closer than that are one point
END_FACTOR = 20.0  # at the far end the amount counts so many times more than the dearest money
SOLVES_PER_POINT = 3
EQUAL = 6  # decimals in which equal plans agree
EXACT_MOST = 300  # assets up to which every plan is solved exactly: a report may take its minutes


@dataclass(frozen=True)
class Dropped:
    """A plan that was found and is no point; why: dominated | violations | fallback."""

    cost_cny: float
    carbon_kg: float | None
    self_consumption_ratio: float | None
    why: str


@dataclass(frozen=True)
class Plan:
    axis: Axis | None
    price: float
    schedule: Schedule
    flows: DayFlows
    amounts: dict[str, float]
    room_cny: float | None  # between the plan and what is proven, in money of the original prices
    violations: list[Violation]

    @property
    def cost_cny(self) -> float:
        return self.schedule.objective_cny


class Search:
    """All plans found so far, and how to find another."""

    def __init__(
        self,
        problem: ScheduleProblem,
        assets: Mapping[str, AssetFacts],
        factor: CarbonFactor | None,
        deadline_s: float,
        say: Callable[[int], None] | None,
    ) -> None:
        self.problem, self.assets, self.factor, self.deadline_s, self.say = problem, assets, factor, deadline_s, say
        self.generators = {k for k, facts in assets.items() if isinstance(facts.spec, GenerationSpec) and k in problem.devices}
        self.axes: list[Axis] = []
        if factor is not None:
            self.axes.append(carbon_axis(factor))
        if any(problem.devices[k][1].fixed_kw.any() for k in self.generators):
            self.axes.append(self_consumption_axis(len(problem.grid)))
        self.plans: list[Plan] = []
        self.failed: list[Dropped] = []
        self.without_end: list[str] = []  # paths whose far end was not solved
        self.solves = 0

    def solve(self, axis: Axis | None, price: float) -> Plan | None:
        """The cheapest plan at money + price x amount; None where no solver delivered one that holds."""
        asked, scale = (self.problem, 1.0) if axis is None else weighed(self.problem, [(axis, price)])
        mode = "reference" if len(self.problem.devices) <= EXACT_MOST else None
        solved = solve_schedule(asked, deadline_s=self.deadline_s, mode=mode)
        self.solves += 1
        if self.say is not None:
            self.say(self.solves)
        own = assemble(self.problem, up=solved.up_kw, down=solved.down_kw, on=solved.on, status=solved.status)
        certificate = solved.certificate
        proven = certificate is not None and np.isfinite(certificate.lower_bound_cny)
        room = (certificate.cost_cny - certificate.lower_bound_cny) / scale if certificate is not None and proven else None
        plan = self._plan(axis, price, replace(own, mode=solved.mode), room)
        if solved.status == "fallback" or plan.violations:
            why = "fallback" if solved.status == "fallback" else "violations"
            self.failed.append(Dropped(plan.cost_cny, plan.amounts.get("carbon"), plan.flows.self_consumption_ratio, why))
            return None
        self.plans.append(plan)
        return plan

    def _plan(self, axis: Axis | None, price: float, schedule: Schedule, room_cny: float | None) -> Plan:
        flows = day_flows(self.problem, schedule, self.generators)
        amounts = {a.name: amount_of(self.problem, schedule, a, shed_kwh=flows.shed_kwh) for a in self.axes}
        violations = check_schedule(problem=self.problem, schedule=schedule, assets=self.assets)
        return Plan(axis, price, schedule, flows, amounts, room_cny, violations)

    def refine(self, axis: Axis, points: int) -> None:
        """Find the far end, then again and again a plan between the two neighbours that lie farthest apart."""
        if self.solve(axis, END_FACTOR * _dearest_cny_per_kwh(self.problem) / axis.mean_rate) is None:
            self.without_end.append(axis.name)
        straight: dict[tuple[int, int], tuple[float, float | None]] = {}
        until = self.solves + SOLVES_PER_POINT * points
        while self.solves < until:
            front = self.front(axis.name)
            gap = self._widest(axis, front, straight) if len(front) < points else None
            if gap is None:
                break
            price = self._slope(axis, *gap)
            found = self.solve(axis, price)
            if self.front(axis.name) == front:
                straight[gap] = price, self._bound(found)
        self._fill(axis, points, straight)

    def _slope(self, axis: Axis, cheaper: int, better: int) -> float:
        left, right = self.plans[cheaper], self.plans[better]
        return (right.cost_cny - left.cost_cny) / (left.amounts[axis.name] - right.amounts[axis.name])

    def _bound(self, plan: Plan | None) -> float | None:
        """What no plan undercuts at this plan's price."""
        if plan is None or plan.axis is None or plan.room_cny is None:
            return None
        return plan.cost_cny + plan.price * plan.amounts[plan.axis.name] - plan.room_cny

    def _fill(self, axis: Axis, points: int, straight: dict[tuple[int, int], tuple[float, float | None]]) -> None:
        """Where nothing lies below the line between two plans, what lies on it is theirs in parts: half of each, and again."""
        blended: set[tuple[int, int]] = set()
        while len(front := self.front(axis.name)) < points:
            gap = self._widest(axis, front, blended)
            if gap is None:
                return
            blended.add(gap)
            mixed = _half_of_each(self.problem, self.plans[gap[0]].schedule, self.plans[gap[1]].schedule)
            if mixed is None:
                continue
            price, bound = straight.get(gap, (self._slope(axis, *gap), None))
            plan = self._plan(axis, price, mixed, None)
            if plan.violations:
                continue
            room = None if bound is None else plan.cost_cny + price * plan.amounts[axis.name] - bound
            self.plans.append(replace(plan, room_cny=room))
            if bound is not None:
                k = len(self.plans) - 1
                straight |= {(gap[0], k): (price, bound), (k, gap[1]): (price, bound)}

    def front(self, path: str) -> list[int]:
        """Plans of which none is better in money and the path's aim, the cheapest first; of equals the best for the other aim."""
        ratio = [-(plan.flows.self_consumption_ratio or 0.0) for plan in self.plans]
        carbon = [plan.amounts.get("carbon", 0.0) for plan in self.plans]
        aim, other = (carbon, ratio) if path == "carbon" else (ratio, carbon)
        return efficient([plan.cost_cny for plan in self.plans], aim, other)

    def _widest(self, axis: Axis, front: list[int], closed: Container[tuple[int, int]]) -> tuple[int, int] | None:
        name, plans = axis.name, [self.plans[k] for k in front]
        if len(plans) < 2:
            return None
        money = plans[-1].cost_cny - plans[0].cost_cny
        amount = abs(plans[-1].amounts[name] - plans[0].amounts[name])
        best, widest = None, 0.0
        for a, b in pairwise(front):
            dearer = self.plans[b].cost_cny - self.plans[a].cost_cny
            less = self.plans[a].amounts[name] - self.plans[b].amounts[name]
            if (a, b) in closed or less <= RESOLUTION_RATIO * amount:
                continue
            size = dearer / money + less / amount
            if size > widest:
                best, widest = (a, b), size
        return best


def efficient(costs: Sequence[float], amounts: Sequence[float], others: Sequence[float] | None = None) -> list[int]:
    """Indices of what nothing else beats in both, cheapest first, amounts falling; of equals the one with the least of `others`.

    A dearer plan counts only where it gains more than RESOLUTION_RATIO of all that can be gained.
    """
    third = costs if others is None else others
    order = sorted(range(len(costs)), key=lambda k: (round(costs[k], EQUAL), round(amounts[k], EQUAL), third[k], k))
    dust = RESOLUTION_RATIO * (amounts[order[0]] - min(amounts)) if order else 0.0
    kept: list[int] = []
    for k in order:
        if not kept or amounts[k] < amounts[kept[-1]] - max(dust, 10.0**-EQUAL):
            kept.append(k)
    return kept


def _dearest_cny_per_kwh(problem: ScheduleProblem) -> float:
    """No kWh of import is worth more than this: energy, network, wear or shedding, and a demand charge for one period."""
    energy = float(np.abs(problem.injection_value_cny_per_kwh).max(initial=0.0)) + abs(problem.terminal_price_cny_per_kwh)
    network = max((float(np.abs(s.import_adder_cny_per_kwh).max(initial=0.0)) for s in problem.sites.values()), default=0.0)
    demand = max((s.demand_price_cny_per_kw for s in problem.sites.values()), default=0.0) / problem.grid.hours
    own = max((max(d.up_cost_cny_per_kwh, d.down_cost_cny_per_kwh) for _, d in problem.devices.values()), default=0.0)
    return max(energy + network + demand + own, 1e-3)


def _half_of_each(problem: ScheduleProblem, one: Schedule, other: Schedule) -> Schedule | None:
    """The mean of two plans, in one direction at a time; None where their interruptions differ, of which there is no half."""
    if any((one.on[key] != other.on[key]).any() for key in one.on):
        return None
    up, down = {}, {}
    for key in problem.asset_keys:
        net = (one.up_kw[key] - one.down_kw[key] + other.up_kw[key] - other.down_kw[key]) / 2
        up[key], down[key] = np.maximum(0.0, net), np.maximum(0.0, -net)
    return replace(assemble(problem, up=up, down=down, on=one.on, status="at_gap"), mode=one.mode)
