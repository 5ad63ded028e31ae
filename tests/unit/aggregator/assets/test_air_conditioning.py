"""A cooled room: exact heat balance, the owner's comfort band before every order, and the same store for planner and twin."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.assets.domain import Command, Drive
from aggregator.assets.domain import air_conditioning as physics
from aggregator.kernel.periods import Grid

N = 12
GRID = Grid(datetime(2026, 7, 14, 16, tzinfo=UTC), timedelta(minutes=15), N)


@st.composite
def rooms(draw):
    set_point = draw(st.floats(22, 26))
    return physics.AirConditioningSpec(
        rated_kw=draw(st.floats(20, 500)),
        cop=draw(st.floats(2, 5)),
        capacity_kwh_per_k=draw(st.floats(10, 500)),
        loss_kw_per_k=draw(st.one_of(st.just(0.0), st.floats(0.5, 40))),
        comfort_min_c=set_point - draw(st.floats(0.5, 3)),
        set_point_c=set_point,
        comfort_max_c=set_point + draw(st.floats(0.5, 3)),
    )


def shares(low=0.0, high=1.0):
    return st.lists(st.floats(low, high), min_size=N, max_size=N)


orders = st.lists(st.one_of(st.none(), st.floats(0, 1.2)), min_size=N, max_size=N)


def run(spec, natural, limits, *, room_c=None, steps_per_period=1):
    state = physics.initial_state(spec) if room_c is None else physics.State(room_c)
    temperatures, consumed, h = [state.room_c], [], 0.25 / steps_per_period
    for t, kw in enumerate(np.repeat(natural, steps_per_period)):
        limit = limits[t // steps_per_period]
        command = None if limit is None else Command("import_limit_kw", limit)
        state, injection = physics.step(spec, state, drive=Drive(float(kw)), command=command, at_hours=t * h, hours=h)
        temperatures.append(state.room_c)
        consumed.append(-injection)
    return np.array(temperatures), np.array(consumed)


@given(spec=rooms(), natural=shares(), limits=orders, outside_c=st.floats(20, 40))
def test_the_heat_in_the_room_is_what_came_in_less_what_was_taken_out(spec, natural, limits, outside_c):
    """Against the differential equation itself, integrated over each step: C dT = L (T_out - T) dt + gains dt - cop P dt."""
    natural = np.array(natural) * spec.rated_kw
    room, consumed = run(spec, natural, [None if x is None else x * spec.rated_kw for x in limits])
    gains_kw = spec.cop * natural - spec.loss_kw_per_k * (outside_c - spec.set_point_c)
    for t in range(N):
        # Where the step ends up if nothing stops it, and the integral of the room's temperature over the step.
        rate = spec.loss_kw_per_k / spec.capacity_kwh_per_k
        if rate > 0:
            rest_c = outside_c + (gains_kw[t] - spec.cop * consumed[t]) / spec.loss_kw_per_k
            integral = rest_c * 0.25 + (room[t] - rest_c) * -np.expm1(-rate * 0.25) / rate
        else:
            integral = 0.25 * outside_c  # does not matter
        came_in = spec.loss_kw_per_k * (outside_c * 0.25 - integral) + gains_kw[t] * 0.25
        stored = spec.capacity_kwh_per_k * (room[t + 1] - room[t])
        assert stored == pytest.approx(came_in - spec.cop * consumed[t] * 0.25, rel=1e-9, abs=1e-9 * spec.capacity_kwh_per_k)


@given(spec=rooms(), natural=shares(0, 0.7), limits=orders)
def test_the_comfort_band_is_never_left_whatever_is_ordered(spec, natural, limits):
    """As long as the machine is large enough to hold the warm edge."""
    room, consumed = run(spec, np.array(natural) * spec.rated_kw, [None if x is None else x * spec.rated_kw for x in limits])
    assert (room >= spec.comfort_min_c - 1e-9).all()
    assert (room <= spec.comfort_max_c + 1e-9).all()
    assert (consumed >= 0).all()
    assert (consumed <= spec.rated_kw).all()


@given(spec=rooms(), natural=shares(0, 0.7), start=st.floats(0, 1))
def test_nobody_orders_and_the_room_goes_to_its_set_point_and_stays_there(spec, natural, start):
    room_c = spec.comfort_min_c + start * (spec.comfort_max_c - spec.comfort_min_c)
    for limits in ([None] * N, [spec.rated_kw] * N):
        room, consumed = run(spec, np.array(natural) * spec.rated_kw, limits, room_c=room_c)
        distance = np.abs(room - spec.set_point_c)
        assert (np.diff(distance) <= 1e-9).all()
        at_set = np.flatnonzero(distance[:-1] < 1e-12)
        assert np.allclose(consumed[at_set], (np.array(natural) * spec.rated_kw)[at_set])


def test_a_room_that_is_too_warm_is_cooled_with_all_there_is_against_any_limit():
    spec = physics.AirConditioningSpec(
        rated_kw=100, capacity_kwh_per_k=60, loss_kw_per_k=8, comfort_min_c=23, set_point_c=25, comfort_max_c=27
    )
    room, consumed = run(spec, np.full(N, 50.0), [0.0] * N, room_c=29.0)
    assert consumed[0] == 100
    assert room[1] < 29


@given(spec=rooms(), natural=shares(0, 0.7), limits=orders)
def test_three_steps_of_five_minutes_are_one_of_fifteen_at_constant_power(spec, natural, limits):
    """Where no edge is touched: the twin may step as finely as it likes."""
    natural = np.array(natural) * spec.rated_kw
    budget = [0.0 if x is None else min(x, 0.999) * spec.rated_kw for x in limits]
    whole, once = run(spec, natural, budget)
    finer, thrice = run(spec, natural, budget, steps_per_period=3)
    mean = thrice.reshape(N, 3).mean(axis=1)
    differs = np.flatnonzero(np.abs(mean - once) > 1e-9)
    until = differs[0] if len(differs) else N
    assert np.allclose(finer[::3][: until + 1], whole[: until + 1], atol=1e-9)


@given(spec=rooms(), natural=shares(0, 0.7), limits=orders)
def test_the_planning_store_is_the_room(spec, natural, limits):
    """The device's recursion, fed with what the twin did, holds what the twin's room holds."""
    natural = np.array(natural) * spec.rated_kw
    room, consumed = run(spec, natural, [None if x is None else x * spec.rated_kw for x in limits])
    made = physics.device(
        spec, physics.envelope(spec, grid=GRID, natural_kw=natural), stored_kwh=physics.stored_kwh(spec, physics.initial_state(spec))
    )
    store, level = made.store, made.store.initial_kwh
    unit = spec.band_kwh / max(made.store.max_kwh.max(), 1e-12)
    for t in range(N):
        moved = -consumed[t] - made.fixed_kw[t]
        level = store.keep_ratio * level + store.drift_kwh[t] - 0.25 * moved
        cold = spec.capacity_kwh_per_k * (spec.comfort_max_c - room[t + 1])
        assert level * unit == pytest.approx(cold, rel=1e-9, abs=1e-9 * spec.band_kwh)


@given(spec=rooms(), natural=shares(0, 1), start=st.floats(0, 1), seed=st.integers(0, 2**32 - 1))
def test_any_plan_inside_the_device_is_followed_to_the_watt(spec, natural, start, seed):
    """A random path through the store's bounds, told as import limits: the twin does what was planned, and ends at the set point."""
    rng, h = np.random.default_rng(seed), 0.25
    natural = np.array(natural) * spec.rated_kw
    stored = start * spec.band_kwh
    made = physics.device(spec, physics.envelope(spec, grid=GRID, natural_kw=natural, stored_kwh=stored), stored_kwh=stored)
    store, level, planned = made.store, made.store.initial_kwh, []
    low, high = backwards(made, h)
    for t in range(N):
        still = store.keep_ratio * level + store.drift_kwh[t]
        least, most = max(low[t], still - h * made.up_kw[t]), min(high[t], still + h * made.down_kw[t])
        goal = rng.uniform(least, max(least, most))  # (equal but for rounding)
        planned.append(-made.fixed_kw[t] + (goal - still) / h)
        level = goal
    room, consumed = run(spec, natural, planned, room_c=spec.comfort_max_c - stored / spec.capacity_kwh_per_k)
    assert np.allclose(consumed, planned, atol=1e-6 * spec.rated_kw)
    at_set = spec.set_kwh * h / spec.cop / physics.decay(spec, hours=h)[1]
    if store.min_kwh[-1] >= at_set:  # else it could not be cooled so far in time
        assert room[-1] <= spec.set_point_c + 1e-6


