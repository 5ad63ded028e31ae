"""A two-way charger's history is its timetable."""

from datetime import date, timedelta

import numpy as np
import pytest

from aggregator.assets.domain.two_way_charger import Booking, TwoWayChargerSpec
from aggregator.kernel.periods import Grid, midnight
from vpp.park_folder.booked import booked_sessions, left_alone, sessions_from

SPEC = TwoWayChargerSpec(
    battery_kwh=100,
    charge_kw=40,
    discharge_kw=30,
    charge_efficiency=0.8,
    timetable=(Booking(arrives_hour=23, stay_hours=9, arrival_soc_ratio=0.25, departure_soc_ratio=0.89),),
)
DAYS = Grid(midnight(date(2026, 7, 15)), timedelta(minutes=15), 2 * 96)


def test_it_charges_at_once_until_the_need_is_met() -> None:
    injection, soc = left_alone(SPEC, DAYS)
    assert -injection.sum() * 0.25 == pytest.approx(40 + 2 * 80 - 40)  # half of last night's, all of tonight's, half of the last
    assert injection.min() == pytest.approx(-40)
    assert np.isnan(soc[8 * 4 : 23 * 4]).all()
    assert soc[0] == pytest.approx(0.25 + 0.32 + 0.08)
    assert soc[8 * 4 - 1] == pytest.approx(0.89)


def test_a_stay_that_began_before_has_charged_until_then() -> None:
    early, tonight, _ = sessions_from(SPEC, DAYS)
    assert (early.arrival_kwh, early.need_kwh) == (pytest.approx(57), pytest.approx(32))
    assert (tonight.arrival_kwh, tonight.need_kwh) == (pytest.approx(25), pytest.approx(64))


def test_its_sessions_are_told_as_any_station_tells_them() -> None:
    first, second, last = booked_sessions(SPEC, DAYS)
    assert first.plugged_out_at == DAYS.starts_at + timedelta(hours=8)
    assert second.energy_kwh == pytest.approx(80)
    assert last.plugged_out_at is None
    assert last.energy_kwh is None
