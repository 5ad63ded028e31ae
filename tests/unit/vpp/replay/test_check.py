"""The referee finds each kind of breach, and none where the plant's own physics ran."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.assets.domain import Command, Drive, storage
from aggregator.assets.domain.ev_station import EvStationSpec
from aggregator.assets.domain.generation import PvSpec
from aggregator.assets.domain.load import LoadSpec
from aggregator.assets.domain.storage import StorageSpec
from vpp.replay.check import AssetTrace, SentSetpoint, SiteLimits, breaches, setpoint_breaches

STARTS = [datetime(2026, 7, 15, tzinfo=UTC) + k * timedelta(minutes=5) for k in range(6)]
ROOMY = {"s": SiteLimits(1e6, 1e6)}
BATTERY = StorageSpec(energy_kwh=100, charge_kw=50, discharge_kw=50)


def found(trace: AssetTrace, sites=ROOMY) -> list[str]:
    rows = breaches(traces=[trace], sites=sites, starts=STARTS, hours=1 / 12, steps_per_period=3)
    return [row.limit for row in rows]


@pytest.mark.parametrize(
    ("spec", "kw", "natural", "limit"),
    [
        (PvSpec(rated_kw=100), 60, 50, "available_kw"),
        (PvSpec(rated_kw=100, curtailable=False), 40, 50, "not_curtailable"),
        (PvSpec(rated_kw=100), -1, 50, "no_consumption"),
        (LoadSpec(rated_kw=100, must_run_kw=40), -30, 80, "must_run_kw"),
        (LoadSpec(rated_kw=100, must_run_kw=40, sheddable=False), -70, 80, "must_run_kw"),
        (LoadSpec(rated_kw=100, must_run_kw=40), -90, 80, "wanted_kw"),
        (EvStationSpec(connectors=2, connector_kw=7, station_limit_kw=10), -11, None, "station_limit_kw"),
    ],
)
def test_each_limit_is_noticed(spec, kw: float, natural: float | None, limit: str) -> None:
    trace = AssetTrace("a", "s", spec, np.full(6, float(kw)), None if natural is None else np.full(6, float(natural)))
    assert found(trace) == [limit]


def test_a_store_that_makes_energy_from_nothing_is_noticed() -> None:
    trace = AssetTrace("a", "s", BATTERY, np.full(6, 30.0), stored_kwh=np.full(6, 50.0), stored_before_kwh=50.0)
    assert found(trace) == ["energy_balance"]


def test_a_site_is_judged_by_its_mean_over_the_settlement_period() -> None:
    kw = np.array([-90.0, -10, -10, -50, -50, -50])
    trace = AssetTrace("a", "s", LoadSpec(rated_kw=100, must_run_kw=0), kw)
    assert found(trace, {"s": SiteLimits(50, 0)}) == []
    assert found(trace, {"s": SiteLimits(40, 0)}) == ["import_limit_kw"]


@given(st.lists(st.floats(-80, 80), min_size=6, max_size=6))
def test_the_storage_physics_never_breaks_a_limit(asked: list[float]) -> None:
    state, kw, kwh = storage.initial_state(BATTERY), [], []
    before = state.stored_kwh
    for value in asked:
        state, done = storage.step(BATTERY, state, drive=Drive(), command=Command("injection_kw", value), at_hours=0, hours=1 / 12)
        kw.append(done)
        kwh.append(state.stored_kwh)
    assert found(AssetTrace("a", "s", BATTERY, np.array(kw), stored_kwh=np.array(kwh), stored_before_kwh=before)) == []


def test_setpoints_beyond_the_nameplate_or_of_the_wrong_kind_are_noticed() -> None:
    good = SentSetpoint("a", "injection_kw", STARTS[0], 50.0, 0.0)
    bad = [SentSetpoint("a", "injection_kw", STARTS[0], 51.0, 0.0), SentSetpoint("a", "import_limit_kw", STARTS[1], 5.0, 90.0)]
    assert setpoint_breaches(setpoints=[good], specs={"a": BATTERY}) == []
    limits = {row.limit for row in setpoint_breaches(setpoints=bad, specs={"a": BATTERY})}
    assert limits == {"setpoint value_kw", "setpoint kind", "setpoint fallback_kw"}
