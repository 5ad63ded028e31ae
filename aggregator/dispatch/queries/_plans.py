"""Plans, and the one that rules at a time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np

from aggregator.dispatch.models import DispatchPlan
from aggregator.kernel.errors import NotFound
from aggregator.kernel.periods import Grid
from aggregator.support.arrays import unpack_f4


@dataclass(frozen=True)
class PlanFacts:
    """One plan; arrays [kW] on `grid`: planned injection, target (NaN = none), shortfall >= 0."""

    id: int
    public_id: UUID
    portfolio_id: int
    purpose: str
    reference: str
    sequence: int
    issued_at: datetime
    grid: Grid
    planned_kw: np.ndarray
    target_kw: np.ndarray
    shortfall_kw: np.ndarray
    site_kw: dict[str, list[float]]
    explanations: list[dict]
    relaxed_limits: list[dict]
    violations: list[dict]
    notes: list[dict]
    solver_status: str
    objective_cny: float | None
    forecast_run_id: int | None
    inputs: dict


def _plan(row: DispatchPlan) -> PlanFacts:
    return PlanFacts(
        id=row.pk,
        public_id=row.public_id,
        portfolio_id=row.portfolio_id,
        purpose=row.purpose,
        reference=row.reference,
        sequence=row.sequence,
        issued_at=row.issued_at,
        grid=Grid(row.starts_at, timedelta(seconds=row.resolution_s), row.n_periods),
        planned_kw=unpack_f4(row.planned_kw),
        target_kw=unpack_f4(row.target_kw) if row.target_kw else np.full(row.n_periods, np.nan),
        shortfall_kw=unpack_f4(row.shortfall_kw) if row.shortfall_kw else np.zeros(row.n_periods),
        site_kw=row.site_kw,
        explanations=row.explanations,
        relaxed_limits=row.relaxed_limits,
        violations=row.violations,
        notes=row.notes,
        solver_status=row.solver_status,
        objective_cny=row.objective_cny,
        forecast_run_id=row.forecast_run_id,
        inputs=row.inputs,
    )


def plans(
    *,
    portfolio_id: int | None = None,
    reference_prefix: str = "",
    starts_before: datetime | None = None,
    ends_after: datetime | None = None,
) -> list[PlanFacts]:
    """By portfolio and sequence. A plan and its re-dispatches share the beginning of their reference."""
    rows = DispatchPlan.objects.all()
    if portfolio_id is not None:
        rows = rows.filter(portfolio_id=portfolio_id)
    if reference_prefix:
        rows = rows.filter(reference__startswith=reference_prefix)
    if starts_before is not None:
        rows = rows.filter(starts_at__lt=starts_before)
    found = [_plan(row) for row in rows.order_by("portfolio_id", "sequence")]
    return found if ends_after is None else [plan for plan in found if plan.grid.ends_at > ends_after]


def plan(*, plan_id: int) -> PlanFacts:
    """Raises NotFound."""
    row = DispatchPlan.objects.filter(pk=plan_id).first()
    if row is None:
        raise NotFound(what="dispatch plan")
    return _plan(row)


def plan_of(*, public_id: UUID) -> PlanFacts:
    """Raises NotFound."""
    row = DispatchPlan.objects.filter(public_id=public_id).first()
    if row is None:
        raise NotFound(what="dispatch plan")
    return _plan(row)


def current_plan(*, portfolio_id: int, at: datetime) -> PlanFacts | None:
    """The highest valid plan whose periods contain `at`; None where nothing is planned."""
    rows = DispatchPlan.objects.filter(portfolio_id=portfolio_id, starts_at__lte=at, issued_at__lte=at).order_by("-sequence")
    for row in rows.iterator():
        if not row.violations and row.starts_at + row.n_periods * timedelta(seconds=row.resolution_s) > at:
            return _plan(row)
        if row.starts_at < at - timedelta(days=3):
            break
    return None
