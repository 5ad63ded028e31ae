"""Read forecasts as dataclasses and arrays; weather as it was known."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

import numpy as np

from aggregator.assets.domain import Envelope
from aggregator.forecasts.domain import LEVELS, Quantiles, WeatherDay, cut
from aggregator.forecasts.models import AvailabilityForecast, ForecastRun, ForecastScore, QuantileForecast, WeatherForecast
from aggregator.kernel.errors import NotFound
from aggregator.kernel.periods import Grid
from aggregator.support.arrays import unpack_f4

LONGEST_RUN = timedelta(days=14)


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


@dataclass(frozen=True)
class ScoreFacts:
    """None = could not be computed; `reason` says why."""

    kind: str
    nmae_ratio: float | None
    nmae_persistence_ratio: float | None
    coverage_p10_p90_ratio: float | None
    reason: str


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


def envelopes(*, run_id: int, level: str, grid: Grid | None = None) -> dict[int | None, Envelope]:
    """Per asset, and the portfolio under None. With `grid`, that piece of them (see domain.cut)."""
    if level not in LEVELS:
        raise ValueError(f"level is one of {', '.join(LEVELS)}")
    row = ForecastRun.objects.get(pk=run_id)
    whole = grid_of(row)
    found: dict[int | None, Envelope] = {}
    for item in AvailabilityForecast.objects.filter(run=row, level=level).order_by("asset__code", "asset_id"):
        envelope = Envelope(
            grid=whole,
            base_kw=unpack_f4(item.base_kw),
            min_kw=unpack_f4(item.min_kw),
            max_kw=unpack_f4(item.max_kw),
            min_kwh=unpack_f4(item.min_kwh),
            max_kwh=unpack_f4(item.max_kwh),
            notice_s=item.notice_s,
            max_on_s=item.max_on_s,
            quality=item.quality,
        )
        found[item.asset_id] = envelope if grid is None else cut(envelope, grid)
    return found


def quantiles(*, run_id: int, grid: Grid | None = None) -> dict[int | None, Quantiles]:
    """Per asset, and the portfolio under None; NaN where a forecast was refused."""
    row = ForecastRun.objects.get(pk=run_id)
    part = slice(None) if grid is None else grid_of(row).window(grid.starts_at, grid.ends_at)
    return {
        item.asset_id: Quantiles(
            mean=unpack_f4(item.mean_kw)[part],
            p10=unpack_f4(item.p10_kw)[part],
            p50=unpack_f4(item.p50_kw)[part],
            p90=unpack_f4(item.p90_kw)[part],
            persistence=unpack_f4(item.persistence_kw)[part],
            quality=item.quality,
        )
        for item in QuantileForecast.objects.filter(run=row).order_by("asset__code", "asset_id")
    }


def scores(*, run_id: int) -> dict[str, ScoreFacts]:
    """Per asset kind, and "portfolio"; empty before the run was scored."""
    return {
        row.kind: ScoreFacts(row.kind, row.nmae_ratio, row.nmae_persistence_ratio, row.coverage_p10_p90_ratio, row.reason)
        for row in ForecastScore.objects.filter(run_id=run_id).order_by("kind")
    }


def weather(
    *, park_id: int, asset_ids: Collection[int], first_day: date, last_day: date, known_at: datetime
) -> dict[int | None, list[WeatherDay]]:
    """All issues known at `known_at` for local days first_day..last_day: of the park (None) and of assets."""
    rows = WeatherForecast.objects.filter(park_id=park_id, day__gte=first_day, day__lte=last_day, available_at__lte=known_at)
    found: dict[int | None, list[WeatherDay]] = {}
    wanted = set(asset_ids)
    for row in rows.order_by("day", "available_at").iterator():
        if row.asset_id is not None and row.asset_id not in wanted:
            continue
        blocks = np.split(unpack_f4(row.values), len(row.columns))
        found.setdefault(row.asset_id, []).append(WeatherDay(row.day, row.available_at, dict(zip(row.columns, blocks, strict=True))))
    return found
