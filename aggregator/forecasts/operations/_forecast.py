from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction

from aggregator.assets.domain import Envelope
from aggregator.assets.models import Portfolio
from aggregator.assets.queries import members_on
from aggregator.forecasts.domain import LEVELS, MODEL_VERSION, Frame, Quantiles, forecast_asset, forecast_portfolio
from aggregator.forecasts.models import AvailabilityForecast, ForecastRun, QuantileForecast
from aggregator.forecasts.operations._inputs import gather, inputs_hash
from aggregator.forecasts.operations._outlooks import outlooks_of
from aggregator.kernel.errors import Anticipated, NotFound
from aggregator.kernel.periods import Grid, as_utc, day_of
from aggregator.support.arrays import pack_f4

QUANTILES = ("mean", "p10", "p50", "p90", "persistence")
ARRAYS = ("base_kw", "min_kw", "max_kw", "min_kwh", "max_kwh")


class PortfolioEmpty(Anticipated):
    code = "forecasts.portfolio_empty"
    text = "The portfolio %(portfolio)s has no asset on %(day)s."


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
    portfolio = Portfolio.objects.select_related("park").filter(pk=portfolio_id).first()
    if portfolio is None:
        raise NotFound(what="portfolio")
    tz = ZoneInfo(portfolio.park.time_zone)
    day = day_of(grid.starts_at, tz=tz)
    members = members_on(portfolio_id=portfolio_id, day=day)
    if not members:
        raise PortfolioEmpty(portfolio=portfolio.code, day=day.isoformat())
    frame = Frame(grid, issued_at, tz=tz)
    inputs = gather(frame=frame, members=members)
    outlooks, own, learned = outlooks_of(portfolio=portfolio, frame=frame, inputs=inputs)
    forecasts = [
        forecast_asset(
            kind=item.member.kind,
            frame=frame,
            spec=item.member.spec,
            facts=item.facts,
            outlook=outlooks[item.member.asset_id],
            windows=item.windows,
            last_known_hours=item.last_known_hours,
        )
        for item in inputs
    ]
    whole, levels = forecast_portfolio(frame=frame, members=forecasts, own=own)
    run = ForecastRun(
        **same,
        available_at=issued_at,
        resolution_s=int(grid.resolution.total_seconds()),
        n_periods=len(grid),
        model_version=MODEL_VERSION,
        inputs_hash=inputs_hash(frame=frame, inputs=inputs, learned=learned, model_version=MODEL_VERSION),
        notes=[f"{note}:{member.code}" for member, forecast in zip(members, forecasts, strict=True) for note in forecast.notes],
    )
    rows: list[tuple[int | None, Quantiles, dict[str, Envelope]]] = [(None, whole, levels)]
    rows += [(member.asset_id, forecast.quantiles, forecast.levels) for member, forecast in zip(members, forecasts, strict=True)]
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
