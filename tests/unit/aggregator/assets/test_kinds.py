"""Every kind of asset has the same parts, and refuses parameters that it does not understand."""

import numpy as np
import pytest

from aggregator.assets.domain import KINDS, Drive, SpecRefused, UnknownKind, idle_envelope, parse_spec
from aggregator.kernel.periods import Grid
from tests.unit.aggregator.assets.test_storage import GRID


def stay(arrives, hours, arrival, departure):
    return {"arrives_hour": arrives, "stay_hours": hours, "arrival_soc_ratio": arrival, "departure_soc_ratio": departure}


GOOD = {
    "pv": {"rated_kw": 100},
    "wind": {"rated_kw": 100},
    "storage": {"energy_kwh": 100, "charge_kw": 50, "discharge_kw": 50},
    "ev_station": {"connectors": 4, "connector_kw": 7, "station_limit_kw": 28},
    "load": {"rated_kw": 100, "must_run_kw": 20},
    "air_conditioning": {
        "rated_kw": 100,
        "capacity_kwh_per_k": 60,
        "loss_kw_per_k": 8,
        "comfort_min_c": 23,
        "set_point_c": 25,
        "comfort_max_c": 27,
    },
    "two_way_charger": {"battery_kwh": 80, "charge_kw": 40, "discharge_kw": 40},
}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_starts_steps_and_falls_back(kind):
    spec, physics = parse_spec(kind, GOOD[kind]), KINDS[kind].physics
    _state, kw = physics.step(spec, physics.initial_state(spec), drive=Drive(), command=physics.fallback(spec), at_hours=0, hours=0.25)
    assert kw == 0  # nothing is wanted, nothing flows
    assert physics.fallback(spec).kind == KINDS[kind].setpoint_kind
    assert spec.rated_kw > 0


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_an_unknown_parameter_is_refused_by_name(kind):
    with pytest.raises(SpecRefused, match="colour"):
        parse_spec(kind, {**GOOD[kind], "colour": "green"})


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("pv", {"rated_kw": 0}),
        ("pv", {"rated_kw": float("nan")}),
        ("load", {"rated_kw": 10, "must_run_kw": 11}),
        ("storage", {"energy_kwh": 10, "charge_kw": 1, "discharge_kw": 1, "soc_initial_ratio": 0.99}),
        ("ev_station", {"connectors": 0, "connector_kw": 7, "station_limit_kw": 7}),
        ("load", {"rated_kw": 10, "must_run_kw": 1, "ramp_minutes": 15}),  # a ramp of a part of it
        ("load", {"rated_kw": 10, "must_run_kw": 1, "all_or_nothing": True, "rebound_hours": 1}),  # how much?
        ("air_conditioning", {**GOOD["air_conditioning"], "set_point_c": 28}),
        ("air_conditioning", {**GOOD["air_conditioning"], "comfort_min_c": 25, "comfort_max_c": 25}),
        ("two_way_charger", {**GOOD["two_way_charger"], "soc_min_ratio": 0.95}),
        ("two_way_charger", {**GOOD["two_way_charger"], "timetable": [stay(8, 1, 0.2, 0.9)]}),  # too short
        ("two_way_charger", {**GOOD["two_way_charger"], "timetable": [stay(8, 4, 0.5, 0.8), stay(11, 4, 0.5, 0.8)]}),
        ("two_way_charger", {**GOOD["two_way_charger"], "timetable": [stay(20, 13, 0.5, 0.8), stay(8, 4, 0.5, 0.8)]}),
        ("two_way_charger", {**GOOD["two_way_charger"], "timetable": [stay(8, 4, 0.5, 0.99)]}),  # fuller than allowed
    ],
)
def test_impossible_parameters_are_refused(kind, wrong):
    with pytest.raises(SpecRefused):
        parse_spec(kind, wrong)


def test_an_unknown_kind_is_refused_with_those_that_are_known():
    with pytest.raises(UnknownKind, match="ev_station"):
        parse_spec("fusion", {})


def test_a_spec_cannot_be_changed():
    spec = parse_spec("pv", GOOD["pv"])
    with pytest.raises(Exception, match="frozen"):
        spec.rated_kw = 5


def test_a_failed_asset_can_move_nothing():
    grid: Grid = GRID
    envelope = idle_envelope(grid, base_kw=np.full(len(grid), -5.0), quality="stale")
    assert not envelope.up_kw.any()
    assert not envelope.down_kw.any()
