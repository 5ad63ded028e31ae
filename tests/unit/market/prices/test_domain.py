"""Prices are exact; missing, zero and negative are three different things."""

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.prices.domain import PricesMalformed, check_length, cny_per_mwh, decimals, from_message, steps

DAY = date(2025, 6, 23)
prices = st.lists(st.none() | st.decimals(min_value=-99999999, max_value=99999999, places=4), max_size=96)


@given(prices)
def test_prices_survive_exactly(given_prices):
    assert decimals(steps(given_prices)) == given_prices
    floats = cny_per_mwh(steps(given_prices))
    for price, value in zip(given_prices, floats, strict=True):
        assert np.isnan(value) if price is None else value == pytest.approx(float(price), abs=1e-9)


def test_missing_zero_and_negative():
    counts = steps([None, Decimal(0), Decimal("-80.5")])
    np.testing.assert_array_equal(cny_per_mwh(counts), [np.nan, 0.0, -80.5])
    assert decimals(counts) == [None, Decimal("0.0000"), Decimal("-80.5000")]


@pytest.mark.parametrize("price", ["0.00001", "NaN", "Infinity", "1e12", "-1e12"])
def test_what_is_not_a_price_is_refused_not_rounded(price):
    with pytest.raises(PricesMalformed):
        steps([Decimal(price)])


def message(*prices):
    return {
        "market": "x",
        "day": "2025-06-23",
        "resolution_s": 3600,
        "prices_cny_per_mwh": list(prices),
        "source": "NE",
        "synthetic": False,
    }


@pytest.mark.parametrize("text", [1.5, 1, "", "1,5", "x", True, [], "1 000"])
def test_a_message_gives_decimal_strings(text):
    with pytest.raises(PricesMalformed):
        from_message(message(text))


def test_null_is_missing():
    assert from_message(message("-0.5", None)).prices == [Decimal("-0.5"), None]


@pytest.mark.parametrize(("minutes", "n"), [(5, 288), (15, 96), (30, 48), (60, 24)])
def test_one_price_per_period_of_the_day(minutes, n):
    resolution = timedelta(minutes=minutes)
    check_length(day=DAY, resolution=resolution, n_prices=n)
    for wrong in (n - 1, n + 1, 0):
        with pytest.raises(PricesMalformed):
            check_length(day=DAY, resolution=resolution, n_prices=wrong)


@pytest.mark.parametrize("resolution", [timedelta(0), timedelta(minutes=-15), timedelta(minutes=7), timedelta(days=2)])
def test_a_resolution_that_does_not_divide_the_day(resolution):
    with pytest.raises(PricesMalformed):
        check_length(day=DAY, resolution=resolution, n_prices=0)
