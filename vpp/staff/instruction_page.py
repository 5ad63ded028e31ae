"""One instruction: its plans in order, who was asked, who answered, what telemetry showed."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from aggregator.assets.models import Asset
from aggregator.dispatch.queries import OptimisationFacts, PlanFacts, SetpointFacts, optimisation_run_of, plans, setpoints_of
from market.instructions.models import DispatchInstruction
from vpp.staff.plan_page import RelaxedLimit, relaxed_limits

PURPOSES = ("instruction", "redispatch")


@dataclass(frozen=True)
class AskedFacts:
    """A setpoint and whose asset it moves."""

    setpoint: SetpointFacts
    asset: Asset


@dataclass(frozen=True)
class PlanOnPage:
    """`largest_shortfall_kw`: the most that this plan itself leaves open inside the ordered window."""

    plan: PlanFacts
    asked: list[AskedFacts]
    outcomes: dict[str, int]
    largest_shortfall_kw: float
    relaxed: list[RelaxedLimit]
    run: OptimisationFacts | None


def plans_of_instruction(row: DispatchInstruction) -> list[PlanFacts]:
    """Its own plan and the re-dispatches that it caused, oldest first."""
    found = plans(portfolio_id=row.portfolio_id, reference_prefix=str(row.public_id))
    return [plan for plan in found if plan.purpose in PURPOSES]


def instruction_plans(row: DispatchInstruction) -> list[PlanOnPage]:
    found = plans_of_instruction(row)
    setpoints = [
        setpoint
        for setpoint in setpoints_of(plan_ids=[plan.id for plan in found])
        if setpoint.starts_at < row.ends_at and setpoint.ends_at > row.starts_at
    ]
    assets = Asset.objects.select_related("site__enterprise").in_bulk({setpoint.asset_id for setpoint in setpoints})
    return [_on_page(plan, [s for s in setpoints if s.plan_id == plan.id], assets, row) for plan in found]


def _on_page(plan: PlanFacts, mine: list[SetpointFacts], assets: dict[int, Asset], row: DispatchInstruction) -> PlanOnPage:
    starts = np.array([row.starts_at <= at < row.ends_at for at in plan.grid.starts])
    outcomes = Counter(setpoint.outcome for setpoint in mine if setpoint.state != "superseded")
    superseded = sum(setpoint.state == "superseded" for setpoint in mine)
    return PlanOnPage(
        plan=plan,
        asked=[AskedFacts(setpoint, assets[setpoint.asset_id]) for setpoint in mine],
        outcomes={**dict(sorted(outcomes.items())), **({"superseded": superseded} if superseded else {})},
        largest_shortfall_kw=float(np.nanmax(plan.shortfall_kw[starts], initial=0.0)) if starts.any() else 0.0,
        relaxed=relaxed_limits(plan),
        run=optimisation_run_of(plan_id=plan.id),
    )
