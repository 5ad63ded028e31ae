"""What follows from a plan's moves: the best curtailment, the money, and the plan that always stands."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.dispatch.domain.fleet.checker import check_fleet
from aggregator.dispatch.domain.fleet.cost import cost_of, final_kwh, flows_of, market_cost, safe_moves
from aggregator.dispatch.domain.fleet.problem import FleetProblem, Profiles
from aggregator.dispatch.domain.fleet.reference import solve_reference
from aggregator.dispatch.domain.fleet.result import Certificate, FleetPlan
from tests.unit.aggregator.dispatch.fleet.parks import make_fills, make_market, make_problem, make_sites, make_stores, tiny


def sun_and_load(seed: int) -> FleetProblem:
    """Three sites of load and generation, prices of both signs, limits and shares of every kind, a peak that stands."""
    rng = np.random.default_rng(seed)
    n = 8
    load, sun = rng.uniform(0, 30, (3, n)), rng.uniform(0, 80, (3, n))
    buy = rng.uniform(-0.4, 1.0, (3, n))
    charged = rng.random(3) < 0.4
    sites = make_sites(
        n,
        fixed_injection_kw=-load,
        generation_kw=sun,
        buy_cny_per_kwh=buy,
        sell_cny_per_kwh=buy - rng.uniform(0, 0.5, (3, n)),
        import_limit_kw=load.max(axis=1),
        export_limit_kw=rng.uniform(0, 60, 3),
        export_share_ratio=rng.choice([0.0, 0.2, 0.6, np.inf], 3),
        demand_price_cny_per_kw=np.where(charged, 2.0, 0.0),
        peak_so_far_kw=np.where(charged, load.max(axis=1), 0.0),
    )
    return make_problem(n, sites=sites)


def plan_of(problem: FleetProblem, moves, flows) -> FleetPlan:
    cost = cost_of(problem, moves, flows)
    return FleetPlan(moves, flows, Certificate(cost, -np.inf, cost), "fleet", "fallback", {})


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_curtailment_is_as_cheap_as_the_exact_models(seed: int) -> None:
    problem = sun_and_load(seed)
    best = solve_reference(problem, deadline_s=20)
    moves = safe_moves(problem)
    plan = plan_of(problem, moves, flows_of(problem, moves))
    assert check_fleet(problem, plan) == ()
    assert plan.certificate.cost_cny == pytest.approx(best.certificate.cost_cny, abs=1e-6)


def test_what_does_not_fit_the_export_limit_is_curtailed_first() -> None:
    sites = make_sites(2, fixed_injection_kw=-10.0, generation_kw=[60.0, 20.0], export_limit_kw=30.0, export_share_ratio=0.4)
    problem = make_problem(2, sites=sites)
    flows = flows_of(problem, safe_moves(problem))
    # 40 and 20 kW used would export 40 of 60; the share allows 0.4: 60 - 2 x 26.7
    assert flows.export_kw.sum() == pytest.approx(0.4 * flows.generation_kw.sum())
    assert flows.export_kw[0].max() <= 30.0


def test_the_share_is_repaired_where_a_kwh_earns_least() -> None:
    sites = make_sites(2, fixed_injection_kw=-10.0, generation_kw=20.0, sell_cny_per_kwh=[0.4, 0.3], export_share_ratio=0.25)
    problem = make_problem(2, sites=sites)
    flows = flows_of(problem, safe_moves(problem))
    # 20 exported of 40: 40/3 kW less leave 6.7 of 26.7; 10 of them in the cheaper period, the rest in the other
    assert flows.export_kw == pytest.approx(np.array([[20 / 3, 0.0]]))
    dearer_later = flows_of(problem, safe_moves(problem), np.array([0.0, 0.5]))
    assert dearer_later.export_kw == pytest.approx(np.array([[0.0, 20 / 3]]))


def test_what_earns_less_than_nothing_is_curtailed_if_its_worth_is_known() -> None:
    sites = make_sites(2, fixed_injection_kw=-10.0, generation_kw=20.0, sell_cny_per_kwh=-0.1, buy_cny_per_kwh=[0.5, -0.05])
    alone = make_problem(2, sites=sites)
    assert flows_of(alone, safe_moves(alone)).generation_kw == pytest.approx(np.array([[10.0, 0.0]]))
    traded = make_problem(2, sites=sites, market=make_market(2, 0.0, under=1.0))
    assert flows_of(traded, safe_moves(traded)).generation_kw == pytest.approx(np.array([[20.0, 20.0]]))
    known = flows_of(traded, safe_moves(traded), np.array([0.0, 0.2]))
    assert known.generation_kw == pytest.approx(np.array([[10.0, 20.0]]))


def test_the_market_pays_and_charges_along_its_steps() -> None:
    market = make_market(1, -20.0, up=[(5.0, 0.4), (5.0, 0.2)], down=[(4.0, 0.6), (4.0, 0.7)], over=0.1, under=2.0)
    problem = make_problem(1, hours=0.5, market=market)
    earned = {-20.0: 0.0, -17.0: 1.2, -8.0: 2.0 + 1.0 - 0.2, -22.0: -1.2, -26.0: -2.4 - 1.4, -30.0: -2.4 - 2.8 - 4.0}
    for portfolio, cny_per_hour in earned.items():
        assert market_cost(problem, np.array([portfolio])) == pytest.approx(-0.5 * cny_per_hour)


def test_what_a_leaking_store_holds_in_the_end_is_followed_through() -> None:
    one = np.ones((1, 4))
    profiles = Profiles(5 * one, 5 * one, 0 * one, 20 * one, -0.5 * one)
    stores = make_stores(4, first=1, end=4, initial_kwh=10.0, eta_in=0.9, eta_out=0.8, keep_ratio=0.9, profile=0)
    problem = make_problem(4, hours=1.0, stores=stores, profiles=profiles)
    kw = np.array([[0.0, -2.0, 4.0, 0.0]])
    level = 10.0
    for injection in (-2.0, 4.0, 0.0):
        level = 0.9 * level - 0.5 + (0.9 * -injection if injection < 0 else -injection / 0.8)
    assert final_kwh(problem, kw, np.maximum(kw, 0.0).sum(axis=1)) == pytest.approx([level])


def test_the_safe_plan_moves_only_what_must_move() -> None:
    stores = make_stores(4, site=[0, 0], end_kwh=[5.0, 13.6], eta_in=0.9)
    problem = make_problem(4, hours=1.0, stores=stores, fills=make_fills(4, first=1, end=3, need_kwh=9.0))
    moves = safe_moves(problem)
    assert moves.store_kw == pytest.approx(np.array([[0.0] * 4, [-1.0] * 4]))
    assert moves.fill_kw == pytest.approx(np.array([[0.0, -5.0, -5.0, 0.0]]))


@pytest.mark.parametrize("seed", range(20))
def test_the_safe_plan_keeps_every_limit_of_every_asset(seed: int) -> None:
    problem = tiny(seed)
    moves = safe_moves(problem)
    found = {v.kind for v in check_fleet(problem, plan_of(problem, moves, flows_of(problem, moves)))}
    assert found <= {"import above its limit", "group imports above its limit"}
