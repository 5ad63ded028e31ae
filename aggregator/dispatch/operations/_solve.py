"""Solve an order and have the result checked; what fails the check gives way to the safe plan."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from aggregator.assets import queries as assets
from aggregator.dispatch import queries
from aggregator.dispatch.domain import Schedule, ScheduleProblem, Violation, Why, check_schedule, explain, safe_plan, solve_schedule
from aggregator.dispatch.domain.instruction import InstructionSplit, solve_instruction
from aggregator.dispatch.domain.schedule import certified, in_money
from aggregator.dispatch.domain.split import Rule
from aggregator.dispatch.domain.worth import limit_worths
from aggregator.dispatch.operations._inputs import Gathered
from aggregator.dispatch.operations._order import Order
from aggregator.kernel.errors import Anticipated
from aggregator.kernel.periods import day_of

NEEDLESS_KW = 1.0  # of one limit, summed over periods
WORTHS_S = 5.0
CERTIFICATE_S = 10.0
WITHOUT_PULP = "periods"  # the way of splitting that every instruction falls back to


class OnlySafePlan(Anticipated):
    code = "dispatch.only_safe_plan"
    text = "No solver delivered a plan that passes the check; the plan in force stays."
    status = 409


@dataclass(frozen=True)
class Solved:
    """`schedule` is what is to be sent unless it has `violations` itself; `refused` is what the check found in the plan before it;
    `why` and `worths`: reasons and prices of the limits by asset key; `details`: of its purpose, as OptimisationRun keeps them.
    """

    schedule: Schedule
    why: Mapping[str, tuple[Why, ...]]
    worths: Mapping[str, np.ndarray]
    violations: list[Violation] = field(default_factory=list)
    refused: list[Violation] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)


def solved_plan(order: Order, gathered: Gathered) -> Solved:
    """What passes the independent check: the plan, else the safe plan; and what was found against the first.

    Raises OnlySafePlan for an optional order.
    """
    asked = gathered.objective.asked(gathered.problem)
    schedule, details = _schedule(order, gathered, asked)
    violations = check_schedule(problem=gathered.problem, schedule=schedule, assets=gathered.facts)
    violations += _needless(gathered.problem, schedule)
    if order.optional and (violations or schedule.status == "fallback"):
        raise OnlySafePlan()
    if not violations:
        why = explain(asked, schedule, gathered.facts)
        return Solved(schedule, why, limit_worths(asked, schedule, why, deadline_s=WORTHS_S), details=details)
    safe = replace(safe_plan(gathered.problem), mode=schedule.mode)
    left = check_schedule(problem=gathered.problem, schedule=safe, assets=gathered.facts)
    return Solved(safe, explain(gathered.problem, safe, gathered.facts), {}, left, refused=violations)


def _needless(problem: ScheduleProblem, schedule: Schedule) -> list[Violation]:
    """Owners' limits that gave way although less gives way in the safe plan: the checker knows only that the plan says so.

    Each limit of its own: crossing one is not made good by another that is kept. Its periods together: a plan may cross a limit at
    another time than the safe plan does.
    """
    if not schedule.relaxed:
        return []
    needed = _given_way(safe_plan(problem))
    beyond = {limit for limit, by_kw in _given_way(schedule).items() if by_kw > needed.get(limit, 0.0) + NEEDLESS_KW}
    return [Violation(row.site, row.limit, row.period, row.by_kw) for row in schedule.relaxed if (row.site, row.limit) in beyond]


def _given_way(schedule: Schedule) -> dict[tuple[str, str], float]:
    """By how much each limit gave way, summed over periods [kW]; an export share is a mean over the plan, so it counts every period."""
    total: dict[tuple[str, str], float] = {}
    for row in schedule.relaxed:
        periods = len(schedule.portfolio_kw) if row.limit == "export_share" else 1
        total[row.site, row.limit] = total.get((row.site, row.limit), 0.0) + periods * row.by_kw
    return total


def _schedule(order: Order, gathered: Gathered, asked: ScheduleProblem) -> tuple[Schedule, dict[str, Any]]:
    """The best schedule of what is `asked`, its money in the prices of `gathered`; and what the run keeps of how it came about."""
    details: dict[str, Any] = {}
    if order.target is None:
        schedule = solve_schedule(asked, deadline_s=order.deadline_s)
    else:
        terms = split_terms(portfolio_id=order.portfolio_id, gathered=gathered, now=order.issued_at)
        schedule, split = split_target(asked, terms, deadline_s=order.deadline_s)
        schedule = certified(asked, schedule, deadline_s=CERTIFICATE_S)
        details["split"] = split.as_json()
    if asked is not gathered.problem:
        schedule = in_money(gathered.problem, schedule)
        details["objective"] = asdict(gathered.objective) | {"amounts": gathered.objective.amounts(gathered.problem, schedule)}
    return schedule, details


@dataclass(frozen=True)
class SplitTerms:
    """What the portfolio declared: its rule, and what the rule looks at. Hours by asset key, least shares by site key."""

    rule: Rule
    turn_hours: Mapping[str, float]
    floor_ratio: Mapping[str, float]


def split_terms(*, portfolio_id: int, gathered: Gathered, now: datetime) -> SplitTerms:
    """The declared rule of a portfolio, with who was called when and which share is promised to whom."""
    rule = assets.portfolio(portfolio_id=portfolio_id).split_rule
    keys = {asset_id: key for key, asset_id in gathered.ids.items()}
    called = queries.last_called(asset_ids=keys, before=now)
    hours = {keys[asset_id]: max(0.0, (now - at) / timedelta(hours=1)) for asset_id, at in called.items()}
    sites = assets.sites_on(portfolio_id=portfolio_id, day=day_of(gathered.problem.grid.starts_at))
    least = {f"{site.enterprise_code}/{site.code}": site.least_call_ratio for site in sites if site.least_call_ratio is not None}
    return SplitTerms(Rule(rule), hours, least)


def split_target(problem: ScheduleProblem, terms: SplitTerms, *, deadline_s: float) -> tuple[Schedule, InstructionSplit]:
    """The target split by the declared rule; the schedule's mode says how: curves (PuLP) or fast."""
    schedule, split = solve_instruction(
        problem, deadline_s=deadline_s, rule=terms.rule, turn_hours=terms.turn_hours, floor_ratio=terms.floor_ratio
    )
    return replace(schedule, mode="fast" if split.method == WITHOUT_PULP else "curves"), split
