"""The arrays of one run: quantiles and envelopes."""

from collections.abc import Collection

from django.db.models import Q

from aggregator.assets.domain import Envelope
from aggregator.forecasts.domain import LEVELS, Quantiles, cut
from aggregator.forecasts.models import AvailabilityForecast, ForecastRun, QuantileForecast
from aggregator.forecasts.queries._runs import grid_of
from aggregator.kernel.periods import Grid
from aggregator.support.arrays import unpack_f4


def envelopes(
    *, run_id: int, level: str, grid: Grid | None = None, subjects: Collection[int | None] | None = None
) -> dict[int | None, Envelope]:
    """Per asset, and the portfolio under None; `subjects`: these only. With `grid`, that piece of them (see domain.cut)."""
    if level not in LEVELS:
        raise ValueError(f"level is one of {', '.join(LEVELS)}")
    row = ForecastRun.objects.get(pk=run_id)
    whole = grid_of(row)
    found: dict[int | None, Envelope] = {}
    rows = AvailabilityForecast.objects.filter(run=row, level=level)
    for item in (rows if subjects is None else rows.filter(_among(subjects))).order_by("asset__code", "asset_id"):
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


def quantiles(*, run_id: int, grid: Grid | None = None, subjects: Collection[int | None] | None = None) -> dict[int | None, Quantiles]:
    """Per asset, and the portfolio under None; NaN where a forecast was refused. `subjects`: these only."""
    row = ForecastRun.objects.get(pk=run_id)
    part = slice(None) if grid is None else grid_of(row).window(grid.starts_at, grid.ends_at)
    rows = QuantileForecast.objects.filter(run=row)
    return {
        item.asset_id: Quantiles(
            mean=unpack_f4(item.mean_kw)[part],
            p10=unpack_f4(item.p10_kw)[part],
            p50=unpack_f4(item.p50_kw)[part],
            p90=unpack_f4(item.p90_kw)[part],
            persistence=unpack_f4(item.persistence_kw)[part],
            quality=item.quality,
        )
        for item in (rows if subjects is None else rows.filter(_among(subjects))).order_by("asset__code", "asset_id")
    }


def qualities(*, run_id: int) -> dict[int | None, tuple[str, str]]:
    """Per asset, and the portfolio under None: how good the forecast is, and what can be moved of it."""
    movable = dict(AvailabilityForecast.objects.filter(run_id=run_id, level="expected").values_list("asset_id", "quality"))
    return {pk: (quality, movable[pk]) for pk, quality in QuantileForecast.objects.filter(run_id=run_id).values_list("asset_id", "quality")}


def _among(subjects: Collection[int | None]) -> Q:
    found = Q(asset_id__in=[subject for subject in subjects if subject is not None])
    return found | Q(asset_id=None) if None in subjects else found