def backwards(made, h):
    """The store's bounds narrowed so that the rest of the day can still be met: what a solver would see."""
    store, low, high = made.store, made.store.min_kwh.copy(), made.store.max_kwh.copy()
    for t in range(N - 2, -1, -1):
        low[t] = max(low[t], (low[t + 1] - store.drift_kwh[t + 1] - h * made.down_kw[t + 1]) / store.keep_ratio)
        high[t] = min(high[t], (high[t + 1] - store.drift_kwh[t + 1] + h * made.up_kw[t + 1]) / store.keep_ratio)
    return low, high


@given(spec=rooms(), natural=shares(), start=st.floats(0, 1))
def test_the_envelopes_bounds_are_reached_by_the_twin(spec, natural, start):
    """Most and least energy: zero and full budget from the start, held at the edges by the band itself."""
    natural = np.array(natural) * spec.rated_kw
    stored = start * spec.band_kwh
    room_c = spec.comfort_max_c - stored / spec.capacity_kwh_per_k
    envelope = physics.envelope(spec, grid=GRID, natural_kw=natural, stored_kwh=stored)
    _, least = run(spec, natural, [0.0] * N, room_c=room_c)
    _, most = run(spec, natural, [spec.rated_kw * (1 - 1e-12)] * N, room_c=room_c)
    size = spec.rated_kw * N
    assert np.allclose(envelope.max_kwh, -np.cumsum(least) * 0.25, atol=1e-6 * size)
    assert np.allclose(envelope.min_kwh, -np.cumsum(most) * 0.25, atol=1e-6 * size)
    assert (envelope.min_kw <= envelope.base_kw).all()
    assert (envelope.base_kw <= envelope.max_kw).all()


@given(spec=rooms(), natural=shares(), limits=orders)
def test_what_holds_the_set_point_is_found_again_whoever_steered(spec, natural, limits):
    natural = np.array(natural) * spec.rated_kw
    room, consumed = run(spec, natural, [None if x is None else x * spec.rated_kw for x in limits])
    ratio = (spec.comfort_max_c - room) * spec.capacity_kwh_per_k / spec.band_kwh
    found = physics.natural_kw(spec, consumed_kw=consumed, soc_ratio=ratio[1:], hours=0.25)
    assert np.isnan(found[0])
    assert np.allclose(found[1:], natural[1:], atol=1e-6 * spec.rated_kw)
