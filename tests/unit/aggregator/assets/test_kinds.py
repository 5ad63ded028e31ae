"""Every kind of asset has the same parts, and refuses parameters that it does not understand."""

import numpy as np
import pytest

from aggregator.assets.domain import KINDS, Drive, SpecRefused, UnknownKind, idle_envelope, parse_spec
from aggregator.kernel.periods import Grid
from tests.unit.aggregator.assets.test_storage import GRID

GOOD = {
    "pv": {"rated_kw": 100},
    "wind": {"rated_kw": 100},
    "storage": {"energy_kwh": 100, "charge_kw": 50, "discharge_kw": 50},
    "ev_station": {"connectors": 4, "connector_kw": 7, "station_limit_kw": 28},
    "load": {"rated_kw": 100, "must_run_kw": 20},
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
