"""A battery, whatever it is told: inside its limits, and no energy from nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.assets.domain import Command, Drive, Reserve
from aggregator.assets.domain import storage as physics
from aggregator.kernel.periods import Grid

GRID = Grid(datetime(2026, 7, 14, 16, tzinfo=UTC), timedelta(minutes=15), 12)


@st.composite
def batteries(draw):
    low = draw(st.floats(0, 0.4))
    high = draw(st.floats(0.6, 1))
    return physics.StorageSpec(
        energy_kwh=draw(st.floats(10, 5000)),
        charge_kw=draw(st.floats(1, 2000)),
        discharge_kw=draw(st.floats(1, 2000)),
        charge_efficiency=draw(st.floats(0.7, 1)),
        discharge_efficiency=draw(st.floats(0.7, 1)),
        soc_min_ratio=low,
        soc_max_ratio=high,
        soc_initial_ratio=draw(st.floats(low, high)),
    )


def run(spec, wanted_kw):
    state, injected = physics.initial_state(spec), []
    states = [state]
    for k, kw in enumerate(wanted_kw):
        command = None if kw is None else Command("injection_kw", kw)
        state, power = physics.step(spec, state, drive=Drive(), command=command, at_hours=k * 0.25, hours=0.25)
        states.append(state)
        injected.append(power)
    return states, np.array(injected)


commands = st.lists(st.one_of(st.none(), st.floats(-5000, 5000)), min_size=12, max_size=12)


@given(spec=batteries(), wanted=commands)
def test_state_of_charge_and_power_stay_inside_the_limits(spec, wanted):
    states, injected = run(spec, wanted)
    for state in states:
        assert spec.floor_kwh - 1e-6 <= state.stored_kwh <= spec.ceiling_kwh + 1e-6
    assert (injected <= spec.discharge_kw + 1e-9).all()
    assert (injected >= -spec.charge_kw - 1e-9).all()


@given(spec=batteries(), wanted=commands)
def test_what_is_stored_is_what_went_in_less_losses(spec, wanted):
    states, injected = run(spec, wanted)
    taken, given_back = -np.minimum(injected, 0).sum() * 0.25, np.maximum(injected, 0).sum() * 0.25
    balance = states[0].stored_kwh + taken * spec.charge_efficiency - given_back / spec.discharge_efficiency
    assert states[-1].stored_kwh == pytest.approx(balance, abs=1e-6)


@given(spec=batteries(), wanted=commands)
def test_every_possible_day_lies_inside_the_power_envelope(spec, wanted):
    envelope = physics.envelope(spec, grid=GRID, stored_kwh=physics.initial_state(spec).stored_kwh)
    _states, injected = run(spec, wanted)
    assert (injected <= envelope.max_kw + 1e-6).all()
    assert (injected >= envelope.min_kw - 1e-6).all()


@given(spec=batteries(), discharge=st.booleans())
def test_one_direction_from_the_start_reaches_the_energy_envelope_and_no_more(spec, discharge):
    envelope = physics.envelope(spec, grid=GRID, stored_kwh=physics.initial_state(spec).stored_kwh)
    _states, injected = run(spec, [5000.0 if discharge else -5000.0] * 12)
    energy = np.cumsum(injected) * 0.25
    bound = envelope.max_kwh if discharge else envelope.min_kwh
    assert energy == pytest.approx(bound, rel=1e-6, abs=1e-6)


def test_without_a_command_it_stands_still():
    spec = physics.StorageSpec(energy_kwh=100, charge_kw=50, discharge_kw=50)
    states, injected = run(spec, [None] * 12)
    assert not injected.any()
    assert states[-1] == states[0]


def test_a_margin_keeps_away_from_both_ends():
    spec = physics.StorageSpec(energy_kwh=100, charge_kw=50, discharge_kw=50)
    plain = physics.envelope(spec, grid=GRID, stored_kwh=50)
    careful = physics.envelope(spec, grid=GRID, stored_kwh=50, margin_kwh=5)
    assert careful.max_kwh[-1] < plain.max_kwh[-1]
    assert careful.min_kwh[-1] > plain.min_kwh[-1]


def test_a_meter_outside_the_band_gives_a_device_that_can_still_be_planned():
    spec = physics.StorageSpec(energy_kwh=100, charge_kw=50, discharge_kw=50)
    device = physics.device(spec, physics.envelope(spec, grid=GRID, stored_kwh=4), stored_kwh=4)
    assert device.store.min_kwh[0] == 4  # below the owner's 10 kWh: physics holds, the plan stays feasible


def test_a_battery_that_is_not_heard_of_offers_nothing():
    spec = physics.StorageSpec(energy_kwh=100, charge_kw=50, discharge_kw=50)
    device = physics.device(spec, physics.envelope(spec, grid=GRID, stored_kwh=50, quality="stale"), stored_kwh=50)
    assert not device.up_kw.any()
    assert not device.down_kw.any()


@given(spec=batteries(), free=st.lists(st.booleans(), min_size=12, max_size=12), wish=st.lists(st.floats(-1, 1), min_size=12, max_size=12))
def test_the_device_moves_where_its_envelope_does_and_its_store_can_follow(spec, free, wish):
    """An owner's window takes the power away for that window only; whatever the device allows, physics can do."""
    stored = physics.initial_state(spec).stored_kwh
    whole = physics.envelope(spec, grid=GRID, stored_kwh=stored)
    room = np.array(free, dtype=float)
    device = physics.device(spec, replace(whole, max_kw=whole.max_kw * room, min_kw=whole.min_kw * room), stored_kwh=stored)
    open_ = physics.device(spec, whole, stored_kwh=stored)
    assert (device.up_kw == np.where(free, open_.up_kw, 0)).all()
    assert (device.down_kw == np.where(free, open_.down_kw, 0)).all()
    level, h, told = stored, GRID.hours, []
    for t, share in enumerate(wish):  # any plan inside power and store is carried out to the kW
        up = min(max(share, 0) * device.up_kw[t], (level - device.store.min_kwh[t]) * device.store.eta_out / h)
        down = min(max(-share, 0) * device.down_kw[t], (device.store.max_kwh[t] - level) / device.store.eta_in / h)
        level += h * (device.store.eta_in * down - up / device.store.eta_out)
        told.append(up - down)
    states, injected = run(spec, told)
    assert injected == pytest.approx(np.array(told), abs=1e-6)
    assert states[-1].stored_kwh == pytest.approx(level, abs=1e-5)


