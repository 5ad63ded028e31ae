"""Rooms: whatever stays inside them breaks neither power nor energy nor ramp over the whole window; more would."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.dispatch.domain.split import rooms, store_energy

FREE = {"min_injection_kwh": -np.inf, "max_injection_kwh": np.inf, "ramp_kw_per_min": np.inf}


def room_of(*, minutes: float = 15.0, hours: float = 1.0, **columns: float) -> tuple[float, float]:
    """(down, up) of one asset."""
    both = rooms(**{name: np.array([value]) for name, value in {**FREE, **columns}.items()}, minutes_to_start=minutes, hours=hours)
    return float(both.down_room_kw[0]), float(both.up_room_kw[0])


def test_power_is_counted_from_where_the_asset_is() -> None:
    assert room_of(injection_kw=-20.0, min_injection_kw=-50.0, max_injection_kw=60.0) == (30.0, 80.0)


def test_energy_is_counted_over_the_whole_window() -> None:
    columns = {
        "injection_kw": 0.0,
        "min_injection_kw": -50.0,
        "max_injection_kw": 50.0,
        "min_injection_kwh": -30.0,
        "max_injection_kwh": 20.0,
    }
    assert room_of(**columns, hours=0.25) == (50.0, 50.0)
    assert room_of(**columns, hours=1.0) == (30.0, 20.0)
    assert room_of(**columns, hours=4.0) == (7.5, 5.0)


def test_a_car_that_needs_its_energy_can_be_held_back_only_so_far() -> None:
    down, up = room_of(
        injection_kw=-10.0, min_injection_kw=-11.0, max_injection_kw=0.0, min_injection_kwh=-11.0, max_injection_kwh=-4.0, hours=1.0
    )
    assert (down, up) == (1.0, 6.0)


def test_a_slow_asset_gets_as_far_as_its_ramp_takes_it_before_the_window() -> None:
    columns = {"injection_kw": 0.0, "min_injection_kw": -50.0, "max_injection_kw": 50.0, "ramp_kw_per_min": 2.0}
    assert room_of(**columns, minutes=10.0) == (20.0, 20.0)
    assert room_of(**columns, minutes=0.0) == (0.0, 0.0)
    assert room_of(**{**columns, "ramp_kw_per_min": np.inf}, minutes=0.0) == (50.0, 50.0)
    assert room_of(**{**columns, "ramp_kw_per_min": 0.0}, minutes=10.0) == (0.0, 0.0)


def test_a_bound_that_is_broken_already_leaves_no_room_that_way() -> None:
    down, up = room_of(injection_kw=70.0, min_injection_kw=-50.0, max_injection_kw=60.0)
    assert (down, up) == (120.0, 0.0)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.1, 100.0), st.floats(0.1, 20.0), st.floats(0.25, 8.0))
def test_the_energy_of_both_ramps_is_counted(kwh, ramp, hours) -> None:
    columns = {"injection_kw": 0.0, "min_injection_kw": 0.0, "max_injection_kw": 1e6}
    _, up = room_of(**columns, max_injection_kwh=kwh, ramp_kw_per_min=ramp, minutes=1e6, hours=hours)
    ramp_hours = up / ramp / 60.0
    assert up * (hours + ramp_hours) == pytest.approx(kwh, rel=1e-9)  # the area of the trapezoid: not less, or more were possible


@settings(max_examples=30, deadline=None)
@given(st.floats(0.0, 100.0), st.floats(-40.0, 40.0), st.floats(0.25, 4.0), st.floats(0.7, 1.0), st.sampled_from([1.0, -1.0]))
def test_a_store_is_full_or_empty_at_the_end_of_the_window_at_most(stored, now_kw, hours, eta, side) -> None:
    columns = {"stored_kwh": stored, "min_kwh": 5.0, "max_kwh": 95.0, "eta_in": eta, "eta_out": eta}
    least, most = (float(bound[0]) for bound in store_energy(**{name: np.array([value]) for name, value in columns.items()}))
    down, up = room_of(
        injection_kw=now_kw, min_injection_kw=-50.0, max_injection_kw=50.0, min_injection_kwh=least, max_injection_kwh=most, hours=hours
    )
    power = now_kw + (up if side > 0 else -down)
    after = stored - power * hours / eta if power > 0 else stored - power * hours * eta
    if side > 0 and up > 0:
        assert after >= min(5.0, stored) - 1e-9
    if side < 0 and down > 0:
        assert after <= max(95.0, stored) + 1e-9
    assert abs(power) <= 50.0 + 1e-9
