"""Spare time into a smaller gap: never dearer, and by a number of sites always the same."""

import numpy as np
import pytest

from aggregator.dispatch.domain.fleet import polish as module
from aggregator.dispatch.domain.fleet.cost import cost_of, flows_of
from aggregator.dispatch.domain.fleet.improve import guide, settle
from aggregator.dispatch.domain.fleet.market_model import market_prices
from aggregator.dispatch.domain.fleet.polish import polish
from aggregator.dispatch.domain.fleet.prices import Prices
from aggregator.dispatch.domain.fleet.problem import FleetProblem
from aggregator.dispatch.domain.fleet.schedules import Schedules
from aggregator.dispatch.domain.fleet.virtual import virtual_assets
from tests.unit.aggregator.dispatch.fleet.parks import tiny


def swept(seed: int) -> tuple[FleetProblem, Schedules, Prices]:
    problem = tiny(seed, n_sites=5, n_stores=20, n_fills=8, n_calls=6, periods=12)
    prices = market_prices(problem, virtual_assets(problem), deadline_s=30).sites
    assert prices is not None
    schedules = Schedules(problem)
    schedules.limit_exports(prices.xcap_kw)
    guide(schedules, problem, prices)
    settle(schedules, problem, prices.share_cny_per_kwh, passes=((7, 0.0),))
    return problem, schedules, prices


def cost(problem: FleetProblem, schedules: Schedules, prices: Prices) -> float:
    moves = schedules.moves
    return cost_of(problem, moves, flows_of(problem, moves, value_injection_cny_per_kwh=prices.mu_cny_per_kwh))


@pytest.mark.parametrize("seed", range(4))
def test_a_number_of_sites_is_kept_to_and_the_cost_never_rises(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    problem, schedules, prices = swept(seed)
    solved, exact = [], module.solve_reference
    monkeypatch.setattr(module, "solve_reference", lambda *a, **k: solved.append(1) or exact(*a, **k))
    before = cost(problem, schedules, prices)
    better = polish(problem, schedules, prices, most_sites=2)
    assert len(solved) == 2
    assert 0 <= better <= 2
    assert cost(problem, schedules, prices) <= before + 1e-6 * abs(before)


def test_a_number_of_sites_gives_the_same_plan_every_time_and_more_sites_no_dearer_one() -> None:
    costs, plans = [], []
    for most in (3, 3, None):
        problem, schedules, prices = swept(1)
        polish(problem, schedules, prices, most_sites=most)
        costs.append(cost(problem, schedules, prices))
        plans.append(schedules.moves.store_kw.copy())
    assert costs[0] == costs[1]
    np.testing.assert_array_equal(plans[0], plans[1])
    assert costs[2] <= costs[0] + 1e-9 * abs(costs[0])


def test_without_time_nothing_is_touched() -> None:
    problem, schedules, prices = swept(2)
    before = schedules.moves.store_kw.copy()
    assert polish(problem, schedules, prices, seconds=0.0) == 0
    np.testing.assert_array_equal(schedules.moves.store_kw, before)