def test_a_full_and_empty_band_cannot_be_moved():
    spec = physics.StorageSpec(energy_kwh=100, charge_kw=50, discharge_kw=40, soc_min_ratio=0.5, soc_max_ratio=0.5)
    device = physics.device(spec, physics.envelope(spec, grid=GRID, stored_kwh=50), stored_kwh=50)
    assert not device.up_kw.any()
    assert not device.down_kw.any()


# --- reserve that is held back


def reserve_of(up_kw, down_kw, hours, window=slice(4, 8)):
    return physics.held_on(GRID, [(window, Reserve(up_kw, down_kw, hours))])


@given(spec=batteries(), start=st.floats(0, 1), share=st.floats(0, 1), hours=st.floats(0.1, 2), seed=st.integers(0, 2**32 - 1))
def test_what_is_held_back_can_be_given_at_any_moment_of_its_window(spec, start, share, hours, seed):
    """A random course inside the device; then the reserve is called in a period of the window: all of it, as long as promised."""
    usable = spec.ceiling_kwh - spec.floor_kwh
    up = min(share * spec.discharge_kw, 0.4 * usable * spec.discharge_efficiency / hours)
    down = min(share * spec.charge_kw, 0.4 * usable / spec.charge_efficiency / hours)
    stored = spec.floor_kwh + start * usable
    made = physics.device(
        spec,
        physics.envelope(spec, grid=GRID, stored_kwh=stored, held=reserve_of(up, down, hours)),
        stored_kwh=stored,
        held=reserve_of(up, down, hours),
    )
    rng, level, store = np.random.default_rng(seed), stored, made.store
    low, high = store.min_kwh.copy(), store.max_kwh.copy()
    for t in range(len(low) - 2, -1, -1):
        low[t] = max(low[t], low[t + 1] - 0.25 * made.down_kw[t + 1] * store.eta_in)
        high[t] = min(high[t], high[t + 1] + 0.25 * made.up_kw[t + 1] / store.eta_out)
    kept = spec.floor_kwh + up * hours / spec.discharge_efficiency
    room = spec.ceiling_kwh - down * hours * spec.charge_efficiency
    met = low[3] >= kept - 1e-9 and high[3] <= room + 1e-9  # else it could not be there in time
    for t in range(len(low)):
        least = max(low[t], level - 0.25 * made.up_kw[t] / store.eta_out)
        most = max(least, min(high[t], level + 0.25 * made.down_kw[t] * store.eta_in))
        goal = rng.uniform(least, most)
        power = (level - goal) * (store.eta_out if goal < level else 1 / store.eta_in) / 0.25
        level = goal
        if 4 <= t < 8:
            assert power + up <= spec.discharge_kw + 1e-6
            assert power - down >= -spec.charge_kw - 1e-6
            if met:
                assert (level - spec.floor_kwh) * spec.discharge_efficiency >= up * hours - 1e-6 * spec.energy_kwh
                assert (spec.ceiling_kwh - level) / spec.charge_efficiency >= down * hours - 1e-6 * spec.energy_kwh


