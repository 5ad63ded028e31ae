"""A change is split exactly, inside every range and every connection, the cheaper first."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.dispatch.domain.disaggregation import split_change


@st.composite
def splits(draw):
    n, sites = draw(st.integers(1, 12)), draw(st.integers(1, 3))
    column = lambda low, high: np.array(draw(st.lists(st.floats(low, high), min_size=n, max_size=n)))  # noqa: E731
    room = lambda: np.array(draw(st.lists(st.floats(0, 150), min_size=sites, max_size=sites)))  # noqa: E731
    return {
        "demanded_kw": draw(st.floats(-600, 600)),
        "up_kw": column(0, 100),
        "down_kw": column(0, 100),
        "cost_cny_per_kwh": column(0, 2),
        "site": np.array(draw(st.lists(st.integers(0, sites - 1), min_size=n, max_size=n))),
        "site_up_kw": room(),
        "site_down_kw": room(),
        "fairness": draw(st.sampled_from([0.0, 0.05, 1.0])),
    }


@settings(max_examples=200, deadline=None)
@given(splits())
def test_the_split_adds_up_and_stays_inside(case) -> None:
    split = split_change(**case)
    sign = 1 if case["demanded_kw"] >= 0 else -1
    room, caps = (case["up_kw"], case["site_up_kw"]) if sign > 0 else (case["down_kw"], case["site_down_kw"])
    moved = sign * split.change_kw
    assert split.change_kw.sum() + sign * split.shortfall_kw == pytest.approx(case["demanded_kw"], abs=1e-9)
    assert (moved >= -1e-9).all()  # nobody against the demand
    assert (moved <= room + 1e-9).all()
    sums = np.bincount(case["site"], weights=moved, minlength=len(caps))
    assert (sums <= caps + 1e-9).all()
    if split.shortfall_kw > 1e-9:  # only where nothing is left
        most = np.minimum(np.bincount(case["site"], weights=room, minlength=len(caps)), caps)
        assert sums.sum() == pytest.approx(most.sum(), abs=1e-6)


def test_merit_order_takes_the_cheapest_first() -> None:
    one = np.zeros(3, dtype=int)
    split = split_change(
        demanded_kw=50,
        up_kw=np.full(3, 30.0),
        down_kw=np.zeros(3),
        cost_cny_per_kwh=np.array([0.5, 0.1, 0.9]),
        site=one,
        site_up_kw=np.array([1e3]),
        site_down_kw=np.array([1e3]),
        fairness=0,
    )
    np.testing.assert_allclose(split.change_kw, [20, 30, 0])


def test_equal_costs_share_by_range() -> None:
    split = split_change(
        demanded_kw=30,
        up_kw=np.array([20.0, 40.0]),
        down_kw=np.zeros(2),
        cost_cny_per_kwh=np.array([0.2, 0.2]),
        site=np.zeros(2, dtype=int),
        site_up_kw=np.array([1e3]),
        site_down_kw=np.array([1e3]),
    )
    np.testing.assert_allclose(split.change_kw, [10, 20])
