"""Stored forecasts beside what was measured: calibration, error by lead, single assets; bounded, and by the rules of a score."""

from datetime import timedelta

import numpy as np
import pytest

from aggregator.assets.models import Asset
from aggregator.forecasts import queries
from aggregator.forecasts.models import WeatherForecast
from aggregator.forecasts.queries import _judged
from aggregator.support.arrays import pack_f4
from tests.integration.aggregator.forecasts.stored import HALF_WIDTH_KW, PERSISTENCE_OFF_KW, intervened, measured, scored, stored_run
from tests.integration.market.settlement.tiny_day import DAY, GRID, HOUR, TinyDay, build

pytestmark = pytest.mark.django_db

ISSUED = GRID.starts_at - 14 * HOUR
OVER = GRID.ends_at + HOUR
LOAD_KW, PV_KW = -100.0, 60.0
OFF = np.array([-2 * HALF_WIDTH_KW] * 6 + [0.0] * 12 + [2 * HALF_WIDTH_KW] * 6)


@pytest.fixture
def made() -> TinyDay:
    """Of A's load a quarter lies below P10 and a quarter above P90; the sun is as forecast; B's storage follows its schedule."""
    day = build()
    load, pv, storage = (asset_of(code) for code in ("A-load", "A-pv", "B-storage"))
    stored_run(day.portfolio, issued_at=ISSUED, grid=GRID, mean_kw={load: LOAD_KW, pv: PV_KW, storage: 0.0, None: LOAD_KW + PV_KW})
    measured(load, GRID, LOAD_KW + OFF)
    measured(pv, GRID, np.full(24, PV_KW))
    measured(storage, GRID, np.full(24, 30.0))
    return day


def asset_of(code: str) -> Asset:
    return Asset.objects.get(code=code)


def test_calibration_counts_what_was_left_alone(made: TinyDay) -> None:
    found = queries.reliability(portfolio_id=made.portfolio.pk, known_at=OVER)
    assert found is not None
    assert set(found.kinds) == {"load", "pv"}
    load = found.kinds["load"]
    assert (load.below_p10_ratio, load.below_p50_ratio, load.below_p90_ratio, load.n_values) == pytest.approx((0.25, 0.5, 0.75, 24))
    intervened(asset_of("A-load"), GRID, slice(0, 6))
    again = queries.reliability(portfolio_id=made.portfolio.pk, known_at=OVER)
    assert again is not None
    assert (again.kinds["load"].below_p10_ratio, again.kinds["load"].n_values) == (0.0, 18)


def test_what_is_not_known_yet_is_not_judged(made: TinyDay) -> None:
    assert queries.reliability(portfolio_id=made.portfolio.pk, known_at=GRID.starts_at) is None
    early = queries.reliability(portfolio_id=made.portfolio.pk, known_at=GRID.ends_at - HOUR)
    assert early is not None
    assert early.kinds["load"].n_values == 0, "the day is available when it is over"


def test_errors_by_lead_have_their_count_and_only_leads_that_exist(made: TinyDay) -> None:
    load = asset_of("A-load")
    for first in (12, 18):
        rest = GRID.tail(first)
        stored_run(made.portfolio, issued_at=rest.starts_at - timedelta(minutes=15), grid=rest, mean_kw={load: LOAD_KW + 20.0})
    found = queries.lead_errors(portfolio_id=made.portfolio.pk, known_at=OVER)
    assert found is not None
    assert found.n_runs == 3
    cells = found.kinds["load"]
    # Hourly periods: of each re-issue one begins a quarter after it, none within the hour, three within four hours.
    assert {lead: cell.n_values for lead, cell in cells.items()} == {"four_hours": 6, "later": 10, "day_ahead": 24}, "two are too few"
    size = np.abs(LOAD_KW + OFF).mean()
    assert cells["day_ahead"].nmae_ratio == pytest.approx(np.abs(OFF).mean() / size)
    assert cells["day_ahead"].nmae_persistence_ratio == pytest.approx(np.abs(OFF - PERSISTENCE_OFF_KW).mean() / size)
    assert set(found.kinds["pv"]) == {"day_ahead"}


