"""A charging station: inside its rating, every car served as well as its stay allows."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.assets.domain import Command, Drive, Session
from aggregator.assets.domain import ev_station as physics
from aggregator.kernel.periods import Grid

N, H = 24, 0.25
GRID = Grid(datetime(2026, 7, 14, 16, tzinfo=UTC), timedelta(minutes=15), N)


@st.composite
def stations(draw):
    connectors = draw(st.integers(1, 5))
    kw = draw(st.floats(3, 60))
    return physics.EvStationSpec(connectors=connectors, connector_kw=kw, station_limit_kw=draw(st.floats(0.4, 1.5)) * connectors * kw)


@st.composite
def stays(draw, kw=20.0, most=8):
    sessions = []
    for k in range(draw(st.integers(0, most))):
        arrives = draw(st.integers(0, 18)) * H
        length = draw(st.integers(1, 16)) * H
        sessions.append(Session(f"s{k}", arrives, arrives + length, draw(st.floats(0, 1.2)) * length * kw))
    return tuple(sessions)


def run(spec, sessions, limits=None):
    state, injected = physics.initial_state(spec), np.zeros(N)
    for t in range(N):
        here = tuple(s for s in sessions if s.arrives_at <= t * H < s.departs_at)
        limit = None if limits is None else limits[t]
        command = None if limit is None else Command("import_limit_kw", limit)
        state, injected[t] = physics.step(spec, state, drive=Drive(sessions=here), command=command, at_hours=t * H, hours=H)
    return state, injected


limits = st.lists(st.one_of(st.none(), st.floats(0, 300)), min_size=N, max_size=N)


@given(spec=stations(), sessions=stays(), limits=limits)
def test_never_above_the_rating_and_never_feeding_the_grid(spec, sessions, limits):
    _state, injected = run(spec, sessions, limits)
    assert (injected <= 1e-9).all()
    assert (injected >= -spec.rated_kw - 1e-9).all()


@given(spec=stations(), sessions=stays(), limits=limits)
def test_cars_get_what_the_station_takes_and_never_more_than_they_need(spec, sessions, limits):
    state, injected = run(spec, sessions, limits)
    assert sum(state.charged_kwh.values()) == pytest.approx(-injected.sum() * H, abs=1e-6)
    for session in sessions:
        assert state.charged_kwh.get(session.key, 0.0) <= session.need_kwh + 1e-6


@given(sessions=stays(kw=7.0, most=4), limits=limits)
def test_a_limit_never_sends_a_car_away_with_less_than_it_could_have_had(sessions, limits):
    """Enough connectors and rating for all: the driver's need goes before the setpoint."""
    spec = physics.EvStationSpec(connectors=4, connector_kw=7.0, station_limit_kw=28.0)
    state, _injected = run(spec, sessions, limits)
    for session in sessions:
        reachable = min(session.need_kwh, (min(session.departs_at, N * H) - session.arrives_at) * 7.0)
        beyond = max(0.0, session.departs_at - N * H) * 7.0
        assert state.charged_kwh.get(session.key, 0.0) >= reachable - beyond - 1e-6


@given(sessions=stays(kw=7.0, most=4))
def test_charging_at_once_is_the_upper_energy_bound(sessions):
    spec = physics.EvStationSpec(connectors=4, connector_kw=7.0, station_limit_kw=28.0)
    _state, injected = run(spec, sessions)
    cap, least, most = physics.bounds_of_sessions(spec, grid=GRID, sessions=sessions)
    assert -np.cumsum(injected) * H == pytest.approx(most, abs=1e-6)
    assert (least <= most + 1e-9).all()
    assert (-injected <= cap + 1e-6).all()


@given(spec=stations(), sessions=stays())
def test_the_envelope_holds_charging_at_once_and_doing_nothing_yet(spec, sessions):
    cap, least, most = physics.bounds_of_sessions(spec, grid=GRID, sessions=sessions)
    envelope = physics.envelope(spec, grid=GRID, cap_kw=cap, least_kwh=least, most_kwh=most)
    assert (envelope.min_kw <= envelope.base_kw + 1e-9).all()
    assert (envelope.base_kw <= envelope.max_kw + 1e-9).all()
    assert (envelope.min_kwh <= envelope.max_kwh + 1e-9).all()
    device = physics.device(spec, envelope)
    assert not device.up_kw.any()
    assert (device.store.min_kwh <= device.store.max_kwh + 1e-9).all()


def test_the_car_that_leaves_first_goes_first():
    spec = physics.EvStationSpec(connectors=2, connector_kw=10, station_limit_kw=10)
    sessions = (Session("leaves", 0, 1, 8), Session("stays", 0, 6, 8))
    state, _kw = physics.step(spec, physics.initial_state(spec), drive=Drive(sessions=sessions), command=None, at_hours=0, hours=H)
    assert state.charged_kwh["leaves"] > state.charged_kwh.get("stays", 0.0)
