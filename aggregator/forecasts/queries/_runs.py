"""Runs: one, the newest, and all that covered a day or are to be compared."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F

from aggregator.forecasts.models import ForecastRun
from aggregator.kernel.errors import NotFound
from aggregator.kernel.periods import Grid

LONGEST_RUN = timedelta(days=14)
DAY_AHEAD = timedelta(hours=6)  # issued at least this long before its first period; what is later is a re-issue


@dataclass(frozen=True)
class RunFacts:
    """A run and the grid that its arrays have."""

    id: int
    public_id: UUID
    portfolio_id: int
    issued_at: datetime
    available_at: datetime
    grid: Grid
    model_version: str
    inputs_hash: str
    notes: tuple[str, ...]

    @property
    def day_ahead(self) -> bool:
        return self.grid.starts_at - self.issued_at >= DAY_AHEAD


def grid_of(run: ForecastRun) -> Grid:
    return Grid(run.starts_at, timedelta(seconds=run.resolution_s), run.n_periods)


def _facts(run: ForecastRun) -> RunFacts:
    return RunFacts(
        run.pk,
        run.public_id,
        run.portfolio_id,
        run.issued_at,
        run.available_at,
        grid_of(run),
        run.model_version,
        run.inputs_hash,
        tuple(run.notes),
    )


def run(*, run_id: int) -> RunFacts:
    """Raises NotFound."""
    row = ForecastRun.objects.filter(pk=run_id).first()
    if row is None:
        raise NotFound(what="forecast run")
    return _facts(row)


def latest_run(*, portfolio_id: int, grid: Grid, known_at: datetime) -> RunFacts | None:
    """The newest run known at `known_at` that covers all of `grid` at its resolution; None if there is none.

    The run's own grid may begin before and end after it: pass `grid` on to `envelopes` and `quantiles`.
    """
    earliest = grid.starts_at - LONGEST_RUN
    rows = ForecastRun.objects.filter(
        portfolio_id=portfolio_id,
        available_at__lte=known_at,
        starts_at__gt=earliest,
        starts_at__lte=grid.starts_at,
        resolution_s=int(grid.resolution.total_seconds()),
    ).order_by("-issued_at", "-starts_at")
    for row in rows.iterator():
        whole = grid_of(row)
        if whole.ends_at >= grid.ends_at and not (grid.starts_at - whole.starts_at) % whole.resolution:
            return _facts(row)
    return None


def runs_covering(*, portfolio_ids: Collection[int], starts_at: datetime, ends_at: datetime, known_at: datetime) -> list[RunFacts]:
    """All runs known at `known_at` with a period in [starts_at, ends_at), the newest issue first."""
    rows = ForecastRun.objects.filter(
        portfolio_id__in=portfolio_ids, available_at__lte=known_at, starts_at__gt=starts_at - LONGEST_RUN, starts_at__lt=ends_at
    )
    found = [_facts(row) for row in rows.order_by("-issued_at", "-starts_at", "portfolio_id")]
    return [one for one in found if one.grid.ends_at > starts_at]


def newest_run(*, portfolio_ids: Collection[int], known_at: datetime) -> RunFacts | None:
    """The run issued last, whatever it covers."""
    row = (
        ForecastRun.objects.filter(portfolio_id__in=portfolio_ids, available_at__lte=known_at).order_by("-issued_at", "-starts_at").first()
    )
    return None if row is None else _facts(row)


def day_ahead_runs(*, portfolio_id: int, known_at: datetime, most: int) -> list[RunFacts]:
    """The newest `most` day-ahead runs whose first period had begun by `known_at`, the oldest first.

    One per first period: the one issued last. All have the resolution of the newest.
    """
    rows = ForecastRun.objects.filter(portfolio_id=portfolio_id, starts_at__lt=known_at, starts_at__gte=F("issued_at") + DAY_AHEAD)
    found: dict[datetime, RunFacts] = {}
    for row in rows.order_by("-starts_at", "-issued_at").iterator(chunk_size=100):
        if row.starts_at not in found:
            if len(found) == most:
                break
            found[row.starts_at] = _facts(row)
    return _alike(list(found.values()))


def runs_since(*, portfolio_id: int, since: datetime, known_at: datetime, most: int) -> list[RunFacts]:
    """The newest `most` runs that began since then, the oldest first, all of the newest one's resolution."""
    rows = ForecastRun.objects.filter(portfolio_id=portfolio_id, starts_at__gte=since, starts_at__lt=known_at, available_at__lte=known_at)
    return _alike([_facts(row) for row in rows.order_by("-issued_at", "-starts_at")[:most]])


def _alike(newest_first: list[RunFacts]) -> list[RunFacts]:
    return [one for one in reversed(newest_first) if one.grid.resolution == newest_first[0].grid.resolution]
