"""Price-quantity steps: monotone, on the market's grid, and nothing is promised that no scenario wanted."""

from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.bids.domain.steps import OfferForm, Step, above, below, cleared_kw, curve, flat, form_problem, isotonic

FORM = OfferForm(
    price_floor_cny_per_mwh=Decimal(-100),
    price_cap_cny_per_mwh=Decimal(1500),
    price_step_cny_per_mwh=Decimal("0.01"),
    quantity_step_kw=Decimal(10),
    min_segments=3,
    max_segments=10,
)
prices = st.floats(min_value=-300, max_value=2000, allow_nan=False)
quantities = st.floats(min_value=-20_000, max_value=20_000, allow_nan=False)
pairs = st.lists(st.tuples(prices, quantities), min_size=1, max_size=14)


def offer(rows, form=FORM):
    return curve(prices_cny_per_mwh=np.array([p for p, _ in rows]), injection_kw=np.array([q for _, q in rows]), form=form)


@given(pairs)
def test_a_curve_is_monotone_and_fits_the_market_form(rows):
    steps = offer(rows)
    assert FORM.min_segments <= len(steps) <= FORM.max_segments
    assert steps[0].price_cny_per_mwh == FORM.price_floor_cny_per_mwh
    for lower, upper in pairwise(steps):
        assert lower.price_cny_per_mwh < upper.price_cny_per_mwh
        assert lower.injection_kw <= upper.injection_kw
    for step in steps:
        assert FORM.price_floor_cny_per_mwh <= step.price_cny_per_mwh <= FORM.price_cap_cny_per_mwh
        assert step.price_cny_per_mwh % FORM.price_step_cny_per_mwh == 0
        assert step.injection_kw % FORM.quantity_step_kw == 0


@given(pairs)
def test_no_step_lies_outside_what_the_scenarios_wanted(rows):
    half = float(FORM.quantity_step_kw) / 2
    wanted = [q for _, q in rows]
    for step in offer(rows):
        assert min(wanted) - half - 1e-6 <= float(step.injection_kw) <= max(wanted) + half + 1e-6


@given(st.lists(quantities, max_size=12))
def test_isotonic_is_the_projection_on_the_monotone_cone(values):
    fitted = isotonic(np.array(values))
    assert np.all(np.diff(fitted) >= -1e-9)
    # Kuhn-Tucker conditions of the projection: residuals are orthogonal, and sum to zero in all.
    residual = np.array(values) - fitted
    scale = 1 + np.sum(np.abs(values))
    assert abs(residual.sum()) <= 1e-9 * scale
    assert abs(residual @ fitted) <= 1e-9 * scale**2


def test_isotonic_keeps_what_is_already_monotone_and_pools_what_is_not():
    assert isotonic(np.array([1.0, 2.0, 5.0])).tolist() == [1, 2, 5]
    assert isotonic(np.array([3.0, 1.0, 5.0])).tolist() == [2, 2, 5]
    assert isotonic(np.array([9.0, 3.0, 0.0])).tolist() == [4, 4, 4]


def test_two_scenarios_meet_half_way_and_the_market_clears_what_each_wanted():
    steps = offer([(-50, -900), (250, -400), (450, 120)])
    assert steps == (
        Step(Decimal(-100), Decimal(-900)),
        Step(Decimal(100), Decimal(-400)),
        Step(Decimal(350), Decimal(120)),
    )
    assert cleared_kw(steps, Decimal(-50)) == -900
    assert cleared_kw(steps, Decimal(250)) == -400
    assert cleared_kw(steps, Decimal(450)) == 120
    assert cleared_kw(steps, Decimal(-101)) is None


def test_more_scenarios_than_segments_drop_the_smallest_gains():
    form = OfferForm(Decimal(0), Decimal(1000), Decimal(1), Decimal(1), 1, 3)
    steps = offer([(100, 0), (200, 50), (300, 51), (400, 52), (500, 100)], form)
    assert [s.injection_kw for s in steps] == [0, 50, 100]


def test_one_quantity_at_any_price_is_padded_to_the_least_number_of_segments():
    steps = flat(injection_kw=-1234.4, form=FORM)
    assert [s.injection_kw for s in steps] == [-1230] * 3
    assert cleared_kw(steps, Decimal(-100)) == cleared_kw(steps, Decimal(1500)) == -1230


def test_padding_below_the_cap_does_not_change_what_any_price_clears():
    form = OfferForm(Decimal(0), Decimal(1000), Decimal(1), Decimal(1), 4, 10)
    steps = offer([(0, 0), (2000, 80)], form)
    assert len(steps) == 4
    assert steps[-1] == Step(Decimal(1000), Decimal(80))
    assert cleared_kw(steps, Decimal(999)) == 0
    assert cleared_kw(steps, Decimal(1000)) == 80


def test_what_is_promised_is_never_rounded_up_and_a_price_never_down():
    assert below(129.99, Decimal(10)) == 120
    assert above(300.001, Decimal("0.01")) == Decimal("300.01")


def test_a_form_without_room_for_its_segments_is_refused():
    with pytest.raises(ValueError, match="narrow"):
        OfferForm(Decimal(0), Decimal(2), Decimal(1), Decimal(1), 3, 10)


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ([(-100, -500), (300, -400), (301, -390)], ""),
        ([(-100, -500), (300, -400)], "segments"),
        ([(-101, -500), (300, -400), (301, -390)], "price_limits"),
        ([(-100, -500), (300.5, -400), (301, -390)], "price_steps"),
        ([(-100, -500), (300, -405), (301, -390)], "quantity_steps"),
        ([(-100, -500), (300, -400), (300, -390)], "prices_rise"),
        ([(-100, -500), (300, -400), (301, -410)], "quantities_fall"),
    ],
)
def test_what_of_the_form_is_broken_is_named(steps, why):
    form = OfferForm(Decimal(-100), Decimal(1500), Decimal(1), Decimal(10), 3, 10)
    assert form_problem([Step(Decimal(str(price)), Decimal(kw)) for price, kw in steps], form) == why
