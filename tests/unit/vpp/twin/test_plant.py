"""The plant obeys the newest setpoint, falls back when it ends, and its meters lose nothing."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.assets.domain import Session
from aggregator.assets.domain.ev_station import EvStationSpec
from aggregator.assets.domain.load import LoadSpec
from aggregator.assets.domain.storage import StorageSpec
from aggregator.kernel.periods import Grid
from vpp.twin.plant import HeldSetpoint, Plant, PlantAsset, World, watt_hours

START = datetime(2026, 5, 20, tzinfo=UTC)
QUARTER = Grid(START, timedelta(minutes=15), 96)
STORAGE = PlantAsset("store", "storage", StorageSpec(energy_kwh=400, charge_kw=100, discharge_kw=100), "s1")
LOAD = PlantAsset("press", "load", LoadSpec(rated_kw=500, must_run_kw=100), "s1")
CARS = PlantAsset("cars", "ev_station", EvStationSpec(connectors=2, connector_kw=7, station_limit_kw=14), "s1")


def plant(**how) -> Plant:
    load = 300 + 37.7 * np.sin(np.arange(96))
    cars = (Session("a", 1.0, 5.0, 20.0), Session("b", 1.1, 2.6, 9.0))
    world = World(QUARTER, {"press": load}, {"cars": cars})
    return Plant(assets=[STORAGE, LOAD, CARS], world=world, step=timedelta(minutes=5), **how)


def hold(asset: str, value_kw: float, *, hours: tuple[float, float], sequence: int = 1, effective: float = 0, fallback: float = 0.0):
    kind = {"store": "injection_kw", "press": "import_limit_kw", "cars": "import_limit_kw"}[asset]
    begin, end = (START + timedelta(hours=h) for h in hours)
    return HeldSetpoint(asset, kind, value_kw, begin, end, fallback, sequence, START + timedelta(hours=effective))


def power(made: Plant, asset: str, hour: float) -> float:
    return made.traces[asset].injection_kw[round(hour * 12)]


def test_without_setpoints_nature_runs_and_storage_idles() -> None:
    made = plant()
    made.advance(START + timedelta(hours=24))
    assert set(made.traces["store"].injection_kw) == {0.0}
    assert power(made, "press", 0) == pytest.approx(-300)
    assert sum(made.traces["cars"].injection_kw) / 12 == pytest.approx(-29)


def test_a_setpoint_holds_for_its_time_and_then_the_fallback_does() -> None:
    made = plant()
    made.hold(hold("store", 60, hours=(1, 2), fallback=-5))
    made.advance(START + timedelta(hours=3))
    assert power(made, "store", 0.5) == 0
    assert power(made, "store", 1.0) == 60
    assert power(made, "store", 2.0) == -5


def test_the_newer_plan_wins_even_when_it_arrives_first() -> None:
    made = plant()
    made.hold(hold("store", 80, hours=(1, 2), sequence=5))
    made.hold(hold("store", 20, hours=(0, 3), sequence=4))
    made.advance(START + timedelta(hours=3))
    assert [power(made, "store", h) for h in (0.5, 1.5, 2.5)] == [20, 80, 20]


def test_a_setpoint_has_no_effect_before_it_has_arrived() -> None:
    made = plant()
    made.hold(hold("store", 80, hours=(1, 2), effective=1.5))
    made.advance(START + timedelta(hours=2))
    assert [power(made, "store", h) for h in (1.0, 1.25, 1.5)] == [0, 0, 80]


def test_an_asset_that_ignores_its_setpoints_does_what_it_did() -> None:
    made = plant(ignores=[("store", START + timedelta(hours=1), START + timedelta(hours=2))])
    made.hold(hold("store", 80, hours=(0, 3)))
    made.advance(START + timedelta(hours=3))
    assert [power(made, "store", h) for h in (0.5, 1.5, 2.5)] == [80, 0, 80]


@given(st.lists(st.floats(-300, 300), min_size=8, max_size=24))
def test_storage_never_leaves_its_band_whatever_is_asked(values: list[float]) -> None:
    made = plant()
    for k, value in enumerate(values):
        made.hold(hold("store", value, hours=(k, k + 1)))
    made.advance(START + timedelta(hours=len(values)))
    stored = np.array(made.traces["store"].stored_kwh)
    assert stored.min() >= 40 - 1e-6
    assert stored.max() <= 380 + 1e-6


def test_meters_count_whole_watt_hours_and_lose_none() -> None:
    made = plant()
    made.hold(hold("press", 150, hours=(3, 4)))
    made.advance(START + timedelta(hours=24))
    counted = watt_hours(made, "press", grid=QUARTER)
    assert counted.dtype == np.int64
    assert counted.sum() == round(sum(made.traces["press"].injection_kw) / 12 * 1000)
    assert counted[12:16].tolist() == [-37500] * 4
