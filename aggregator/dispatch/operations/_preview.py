"""How an instruction would be split now, under each rule: computed like the real one, nothing stored, nothing sent."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from aggregator.dispatch import queries
from aggregator.dispatch.domain import ProblemRefused, Target, check_schedule
from aggregator.dispatch.domain.instruction import InstructionSplit
from aggregator.dispatch.domain.split import RULES, Rule
from aggregator.dispatch.operations._inputs import Prices, gather
from aggregator.dispatch.operations._solve import split_target, split_terms
from aggregator.kernel.errors import Anticipated

DEADLINE_S = 10.0


class NothingToPreview(Anticipated):
    code = "dispatch.nothing_to_preview"
    text = "No valid plan covers %(starts_at)s: an instruction is split from what is planned already."
    status = 409


@dataclass(frozen=True)
class InstructionPreview:
    """`declared`: the rule that an instruction would really be split by. `violations` of the independent check; 0 = it could be sent."""

    declared: bool
    split: InstructionSplit
    violations: int


def preview_instruction(
    *, portfolio_id: int, starts_at: datetime, ends_at: datetime, injection_change_kw: float, now: datetime, rules: Sequence[str] = RULES
) -> list[InstructionPreview]:
    """The change [kW, signed] in [starts_at, ends_at), above what is planned, split by each of `rules`.

    Raises NothingToPreview, ProblemRefused (window over or outside the plan), SplitRefused.
    """
    plan = queries.current_plan(portfolio_id=portfolio_id, at=max(starts_at, now))
    if plan is None or plan.forecast_run_id is None:
        raise NothingToPreview(starts_at=starts_at.isoformat())
    first = max(0, (now - plan.grid.starts_at) // plan.grid.resolution)
    grid = plan.grid.tail(first)
    if not grid.starts_at <= max(starts_at, now) < ends_at <= grid.ends_at or not injection_change_kw:
        raise ProblemRefused(why="window_not_planned")
    wanted = np.full(len(grid), np.nan)
    window = grid.window(max(starts_at, grid.starts_at), ends_at)
    wanted[window] = plan.planned_kw[first:][window] + injection_change_kw
    gathered = gather(
        portfolio_id=portfolio_id,
        grid=grid,
        run_id=plan.forecast_run_id,
        prices=Prices.of(plan.inputs).tail(first),
        issued_at=now,
        target=Target(wanted, 1 if injection_change_kw > 0 else -1),
        excluded=plan.inputs["excluded"],
    )
    terms = split_terms(portfolio_id=portfolio_id, gathered=gathered, now=now)
    asked = gathered.objective.asked(gathered.problem)
    previews = []
    for name in rules:
        schedule, split = split_target(asked, replace(terms, rule=Rule(name)), deadline_s=DEADLINE_S)
        found = check_schedule(problem=gathered.problem, schedule=schedule, assets=gathered.facts)
        previews.append(InstructionPreview(name == terms.rule.name, split, len(found)))
    return previews
