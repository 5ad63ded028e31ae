"""The price forecast: like days only, whole days only, right on the clock, and never invented."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from aggregator.kernel.periods import SHANGHAI, delivery_day
from market.bids.domain.prices import PriceHistoryMissing, deviation_cost, lookback, price_scenarios

HOUR = timedelta(hours=1)
BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = date(2025, 6, 23)
GRID = delivery_day(MONDAY, resolution=HOUR)


def curve(value, hours=24):
    return np.full(hours, float(value))


def scenarios(history, *, day=MONDAY, grid=GRID, most=20, expected_days=4, tz=SHANGHAI):
    return price_scenarios(history=history, day=day, grid=grid, most=most, expected_days=expected_days, tz=tz)


def test_a_working_day_learns_from_working_days_nearest_first():
    got = scenarios({day: curve(k) for k, day in enumerate(lookback(MONDAY, days=14), start=1)}, most=4)
    # June 21 and 22 are a weekend; the four working days before them are 3, 4, 5 and 6 days back.
    assert got.days == tuple(date(2025, 6, d) for d in (20, 19, 18, 17))
    assert got.curves_cny_per_mwh[:, 0].tolist() == [3, 4, 5, 6]
    assert got.expected_cny_per_mwh.tolist() == [4.5] * 24


def test_the_expected_price_is_that_of_the_nearest_days_only():
    history = {day: curve(k) for k, day in enumerate(lookback(MONDAY, days=35), start=1)}
    got = scenarios(history, most=20, expected_days=2)
    assert len(got.days) == len(got.curves_cny_per_mwh) == 20
    assert got.expected_cny_per_mwh.tolist() == [3.5] * 24


def test_incomplete_days_do_not_count():
    broken = curve(1)
    broken[5] = np.nan
    got = scenarios({date(2025, 6, 20): broken, date(2025, 6, 19): curve(-80), date(2025, 6, 18): curve(1, 96)})
    assert got.days == (date(2025, 6, 19),)
    assert got.expected_cny_per_mwh.tolist() == [-80.0] * 24


def test_no_like_day_is_a_refusal_and_never_a_zero():
    with pytest.raises(PriceHistoryMissing):
        scenarios({date(2025, 6, 22): curve(300)})


def test_a_past_price_beyond_the_market_s_limits_counts_as_the_limit():
    history = {date(2025, 6, 20): curve(1800), date(2025, 6, 19): curve(-300)}
    got = price_scenarios(history=history, day=MONDAY, grid=GRID, most=5, expected_days=4, limits_cny_per_mwh=(-100.0, 1500.0))
    assert got.curves_cny_per_mwh[:, 0].tolist() == [1500, -100]
    assert got.expected_cny_per_mwh[0] == 700


@pytest.mark.parametrize("sunday", [date(2025, 3, 30), date(2025, 10, 26)])
def test_days_of_23_and_25_hours_meet_on_the_clock(sunday):
    source = delivery_day(sunday, resolution=HOUR, tz=BERLIN)
    assert len(source) in (23, 25)
    clock = np.array([at.astimezone(BERLIN).hour for at in source.starts], dtype=float)
    saturday = sunday + timedelta(days=6)
    got = scenarios({sunday: clock}, day=saturday, grid=delivery_day(saturday, resolution=HOUR, tz=BERLIN), tz=BERLIN)
    expected = np.arange(24.0)
    if len(source) == 23:
        expected[2] = 1.0  # 02:00 did not exist; the hour before stands in
    assert got.expected_cny_per_mwh.tolist() == expected.tolist()


def deviation(prices, real_time, *, least=1.0, assumed=50.0):
    return deviation_cost(prices=prices, real_time=real_time, grid=GRID, least_cny_per_mwh=least, assumed_cny_per_mwh=assumed)


def test_a_deviation_costs_the_mean_distance_of_the_two_prices_whichever_way_it_went():
    friday, thursday = date(2025, 6, 20), date(2025, 6, 19)
    prices = scenarios({friday: curve(300), thursday: curve(200)})
    got = deviation(prices, {friday: curve(340), thursday: curve(180), date(2025, 6, 18): curve(999)})
    assert (got.basis, got.days) == ("real_time_history", 2)
    assert got.cny_per_mwh.tolist() == [30.0] * 24


def test_half_a_real_time_history_counts_and_a_coarser_one_holds_for_its_periods():
    friday, thursday = date(2025, 6, 20), date(2025, 6, 19)
    gap = curve(340)
    gap[3] = np.nan
    prices = scenarios({friday: curve(300), thursday: curve(200)})
    got = deviation(prices, {friday: gap, thursday: np.array([210.0, 220.0])})
    assert got.days == 1
    assert got.cny_per_mwh.tolist() == [10.0] * 12 + [20.0] * 12


def test_without_real_time_prices_the_assumed_cost_is_named_as_such_and_it_is_never_nothing():
    prices = scenarios({date(2025, 6, 20): curve(300)})
    assert deviation(prices, {}).basis == "assumed"
    assert deviation(prices, {}).cny_per_mwh.tolist() == [50.0] * 24
    assert deviation(prices, {date(2025, 6, 20): curve(300)}).cny_per_mwh.tolist() == [1.0] * 24
