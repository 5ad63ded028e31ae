"""A car that may give back: never below what its driver allows, and always ready when it leaves."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.assets.domain import Command, Drive, Session
from aggregator.assets.domain import two_way_charger as physics
from aggregator.kernel.periods import Grid

N = 24
H = 0.25
GRID = Grid(datetime(2026, 7, 14, 16, tzinfo=UTC), timedelta(minutes=15), N)  # midnight in Shanghai


@st.composite
def chargers(draw):
    low = draw(st.floats(0, 0.4))
    return physics.TwoWayChargerSpec(
        battery_kwh=draw(st.floats(20, 300)),
        charge_kw=draw(st.floats(5, 100)),
        discharge_kw=draw(st.floats(5, 100)),
        charge_efficiency=draw(st.floats(0.8, 1)),
        discharge_efficiency=draw(st.floats(0.8, 1)),
        soc_min_ratio=low,
        soc_max_ratio=draw(st.floats(0.6, 1)),
    )


@st.composite
def stays(draw, spec):
    """One stay whose need can be met, anywhere around the grid, not bound to its periods."""
    arrives = draw(st.floats(-3, N * H - 1))
    length = draw(st.floats(0.6, 8))
    arrival = draw(st.floats(0, 1)) * spec.ceiling_kwh
    most = min(spec.ceiling_kwh - arrival, length * spec.charge_kw * spec.charge_efficiency)
    return Session("car", arrives, arrives + length, draw(st.floats(0, 1)) * most, arrival)


def run(spec, session, wanted, *, first_hour=None):
    at = session.arrives_at if first_hour is None else first_hour
    state, levels, injected = physics.initial_state(spec), [], []
    for kw in wanted:
        command = None if kw is None else Command("injection_kw", kw)
        drive = Drive(sessions=(session,) if session.arrives_at <= at < session.departs_at else ())
        state, power = physics.step(spec, state, drive=drive, command=command, at_hours=at, hours=H)
        levels.append(state.battery_kwh if state.car else np.nan)
        injected.append(power)
        at += H
    return np.array(levels), np.array(injected)


orders = st.lists(st.one_of(st.none(), st.floats(-150, 150)), min_size=40, max_size=40)


@given(data=st.data(), spec=chargers(), wanted=orders)
def test_the_need_at_departure_is_met_whatever_is_ordered(data, spec, wanted):
    session = data.draw(stays(spec))
    levels, _ = run(spec, session, wanted)
    last = levels[np.isfinite(levels)][-1]
    assert last >= session.arrival_kwh + session.need_kwh - 1e-6
    assert (levels[np.isfinite(levels)] >= min(spec.floor_kwh, session.arrival_kwh) - 1e-6).all()
    assert (levels[np.isfinite(levels)] <= max(spec.ceiling_kwh, session.arrival_kwh) + 1e-6).all()


@given(data=st.data(), spec=chargers(), wanted=orders)
def test_what_is_in_the_battery_is_what_went_in_less_losses(data, spec, wanted):
    session = data.draw(stays(spec))
    levels, injected = run(spec, session, wanted)
    there = np.isfinite(levels)
    gained = levels[there][-1] - session.arrival_kwh
    moved = injected[there] * H
    expected = -np.minimum(moved, 0).sum() * spec.charge_efficiency - np.maximum(moved, 0).sum() / spec.discharge_efficiency
    assert gained == pytest.approx(expected, abs=1e-6 * spec.battery_kwh)
    assert (injected[~there] == 0).all()
    assert (injected <= spec.discharge_kw + 1e-9).all()
    assert (injected >= -spec.charge_kw - 1e-9).all()


@given(data=st.data(), spec=chargers())
def test_nobody_orders_and_the_car_charges_at_once(data, spec):
    session = data.draw(stays(spec))
    levels, _ = run(spec, session, [None] * 40)
    for k in range(int((session.departs_at - session.arrives_at) / H)):
        expected = physics.left_alone(spec, session, at_hours=session.arrives_at + (k + 1) * H)
        assert levels[k] == pytest.approx(expected, abs=1e-6 * spec.battery_kwh)


@given(data=st.data(), spec=chargers(), seed=st.integers(0, 2**32 - 1))
def test_any_plan_inside_the_device_is_followed_to_the_watt(data, spec, seed):
    """A random course through the stay's bounds, told as setpoints: charger and store agree, and the goal is reached."""
    session = data.draw(stays(spec))
    found = physics.stays_of(spec, (session,), grid=GRID)
    if not found:
        return
    plugged = physics.left_alone(spec, session, at_hours=0.0)
    found = physics.stays_of(spec, (session,), grid=GRID, plugged_kwh=plugged)
    made = physics.device(spec, physics.envelope(spec, grid=GRID, stays=found), stays=found)
    (stay,) = made.stays
    rng, level, wanted, expected = np.random.default_rng(seed), stay.initial_kwh, [], []
    for t in range(stay.first, stay.end):
        left = stay.end - t - 1
        least = max(stay.min_kwh, stay.end_kwh - left * H * made.down_kw[t] * stay.eta_in, level - H * made.up_kw[t] / stay.eta_out)
        most = min(stay.max_kwh, level + H * made.down_kw[t] * stay.eta_in)
        goal = rng.uniform(least, max(least, most))
        change = goal - level
        wanted.append(-change / (stay.eta_in * H) if change > 0 else -change * stay.eta_out / H)
        level = goal
        expected.append(level)
    assert level >= stay.end_kwh - 1e-6
    inside = Session(
        session.key, stay.first * H, session.departs_at, session.arrival_kwh + session.need_kwh - stay.initial_kwh, stay.initial_kwh
    )
    levels, injected = run(spec, inside, wanted, first_hour=stay.first * H)
    assert np.allclose(levels, expected, atol=1e-6 * spec.battery_kwh)
    assert np.allclose(injected, wanted, atol=1e-6 * spec.rated_kw)


