"""From stored history to a stored run: what was known, once, and scored when the day is over."""

from datetime import timedelta

import numpy as np
import pytest

from aggregator.assets.models import Commitment
from aggregator.forecasts import queries
from aggregator.forecasts.domain import LEVELS
from aggregator.forecasts.models import AvailabilityForecast, ForecastRun, ForecastScore, QuantileForecast
from aggregator.forecasts.operations import PortfolioEmpty, forecast_availability, forget_learned, score_run
from aggregator.kernel.errors import NotFound
from aggregator.kernel.periods import Grid, delivery_day, midnight
from aggregator.telemetry.models import TelemetryDay
from tests.integration.aggregator.forecasts.park import DAY, ISSUED_AT, ONE_DAY, Built, build, write_day

pytestmark = pytest.mark.django_db

QUARTER = timedelta(minutes=15)
GRID = delivery_day(DAY, resolution=QUARTER)
OVER = midnight(DAY + ONE_DAY) + timedelta(hours=9)


@pytest.fixture
def built() -> Built:
    return build()


def day_ahead(built: Built) -> ForecastRun:
    return forecast_availability(portfolio_id=built.portfolio.pk, issued_at=ISSUED_AT, grid=GRID)


def test_a_run_stores_quantiles_and_three_levels_of_every_member_and_the_portfolio(built: Built) -> None:
    run = day_ahead(built)
    quantiles = queries.quantiles(run_id=run.pk)
    assert set(quantiles) == {asset.pk for asset in built.assets.values()} | {None}
    assert run.notes == []
    assert all(q.quality == "good" and np.isfinite(q.mean).all() for q in quantiles.values())
    total = sum(q.mean for asset_id, q in quantiles.items() if asset_id is not None)
    np.testing.assert_allclose(quantiles[None].mean, total, rtol=1e-4, atol=0.1)
    for level in LEVELS:
        envelopes = queries.envelopes(run_id=run.pk, level=level)
        assert set(envelopes) == set(quantiles)
        assert all(envelope.grid == GRID and envelope.quality == "good" for envelope in envelopes.values())
    load = queries.envelopes(run_id=run.pk, level="expected")[built.assets["load"].pk]
    assert load.notice_s == 1800
    assert load.max_on_s == 7200
    assert load.up_kw.max() > 100


def test_asking_again_changes_nothing(built: Built) -> None:
    run = day_ahead(built)
    TelemetryDay.objects.all().delete()
    assert day_ahead(built).pk == run.pk
    assert ForecastRun.objects.count() == 1
    assert QuantileForecast.objects.count() == 6
    assert AvailabilityForecast.objects.count() == 18


def test_what_came_after_the_issue_is_not_read(built: Built) -> None:
    """The same run with another future: equal to the last byte, and the same fingerprint."""
    run = day_ahead(built)
    before = {row.asset_id: bytes(row.p10_kw) for row in QuantileForecast.objects.filter(run=run)}
    inputs_hash = run.inputs_hash
    run.delete()
    for day in (DAY - ONE_DAY, DAY):
        write_day(built, day, scale=3.0)
    Commitment.objects.create(
        asset=built.assets["load"],
        kind="outage",
        starts_at=GRID.starts_at,
        ends_at=GRID.ends_at,
        available_at=ISSUED_AT + timedelta(minutes=1),
    )
    again = day_ahead(built)
    assert again.inputs_hash == inputs_hash
    assert {row.asset_id: bytes(row.p10_kw) for row in QuantileForecast.objects.filter(run=again)} == before


def test_a_past_that_changed_has_another_fingerprint(built: Built) -> None:
    first = day_ahead(built)
    inputs_hash = first.inputs_hash
    first.delete()
    write_day(built, DAY - 5 * ONE_DAY, scale=0.9)
    forget_learned(park_id=built.park.pk, since=DAY - 5 * ONE_DAY)
    assert day_ahead(built).inputs_hash != inputs_hash


def test_days_on_which_we_intervened_teach_nothing(built: Built) -> None:
    free = queries.quantiles(run_id=day_ahead(built).pk)[built.assets["load"].pk].mean
    ForecastRun.objects.all().delete()
    strange = [DAY - back * ONE_DAY for back in (7, 6, 5)]
    for day in strange:
        write_day(built, day, scale=0.1)
    forget_learned(park_id=built.park.pk, since=strange[0])
    taught = queries.quantiles(run_id=day_ahead(built).pk)[built.assets["load"].pk].mean
    ForecastRun.objects.all().delete()
    starts_at = midnight(strange[0])
    Commitment.objects.create(
        asset=built.assets["load"], kind="intervened", starts_at=starts_at, ends_at=starts_at + 3 * ONE_DAY, available_at=starts_at
    )
    forget_learned(park_id=built.park.pk, since=strange[0])
    masked = queries.quantiles(run_id=day_ahead(built).pk)[built.assets["load"].pk].mean
    assert np.abs(masked - free).mean() < 0.5 * np.abs(taught - free).mean()


