"""The price forecast: like days only, whole days only, right on the clock, and never invented."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from aggregator.kernel.periods import delivery_day
from market.bids.domain.prices import PriceHistoryMissing, lookback, price_scenarios

HOUR = timedelta(hours=1)
BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = date(2025, 6, 23)


def curve(value, hours=24):
    return np.full(hours, float(value))


def test_a_working_day_learns_from_working_days_nearest_first():
    grid = delivery_day(MONDAY, resolution=HOUR)
    history = {day: curve(k) for k, day in enumerate(lookback(MONDAY, days=14), start=1)}
    got = price_scenarios(history=history, day=MONDAY, grid=grid)
    # June 21 and 22 are a weekend; the four working days before them are 3, 4, 5 and 6 days back.
    assert got.days == tuple(date(2025, 6, d) for d in (20, 19, 18, 17))
    assert got.expected_cny_per_mwh.tolist() == [4.5] * 24
    assert got.scenarios_cny_per_mwh[:, 0].tolist() == [4.5, 3, 4, 5, 6]


def test_incomplete_days_do_not_count():
    grid = delivery_day(MONDAY, resolution=HOUR)
    broken = curve(1)
    broken[5] = np.nan
    history = {date(2025, 6, 20): broken, date(2025, 6, 19): curve(-80), date(2025, 6, 18): curve(1, 96)}
    got = price_scenarios(history=history, day=MONDAY, grid=grid)
    assert got.days == (date(2025, 6, 19),)
    assert got.expected_cny_per_mwh.tolist() == [-80.0] * 24


def test_no_like_day_is_a_refusal_and_never_a_zero():
    grid = delivery_day(MONDAY, resolution=HOUR)
    with pytest.raises(PriceHistoryMissing):
        price_scenarios(history={date(2025, 6, 22): curve(300)}, day=MONDAY, grid=grid)


@pytest.mark.parametrize("sunday", [date(2025, 3, 30), date(2025, 10, 26)])
def test_days_of_23_and_25_hours_meet_on_the_clock(sunday):
    source = delivery_day(sunday, resolution=HOUR, tz=BERLIN)
    assert len(source) in (23, 25)
    clock = np.array([at.astimezone(BERLIN).hour for at in source.starts], dtype=float)
    saturday = sunday + timedelta(days=6)
    got = price_scenarios(history={sunday: clock}, day=saturday, grid=delivery_day(saturday, resolution=HOUR, tz=BERLIN), tz=BERLIN)
    expected = np.arange(24.0)
    if len(source) == 23:
        expected[2] = 1.0  # 02:00 did not exist; the hour before stands in
    assert got.expected_cny_per_mwh.tolist() == expected.tolist()
