"""What an order asked for against what the plans in force planned: period by period, site by site.

A plan is an array of injections [kW] that are stored as 32-bit floats, and one list a site in thousandths of a kW;
so equalities of plans hold up to that rounding, which `tolerance_kwh` says for each period.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import numpy as np

from aggregator.dispatch.queries import PlanFacts, SetpointFacts
from aggregator.kernel.quantities import KWH
from market.instructions.queries import InstructionFacts
from market.settlement.queries._events import stands
from market.settlement.queries._trace_types import TraceTarget

FLOAT32 = 2.0**-23  # relative distance of neighbouring 32-bit floats
SITE_KW = 0.0005  # a site's list is rounded to thousandths of a kW
SOLVER_KW = 0.005  # a solver keeps a balance up to this


@dataclass(frozen=True)
class Ruling:
    """One period [start, end) of an order with the plan in force there; `t` is its index in that plan's grid."""

    order: InstructionFacts
    baseline_kw: float
    starts_at: datetime
    plan: PlanFacts
    t: int

    @property
    def direction(self) -> int:
        return 1 if self.order.injection_change_kw > 0 else -1

    @property
    def hours(self) -> float:
        return self.plan.grid.hours

    @property
    def site_kw(self) -> dict[UUID, float]:
        return {UUID(site): values[self.t] for site, values in self.plan.site_kw.items()}

    @property
    def tolerance_kwh(self) -> float:
        largest = max(abs(float(self.plan.planned_kw[self.t])), abs(float(self.plan.target_kw[self.t])), abs(self.baseline_kw))
        return self.hours * (SOLVER_KW + SITE_KW * len(self.plan.site_kw) + 4 * FLOAT32 * largest)


def rulings(orders: Sequence[InstructionFacts], chosen: Sequence[PlanFacts]) -> list[Ruling]:
    """By period: the newest order that stands, and the newest plan with a target that was not withheld.

    A period that begins before the order or that no plan covers is absent.
    """
    found: dict[datetime, Ruling] = {}
    for order in sorted(orders, key=lambda order: (order.issued_at, order.reference)):
        if not stands(order):
            continue
        mine = [plan for plan in chosen if str(order.public_id) in plan.reference and not plan.violations]
        for plan in sorted(mine, key=lambda plan: plan.sequence):
            window = plan.grid.window(order.starts_at, order.ends_at)
            for t in range(window.start, window.stop):
                at = plan.grid.starts[t]
                k = int((at - order.starts_at) // plan.grid.resolution)
                if at >= order.starts_at and k < len(order.baseline_kw) and np.isfinite(plan.target_kw[t]):
                    found[at] = Ruling(order, float(order.baseline_kw[k]), at, plan, t)
    return [found[at] for at in sorted(found)]


def targets(ruling: Sequence[Ruling], setpoints: Sequence[SetpointFacts]) -> tuple[TraceTarget, ...]:
    """Each period's target, and what the plan in force made of it [kWh]."""
    return tuple(_target(one, setpoints) for one in ruling)


def kwh(value: float) -> Decimal:
    return Decimal(str(value)).quantize(KWH)


def _target(one: Ruling, setpoints: Sequence[SetpointFacts]) -> TraceTarget:
    plan, hours = one.plan, one.hours
    target_kw, planned_kw = float(plan.target_kw[one.t]), float(plan.planned_kw[one.t])
    shortfall_kw = float(plan.shortfall_kw[one.t])
    surplus_kw = max(0.0, one.direction * (planned_kw - target_kw))
    ends_at = one.starts_at + plan.grid.resolution
    told_kw = sum(s.planned_kw or 0.0 for s in setpoints if s.plan_id == plan.id and s.ends_at > one.starts_at and s.starts_at < ends_at)
    sites_kw = sum(one.site_kw.values())
    return TraceTarget(
        instruction=one.order.public_id,
        starts_at=one.starts_at,
        plan=plan.public_id,
        plan_sequence=plan.sequence,
        baseline_kwh=kwh(one.baseline_kw * hours),
        ordered_kwh=kwh(abs(one.order.injection_change_kw) * hours),
        target_kwh=kwh(target_kw * hours),
        planned_kwh=kwh(planned_kw * hours),
        planned_shortfall_kwh=kwh(shortfall_kw * hours),
        planned_surplus_kwh=kwh(surplus_kw * hours),
        sites_kwh=kwh(sites_kw * hours),
        with_setpoint_kwh=kwh(told_kw * hours),
        without_setpoint_kwh=kwh((planned_kw - told_kw) * hours),
        tolerance_kwh=kwh(one.tolerance_kwh),
    )


def planned_of_sites(
    ruling: Sequence[Ruling], baselines: Mapping[tuple[UUID, datetime], Decimal]
) -> dict[UUID, tuple[Decimal, Decimal | None]]:
    """Per site the planned injection and, where every baseline is known, what was planned toward the order [kWh]."""
    planned: dict[UUID, Decimal] = {}
    toward: dict[UUID, Decimal | None] = {}
    for one in ruling:
        for site, kw in one.site_kw.items():
            value, baseline = kwh(kw * one.hours), baselines.get((site, one.starts_at))
            planned[site] = planned.get(site, Decimal(0)) + value
            so_far = toward.get(site, Decimal(0))
            toward[site] = None if baseline is None or so_far is None else so_far + one.direction * (value - baseline)
    return {site: (planned[site], toward[site]) for site in planned}
