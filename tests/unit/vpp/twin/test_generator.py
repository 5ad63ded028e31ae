"""The synthetic world: repeatable, plausible, and honest about what a forecast may know."""

from datetime import date, timedelta

import numpy as np
import pytest

from aggregator.assets.domain.air_conditioning import AirConditioningSpec
from aggregator.assets.domain.ev_station import EvStationSpec
from aggregator.assets.domain.generation import PvSpec, WindSpec
from aggregator.assets.domain.load import LoadSpec
from aggregator.kernel.calendar import is_working
from aggregator.kernel.periods import Grid, local_hours, midnight
from vpp.twin.generator.cooling import CoolingPlan, cooling_kw
from vpp.twin.generator.loads import LoadPlan
from vpp.twin.generator.weather import sky
from vpp.twin.generator.world import PlannedAsset, SyntheticWorld, make_world

GRID = Grid(midnight(date(2026, 3, 23)), timedelta(minutes=15), 96 * 63)
ASSETS = [
    PlannedAsset("pv", PvSpec(rated_kw=1000)),
    PlannedAsset("wind", WindSpec(rated_kw=2000)),
    PlannedAsset("press", LoadSpec(rated_kw=1000, must_run_kw=300), load=LoadPlan("press", 800, "two_shift", batch_ratio=0.3)),
    PlannedAsset("cars", EvStationSpec(connectors=6, connector_kw=7, station_limit_kw=30), use="workplace"),
]


def world(seed: int = 7, assets: list[PlannedAsset] = ASSETS) -> SyntheticWorld:
    return make_world(assets, grid=GRID, seed=seed, latitude=41.8, longitude=123.4)


@pytest.fixture(scope="module")
def made() -> SyntheticWorld:
    return world()


def test_the_same_seed_gives_the_same_numbers(made: SyntheticWorld) -> None:
    again = world()
    assert all((made.natural_kw[code] == again.natural_kw[code]).all() for code in made.natural_kw)
    assert (made.day_ahead == again.day_ahead).all()
    assert made.stays == again.stays
    assert not np.array_equal(world(seed=8).natural_kw["pv"], made.natural_kw["pv"])


def test_adding_an_asset_moves_no_other_series(made: SyntheticWorld) -> None:
    more = world(assets=[*ASSETS, PlannedAsset("pv2", PvSpec(rated_kw=500))])
    assert (more.natural_kw["press"] == made.natural_kw["press"]).all()
    assert more.stays == made.stays


def test_power_stays_inside_the_nameplate_and_the_sun_sets(made: SyntheticWorld) -> None:
    pv, night = made.natural_kw["pv"], (local_hours(GRID) < 3) | (local_hours(GRID) > 22)
    assert pv.min() >= 0
    assert pv.max() <= 1000
    assert pv[night].max() == 0
    assert 0.12 < pv.mean() / 1000 < 0.28
    assert 0.15 < made.natural_kw["wind"].mean() / 2000 < 0.40


def test_there_are_clear_broken_and_overcast_days_and_calm_ones(made: SyntheticWorld) -> None:
    assert set(made.sky.regimes.values()) == {"clear", "broken", "overcast"}
    daily = made.natural_kw["pv"].reshape(-1, 96).sum(axis=1)
    assert daily.max() > 3 * daily.min()
    assert (made.sky.truth.wind_m_per_s.reshape(-1, 96).mean(axis=1) < 3.5).any()


def test_the_shift_follows_the_workday_calendar(made: SyntheticWorld) -> None:
    """2026-05-09 is a Saturday that is worked in exchange for the May holiday."""
    press = made.natural_kw["press"].reshape(-1, 96).mean(axis=1)
    exchanged = (date(2026, 5, 9) - date(2026, 3, 23)).days
    holiday = (date(2026, 5, 1) - date(2026, 3, 23)).days
    working = [k for k in range(63) if is_working(date(2026, 3, 23) + timedelta(days=k))]
    assert press[exchanged] > 0.8 * press[working].mean()
    assert press[holiday] < 0.6 * press[working].mean()


def test_prices_are_a_duck_with_negative_noons(made: SyntheticWorld) -> None:
    hour = local_hours(GRID)
    noon = made.day_ahead[(hour >= 11) & (hour < 14)].mean()
    evening = made.day_ahead[(hour >= 18) & (hour < 20)].mean()
    assert noon < 250 < 400 < evening
    assert (made.day_ahead < 0).mean() > 0.01
    assert 15 < np.std(made.real_time - made.day_ahead) < 80


def test_the_forecast_errs_but_not_wildly(made: SyntheticWorld) -> None:
    day = made.sky.sun.clear_w_per_m2 > 50
    error = (made.sky.forecast.ghi_w_per_m2 - made.sky.truth.ghi_w_per_m2)[day]
    assert 15 < np.abs(error).mean() < 120
    assert np.corrcoef(error[:-1], error[1:])[0, 1] > 0.5
    assert abs(np.mean(made.sky.forecast.temperature_c - made.sky.truth.temperature_c)) < 1


def test_no_more_cars_than_connectors_and_users_return(made: SyntheticWorld) -> None:
    stays = made.stays["cars"]
    assert len(stays) > 60
    for stay in stays:
        assert sum(other.arrives_h <= stay.arrives_h < other.departs_h for other in stays) <= 6
        assert 0 < stay.need_kwh <= 7 * (stay.departs_h - stay.arrives_h) + 1e-9
    assert len({stay.user for stay in stays}) < len(stays) / 2


def test_cooling_follows_heat_balance_and_never_heats() -> None:
    spec = AirConditioningSpec(
        rated_kw=200, cop=3, capacity_kwh_per_k=200, loss_kw_per_k=15, comfort_min_c=11, set_point_c=13, comfort_max_c=15
    )
    outside = sky(GRID, seed=3, latitude=41.8, longitude=123.4)
    empty = cooling_kw(CoolingPlan("hall", "office", gains_kw=0.0), spec, outside, seed=3)
    expected = np.maximum(0.0, 15 * (outside.truth.temperature_c - 13) / 3)  # a cold store in spring
    np.testing.assert_allclose(empty, expected)
    full = cooling_kw(CoolingPlan("hall", "office", gains_kw=90.0, sun_kw=60.0), spec, outside, seed=3)
    assert (full >= empty).all()
    more = 3 * (full - empty)[empty > 0]
    assert more.max() <= 90 * 1.2 + 60 * 1.1
