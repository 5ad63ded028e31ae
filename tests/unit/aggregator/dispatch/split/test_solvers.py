"""Water-filling is the QP, merit order is the LP, and PuLP over supply curves agrees with both."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.dispatch.domain.split import Rule, curves
from aggregator.dispatch.domain.split.curves import fill_by_curves
from aggregator.dispatch.domain.split.merit import merit_order
from aggregator.dispatch.domain.split.water import water_fill
from tests.unit.aggregator.dispatch.split.oracle import by_highs, lower_bound, objective
from tests.unit.aggregator.dispatch.split.parks import park, parks

SLOW = settings(max_examples=30, deadline=None)
WEIGHTS = st.sampled_from([0.002, 0.05, 0.5])


def within(ask, amount: np.ndarray) -> None:
    of_site = ask.per_site(amount)
    assert (amount >= -1e-6).all()
    assert (amount <= ask.room + 1e-6).all()
    assert (of_site <= ask.most + 1e-3).all()
    assert (of_site >= ask.least - 1e-3).all()
    assert of_site.sum() == pytest.approx(ask.amount, rel=1e-8, abs=1e-3)


@SLOW
@given(parks(), WEIGHTS, st.sampled_from(["cost", "floor"]))
def test_water_filling_reaches_the_lower_bound_of_its_own_prices(problem, fairness, name) -> None:
    ask = Rule(name, fairness).ask(problem)
    if not ask.amount:
        return
    filled = water_fill(ask)
    within(ask, filled.amount)
    bound = lower_bound(ask, filled.price, filled.site_price)
    assert objective(ask, filled.amount) == pytest.approx(bound, rel=1e-6, abs=1e-3)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("name", ["cost", "floor"])
def test_water_filling_is_the_qp_that_highs_solves(seed, name) -> None:
    ask = Rule(name, 0.2).ask(park(seed, assets=40, sites=6))
    amount, best = by_highs(ask)
    filled = water_fill(ask)
    assert objective(ask, filled.amount) == pytest.approx(best, rel=1e-6)
    np.testing.assert_allclose(filled.amount, amount, atol=1e-5 * ask.room.max())


def test_an_asset_with_less_weight_gives_less() -> None:
    even = park(
        1, assets=2, sites=1, up_room_kw=np.full(2, 50.0), cost_cny_per_kwh=np.zeros(2), site_up_kw=np.array([100.0]), change_kw=30.0
    )
    uneven = park(
        1,
        assets=2,
        sites=1,
        up_room_kw=np.full(2, 50.0),
        cost_cny_per_kwh=np.zeros(2),
        site_up_kw=np.array([100.0]),
        change_kw=30.0,
        weight_kw=np.array([50.0, 100.0]),
    )
    np.testing.assert_allclose(water_fill(Rule().ask(even)).amount, [15e3, 15e3])
    np.testing.assert_allclose(water_fill(Rule().ask(uneven)).amount, [10e3, 20e3])


@SLOW
@given(parks(), st.sampled_from(["cost", "floor"]))
def test_merit_order_is_the_optimum_of_the_lp(problem, name) -> None:
    ask = Rule(name, 0.0).ask(problem)
    if not ask.amount:
        return
    filled = merit_order(ask)
    within(ask, filled.amount)
    _, best = by_highs(ask)
    assert objective(ask, filled.amount) == pytest.approx(best, rel=1e-9, abs=1e-3)
    assert lower_bound(ask, filled.price, filled.site_price) == pytest.approx(best, rel=1e-9, abs=1e-3)


def test_merit_order_is_the_limit_of_water_filling() -> None:
    for seed in range(5):
        problem = park(seed, assets=40, sites=6)
        nearly = water_fill(Rule("cost", 1e-6).ask(problem))
        ask = Rule("cost", 0.0).ask(problem)
        exact = merit_order(ask)
        np.testing.assert_allclose(nearly.amount, exact.amount, atol=1.0)  # units
        assert nearly.price == pytest.approx(exact.price, abs=1e-5)
        used = ask.per_site(exact.amount) > 0
        np.testing.assert_allclose(nearly.site_price[used], exact.site_price[used], atol=1e-5)


@SLOW
@given(parks(), st.sampled_from([0.0, 0.002, 0.05, 0.5]), st.sampled_from(["cost", "floor", "pro_rata", "rotation"]))
def test_pulp_over_supply_curves_agrees_with_the_fast_path(problem, fairness, name) -> None:
    ask = Rule(name, fairness).ask(problem)
    if not ask.amount:
        return
    fast = water_fill(ask) if ask.shares else merit_order(ask)
    by_pulp = fill_by_curves(ask, near=fast.price, seconds=10.0)
    assert by_pulp is not None
    within(ask, by_pulp.amount)
    assert objective(ask, by_pulp.amount) == pytest.approx(objective(ask, fast.amount), rel=1e-2, abs=1.0)


@pytest.mark.parametrize("fairness", [0.0, 0.01])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_on_a_larger_park_the_two_costs_differ_by_less_than_one_percent(fairness, sign) -> None:
    for share in (0.03, 0.3, 0.9):
        ask = Rule("cost", fairness).ask(park(3, assets=2000, sites=60, share=share, sign=sign))
        fast = water_fill(ask) if ask.shares else merit_order(ask)
        by_pulp = fill_by_curves(ask, near=fast.price, seconds=20.0)
        assert (ask.cost * by_pulp.amount).sum() == pytest.approx((ask.cost * fast.amount).sum(), rel=0.01)
        assert by_pulp.price == pytest.approx(fast.price, abs=0.01)


def test_a_wrong_hint_makes_the_pulp_answer_dearer_but_never_wrong(monkeypatch) -> None:
    monkeypatch.setattr(curves, "FAR_PIECES", 20)
    ask = Rule("cost", 0.01).ask(park(5, assets=2000, sites=60))
    best = objective(ask, water_fill(ask).amount)
    for hint in (-1.0, 0.9, 50.0):
        by_pulp = fill_by_curves(ask, near=hint, seconds=20.0)
        within(ask, by_pulp.amount)
        assert best - 1.0 <= objective(ask, by_pulp.amount) <= 1.05 * best


def test_equal_costs_share_by_one_fraction_even_between_sites() -> None:
    problem = park(
        0,
        assets=4,
        sites=2,
        site=np.array([0, 0, 1, 1]),
        up_room_kw=np.array([10.0, 30.0, 20.0, 40.0]),
        cost_cny_per_kwh=np.array([0.2, 0.2, 0.2, 0.1]),
        site_up_kw=np.full(2, 1e3),
        change_kw=70.0,
    )
    np.testing.assert_allclose(merit_order(Rule("cost", 0.0).ask(problem)).amount, [5e3, 15e3, 10e3, 40e3])
