"""Demand charges: giving way at a limit is no way around them, and a peak that must be exceeded is exceeded evenly."""

from dataclasses import replace

import numpy as np
import pytest

from aggregator.dispatch.domain.fleet.certificate import lower_bound
from aggregator.dispatch.domain.fleet.cost import cost_of, flows_of
from aggregator.dispatch.domain.fleet.improve import guide, lower_peaks
from aggregator.dispatch.domain.fleet.prices import blank_prices
from aggregator.dispatch.domain.fleet.schedules import Schedules
from aggregator.dispatch.domain.fleet.site_model import site_prices
from aggregator.dispatch.domain.fleet.virtual import virtual_assets
from tests.unit.aggregator.dispatch.fleet.hull import best_responses_cny
from tests.unit.aggregator.dispatch.fleet.parks import make_problem, make_sites, make_stores


def test_a_dear_peak_is_paid_for_and_no_limit_is_said_to_give_way() -> None:
    load = np.array([100.0, 180.0, 120.0, 90.0])
    sites = make_sites(4, fixed_injection_kw=-load, import_limit_kw=300.0, demand_price_cny_per_kw=40.0, peak_so_far_kw=110.0)
    problem = make_problem(4, sites=sites, stores=make_stores(4, charge_kw=0.0, discharge_kw=0.0))
    prices, _ = site_prices(problem, virtual_assets(problem), np.zeros(4))
    assert prices.over_limit_kw.tolist() == [0.0]
    assert prices.demand_cny_per_kw.sum() == pytest.approx(40.0)
    moves = Schedules(problem).moves
    cost = cost_of(problem, moves, flows_of(problem, moves))
    assert cost == pytest.approx(0.25 * load.sum() + 40.0 * 70.0)
    assert lower_bound(problem, prices, best_responses_cny(problem, prices)) == pytest.approx(cost)


def test_an_aim_that_is_out_of_reach_is_missed_evenly() -> None:
    """Four hours of 100 kW; the battery can take 10 kW off each, or 40 off one. The aim says 80."""
    sites = make_sites(4, fixed_injection_kw=-100.0, demand_price_cny_per_kw=40.0, peak_so_far_kw=50.0)
    store = make_stores(4, charge_kw=0.0, discharge_kw=40.0, initial_kwh=40.0, max_kwh=40.0, eta_out=1.0)
    problem = make_problem(4, hours=1.0, sites=sites, stores=store)
    value = np.array([[1.0, 1.1, 1.2, 1.3]])
    target = np.full((1, 4), -80.0)
    prices = replace(blank_prices(1, 0, np.zeros(4)), lam_cny_per_kwh=value, target_kw=target)
    schedules = Schedules(problem)
    guide(schedules, problem, prices)
    assert -schedules.site_kw.min() == pytest.approx(100.0)  # the aim is kept where it can be, the rest has nothing
    lower_peaks(schedules, problem, prices, threads=1, is_over=lambda: False)
    assert 90.0 - 1e-9 <= -schedules.site_kw.min() <= 91.5
