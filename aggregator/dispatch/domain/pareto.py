"""What less carbon, or more use of own generation, costs on a day: plans of which none is better in everything.

Every plan comes from the scheduler itself: importing a kWh is made dearer by price x rate (the grid's emission factor, or 1),
energy left in the stores is worth as much more, and the cheapest plan at these prices is a point that nothing beats in
money + price x amount. The price of the next plan is the slope between the two neighbours that lie farthest apart, so the
points spread over the whole trade-off, from the cheapest plan to the one with the least carbon.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aggregator.dispatch.domain._pareto_search import Dropped, Plan, Search, efficient
from aggregator.dispatch.domain.facts import AssetFacts
from aggregator.dispatch.domain.pareto_measures import CarbonFactor, DayFlows, imported
from aggregator.dispatch.domain.problem import ScheduleProblem
from aggregator.dispatch.domain.refusals import ProblemRefused
from aggregator.dispatch.domain.schedule import Schedule
from aggregator.kernel.errors import Anticipated

__all__ = ["LEAST_POINTS", "CarbonFactor", "Dropped", "NoParetoReport", "ParetoPoint", "ParetoSet", "efficient", "pareto_set"]

LEAST_POINTS = 7


class NoParetoReport(Anticipated):
    code = "dispatch.no_pareto_report"
    text = "There is nothing to trade against money: %(why)s."
    status = 409


@dataclass(frozen=True)
class ParetoPoint:
    """One plan. aim: money | carbon | self_consumption (the ends) | between. The certificate holds for cost + price x amount.

    carbon_kg = import_carbon_kg - stored_carbon_kg; the last is what the stores gained, at the day's mean factor: emptying them
    saves no carbon, it moves it into tomorrow.
    """

    aim: str
    cost_cny: float
    carbon_kg: float | None
    import_carbon_kg: float | None
    stored_carbon_kg: float | None
    self_consumption_ratio: float | None
    price_cny_per_kg: float | None
    price_cny_per_kwh: float | None
    mode: str
    status: str
    weighted_cost_cny: float
    lower_bound_cny: float | None
    gap_ratio: float | None
    relaxed: int
    flows: DayFlows
    schedule: Schedule


@dataclass(frozen=True)
class ParetoSet:
    """Points by cost; `paths` name the points that lead from the cheapest plan to one of the other aims, monotone in both.

    notes: carbon_left_out | no_generation | few_points (path, found, wanted) | end_missing (path: its last point is not the optimum).
    """

    points: tuple[ParetoPoint, ...]
    paths: dict[str, tuple[int, ...]]
    dropped: tuple[Dropped, ...]
    notes: tuple[dict[str, str | int], ...]
    seconds: float


def pareto_set(
    problem: ScheduleProblem,
    *,
    assets: Mapping[str, AssetFacts],
    factor: CarbonFactor | None,
    points: int = LEAST_POINTS,
    solve_deadline_s: float = 60.0,
    say: Callable[[int], None] | None = None,
) -> ParetoSet:
    """At least `points` plans on every path where the day has so many that differ; fewer are said.

    factor : None = not known; carbon is then left out.
    assets : what the independent checker verifies every plan with; a plan that it refuses is no point.
    say    : told how many plans are solved.

    Raises NoParetoReport (neither carbon nor generation, or no solver), ProblemRefused.
    """
    begun = time.monotonic()
    if factor is not None and factor.kg_per_kwh.shape != (len(problem.grid),):
        raise ProblemRefused(why="factor_misfits")
    search = Search(problem, assets, factor, solve_deadline_s, say)
    if not search.axes:
        raise NoParetoReport(why="no emission factor of the grid is known and the portfolio has no generation")
    cheapest = search.solve(None, 0.0)
    if cheapest is None:
        raise NoParetoReport(why="no solver delivered a plan that holds")
    for axis in search.axes:
        search.refine(axis, max(2, points))
    return _result(search, max(2, points), time.monotonic() - begun)


def _result(search: Search, wanted: int, seconds: float) -> ParetoSet:
    fronts = {axis.name: search.front(axis.name) for axis in search.axes}
    chosen = sorted({k for front in fronts.values() for k in front}, key=lambda k: (search.plans[k].cost_cny, k))
    place = {k: i for i, k in enumerate(chosen)}
    ends = {front[-1]: name for name, front in reversed(fronts.items()) if name not in search.without_end} | {chosen[0]: "money"}
    notes: list[dict[str, str | int]] = []
    if search.factor is None:
        notes.append({"note": "carbon_left_out"})
    if "self_consumption" not in fronts:
        notes.append({"note": "no_generation"})
    notes += [{"note": "few_points", "path": p, "found": len(f), "wanted": wanted} for p, f in fronts.items() if len(f) < wanted]
    notes += [{"note": "end_missing", "path": path} for path in search.without_end]
    beaten = [plan for k, plan in enumerate(search.plans) if k not in place]
    dropped = [Dropped(p.cost_cny, p.amounts.get("carbon"), p.flows.self_consumption_ratio, "dominated") for p in beaten]
    return ParetoSet(
        points=tuple(_point(search, search.plans[k], ends.get(k, "between")) for k in chosen),
        paths={name: tuple(place[k] for k in front) for name, front in fronts.items()},
        dropped=(*dropped, *search.failed),
        notes=tuple(notes),
        seconds=seconds,
    )


def _point(search: Search, plan: Plan, aim: str) -> ParetoPoint:
    carbon = plan.amounts.get("carbon")
    factor = search.factor
    import_carbon = None if factor is None else imported(search.problem, plan.schedule, factor.kg_per_kwh)
    weighted = plan.cost_cny + (0.0 if plan.axis is None else plan.price * plan.amounts[plan.axis.name])
    bound = None if plan.room_cny is None else weighted - plan.room_cny
    name = "" if plan.axis is None else plan.axis.name
    return ParetoPoint(
        aim=aim,
        cost_cny=plan.cost_cny,
        carbon_kg=carbon,
        import_carbon_kg=import_carbon,
        stored_carbon_kg=None if carbon is None or import_carbon is None else import_carbon - carbon,
        self_consumption_ratio=plan.flows.self_consumption_ratio,
        price_cny_per_kg=plan.price if name == "carbon" else None,
        price_cny_per_kwh=plan.price if name == "self_consumption" else None,
        mode=plan.schedule.mode,
        status=plan.schedule.status,
        weighted_cost_cny=weighted,
        lower_bound_cny=bound,
        gap_ratio=None if plan.room_cny is None or not weighted else plan.room_cny / abs(weighted),
        relaxed=len(plan.schedule.relaxed),
        flows=plan.flows,
        schedule=plan.schedule,
    )
