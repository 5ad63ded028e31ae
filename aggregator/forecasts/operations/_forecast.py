"""Forecast once, and keep it: a run, its quantiles and its envelopes."""

from datetime import datetime

from django.db import IntegrityError, transaction

from aggregator.assets.domain import Envelope
from aggregator.forecasts.domain import LEVELS, MODEL_VERSION, Quantiles
from aggregator.forecasts.models import AvailabilityForecast, ForecastRun, QuantileForecast
from aggregator.forecasts.operations._availability import compute_availability
from aggregator.forecasts.operations._states import StoredStates
from aggregator.kernel.periods import Grid, as_utc
from aggregator.support.arrays import pack_f4

QUANTILES = ("mean", "p10", "p50", "p90", "persistence")
ARRAYS = ("base_kw", "min_kw", "max_kw", "min_kwh", "max_kwh")


def forecast_availability(*, portfolio_id: int, issued_at: datetime, grid: Grid) -> ForecastRun:
    """Forecast every member and the portfolio on `grid` with what was known at `issued_at`, once.

    Day-ahead where the grid begins later, a re-issue where it begins now. Asking again returns the same
    run. Raises NotFound, PortfolioEmpty.
    """
    issued_at = as_utc(issued_at)
    same = {"portfolio_id": portfolio_id, "issued_at": issued_at, "starts_at": grid.starts_at}
    done = ForecastRun.objects.filter(**same).first()
    if done is not None:
        return done
    found = compute_availability(portfolio_id=portfolio_id, issued_at=issued_at, grid=grid, states=StoredStates())
    members = list(zip(found.members, found.forecasts, strict=True))
    run = ForecastRun(
        **same,
        available_at=issued_at,
        resolution_s=int(grid.resolution.total_seconds()),
        n_periods=len(grid),
        model_version=MODEL_VERSION,
        inputs_hash=found.inputs_hash,
        notes=[f"{note}:{member.code}" for member, forecast in members for note in forecast.notes],
    )
    rows: list[tuple[int | None, Quantiles, dict[str, Envelope]]] = [(None, found.whole, found.levels)]
    rows += [(member.asset_id, forecast.quantiles, forecast.levels) for member, forecast in members]
    try:
        with transaction.atomic():
            run.save(force_insert=True)
            QuantileForecast.objects.bulk_create([_quantile_row(run, asset_id, q) for asset_id, q, _ in rows])
            AvailabilityForecast.objects.bulk_create(
                [_envelope_row(run, asset_id, level, envelopes[level]) for asset_id, _, envelopes in rows for level in LEVELS]
            )
    except IntegrityError:  # another worker was first
        return ForecastRun.objects.get(**same)
    return run


def _quantile_row(run: ForecastRun, asset_id: int | None, quantiles: Quantiles) -> QuantileForecast:
    arrays = {f"{name}_kw": pack_f4(getattr(quantiles, name)) for name in QUANTILES}
    return QuantileForecast(run=run, asset_id=asset_id, quality=quantiles.quality, **arrays)


def _envelope_row(run: ForecastRun, asset_id: int | None, level: str, envelope: Envelope) -> AvailabilityForecast:
    return AvailabilityForecast(
        run=run,
        asset_id=asset_id,
        level=level,
        notice_s=envelope.notice_s,
        max_on_s=envelope.max_on_s,
        quality=envelope.quality,
        **{name: pack_f4(getattr(envelope, name)) for name in ARRAYS},
    )