def test_two_promises_add_up_and_narrow_the_envelope():
    spec = physics.StorageSpec(
        energy_kwh=1000, charge_kw=500, discharge_kw=500, discharge_efficiency=0.8, soc_min_ratio=0.1, soc_initial_ratio=0.5
    )
    held = physics.held_on(GRID, [(slice(4, 8), Reserve(100, 0, 0.5)), (slice(6, 10), Reserve(60, 200, 1.0))])
    envelope = physics.envelope(spec, grid=GRID, stored_kwh=500, held=held)
    assert envelope.max_kw.tolist() == [500] * 4 + [400] * 2 + [340] * 2 + [440] * 2 + [500] * 2
    assert envelope.min_kw.tolist() == [-500] * 6 + [-300] * 4 + [-500] * 2
    store = physics.device(spec, envelope, stored_kwh=500, held=held).store
    assert np.allclose(store.min_kwh[2:11], [100, 162.5, 162.5, 237.5, 237.5, 237.5, 175, 175, 100])


def test_where_one_promise_follows_another_the_larger_one_is_enough():
    """Energy that is there when the first ends serves the second as it begins."""
    held = physics.held_on(GRID, [(slice(2, 4), Reserve(100, 0, 1.0)), (slice(4, 6), Reserve(150, 0, 1.0))])
    assert held.up_kwh[:7].tolist() == [0, 100, 100, 150, 150, 150, 0]
    right_after = physics.held_on(GRID, [(slice(len(GRID), len(GRID)), Reserve(0, 80, 1.0))])
    assert (right_after.down_kwh[-1], right_after.down_kw.any()) == (80, False)


def test_a_promise_larger_than_the_battery_leaves_it_in_the_middle():
    spec = physics.StorageSpec(energy_kwh=100, charge_kw=500, discharge_kw=500)
    held = reserve_of(400, 400, 1.0)
    device = physics.device(spec, physics.envelope(spec, grid=GRID, stored_kwh=50, held=held), stored_kwh=50, held=held)
    assert (device.store.min_kwh <= device.store.max_kwh).all()
    assert device.up_kw[5] == device.down_kw[5] == 100
