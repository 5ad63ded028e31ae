"""Rooms, two-way cars and slow loads in the twin: whatever they are told, the referee finds nothing; it finds what is made up."""

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.assets.domain import kind_of
from aggregator.assets.domain.air_conditioning import AirConditioningSpec
from aggregator.assets.domain.load import LoadSpec
from aggregator.assets.domain.two_way_charger import Booking, TwoWayChargerSpec, sessions_of
from aggregator.kernel.periods import Grid
from vpp.replay.check import SiteLimits, breaches
from vpp.replay.referee import traces
from vpp.twin.gateways import Gateway, GatewayFaults
from vpp.twin.plant import HeldSetpoint, Plant, PlantAsset, World

START = datetime(2026, 7, 14, 16, tzinfo=UTC)  # midnight in Shanghai
DAY = Grid(START, timedelta(minutes=15), 96)
STEP = timedelta(minutes=5)
STEPS = Grid(START, STEP, 288)
ROOM = AirConditioningSpec(rated_kw=120, capacity_kwh_per_k=150, loss_kw_per_k=12, comfort_min_c=23, set_point_c=25, comfort_max_c=26.5)
CHARGER = TwoWayChargerSpec(
    battery_kwh=100,
    charge_kw=40,
    discharge_kw=30,
    timetable=(Booking(arrives_hour=18.5, stay_hours=12, arrival_soc_ratio=0.25, departure_soc_ratio=0.9),),
)
FURNACE = LoadSpec(
    rated_kw=200,
    must_run_kw=40,
    all_or_nothing=True,
    rest_minutes=60,
    ramp_minutes=20,
    rebound_hours=1,
    rebound_ratio=0.3,
    max_call_hours=2,
)
KINDS = {"room": "import_limit_kw", "car": "injection_kw", "furnace": "import_limit_kw"}


def plant(**how) -> Plant:
    natural = {"room": 60 + 50 * np.sin(np.arange(96) / 96 * 2 * np.pi - 2), "furnace": 150 + 40 * np.sin(np.arange(96))}
    sessions = {"car": sessions_of(CHARGER, starts_at=START, ends_at=DAY.ends_at)}
    assets = [
        PlantAsset("room", "air_conditioning", ROOM, "s"),
        PlantAsset("car", "two_way_charger", CHARGER, "s"),
        PlantAsset("furnace", "load", FURNACE, "s"),
    ]
    return Plant(assets=assets, world=World(DAY, natural, sessions), step=STEP, **how)


def tell(made: Plant, asset: str, period: int, value_kw: float) -> None:
    begin = START + period * DAY.resolution
    fallback = {"room": 120.0, "car": 0.0, "furnace": 200.0}[asset]
    made.hold(HeldSetpoint(asset, KINDS[asset], value_kw, begin, begin + DAY.resolution, fallback, 1, begin))


def found(made: Plant, **changes) -> set[tuple[str, str]]:
    rows = [replace(trace, **changes.get(trace.code, {})) for trace in traces(made, grid=STEPS)]
    sites = {"s": SiteLimits(1e6, 1e6)}
    return {(b.owner, b.limit) for b in breaches(traces=rows, sites=sites, starts=STEPS.starts, hours=1 / 12, steps_per_period=3)}


orders = st.lists(st.tuples(st.sampled_from(sorted(KINDS)), st.integers(0, 95), st.floats(-60, 220)), max_size=60)


@settings(max_examples=40, deadline=None)
@given(orders)
def test_no_order_makes_them_break_a_limit(told) -> None:
    made = plant()
    for asset, period, value in told:
        tell(made, asset, period, value if asset == "car" else abs(value))
    made.advance(DAY.ends_at)
    assert found(made) == set()


def test_the_referee_finds_what_is_made_up() -> None:
    made = plant()
    made.advance(DAY.ends_at)
    room = np.array([state.room_c for state in made.traces["room"].states])
    kw = np.array(made.traces["room"].injection_kw)
    assert ("room", "energy_balance") in found(made, room={"room_c": room - 0.1 * np.arange(288)})
    assert ("room", "comfort_max_c") in found(made, room={"room_c": room + 5})
    assert ("room", "rated_kw") in found(made, room={"injection_kw": kw - 121})
    held = np.array([state.battery_kwh for state in made.traces["car"].states])
    assert ("car", "departure_need") in found(made, car={"battery_kwh": held * 0.9})
    assert ("car", "soc_min_ratio") in found(made, car={"battery_kwh": held * 0.1})
    assert ("car", "no_car") in found(made, car={"injection_kw": np.full(288, -5.0)})
    more = np.array(made.traces["furnace"].injection_kw) - 60
    assert ("furnace", "wanted_kw") in found(made, furnace={"injection_kw": more})


def test_the_next_day_goes_on_where_this_one_ended() -> None:
    """States travel as JSON."""
    made = plant()
    tell(made, "room", 95, 0.0)
    tell(made, "furnace", 95, 40.0)
    tell(made, "car", 95, -40.0)
    made.advance(DAY.ends_at)
    kept = {code: json.loads(json.dumps(asdict(trace.states[-1]))) for code, trace in made.traces.items()}
    states = {code: kind_of(made.assets[code].kind).physics.State(**state) for code, state in kept.items()}
    assert states == {code: trace.states[-1] for code, trace in made.traces.items()}
    assert states["car"].car == "20260715-0"
    assert states["furnace"].called_hours == pytest.approx(0.25)


def test_a_gateway_tells_room_and_car_as_states_of_charge() -> None:
    made = plant()
    gateway = Gateway(
        code="g", secret="s", api_key="k", assets={"1": "car", "2": "furnace", "3": "room"}, plant=made, faults=GatewayFaults(), seed=1,
        business_now=lambda: START, wall_now=lambda: START, journal=lambda *row: None,
    )  # fmt: skip
    made.advance(START + timedelta(hours=19))
    car, furnace, room = gateway.telemetry(START + timedelta(hours=19), begin=START)
    assert "soc_ratio" not in furnace
    assert room["soc_ratio"][0] == pytest.approx(1.5 / 3.5, abs=1e-6)
    assert car["soc_ratio"][0] > 0.25  # it came yesterday evening
    assert car["soc_ratio"][8 * 12] is None
    assert car["soc_ratio"][-1] == pytest.approx(0.25 + 0.5 * 40 * 0.93 / 100)
    (gone, here) = car["sessions"]
    assert gone["plugged_out_at"] is not None
    assert here["plugged_out_at"] is None
