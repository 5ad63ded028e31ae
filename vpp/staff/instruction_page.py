"""One instruction: its plans in order, who was asked, who answered, what telemetry showed."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from aggregator.dispatch.models import DispatchPlan
from aggregator.support.arrays import unpack_f4
from market.instructions.models import DispatchInstruction


@dataclass(frozen=True)
class PlanFacts:
    plan: DispatchPlan
    setpoints: list
    outcomes: dict[str, int]
    largest_shortfall_kw: float


@dataclass(frozen=True)
class InstructionFacts:
    row: DispatchInstruction
    plans: list[PlanFacts]


def _facts(plan: DispatchPlan, row: DispatchInstruction) -> PlanFacts:
    setpoints = list(plan.setpoints.filter(starts_at__lt=row.ends_at, ends_at__gt=row.starts_at).select_related("asset__site__enterprise"))
    shortfall = unpack_f4(plan.shortfall_kw) if plan.shortfall_kw else np.zeros(0)
    return PlanFacts(plan, setpoints, dict(Counter(s.outcome for s in setpoints)), float(np.nanmax(shortfall, initial=0.0)))


def instruction_facts(row: DispatchInstruction) -> InstructionFacts:
    """Plans of this instruction (its own and the re-dispatches that it caused), oldest first."""
    plans = DispatchPlan.objects.filter(portfolio_id=row.portfolio_id, reference__startswith=f"instruction:{row.public_id}")
    return InstructionFacts(row, [_facts(plan, row) for plan in plans.order_by("sequence")])
