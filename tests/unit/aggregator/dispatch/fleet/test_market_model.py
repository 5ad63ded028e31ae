"""The portfolio's prices: exact where every site stands for itself, inside the market's prices where sites are clustered."""

import numpy as np
import pytest

from aggregator.dispatch.domain.fleet import market_model
from aggregator.dispatch.domain.fleet.certificate import lower_bound
from aggregator.dispatch.domain.fleet.market_model import cluster_sites, market_prices
from aggregator.dispatch.domain.fleet.virtual import virtual_assets
from tests.unit.aggregator.dispatch.fleet.hull import best_responses_cny, hull_optimum
from tests.unit.aggregator.dispatch.fleet.parks import tiny
from tests.unit.aggregator.dispatch.fleet.test_site_model import one_of_a_kind


@pytest.mark.parametrize("seed", range(8))
def test_with_few_sites_the_bound_at_its_prices_is_the_optimum_where_nothing_is_averaged(seed: int) -> None:
    problem = one_of_a_kind(seed)
    optimum, _ = hull_optimum(problem)
    market = market_prices(problem, virtual_assets(problem), deadline_s=10.0)
    assert market.sites is not None
    assert lower_bound(problem, market.sites, best_responses_cny(problem, market.sites)) == pytest.approx(optimum, rel=1e-7, abs=1e-7)


def test_clusters_give_a_price_inside_the_market_and_steps_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market_model, "FEW_SITES", 4)
    problem = tiny(2, n_sites=20, n_stores=60, n_fills=30, n_calls=20)
    market = market_prices(problem, virtual_assets(problem), clusters=4, deadline_s=10.0)
    values = problem.market_values
    assert market.solved
    assert market.sites is None
    assert ((market.mu_cny_per_kwh >= values[:, -1]) & (market.mu_cny_per_kwh <= values[:, 0])).all()
    assert (market.up_kw <= problem.market.up_kw + 1e-7).all()
    assert (market.down_kw <= problem.market.down_kw + 1e-7).all()
    assert (market.up_kw.sum(axis=1) * market.down_kw.sum(axis=1) < 1e-6).all()


def test_clusters_are_repeatable_and_put_like_sites_together() -> None:
    problem = tiny(2, n_sites=40, n_stores=80, n_fills=40, n_calls=40)
    virtual = virtual_assets(problem)
    label = cluster_sites(virtual, 6)
    assert label.tolist() == cluster_sites(virtual, 6).tolist()
    assert sorted(set(label.tolist())) == list(range(label.max() + 1))
    ratio = problem.sites.generation_kw.sum(axis=1) / -problem.sites.fixed_injection_kw.sum(axis=1)
    within = sum(((ratio[label == k] - ratio[label == k].mean()) ** 2).sum() for k in range(label.max() + 1))
    assert within < 0.7 * ((ratio - ratio.mean()) ** 2).sum()


def test_without_a_market_a_kwh_is_worth_nothing_more() -> None:
    problem = tiny(1, market=False)
    market = market_prices(problem, virtual_assets(problem), deadline_s=10.0)
    assert not market.mu_cny_per_kwh.any()
    assert market.sites is None


def test_out_of_time_the_market_is_taken_at_its_reference() -> None:
    problem = tiny(1)
    market = market_prices(problem, virtual_assets(problem), deadline_s=0.0)
    between = np.stack([problem.market.up_price_cny_per_kwh[:, 0], problem.market.down_price_cny_per_kwh[:, 0]])
    assert not market.solved
    assert ((market.mu_cny_per_kwh >= between.min(axis=0)) & (market.mu_cny_per_kwh <= between.max(axis=0))).all()