def test_missing_and_opted_out_assets_are_refused_or_still_and_noted(built: Built) -> None:
    TelemetryDay.objects.filter(asset=built.assets["wind"]).delete()
    TelemetryDay.objects.filter(asset=built.assets["pv"], day__gt=DAY - 5 * ONE_DAY).delete()
    Commitment.objects.create(
        asset=built.assets["storage"], kind="opt_out", starts_at=GRID.starts_at, ends_at=GRID.ends_at, available_at=ISSUED_AT - ONE_DAY
    )
    run = day_ahead(built)
    quantiles, envelopes = queries.quantiles(run_id=run.pk), queries.envelopes(run_id=run.pk, level="optimistic")
    wind, pv, storage = (built.assets[kind].pk for kind in ("wind", "pv", "storage"))
    assert quantiles[wind].quality == envelopes[wind].quality == "missing"
    assert np.isnan(quantiles[wind].mean).all()
    assert np.isfinite(quantiles[pv].mean).all()
    assert envelopes[pv].quality == "stale"
    assert envelopes[storage].quality == "opt_out"
    assert not any(envelopes[pk].up_kw.any() or envelopes[pk].down_kw.any() for pk in (wind, pv, storage))
    assert quantiles[None].quality == "degraded"
    assert {"no_history:the-wind", "stale:the-pv"} <= set(run.notes)


def test_a_reissue_from_now_and_the_latest_run(built: Built) -> None:
    first = day_ahead(built)
    rest = GRID.tail(56)
    later = forecast_availability(portfolio_id=built.portfolio.pk, issued_at=rest.starts_at, grid=rest)
    assert later.n_periods == 40
    window = Grid(GRID.starts_at + 60 * QUARTER, QUARTER, 8)

    def latest(grid: Grid, known_at) -> int | None:  # type: ignore[no-untyped-def]
        run = queries.latest_run(portfolio_id=built.portfolio.pk, grid=grid, known_at=known_at)
        return None if run is None else run.id

    assert latest(GRID, ISSUED_AT - ONE_DAY) is None
    assert latest(GRID, OVER) == first.pk
    assert latest(window, ISSUED_AT) == first.pk
    assert latest(window, OVER) == later.pk
    piece = queries.envelopes(run_id=later.pk, level="firm", grid=window)[built.assets["storage"].pk]
    assert piece.grid == window
    assert piece.max_kwh[-1] <= 8 * 0.25 * 250 + 1e-6
    assert queries.quantiles(run_id=later.pk, grid=window)[None].mean.shape == (8,)


def test_scores_when_the_day_is_over(built: Built) -> None:
    run = day_ahead(built)
    early = score_run(run_id=run.pk, known_at=ISSUED_AT)
    assert early["pv"].nmae_ratio is None
    assert early["pv"].reason == "no_actual"
    scores = score_run(run_id=run.pk, known_at=OVER)
    assert set(scores) == {"ev_station", "load", "pv", "wind", "storage", "portfolio"}
    assert scores == queries.scores(run_id=run.pk)
    assert scores["storage"].nmae_ratio is None
    assert scores["storage"].reason == "follows_schedule"
    for kind in ("ev_station", "load", "pv", "wind", "portfolio"):
        assert 0 < scores[kind].nmae_ratio < 1, kind
        assert 0 <= scores[kind].coverage_p10_p90_ratio <= 1, kind
    assert ForecastScore.objects.count() == 6
    assert score_run(run_id=run.pk, known_at=OVER) == scores
    assert ForecastScore.objects.count() == 6


def test_intervened_periods_are_not_scored(built: Built) -> None:
    run = day_ahead(built)

    def move(kind: str) -> None:
        Commitment.objects.create(
            asset=built.assets[kind], kind="intervened", starts_at=GRID.starts_at, ends_at=GRID.ends_at, available_at=GRID.starts_at
        )

    move("ev_station")  # a small part of what is uncertain here: the portfolio is scored on the rest
    scores = score_run(run_id=run.pk, known_at=OVER)
    assert scores["ev_station"].reason == "no_actual"
    assert scores["portfolio"].nmae_ratio is not None
    move("wind")  # most of it
    scores = score_run(run_id=run.pk, known_at=OVER)
    assert scores["wind"].nmae_ratio is None
    assert scores["portfolio"].nmae_ratio is None
    assert scores["portfolio"].reason == "members_moved"


def test_refusals(built: Built) -> None:
    with pytest.raises(NotFound):
        forecast_availability(portfolio_id=0, issued_at=ISSUED_AT, grid=GRID)
    with pytest.raises(NotFound):
        score_run(run_id=0, known_at=OVER)
    built.portfolio.members.all().delete()
    with pytest.raises(PortfolioEmpty):
        day_ahead(built)
