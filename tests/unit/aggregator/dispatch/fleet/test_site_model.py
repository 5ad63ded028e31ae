"""Prices of sites: from the live model as from a fresh one, exact where nothing is averaged, and never without an answer."""

from dataclasses import fields, replace

import numpy as np
import pulp
import pytest

from aggregator.dispatch.domain._bulk import BulkHighs, ModelBuilder
from aggregator.dispatch.domain.fleet import site_model
from aggregator.dispatch.domain.fleet._layout import Layout
from aggregator.dispatch.domain.fleet._site_lp import put_site
from aggregator.dispatch.domain.fleet._site_numbers import site_numbers
from aggregator.dispatch.domain.fleet.certificate import lower_bound
from aggregator.dispatch.domain.fleet.prices import UNLIMITED_KW, Prices
from aggregator.dispatch.domain.fleet.problem import CAP_CNY_PER_KWH, FleetProblem
from aggregator.dispatch.domain.fleet.site_model import SiteModel, site_prices
from aggregator.dispatch.domain.fleet.virtual import virtual_assets
from tests.unit.aggregator.dispatch.fleet.hull import best_responses_cny, hull_optimum
from tests.unit.aggregator.dispatch.fleet.parks import make_groups, make_problem, make_sites, make_stores, tiny


def one_of_a_kind(seed: int, **options: bool) -> FleetProblem:
    """At most one store and one fill a site: their sum is what they are. Stores that stay for a time and lose energy are left out."""
    problem = tiny(seed, n_stores=9, n_fills=5, n_calls=0, **options)
    stores = problem.stores
    passing = (stores.first > 0) | (stores.end < problem.periods)
    simple = np.flatnonzero(~passing | ((stores.keep_ratio == 1.0) & (stores.profile < 0)))

    def first_of(part, rows: np.ndarray):  # type: ignore[no-untyped-def]
        kept = rows[np.unique(part.site[rows], return_index=True)[1]]
        return type(part)(*(getattr(part, column.name)[kept] for column in fields(part)))

    return replace(problem, stores=first_of(stores, simple), fills=first_of(problem.fills, np.arange(len(problem.fills))))


def assert_same(one: Prices, other: Prices) -> None:
    for column in fields(Prices):
        np.testing.assert_array_equal(getattr(one, column.name), getattr(other, column.name))


@pytest.mark.parametrize("groups", [False, True])
def test_the_live_model_finds_what_a_fresh_one_finds(groups: bool) -> None:
    problem = tiny(7, n_sites=30, n_stores=60, n_fills=40, n_calls=30, groups=groups)
    virtual = virtual_assets(problem)
    rng = np.random.default_rng(0)
    mu = rng.uniform(-0.1, 0.4, problem.periods)
    model, layout = SiteModel(problem, virtual), Layout(virtual)
    sites = rng.permutation(30)[:10]
    values = site_numbers(layout, virtual, sites, mu)
    for k in range(len(sites)):
        builder = ModelBuilder("fresh")
        put_site(builder, layout, values, k)
        fresh = builder.finish()
        fresh.solve(BulkHighs(threads=1))
        assert model.solve(values, k) is not None
        assert model.cost_cny == pytest.approx(pulp.value(fresh.objective), rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("seed", range(8))
def test_where_nothing_is_averaged_the_prices_are_those_of_the_exact_model(seed: int) -> None:
    """Without a market the sites stand alone; with its prices the bound then reaches the optimum."""
    problem = one_of_a_kind(seed, market=False)
    optimum, _ = hull_optimum(problem)
    prices, _ = site_prices(problem, virtual_assets(problem), np.zeros(problem.periods))
    assert lower_bound(problem, prices, best_responses_cny(problem, prices)) == pytest.approx(optimum, rel=1e-7, abs=1e-7)
    assert (prices.demand_cny_per_kw.sum(axis=1) <= problem.sites.demand_price_cny_per_kw + 1e-7).all()
    assert not prices.over_limit_kw.any()
    assert not prices.group_over_limit_kw.any()


def test_prices_do_not_depend_on_the_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_model, "BATCH", 5)
    problem = tiny(11, n_sites=23, n_stores=60, n_fills=30, n_calls=30)
    virtual, mu = virtual_assets(problem), np.full(problem.periods, 0.1)
    assert_same(site_prices(problem, virtual, mu)[0], site_prices(problem, virtual, mu, threads=3)[0])


def test_the_plan_says_where_generation_is_curtailed_and_what_the_site_aims_at() -> None:
    sites = make_sites(2, generation_kw=[50.0, 10.0], fixed_injection_kw=-20.0, export_limit_kw=5.0)
    problem = make_problem(2, hours=1.0, sites=sites)
    prices, _ = site_prices(problem, virtual_assets(problem), np.zeros(2))
    assert prices.xcap_kw.tolist() == [[5.0, UNLIMITED_KW]]
    assert prices.target_kw.tolist() == [[30.0, -10.0]]
    assert prices.lam_cny_per_kwh == pytest.approx(np.array([[0.0, 1.0]]))


def test_a_limit_that_cannot_be_kept_gives_way_and_is_named() -> None:
    sites = make_sites(2, fixed_injection_kw=-20.0, import_limit_kw=[15.0, 25.0])
    problem = make_problem(2, sites=sites)
    prices, _ = site_prices(problem, virtual_assets(problem), np.zeros(2))
    assert prices.over_limit_kw.tolist() == [5.0, 0.0]
    assert prices.lam_cny_per_kwh[0] == pytest.approx([CAP_CNY_PER_KWH] * 2)


def test_a_group_that_cannot_keep_its_limit_is_named() -> None:
    groups = make_groups(2, site=[0, 0], import_limit_kw=[15.0, 25.0], fixed_injection_kw=-20.0)
    problem = make_problem(
        2, sites=make_sites(2, fixed_injection_kw=-40.0), stores=make_stores(2, group=[0, 1], discharge_kw=0.0), groups=groups
    )
    prices, _ = site_prices(problem, virtual_assets(problem), np.zeros(2))
    assert prices.group_over_limit_kw.tolist() == [5.0, 0.0]
    assert prices.group_down_cny_per_kwh[0] == pytest.approx([CAP_CNY_PER_KWH] * 2)


def test_a_site_that_the_solver_cannot_solve_is_priced_at_its_tariff(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = tiny(5)
    monkeypatch.setattr(SiteModel, "solve", lambda *_: None)
    prices, _ = site_prices(problem, virtual_assets(problem), np.full(problem.periods, 0.1))
    np.testing.assert_allclose(prices.lam_cny_per_kwh, problem.sites.buy_cny_per_kwh + 0.1)
    np.testing.assert_allclose(prices.target_kw, problem.sites.fixed_injection_kw + problem.sites.generation_kw)
    assert not prices.group_up_cny_per_kwh.any()