def test_single_assets_are_scored_and_a_schedule_is_not(made: TinyDay) -> None:
    ids = {code: asset_of(code).pk for code in ("A-load", "A-pv", "B-storage")}
    found = queries.asset_scores(portfolio_id=made.portfolio.pk, asset_ids=ids.values(), known_at=OVER)
    assert found[ids["A-pv"]].nmae_ratio == pytest.approx(0.0)
    assert found[ids["A-load"]].coverage_p10_p90_ratio == pytest.approx(0.5)
    assert found[ids["B-storage"]].reason == "follows_schedule"


def test_of_many_assets_every_nth_is_read(made: TinyDay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_judged, "MOST_ROWS", 2)
    found = queries.reliability(portfolio_id=made.portfolio.pk, known_at=OVER)
    assert found is not None
    assert (found.n_assets, found.of_assets) == (2, 3)


def test_scored_runs_are_day_ahead_ones_the_oldest_first(made: TinyDay) -> None:
    grids = [GRID, type(GRID)(GRID.starts_at - 24 * HOUR, HOUR, 24)]
    for grid in grids:
        run = stored_run(made.portfolio, issued_at=grid.starts_at - 15 * HOUR, grid=grid, mean_kw={None: 0.0})
        scored(run, "portfolio", 0.1, 0.2, 0.8)
    late = stored_run(made.portfolio, issued_at=GRID.starts_at, grid=GRID, mean_kw={None: 0.0})
    scored(late, "portfolio", 0.0, 0.2, 0.8)
    found = queries.scored_runs(portfolio_id=made.portfolio.pk, known_at=OVER)
    assert [one.starts_at for one in found] == [grids[1].starts_at, grids[0].starts_at]
    assert found[0].scores["portfolio"].nmae_ratio == 0.1
    assert len(queries.scored_runs(portfolio_id=made.portfolio.pk, known_at=OVER, most=1)) == 1


def test_runs_that_cover_a_part_of_a_time_are_found(made: TinyDay) -> None:
    late = stored_run(made.portfolio, issued_at=GRID.starts[18], grid=GRID.tail(18), mean_kw={None: 0.0})
    ids = [made.portfolio.pk]
    morning = queries.runs_covering(portfolio_ids=ids, starts_at=GRID.starts[0], ends_at=GRID.starts[6], known_at=OVER)
    whole = queries.runs_covering(portfolio_ids=ids, starts_at=GRID.starts_at, ends_at=GRID.ends_at, known_at=OVER)
    assert [run.day_ahead for run in morning] == [True]
    assert [run.id == late.pk for run in whole] == [True, False]
    before = queries.runs_covering(portfolio_ids=ids, starts_at=GRID.starts_at, ends_at=GRID.ends_at, known_at=ISSUED)
    assert len(before) == 1
    newest = queries.newest_run(portfolio_ids=ids, known_at=OVER)
    assert newest is not None
    assert newest.id == late.pk


def test_the_weather_is_the_newest_that_was_known(made: TinyDay) -> None:
    pv = asset_of("A-pv")
    for asset, hours, source in (
        (None, 20, "old"),
        (None, 16, "new"),
        (None, 2, "too late"),
        (pv, 16, "site"),
        (asset_of("B-load"), 16, "b"),
    ):
        WeatherForecast.objects.create(
            park=made.park,
            asset=asset,
            day=DAY,
            available_at=GRID.starts_at - hours * HOUR,
            resolution_s=3600,
            columns=["ghi"],
            values=pack_f4(np.zeros(24)),
            source=source,
        )
    found = queries.weather_issues(park_id=made.park.pk, asset_ids=[pv.pk], day=DAY, known_at=ISSUED)
    assert [(one.source, one.n_assets) for one in found] == [("new", 0), ("site", 1)]
