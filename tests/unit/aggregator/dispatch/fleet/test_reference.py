"""The exact reference is exact: against vectors worked out by hand, against every possible schedule, and between solvers."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings

from aggregator.dispatch.domain import _solver
from aggregator.dispatch.domain._bulk import BulkHighs
from aggregator.dispatch.domain.fleet import reference
from aggregator.dispatch.domain.fleet.checker import check_fleet
from aggregator.dispatch.domain.fleet.cost import cost_of, flows_of, injection_of_calls, safe_moves
from aggregator.dispatch.domain.fleet.problem import CallLoads, FleetProblem, Profiles
from aggregator.dispatch.domain.fleet.reference import reference_model, solve_reference
from aggregator.dispatch.domain.fleet.result import FleetPlan, Moves
from tests.unit.aggregator.dispatch.fleet.parks import (
    make_calls,
    make_fills,
    make_groups,
    make_market,
    make_problem,
    make_sites,
    make_stores,
    problems,
    tiny,
)


@pytest.fixture(autouse=True)
def exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "REFERENCE_GAP", 0.0)


def solved(problem: FleetProblem, *, keeps_all: bool = True) -> FleetPlan:
    plan = solve_reference(problem, deadline_s=30)
    assert plan.status == "optimal"
    if keeps_all:
        assert check_fleet(problem, plan) == ()
    return plan


def raising(*_: object, **__: object) -> None:
    raise RuntimeError("solver broke")


# -- by hand


def test_a_store_buys_cheap_and_sells_dear() -> None:
    sites = make_sites(2, fixed_injection_kw=-50.0, buy_cny_per_kwh=[0.3, 1.0])
    problem = make_problem(2, hours=1.0, sites=sites, stores=make_stores(2, end_kwh=10.0, wear_cny_per_kwh=0.05))
    plan = solved(problem)
    assert plan.moves.store_kw == pytest.approx(np.array([[-10.0, 8.1]]))  # 10 kWh x 0.9 x 0.9
    assert plan.certificate.cost_cny == pytest.approx(0.3 * 60 + 1.0 * 41.9 + 0.05 * 8.1)
    assert plan.certificate.lower_bound_cny == pytest.approx(plan.certificate.cost_cny)
    assert plan.certificate.safe_cost_cny == pytest.approx(65.0)


def test_what_is_left_in_a_store_has_its_value() -> None:
    problem = make_problem(1, hours=1.0, sites=make_sites(1, buy_cny_per_kwh=0.5), stores=make_stores(1, end_value_cny_per_kwh=0.6))
    plan = solved(problem)
    assert plan.moves.store_kw == pytest.approx(np.array([[-10.0]]))  # 0.9 x 0.6 > 0.5
    assert plan.certificate.cost_cny == pytest.approx(5.0 - 19 * 0.6)


def test_a_store_never_charges_and_discharges_at_once_however_much_that_would_pay() -> None:
    sites = make_sites(2, buy_cny_per_kwh=-0.99, sell_cny_per_kwh=-1.0)
    problem = make_problem(2, hours=1.0, sites=sites, stores=make_stores(2, initial_kwh=10.0, max_kwh=10.0))
    plan = solved(problem)
    assert plan.moves.store_kw == pytest.approx(np.array([[8.1, -10.0]]))  # room for 9 kWh is made by 8.1 kWh sold at a loss
    assert plan.certificate.cost_cny == pytest.approx(8.1 - 9.9)
    relaxed = solve_reference(problem, deadline_s=30, relaxed_calls=True)
    assert relaxed.certificate.cost_cny == pytest.approx(2 * (10 - 8.1) * -0.99)


def test_a_leaking_store_with_drift_follows_its_profile() -> None:
    """A room of cold: keeps 0.8 of it per hour and loses 2 kWh; it may be 5 to 12 kWh full."""
    one = np.ones((1, 3))
    profiles = Profiles(charge_kw=10 * one, discharge_kw=0 * one, min_kwh=5 * one, max_kwh=12 * one, drift_kwh=-2 * one)
    stores = make_stores(3, eta_in=3.0, initial_kwh=10.0, keep_ratio=0.8, profile=0)
    problem = make_problem(
        3, hours=1.0, sites=make_sites(3, fixed_injection_kw=-1.0, buy_cny_per_kwh=[1.0, 0.1, 1.0]), stores=stores, profiles=profiles
    )
    plan = solved(problem)
    # 10 -> 6 unaided; then up to 8.75, so that 0.8 x 8.75 - 2 = 5 is left
    assert plan.moves.store_kw == pytest.approx(np.array([[0.0, -(8.75 - 2.8) / 3, 0.0]]))


def test_a_car_is_charged_in_its_cheapest_hours_only_inside_its_stay() -> None:
    sites = make_sites(5, buy_cny_per_kwh=[0.1, 0.9, 0.3, 0.5, 0.1], sell_cny_per_kwh=0.0)
    plan = solved(make_problem(5, sites=sites, hours=1.0, fills=make_fills(5, first=1, end=4, need_kwh=9.0)))
    assert plan.moves.fill_kw == pytest.approx(np.array([[0, 0, -7, -3, 0]]))


def test_inner_and_outer_groups_both_hold() -> None:
    sites = make_sites(2, fixed_injection_kw=-20.0, buy_cny_per_kwh=[0.2, 1.0])
    groups = make_groups(2, site=[0, 0], parent=[-1, 0], import_limit_kw=[18.0, 8.0], fixed_injection_kw=[[-6.0] * 2, [-4.0] * 2])
    fills = make_fills(2, site=[0, 0], group=[0, 1], need_kwh=[9.0, 8.0], charge_kw=12.0, eta_in=1.0)
    plan = solved(make_problem(2, hours=1.0, sites=sites, groups=groups, fills=fills))
    # when it is cheap, 8 - 4 kW in the inner group and 18 - 6 kW in both
    assert plan.moves.fill_kw == pytest.approx(np.array([[-8.0, -1.0], [-4.0, -4.0]]))


def test_a_new_peak_is_worth_avoiding() -> None:
    sites = make_sites(2, fixed_injection_kw=[-10.0, -10.0], buy_cny_per_kwh=[0.3, 0.4], demand_price_cny_per_kw=2.0, peak_so_far_kw=12.0)
    plan = solved(make_problem(2, hours=1.0, sites=sites, fills=make_fills(2, eta_in=1.0, need_kwh=6.0)))
    assert plan.moves.fill_kw == pytest.approx(np.array([[-3.0, -3.0]]))
    assert plan.certificate.cost_cny == pytest.approx(13 * 0.7 + 2.0)


def test_exports_keep_their_share_of_generation() -> None:
    sites = make_sites(1, fixed_injection_kw=-2.0, generation_kw=10.0, export_share_ratio=0.2)
    plan = solved(make_problem(1, hours=1.0, sites=sites))
    assert plan.flows.generation_kw == pytest.approx(np.array([[2.5]]))
    assert plan.certificate.cost_cny == pytest.approx(-0.4 * 0.5)


def test_the_market_pays_step_by_step() -> None:
    market = make_market(1, -50.0, up=[(4.0, 0.3), (4.0, 0.1)], down=[(5.0, 0.7)], over=0.2, under=2.0)
    sites = make_sites(1, fixed_injection_kw=-50.0, buy_cny_per_kwh=0.9, sell_cny_per_kwh=0.1)
    store = make_stores(1, eta_in=1.0, eta_out=1.0, wear_cny_per_kwh=1.05)
    plan = solved(make_problem(1, hours=1.0, sites=sites, market=market, stores=store))
    assert plan.moves.store_kw == pytest.approx(np.array([[4.0]]))  # 0.9 + 0.3 pays for the wear, 0.9 + 0.1 does not
    assert plan.certificate.cost_cny == pytest.approx(0.9 * 46 - 4 * 0.3 + 4 * 1.05)


def test_an_owners_limit_gives_way_last_and_is_named() -> None:
    sites = make_sites(1, fixed_injection_kw=-50.0, import_limit_kw=30.0)
    problem = make_problem(1, hours=1.0, sites=sites, stores=make_stores(1, wear_cny_per_kwh=5.0))
    plan = solved(problem, keeps_all=False)
    assert plan.moves.store_kw == pytest.approx(np.array([[9.0]]))  # all it has, though dearer than the energy
    assert [(v.kind, v.by) for v in check_fleet(problem, plan)] == [("import above its limit", pytest.approx(11.0))]
    assert plan.certificate.lower_bound_cny == pytest.approx(plan.certificate.cost_cny) == pytest.approx(41 + 45)


# -- against every schedule there is


def all_calls(calls: CallLoads, n: int) -> list[np.ndarray]:
    """Every allowed on/off course of the only load, by trying all begins and lengths."""
    first, end = int(calls.first[0]), int(calls.end[0])
    pause = max(1, int(calls.rest[0]), int(calls.rebound[0]))
    found = []
    for bits in product((False, True), repeat=end - first):
        on = np.zeros(n, dtype=bool)
        on[first:end] = bits
        edges = np.diff(np.concatenate([[0], on.astype(int), [0]]))
        begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
        if len(begins) > calls.max_calls[0] or on.sum() > calls.max_periods[0] or (ends - begins > calls.max_on[0]).any():
            continue
        if (begins[1:] - ends[:-1] >= pause).all():
            found.append(on)
    return found


@pytest.mark.parametrize("seed", range(8))
def test_calls_are_the_best_of_all_that_the_rules_allow(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 9
    rebound = int(rng.integers(0, 3))
    calls = make_calls(
        n,
        first=int(rng.integers(0, 2)),
        end=int(rng.integers(7, 10)),
        max_calls=int(rng.integers(1, 4)),
        max_periods=int(rng.integers(2, 7)),
        max_on=int(rng.integers(2, 5)),
        rest=int(rng.integers(0, 3)),
        ramp=int(rng.integers(0, 3)),
        rebound=rebound,
        rebound_ratio=0.4 if rebound else 0.0,
    )
    sites = make_sites(n, fixed_injection_kw=-30.0, buy_cny_per_kwh=rng.uniform(-0.2, 1.2, n), sell_cny_per_kwh=-1.0)
    problem = make_problem(n, sites=sites, calls=calls)
    empty = np.zeros((0, n))
    costs = []
    for on in all_calls(calls, n):
        moves = Moves(empty, empty, injection_of_calls(problem, on[None]), on[None])
        costs.append(cost_of(problem, moves, flows_of(problem, moves)))
    assert solved(problem).certificate.cost_cny == pytest.approx(min(costs), abs=1e-7)


def test_a_call_with_ramp_and_rebound_injects_this_vector() -> None:
    calls = make_calls(8, shed_kw=30.0, ramp=2, rebound=2, rebound_ratio=0.5)
    on = np.array([[0, 1, 1, 1, 1, 0, 0, 0]], dtype=bool)
    assert injection_of_calls(make_problem(8, calls=calls), on) == pytest.approx(np.array([[0, 10, 20, 30, 30, -15, -15, 0]]))


# -- in all


@given(problems(periods=8))
@settings(max_examples=12, deadline=None)
def test_every_small_fleet_is_planned_within_all_limits(problem: FleetProblem) -> None:
    plan = solve_reference(problem, deadline_s=30)
    assert plan.status in ("optimal", "at_gap")
    assert check_fleet(problem, plan) == ()
    relaxed = solve_reference(problem, deadline_s=30, relaxed_calls=True).certificate
    tolerance = 1e-6 * (1 + abs(plan.certificate.cost_cny))
    assert relaxed.lower_bound_cny <= plan.certificate.lower_bound_cny + tolerance
    assert plan.certificate.lower_bound_cny <= plan.certificate.cost_cny <= plan.certificate.safe_cost_cny + tolerance


def test_the_model_can_be_had_unsolved() -> None:
    problem = tiny(3)
    model, exact = reference_model(problem)
    assert model.isMIP()
    assert not reference_model(problem, relaxed_calls=True)[0].isMIP()
    assert len(exact.charge) == len(problem.stores)
    assert [len(v) for v in exact.fill] == (problem.fills.end - problem.fills.first).tolist()


# -- when solvers fail


def test_cbc_takes_over_and_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = tiny(1)
    best = solve_reference(problem, deadline_s=30)
    monkeypatch.setattr(BulkHighs, "actualSolve", raising)
    plan = solve_reference(problem, deadline_s=30)
    assert plan.status == "at_gap"  # CBC does not tell which gap it stopped at
    assert check_fleet(problem, plan) == ()
    assert plan.certificate.cost_cny == pytest.approx(best.certificate.cost_cny, rel=_solver.MIP_GAP)
    assert plan.certificate.lower_bound_cny <= best.certificate.cost_cny


def test_without_any_solver_the_safe_plan_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BulkHighs, "actualSolve", raising)
    monkeypatch.setattr(_solver.FencedCbc, "actualSolve", raising)
    problem = tiny(1)
    plan = solve_reference(problem, deadline_s=30)
    assert plan.status == "fallback"
    assert plan.certificate.lower_bound_cny == -np.inf
    assert plan.certificate.cost_cny == plan.certificate.safe_cost_cny
    assert plan.moves.store_kw == pytest.approx(safe_moves(problem).store_kw)
    assert not plan.moves.call_on.any()


def test_no_time_at_all_gives_the_safe_plan() -> None:
    assert solve_reference(tiny(2), deadline_s=0).status == "fallback"


def test_a_need_that_nobody_can_meet_is_no_plan_but_the_safe_one() -> None:
    problem = make_problem(2, fills=make_fills(2, need_kwh=100.0))
    plan = solve_reference(problem, deadline_s=30)
    assert plan.status == "fallback"
    assert {v.kind for v in check_fleet(problem, plan)} >= {"fill charges too much"}
