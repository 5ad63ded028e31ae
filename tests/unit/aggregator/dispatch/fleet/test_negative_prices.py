"""Exports at a loss: what can be curtailed is, and the rest is worth its negative price to every asset."""

import numpy as np
import pytest

from aggregator.dispatch.domain.fleet.checker import check_fleet
from aggregator.dispatch.domain.fleet.plan import plan_fleet
from aggregator.dispatch.domain.fleet.problem import FleetProblem
from tests.unit.aggregator.dispatch.fleet.parks import make_groups, make_market, make_problem, make_sites, make_stores


def park(
    *, fixed_kw: float, generation_kw: float, buy: float = -0.5, sell: float = -0.5, initial_kwh: float = 0.0, **parts: object
) -> FleetProblem:
    """A site with a store of 100 kW and 300 kWh without losses, over two hours."""
    n = 2
    sites = make_sites(
        n, fixed_injection_kw=fixed_kw, generation_kw=generation_kw, buy_cny_per_kwh=buy, sell_cny_per_kwh=sell, import_limit_kw=1e3
    )
    power = {"charge_kw": 100.0, "discharge_kw": 50.0, "eta_in": 1.0, "eta_out": 1.0, "wear_cny_per_kwh": 0.01}
    energy = {"min_kwh": 0.0, "max_kwh": 300.0, "initial_kwh": initial_kwh, "end_kwh": 0.0, "end_value_cny_per_kwh": 0.0}
    return make_problem(n, 1.0, sites=sites, stores=make_stores(n, **power, **energy), **parts)


def test_a_store_takes_in_what_cannot_be_curtailed() -> None:
    plan = plan_fleet(park(fixed_kw=100.0, generation_kw=0.0), deadline_s=30, mode="fleet")
    np.testing.assert_allclose(plan.moves.store_kw, -100.0)
    assert plan.certificate.cost_cny == pytest.approx(0.0)


def test_behind_a_feeder_that_is_kept_as_well() -> None:
    groups = make_groups(2, import_limit_kw=1e3, export_limit_kw=99.0, fixed_injection_kw=100.0)
    problem = park(fixed_kw=100.0, generation_kw=0.0, groups=groups)
    problem.stores.group[:] = 0
    plan = plan_fleet(problem, deadline_s=30, mode="fleet")
    np.testing.assert_allclose(plan.moves.store_kw, -100.0)


MARKET = make_market(2, 0.0, up=[(30.0, 0.2), (40.0, -0.1)], down=[(50.0, 0.3), (60.0, 0.5)], over=0.4, under=0.9)
PRICES = [(-0.5, -0.5), (-0.1, -0.5), (0.4, -0.5), (0.4, 0.3)]


def assert_as_good_as_exact(problem: FleetProblem) -> None:
    swept, exact = (plan_fleet(problem, deadline_s=30, mode=mode) for mode in ("fleet", "reference"))
    assert check_fleet(problem, swept) == ()
    assert swept.certificate.cost_cny == pytest.approx(exact.certificate.cost_cny, abs=0.02)


@pytest.mark.parametrize(("buy", "sell"), PRICES)
@pytest.mark.parametrize("generation_kw", [0.0, 30.0, 150.0])
@pytest.mark.parametrize("fixed_kw", [-80.0, 20.0, 90.0])
def test_one_store_is_planned_as_the_exact_model_does(fixed_kw: float, generation_kw: float, buy: float, sell: float) -> None:
    assert_as_good_as_exact(park(fixed_kw=fixed_kw, generation_kw=generation_kw, buy=buy, sell=sell, initial_kwh=60.0))


@pytest.mark.parametrize(("buy", "sell"), PRICES)
@pytest.mark.parametrize("fixed_kw", [-80.0, 20.0, 90.0])
def test_before_a_market_as_well(fixed_kw: float, buy: float, sell: float) -> None:
    assert_as_good_as_exact(park(fixed_kw=fixed_kw, generation_kw=0.0, buy=buy, sell=sell, initial_kwh=60.0, market=MARKET))
