"""An issue of the past: production's numbers, nothing from after it, nothing left behind."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from aggregator.assets.models import Commitment
from aggregator.assets.queries import FAR
from aggregator.forecasts import queries
from aggregator.forecasts.models import ForecastRun, ForecastState, QuantileForecast
from aggregator.forecasts.operations import Availability, compute_availability, forecast_availability, import_weather, score_run, tallies_of
from aggregator.kernel.periods import Grid, delivery_day, midnight
from aggregator.telemetry import partitions
from aggregator.telemetry.models import ChargingSession, TelemetryDay, TelemetrySample
from tests.integration.aggregator.forecasts.park import DAY, ISSUED_AT, ONE_DAY, Built, build, write_day
from vpp.backtest.states import FolderStates

pytestmark = pytest.mark.django_db

QUARTER = timedelta(minutes=15)
GRID = delivery_day(DAY, resolution=QUARTER)
NOON = GRID.starts_at + timedelta(hours=12)


@pytest.fixture
def built() -> Iterator[Built]:
    partitions.forget()
    partitions.ensure_partitions(days=[DAY + k * ONE_DAY for k in range(-3, 2)])
    yield build()
    partitions.forget()  # rolled back with the test


def issued(built: Built, folder: Path, at: datetime, grid: Grid) -> Availability:
    return compute_availability(portfolio_id=built.portfolio.pk, issued_at=at, grid=grid, states=FolderStates(folder))


def sample(built: Built, kind: str, ended: datetime, kw: float) -> None:
    """A live value, heard as it ended."""
    TelemetrySample.objects.create(asset_id=built.assets[kind].pk, at=ended - QUARTER, injection_kw=kw, resolution_s=900, received_at=ended)


def numbers(found: Availability) -> list[bytes]:
    every = [found.whole, *(forecast.quantiles for forecast in found.forecasts)]
    levels = [found.levels, *(forecast.levels for forecast in found.forecasts)]
    said = [np.stack([q.mean, q.p10, q.p50, q.p90, q.persistence]).tobytes() for q in every]
    return said + [np.stack([e.base_kw, e.min_kw, e.max_kw, e.min_kwh, e.max_kwh]).tobytes() for level in levels for e in level.values()]


def weather(built: Built, at: datetime | timedelta, sun: float) -> None:
    grid = Grid(midnight(DAY - 57 * ONE_DAY), QUARTER, 96 * 60)
    hour = (np.arange(len(grid)) % 96 + 0.5) / 4
    columns = {"ghi_w_per_m2": sun * np.maximum(0, np.sin((hour - 6) / 12 * np.pi)), "wind_100m_m_per_s": np.full(len(grid), sun / 100)}
    import_weather(park_id=built.park.pk, asset_id=None, grid=grid, columns=columns, available_at=at, source="test")


def test_the_numbers_of_production_and_no_row_is_written(built: Built, tmp_path: Path) -> None:
    found = issued(built, tmp_path, ISSUED_AT, GRID)
    assert not ForecastRun.objects.exists()
    assert not ForecastState.objects.exists()
    run = forecast_availability(portfolio_id=built.portfolio.pk, issued_at=ISSUED_AT, grid=GRID)
    assert run.inputs_hash == found.inputs_hash
    stored = queries.quantiles(run_id=run.pk)
    for member, forecast in zip(found.members, found.forecasts, strict=True):
        np.testing.assert_allclose(stored[member.asset_id].p10, forecast.quantiles.p10, rtol=1e-6)
    over = midnight(DAY + ONE_DAY) + timedelta(hours=9)
    scores = score_run(run_id=run.pk, known_at=over)
    tallies = tallies_of(found=found, known_at=over, periods={"day_ahead": slice(0, 96)}, with_portfolio=True)["day_ahead"]
    wind = tallies[built.assets["wind"].pk]
    assert wind.absolute / wind.values / 2000 == pytest.approx(scores["wind"].nmae_ratio, rel=1e-5)
    assert wind.inside / wind.bands == pytest.approx(scores["wind"].coverage_p10_p90_ratio)
    whole = tallies[None]
    assert whole.absolute_persistence / whole.absolute == pytest.approx(
        scores["portfolio"].nmae_persistence_ratio / scores["portfolio"].nmae_ratio, rel=1e-5
    )
    assert whole.inside / whole.bands == pytest.approx(scores["portfolio"].coverage_p10_p90_ratio)
    assert built.assets["storage"].pk not in tallies


@pytest.mark.parametrize(("at", "grid"), [(ISSUED_AT, GRID), (NOON, Grid(NOON, QUARTER, 16))], ids=["day-ahead", "re-issue"])
def test_whatever_came_after_the_issue_changes_no_number(built: Built, tmp_path: Path, at: datetime, grid: Grid) -> None:
    weather(built, timedelta(hours=20), 800.0)
    for back in range(96):
        for kind, kw in (("pv", 500.0), ("wind", 900.0), ("load", -400.0)):
            sample(built, kind, at - back * QUARTER, kw)
    # The day before learns the state from which the issue goes on.
    issued(built, tmp_path / "a", ISSUED_AT - ONE_DAY, delivery_day(DAY - ONE_DAY, resolution=QUARTER))
    before = issued(built, tmp_path / "a", at, grid)
    later = at + timedelta(minutes=1)
    weather(built, later, 90.0)
    days = TelemetryDay.objects.filter(available_at__gt=at).values_list("day", flat=True)
    assert days
    for day in sorted(set(days)):
        write_day(built, day, scale=7.0)
    for kind in built.assets:
        sample(built, kind, at + QUARTER, -9999.0)
        sample(built, kind, at + 4 * QUARTER, -9999.0)
    for kind in ("outage", "intervened", "opt_out", "reserved"):
        for asset in built.assets.values():
            Commitment.objects.create(
                asset=asset, kind=kind, starts_at=at - 20 * ONE_DAY, ends_at=at + 3 * ONE_DAY, available_at=later, reference=kind
            )
    ChargingSession.objects.filter(available_at__gt=at).update(energy_kwh=9999.0)
    issued(built, tmp_path / "b", ISSUED_AT - ONE_DAY, delivery_day(DAY - ONE_DAY, resolution=QUARTER))
    after = issued(built, tmp_path / "b", at, grid)
    assert after.inputs_hash == before.inputs_hash
    assert numbers(after) == numbers(before)


def test_what_came_before_it_does(built: Built, tmp_path: Path) -> None:
    """Else the test above would show nothing."""
    grid = Grid(NOON, QUARTER, 16)
    before = issued(built, tmp_path / "a", NOON, grid)
    for back in range(96):
        sample(built, "wind", NOON - back * QUARTER, 1900.0)
    after = issued(built, tmp_path / "b", NOON, grid)
    k = [member.kind for member in after.members].index("wind")
    assert after.forecasts[k].quantiles.mean[0] > before.forecasts[k].quantiles.mean[0]
    assert "no_recent_value" in before.forecasts[k].notes
    assert "no_recent_value" not in after.forecasts[k].notes


def test_intervened_periods_are_left_out(built: Built, tmp_path: Path) -> None:
    found = issued(built, tmp_path, ISSUED_AT, GRID)
    wind = built.assets["wind"]
    Commitment.objects.create(
        asset=wind, kind="intervened", starts_at=GRID.starts_at, ends_at=GRID.starts_at + 40 * QUARTER, available_at=GRID.starts_at
    )
    made = tallies_of(found=found, known_at=FAR, periods={"all": slice(0, 96), "night": slice(0, 4)}, with_portfolio=True)
    assert made["all"][wind.pk].values == 56
    assert made["night"][wind.pk].values == 0
    assert made["night"][built.assets["load"].pk].values == 4
    assert made["all"][None].values < 96  # wind is most of what is uncertain
    assert not QuantileForecast.objects.exists()
