from decimal import Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aggregator.kernel.quantities import from_consumption, kwh_from_wh, to_consumption, wh_from_kwh


def test_consumption_is_negative_injection():
    assert from_consumption(320.0) == -320.0
    assert to_consumption(Decimal("-1.5")) == Decimal("1.5")
    np.testing.assert_array_equal(from_consumption(np.array([1.0, -2.0])), [-1.0, 2.0])


@given(st.integers(-(10**12), 10**12))
def test_watt_hours_survive_the_way_to_kwh_and_back(wh):
    assert wh_from_kwh(kwh_from_wh(wh)) == wh


def test_half_a_watt_hour_rounds_away_from_zero():
    assert wh_from_kwh(Decimal("0.0005")) == 1
    assert wh_from_kwh(Decimal("-0.0005")) == -1
