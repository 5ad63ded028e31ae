"""The Pareto report of a portfolio's day: gathered like a plan, solved outside any transaction, stored, never sent."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction

from aggregator.dispatch.domain import FirmBlock, ScheduleProblem
from aggregator.dispatch.domain.pareto import LEAST_POINTS, CarbonFactor, ParetoPoint, ParetoSet, pareto_set
from aggregator.dispatch.models import ParetoReport
from aggregator.dispatch.operations._inputs import Gathered, Prices, gather
from aggregator.kernel.fingerprint import fingerprint
from aggregator.kernel.periods import Grid

SOLVE_DEADLINE_S = 60.0


def make_pareto_report(
    *,
    portfolio_id: int,
    day: date,
    grid: Grid,
    run_id: int,
    prices: Prices,
    factor: CarbonFactor | None,
    issued_at: datetime,
    firm: FirmBlock | None = None,
    points: int = LEAST_POINTS,
    solve_deadline_s: float = SOLVE_DEADLINE_S,
    say: Callable[[int], None] | None = None,
) -> ParetoReport:
    """What less carbon and more self-consumption cost on `grid` at these prices. The same inputs again return the same report.

    `factor`: the grid's emissions with their source; None = not known, and the report leaves carbon out and says so.
    `issued_at`: what was known then counts. `firm`: what is promised already is kept by every plan.
    Raises ProblemRefused, NoParetoReport.
    """
    gathered = gather(portfolio_id=portfolio_id, grid=grid, run_id=run_id, prices=prices, issued_at=issued_at, firm=firm)
    asked = _fingerprint(gathered.problem, factor, points)
    found = ParetoReport.objects.filter(portfolio_id=portfolio_id, day=day, inputs_hash=asked).first()
    if found is not None:
        return found
    result = pareto_set(gathered.problem, assets=gathered.facts, factor=factor, points=points, solve_deadline_s=solve_deadline_s, say=say)
    report = ParetoReport(
        portfolio_id=portfolio_id,
        day=day,
        computed_at=issued_at,
        starts_at=grid.starts_at,
        resolution_s=int(grid.resolution.total_seconds()),
        n_periods=len(grid),
        forecast_run_id=run_id,
        factor_source="" if factor is None else factor.source,
        factor_kg_per_kwh=[] if factor is None else factor.kg_per_kwh.tolist(),
        points=[_point(point) for point in result.points],
        paths={name: list(path) for name, path in result.paths.items()},
        dropped=[{field.name: getattr(row, field.name) for field in fields(row)} for row in result.dropped],
        notes=_notes(gathered, result),
        seconds=result.seconds,
        inputs_hash=asked,
    )
    try:
        with transaction.atomic():
            report.save()
    except IntegrityError:  # somebody else computed the same meanwhile
        return ParetoReport.objects.get(portfolio_id=portfolio_id, day=day, inputs_hash=asked)
    return report


def _fingerprint(problem: ScheduleProblem, factor: CarbonFactor | None, points: int) -> str:
    firm = problem.firm
    promised = None if firm is None else [firm.window.start, firm.window.stop, firm.baseline_kw, firm.fixed_kw, firm.price_cny_per_kwh]
    return fingerprint([replace(problem, firm=None), promised, factor, points])


def _notes(gathered: Gathered, result: ParetoSet) -> list[dict[str, Any]]:
    return [*result.notes, *gathered.notes]


def _point(point: ParetoPoint) -> dict[str, Any]:
    """As stored: everything but the schedule, which can be had again from the inputs."""
    row = {field.name: getattr(point, field.name) for field in fields(point) if field.name not in ("schedule", "flows")}
    return {**row, "flows": {field.name: getattr(point.flows, field.name) for field in fields(point.flows)}}