@given(data=st.data(), spec=chargers(), wanted=orders)
def test_the_envelopes_bounds_hold_for_all_orders_and_are_reached(data, spec, wanted):
    drawn = data.draw(stays(spec))
    arrives = np.ceil(max(0.0, drawn.arrives_at) / H) * H
    departs = np.floor(drawn.departs_at / H) * H
    session = Session("car", arrives, departs, drawn.need_kwh, drawn.arrival_kwh)
    found = physics.stays_of(spec, (session,), grid=GRID)
    if not found or session.need_kwh > (session.departs_at - arrives) * spec.charge_kw * spec.charge_efficiency:
        return
    (stay,) = found
    envelope = physics.envelope(spec, grid=GRID, stays=found)
    length, size = stay.end - stay.first, 1e-6 * spec.battery_kwh

    def course(powers):
        return np.cumsum(run(spec, session, powers)[1]) * H

    low, high = envelope.min_kwh[stay.first : stay.end], envelope.max_kwh[stay.first : stay.end]
    assert (course(wanted[:length]) <= high + size).all()
    assert np.allclose(course([-1e6] * length), low, atol=size)
    out, idle = course([1e6] * length), course([0.0] * length)
    assert np.allclose(np.maximum(out, idle)[: int(np.argmax(out)) + 1], high[: int(np.argmax(out)) + 1], atol=size)
    if session.arrival_kwh >= spec.floor_kwh and stay.end_kwh >= stay.initial_kwh:
        assert idle[-1] == pytest.approx(high[-1], abs=size)
    assert (envelope.min_kw <= envelope.base_kw + 1e-9).all()
    assert (envelope.base_kw <= envelope.max_kw + 1e-9).all()


def test_the_timetable_becomes_sessions_of_the_days_that_it_names():
    spec = physics.TwoWayChargerSpec(
        battery_kwh=80,
        charge_kw=40,
        discharge_kw=40,
        timetable=(
            physics.Booking(days="working", arrives_hour=18.5, stay_hours=12.5, arrival_soc_ratio=0.4, departure_soc_ratio=0.9),
            physics.Booking(days="off", arrives_hour=9, stay_hours=6, arrival_soc_ratio=0.5, departure_soc_ratio=0.8),
        ),
    )
    friday = datetime(2026, 7, 16, 16, tzinfo=UTC)  # midnight of Friday 17 July in Shanghai
    found = physics.sessions_of(spec, starts_at=friday, ends_at=friday + timedelta(days=2))
    assert [(s.key, s.arrives_at, s.departs_at) for s in found] == [
        ("20260716-0", -5.5, 7.0),
        ("20260717-0", 18.5, 31.0),
        ("20260718-1", 33.0, 39.0),
    ]
    assert found[0].arrival_kwh == pytest.approx(32)
    assert found[0].need_kwh == pytest.approx(40)


def test_a_stay_that_goes_on_beyond_the_grid_keeps_what_can_still_be_charged_afterwards():
    spec = physics.TwoWayChargerSpec(battery_kwh=100, charge_kw=10, discharge_kw=10, charge_efficiency=1, soc_min_ratio=0.2)
    session = Session("car", 4.0, 9.0, 30.0, 40.0)  # three hours after the grid's end: at most 30 kWh
    (stay,) = physics.stays_of(spec, (session,), grid=GRID)
    assert (stay.first, stay.end) == (16, 24)
    assert stay.end_kwh == pytest.approx(40.0)
    assert physics.stays_of(spec, (Session("car", 5.9, 9.0, 30.0, 40.0),), grid=GRID) == ()
