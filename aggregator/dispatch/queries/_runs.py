"""Computations of the optimiser with their certificates."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from aggregator.dispatch.models import DispatchPlan, OptimisationRun
from aggregator.kernel.errors import NotFound
from aggregator.kernel.periods import Grid


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
