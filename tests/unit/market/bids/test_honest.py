"""The demand-response quantity is honest: never above what is firm, asked for, or left after the margin."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.bids.domain.honest import honest_quantity, margin_kw, price_of

power = st.floats(min_value=0, max_value=20_000, allow_nan=False)


@given(planned=power, margin=power, firm=st.lists(power, min_size=1, max_size=8), most=power, least=power)
def test_the_quantity_never_passes_a_limit(planned, margin, firm, most, least):
    quantity, limit = honest_quantity(
        planned_kw=planned, margin_kw=margin, firm_up_kw=np.array(firm), max_kw=most, min_kw=least, quantity_step_kw=Decimal(10)
    )
    assert quantity % 10 == 0
    assert 0 <= quantity <= max(0, min(planned - margin, *firm, most))
    assert quantity == 0 or float(quantity) >= least
    assert limit


@pytest.mark.parametrize(
    ("change", "quantity", "limit"),
    [
        ({}, 800, "forecast_margin"),
        ({"max_kw": 500.0}, 500, "invitation_maximum"),
        ({"firm_up_kw": np.array([900.0, 640.0])}, 640, "firm_envelope"),
        ({"min_kw": 1000.0}, 0, "market_minimum"),
        ({"planned_kw": 100.0}, 0, "forecast_margin"),
    ],
)
def test_the_binding_limit_is_named(change, quantity, limit):
    case = {"planned_kw": 1000.0, "margin_kw": 200.0, "firm_up_kw": np.array([2000.0, 1500.0]), "max_kw": 5000.0, "min_kw": 50.0}
    assert honest_quantity(**(case | change), quantity_step_kw=Decimal(10)) == (Decimal(quantity), limit)


def test_more_confidence_takes_a_larger_margin_and_even_odds_none():
    expected, p10 = np.array([-500.0, -480.0]), np.array([-600.0, -560.0])
    assert margin_kw(expected_kw=expected, p10_kw=p10, confidence=0.9) == pytest.approx(90.0)
    assert margin_kw(expected_kw=expected, p10_kw=p10, confidence=0.5) == pytest.approx(0.0)
    assert margin_kw(expected_kw=expected, p10_kw=p10, confidence=0.95) > 90.0
    with pytest.raises(ValueError, match="confidence"):
        margin_kw(expected_kw=expected, p10_kw=p10, confidence=1.0)


@pytest.mark.parametrize(
    ("cost", "price"),
    [
        (300.0, "330.00"),
        (1400.0, "1500.00"),  # the markup gives way to the cap ...
        (1500.01, None),  # ... the cost does not
        (-40.0, "0.00"),  # a gain is offered at the floor
    ],
)
def test_the_price_is_cost_and_markup_inside_the_cap(cost, price):
    got = price_of(cost_cny_per_mwh=cost, markup_ratio=0.1, floor=Decimal(0), cap=Decimal(1500), step=Decimal("0.01"))
    assert got == (None if price is None else Decimal(price))
