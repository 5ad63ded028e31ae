"""Pareto reports of a portfolio."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

import numpy as np

from aggregator.dispatch.models import ParetoReport
from aggregator.kernel.errors import NotFound
from aggregator.kernel.periods import Grid


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
