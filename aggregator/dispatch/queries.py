"""Plans, their setpoints, calls already used, and the stop that may be active."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

import numpy as np
from django.db.models import Max

from aggregator.dispatch.models import DispatchPlan, GlobalStop, OptimisationRun, ParetoReport, Setpoint
from aggregator.kernel.errors import NotFound
from aggregator.kernel.periods import Grid
from aggregator.support.arrays import unpack_f4

IN_FORCE = ("sent", "accepted")
OPEN = ("planned", "sent", "accepted", "rejected")


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


@dataclass(frozen=True)
class AcknowledgementFacts:
    state: str
    reason: str
    at: datetime
    received_at: datetime


@dataclass(frozen=True)
class SetpointFacts:
    """One setpoint with its claim (state, acknowledgements) and its evidence (outcome, measured)."""

    id: int
    public_id: UUID
    plan_id: int
    asset_id: int
    asset_code: str
    kind: str
    starts_at: datetime
    ends_at: datetime
    value_kw: float
    planned_kw: float | None
    fallback_kw: float
    reason: str
    limit: str
    state: str
    acknowledge_by: datetime
    outcome: str
    measured_kw: float | None
    tolerance_kw: float | None
    checked_at: datetime | None
    acknowledgements: tuple[AcknowledgementFacts, ...]


@dataclass(frozen=True)
class StopFacts:
    id: int
    public_id: UUID
    portfolio_id: int
    activated_at: datetime
    activated_by: str
    reason_code: str
    reason_text: str


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


def current_plan(*, portfolio_id: int, at: datetime) -> PlanFacts | None:
    """The highest valid plan whose periods contain `at`; None where nothing is planned."""
    rows = DispatchPlan.objects.filter(portfolio_id=portfolio_id, starts_at__lte=at, issued_at__lte=at).order_by("-sequence")
    for row in rows.iterator():
        if not row.violations and row.starts_at + row.n_periods * timedelta(seconds=row.resolution_s) > at:
            return _plan(row)
        if row.starts_at < at - timedelta(days=3):
            break
    return None


def setpoints_of(*, plan_ids: Collection[int], asset_ids: Collection[int] | None = None) -> list[SetpointFacts]:
    """By start, asset code and plan sequence."""
    rows = Setpoint.objects.filter(plan_id__in=plan_ids)
    if asset_ids is not None:
        rows = rows.filter(asset_id__in=asset_ids)
    ordered = rows.select_related("asset").prefetch_related("acknowledgements").order_by("starts_at", "asset__code", "plan__sequence")
    return [
        SetpointFacts(
            id=row.pk,
            public_id=row.public_id,
            plan_id=row.plan_id,
            asset_id=row.asset_id,
            asset_code=row.asset.code,
            kind=row.kind,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            value_kw=row.value_kw,
            planned_kw=row.planned_kw,
            fallback_kw=row.fallback_kw,
            reason=row.reason,
            limit=row.limit,
            state=row.state,
            acknowledge_by=row.acknowledge_by,
            outcome=row.outcome,
            measured_kw=row.measured_kw,
            tolerance_kw=row.tolerance_kw,
            checked_at=row.checked_at,
            acknowledgements=tuple(
                AcknowledgementFacts(a.state, a.reason, a.at, a.received_at)
                for a in sorted(row.acknowledgements.all(), key=lambda a: (a.received_at, a.state))
            ),
        )
        for row in ordered
    ]


def active_stop(*, portfolio_id: int) -> StopFacts | None:
    row = GlobalStop.objects.filter(portfolio_id=portfolio_id, released_at=None).select_related("activated_by").first()
    if row is None:
        return None
    return StopFacts(
        row.pk, row.public_id, row.portfolio_id, row.activated_at, row.activated_by.get_username(), row.reason_code, row.reason_text
    )


@dataclass(frozen=True)
class InForce:
    """What an asset was or is told, without gaps of state: superseded and expired setpoints left out."""

    asset_id: int
    kind: str
    starts_at: datetime
    ends_at: datetime
    value_kw: float
    planned_kw: float | None
    reason: str


def last_called(*, asset_ids: Collection[int], before: datetime) -> dict[int, datetime]:
    """When each asset last served an instruction, as far as it was told to; assets that never did are left out."""
    told = Setpoint.objects.filter(asset_id__in=asset_ids, reason="serve_target", starts_at__lt=before)
    rows = told.exclude(state__in=("planned", "rejected"))
    return dict(rows.values("asset_id").annotate(last=Max("ends_at")).values_list("asset_id", "last"))


def in_force(*, asset_ids: Collection[int], starts_at: datetime, ends_at: datetime, known_at: datetime) -> list[InForce]:
    """Setpoints sent or accepted that overlap [starts_at, ends_at), issued by `known_at`; by asset code and start."""
    rows = Setpoint.objects.filter(
        asset_id__in=asset_ids, state__in=IN_FORCE, starts_at__lt=ends_at, ends_at__gt=starts_at, plan__issued_at__lte=known_at
    )
    values = rows.order_by("asset__code", "asset_id", "starts_at", "plan__sequence").values_list(
        "asset_id", "kind", "starts_at", "ends_at", "value_kw", "planned_kw", "reason"
    )
    return [InForce(*row) for row in values]


@dataclass(frozen=True)
class OptimisationFacts:
    """One computation of the optimiser. Money [CNY] is cost; `plan_public_id`: the plan that came of it, if one did.

    `limits`: [{limit, subject, starts_at, periods, price, unit}], the dearest first; `seconds`: wall time per stage.
    """

    id: int
    public_id: UUID
    portfolio_id: int
    purpose: str
    reference: str
    computed_at: datetime
    grid: Grid
    n_assets: int
    n_sites: int
    mode: str
    status: str
    solver: str
    cost_cny: float
    lower_bound_cny: float | None
    safe_cost_cny: float | None
    seconds: dict[str, float]
    limits: list[dict]
    violations: int
    details: dict
    inputs_hash: str
    plan_public_id: UUID | None

    @property
    def wall_seconds(self) -> float | None:
        """All stages together; None where none was measured."""
        return sum(self.seconds.values()) if self.seconds else None

    @property
    def gap_cny(self) -> float | None:
        """What a better plan could save at most; None where no bound is known."""
        return None if self.lower_bound_cny is None else self.cost_cny - self.lower_bound_cny

    @property
    def gap_ratio(self) -> float | None:
        """gap / |cost|."""
        return None if self.gap_cny is None or not self.cost_cny else self.gap_cny / abs(self.cost_cny)

    @property
    def flexibility_value_cny(self) -> float | None:
        """What flexibility is worth at most: cost of the safe plan less the bound; None where it is not known or nothing."""
        if self.lower_bound_cny is None or self.safe_cost_cny is None or self.safe_cost_cny <= self.lower_bound_cny:
            return None
        return self.safe_cost_cny - self.lower_bound_cny

    @property
    def flexibility_gap_ratio(self) -> float | None:
        """gap / value of flexibility."""
        value = self.flexibility_value_cny
        return None if value is None or self.gap_cny is None else self.gap_cny / value


def _optimisation(row: OptimisationRun, plan_public_id: UUID | None) -> OptimisationFacts:
    return OptimisationFacts(
        id=row.pk,
        public_id=row.public_id,
        portfolio_id=row.portfolio_id,
        purpose=row.purpose,
        reference=row.reference,
        computed_at=row.computed_at,
        grid=Grid(row.starts_at, timedelta(seconds=row.resolution_s), row.n_periods),
        n_assets=row.n_assets,
        n_sites=row.n_sites,
        mode=row.mode,
        status=row.status,
        solver=row.solver,
        cost_cny=row.cost_cny,
        lower_bound_cny=row.lower_bound_cny,
        safe_cost_cny=row.safe_cost_cny,
        seconds=row.stages,
        limits=row.limits,
        violations=row.violations,
        details=row.details,
        inputs_hash=row.inputs_hash,
        plan_public_id=plan_public_id,
    )


def optimisation_runs(*, run_ids: Collection[int]) -> list[OptimisationFacts]:
    """In the order of `run_ids`; ids without a row are left out."""
    rows = OptimisationRun.objects.in_bulk(run_ids)
    plans_of = dict(DispatchPlan.objects.filter(run__in=rows).values_list("run_id", "public_id"))
    return [_optimisation(rows[run_id], plans_of.get(run_id)) for run_id in run_ids if run_id in rows]


def optimisation_run(*, public_id: UUID) -> OptimisationFacts:
    """Raises NotFound."""
    row = OptimisationRun.objects.filter(public_id=public_id).first()
    if row is None:
        raise NotFound(what="optimisation run")
    return optimisation_runs(run_ids=[row.pk])[0]


def optimisation_run_of(*, plan_id: int) -> OptimisationFacts | None:
    """The computation that a plan came of; None for a stop, and for plans older than these rows."""
    run_id = DispatchPlan.objects.filter(pk=plan_id).values_list("run_id", flat=True).first()
    return None if run_id is None else optimisation_runs(run_ids=[run_id])[0]


def plan_of(*, public_id: UUID) -> PlanFacts:
    """Raises NotFound."""
    row = DispatchPlan.objects.filter(public_id=public_id).first()
    if row is None:
        raise NotFound(what="dispatch plan")
    return _plan(row)


@dataclass(frozen=True)
class ParetoFacts:
    """What less carbon and more self-consumption cost on a day; `points` and `paths` as in docs/pareto.md."""

    id: int
    public_id: UUID
    portfolio_id: int
    day: date
    computed_at: datetime
    grid: Grid
    factor_source: str
    factor_kg_per_kwh: list[float]
    points: list[dict]
    paths: dict[str, list[int]]
    dropped: list[dict]
    notes: list[dict]
    seconds: float
    inputs_hash: str

    @property
    def mean_factor_kg_per_kwh(self) -> float | None:
        """None where no emission factor is known."""
        return float(np.mean(self.factor_kg_per_kwh)) if self.factor_kg_per_kwh else None


def _pareto(row: ParetoReport) -> ParetoFacts:
    return ParetoFacts(
        id=row.pk,
        public_id=row.public_id,
        portfolio_id=row.portfolio_id,
        day=row.day,
        computed_at=row.computed_at,
        grid=Grid(row.starts_at, timedelta(seconds=row.resolution_s), row.n_periods),
        factor_source=row.factor_source,
        factor_kg_per_kwh=row.factor_kg_per_kwh,
        points=row.points,
        paths=row.paths,
        dropped=row.dropped,
        notes=row.notes,
        seconds=row.seconds,
        inputs_hash=row.inputs_hash,
    )


def pareto_report(*, report_id: int) -> ParetoFacts:
    """Raises NotFound."""
    row = ParetoReport.objects.filter(pk=report_id).first()
    if row is None:
        raise NotFound(what="Pareto report")
    return _pareto(row)
