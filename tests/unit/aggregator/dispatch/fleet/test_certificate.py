"""The bound against an oracle that mixes schedules: below it at any prices, equal to it at the right ones."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.dispatch.domain.fleet.certificate import asset_prices, lower_bound
from aggregator.dispatch.domain.fleet.prices import Prices, blank_prices
from aggregator.dispatch.domain.fleet.problem import FleetProblem
from tests.unit.aggregator.dispatch.fleet.hull import best_responses_cny, hull_optimum
from tests.unit.aggregator.dispatch.fleet.parks import make_groups, make_market, make_problem, make_sites, make_stores, problems, tiny


def bound(problem: FleetProblem, prices: Prices) -> float:
    return lower_bound(problem, prices, best_responses_cny(problem, prices))


def drawn(problem: FleetProblem, seed: int, *, near: Prices | None = None) -> Prices:
    """Prices out of nowhere, or around given ones; with negative weights, too, which no dual can be."""
    rng = np.random.default_rng(seed)
    blank = blank_prices(len(problem.sites), len(problem.groups), np.zeros(problem.periods))
    values = {}
    for column in fields(Prices)[:6]:
        shape = getattr(blank, column.name).shape
        around = getattr(near, column.name) if near is not None else rng.uniform(-0.2, 2.0, shape)
        values[column.name] = around + rng.normal(0, 0.2, shape) * (rng.random(shape) < 0.5)
    return replace(blank, **values)


@settings(max_examples=15, deadline=None)
@given(problems(periods=8), st.integers(0, 1000))
def test_no_prices_make_the_bound_exceed_the_optimum(problem: FleetProblem, seed: int) -> None:
    optimum, duals = hull_optimum(problem)
    for prices in (drawn(problem, seed), drawn(problem, seed, near=duals)):
        assert bound(problem, prices) <= optimum + 1e-7 * max(1.0, abs(optimum))


@pytest.mark.parametrize("seed", range(5))
def test_at_its_own_duals_the_bound_of_stores_and_fills_is_the_optimum(seed: int) -> None:
    problem = tiny(seed, n_calls=0)
    optimum, duals = hull_optimum(problem)
    assert bound(problem, duals) == pytest.approx(optimum, rel=1e-9)


@pytest.mark.parametrize("seed", range(5, 10))
def test_at_its_own_duals_the_bound_of_everything_is_that_of_mixed_schedules(seed: int) -> None:
    problem = tiny(seed, 8)
    optimum, duals = hull_optimum(problem)
    assert bound(problem, duals) == pytest.approx(optimum, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("shift", [-0.5, -5.0, -50.0])
def test_it_stays_a_bound_at_strongly_negative_prices(shift: float) -> None:
    problem = tiny(3, 8, negative_prices=True)
    optimum, duals = hull_optimum(problem)
    assert bound(problem, replace(duals, lam_cny_per_kwh=duals.lam_cny_per_kwh + shift)) <= optimum + 1e-7


def test_demand_weights_above_the_demand_price_are_scaled_down_to_it() -> None:
    problem = make_problem(2, hours=1.0, sites=make_sites(2, fixed_injection_kw=-10.0, demand_price_cny_per_kw=3.0, peak_so_far_kw=4.0))
    prices = replace(blank_prices(1, 0, np.zeros(2)), lam_cny_per_kwh=np.array([[2.5, 2.5]]))
    # 20 kWh at 1 CNY and 6 kW above the peak so far at 3 CNY
    for weights in ([1.5, 1.5], [15.0, 15.0]):
        assert lower_bound(problem, replace(prices, demand_cny_per_kw=np.array([weights])), 0.0) == pytest.approx(38.0)


def test_a_market_value_outside_the_market_is_clipped() -> None:
    market = make_market(1, -10.0, up=[(4.0, 0.2)], down=[(4.0, 0.5)], over=0.1, under=2.0)
    problem = make_problem(1, hours=1.0, sites=make_sites(1, fixed_injection_kw=-10.0), market=market)
    prices = replace(blank_prices(1, 0, np.array([0.3])), lam_cny_per_kwh=np.array([[1.3]]))
    assert lower_bound(problem, prices, 0.0) == pytest.approx(10.0)
    outside, edge = (lower_bound(problem, replace(prices, mu_cny_per_kwh=np.array([mu])), 0.0) for mu in (9.0, 2.0))
    assert outside == edge


def test_an_asset_pays_for_its_group_and_the_group_around_it() -> None:
    groups = make_groups(1, site=[0, 0, 1], parent=[-1, 0, -1])
    stores = make_stores(1, site=[0, 0, 0, 1], group=[-1, 0, 1, 2])
    problem = make_problem(1, sites=make_sites(1, import_limit_kw=[5.0, 5.0]), groups=groups, stores=stores)
    prices = replace(
        blank_prices(2, 3, np.zeros(1)),
        lam_cny_per_kwh=np.array([[1.0], [2.0]]),
        group_up_cny_per_kwh=np.array([[0.1], [0.04], [0.0]]),
        group_down_cny_per_kwh=np.array([[0.0], [0.0], [0.5]]),
    )
    found = asset_prices(problem, prices)
    assert found.price_rows[found.row_of_store, 0] == pytest.approx([1.0, 0.9, 0.86, 2.5])
