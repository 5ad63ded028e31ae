"""The checker finds every planted fault by its name, and nothing in a good plan."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from aggregator.dispatch.domain.fleet.checker import check_fleet
from aggregator.dispatch.domain.fleet.cost import cost_of, flows_of, injection_of_calls, safe_moves
from aggregator.dispatch.domain.fleet.problem import FleetProblem, Profiles
from aggregator.dispatch.domain.fleet.reference import solve_reference
from aggregator.dispatch.domain.fleet.result import Certificate, FleetPlan, Flows, Moves
from tests.unit.aggregator.dispatch.fleet.parks import (
    make_calls,
    make_fills,
    make_groups,
    make_market,
    make_problem,
    make_sites,
    make_stores,
    tiny,
)

N = 8


def fleet() -> FleetProblem:
    """Site 0: a store, a leaking room, two cars in an inner and an outer group. Site 1: a load with calls, and generation."""
    one = np.ones((1, N))
    stores = make_stores(
        N,
        group=[1, -1],
        first=[1, 0],
        end=[7, N],
        eta_in=[0.9, 3.0],
        max_kwh=13.0,
        initial_kwh=10.0,
        end_kwh=[8.0, 5.0],
        keep_ratio=[1.0, 0.9],
        profile=[-1, 0],
        wear_cny_per_kwh=0.02,
        end_value_cny_per_kwh=[0.1, 0.0],
    )
    return make_problem(
        N,
        sites=make_sites(
            N,
            fixed_injection_kw=[[-30.0] * N, [-40.0] * N],
            generation_kw=[[0.0] * N, [0, 0, 20, 60, 60, 20, 0, 0]],
            import_limit_kw=[70.0, 50.0],
            export_limit_kw=[10.0, 15.0],
            export_share_ratio=[np.inf, 0.25],
            demand_price_cny_per_kw=[1.0, 0.0],
            peak_so_far_kw=[45.0, 0.0],
        ),
        stores=stores,
        profiles=Profiles(charge_kw=4 * one, discharge_kw=0 * one, min_kwh=6 * one, max_kwh=14 * one, drift_kwh=-1 * one),
        fills=make_fills(N, group=[0, 1], first=[0, 2], end=[N, 7], need_kwh=5.0),
        calls=make_calls(N, site=1, first=1, end=7, max_on=2, max_calls=2, max_periods=3, rest=1, ramp=1, rebound=1, rebound_ratio=0.3),
        groups=make_groups(
            N, site=[0, 0], parent=[-1, 0], import_limit_kw=[28.0, 14.0], export_limit_kw=[8.0, 9.0], fixed_injection_kw=-3.0
        ),
        market=make_market(N, -60.0, up=[(8.0, 0.1)], down=[(8.0, 0.5)], over=0.1, under=1.0),
    )


def planned(problem: FleetProblem, moves: Moves, flows: Flows | None = None) -> FleetPlan:
    """A plan whose flows and cost follow from its moves, so that only the moves can be wrong."""
    flows = flows if flows is not None else flows_of(problem, moves)
    cost = cost_of(problem, moves, flows)
    return FleetPlan(moves, flows, Certificate(cost, cost - 100.0, cost), "fleet", "at_gap", {})


def good_moves(problem: FleetProblem) -> Moves:
    """One call of two periods beside the safe plan, which has room on every side."""
    moves = safe_moves(problem)
    on = np.zeros((1, N), dtype=bool)
    on[0, 2:4] = True
    store = moves.store_kw.copy()
    store[0, 1:7] = [-3, -3, 2, 2, 2, -3]
    return Moves(store, moves.fill_kw, injection_of_calls(problem, on), on)


def kinds(problem: FleetProblem, plan: FleetPlan) -> set[str]:
    return {v.kind for v in check_fleet(problem, plan)}


def moved(name: str, row: int, changes: dict[int, float]) -> Callable[[FleetProblem, Moves], Moves]:
    """The moves with some injections of one asset changed by so many kW."""

    def change(problem: FleetProblem, moves: Moves) -> Moves:
        kw = getattr(moves, name).copy()
        for t, by in changes.items():
            kw[row, t] += by
        return replace(moves, **{name: kw})

    return change


def called(*periods: int) -> Callable[[FleetProblem, Moves], Moves]:
    def change(problem: FleetProblem, moves: Moves) -> Moves:
        on = np.isin(np.arange(N), periods)[None]
        return replace(moves, call_kw=injection_of_calls(problem, on), call_on=on)

    return change


MOVES = {
    "store outside its window": moved("store_kw", 0, {0: -2.0}),
    "store charges too much": moved("store_kw", 0, {1: -8.0, 2: 8.0}),
    "store discharges too much": moved("store_kw", 0, {3: 9.0, 6: -3.0}),
    "store too full": moved("store_kw", 0, {1: -7.0, 2: -3.0}),
    "store too empty": moved("store_kw", 1, {7: 1.0}),
    "store ends too empty": moved("store_kw", 0, {4: 6.0, 5: 5.0}),
    "fill outside its window": moved("fill_kw", 1, {1: -1.0, 3: 1.0}),
    "fill discharges": moved("fill_kw", 0, {1: 4.0, 3: -4.0}),
    "fill charges too much": moved("fill_kw", 0, {1: -5.0, 3: 2.5, 4: 2.5}),
    "fill misses its need": moved("fill_kw", 0, {3: 1.0}),
    "call outside its window": called(0),
    "call too long": called(2, 3, 4),
    "too many periods of calls": called(1, 2, 5, 6),
    "too many calls": called(1, 3, 5),
    "call sheds something else": moved("call_kw", 0, {2: 2.0}),
    "load rebounds otherwise": moved("call_kw", 0, {4: 2.0}),
}


def test_the_good_plan_is_good() -> None:
    problem = fleet()
    assert check_fleet(problem, planned(problem, good_moves(problem))) == ()
    assert check_fleet(problem, planned(problem, safe_moves(problem))) == ()


@pytest.mark.parametrize("kind", MOVES)
def test_a_fault_in_what_one_asset_does_is_named(kind: str) -> None:
    problem = fleet()
    moves = MOVES[kind](problem, good_moves(problem))
    allowed = {
        "store too empty": {"store ends too empty", "store discharges too much"},
        "store outside its window": {"cost is not what the flows cost"},  # nobody says what that is worth
    }.get(kind, set())
    found = kinds(problem, planned(problem, moves))
    assert kind in found
    assert found <= {kind} | allowed


def test_calls_without_the_pause_between_them_are_named() -> None:
    problem = fleet()
    problem = replace(problem, calls=replace(problem.calls, rest=np.array([3])))
    plan = planned(problem, called(1, 4)(problem, good_moves(problem)))
    (found,) = check_fleet(problem, plan)
    assert (found.kind, found.row, found.period, found.by) == ("call too soon after another", 0, 4, 1.0)


def loads() -> FleetProblem:
    """Load 0 is shed in part, as much as its profile leaves; load 1 has a call in force that may last two periods more."""
    calls = make_calls(
        N,
        site=[0, 0],
        first=[1, 3],
        end=7,
        max_on=3,
        max_periods=[3, 1],
        whole=[False, True],
        profile=[0, -1],
        running=[0, 1],
        rest=[0, 2],
        ramp=[0, 2],
        rebound=[0, 1],
        rebound_ratio=[0.0, 0.5],
    )
    sites = make_sites(N, fixed_injection_kw=-60.0)
    return make_problem(N, sites=sites, calls=calls, shed_profiles_kw=np.array([[20.0, 20, 10, 0, 20, 20, 20, 20]]))


def interrupted(row: int, periods: tuple[int, ...], kw: dict[int, float]) -> FleetPlan:
    """Load 0 called in 2 to 4 with 5 kW in 2, load 1 to the end of 1 and again in 5; but for `row`, which is called in `periods`."""
    problem = loads()
    on = np.isin(np.arange(N), (2, 3, 4))[None] | np.zeros((2, 1), dtype=bool)
    on[1] = np.isin(np.arange(N), (0, 1, 5))
    on[row] = np.isin(np.arange(N), periods)
    shed = injection_of_calls(problem, on)
    shed[0] = np.where(np.arange(N) == 2, 5.0, 0.0)
    for t, value in kw.items():
        shed[row, t] = value
    empty = np.zeros((0, N))
    return planned(problem, Moves(empty, empty, shed, on))


CALLED = {
    "call sheds more than it can": (0, (2, 3, 4), {3: 0.1}),
    "call sheds less than nothing": (0, (2, 3, 4), {4: -1.0}),
    "load sheds without a call": (0, (2, 3, 4), {5: 1.0}),
    "call outside its window": (1, (2,), {}),
    "call too long": (1, (0, 1, 2), {}),
    "too many periods of calls": (1, (0, 5, 6), {}),
    "too many calls": (1, (0, 3, 6), {}),
    "call too soon after another": (1, (0, 1, 3), {}),
    "call sheds something else": (1, (0,), {0: 20 / 3}),
    "load rebounds otherwise": (1, (), {0: 0.0}),
}


@pytest.mark.parametrize("kind", CALLED)
def test_a_fault_in_a_call_in_part_or_in_force_is_named(kind: str) -> None:
    good = interrupted(1, (0, 1, 5), {})
    assert check_fleet(loads(), good) == ()
    assert check_fleet(loads(), interrupted(1, (), {})) == ()
    row, periods, kw = CALLED[kind]
    found = check_fleet(loads(), interrupted(row, periods, kw))
    beside = {"too many periods of calls"} if kind == "too many calls" else set()
    assert {v.kind for v in found} - beside == {kind}
    assert {v.row for v in found} == {row}


TIGHTER = {
    "store too full": ("stores", "max_kwh", [10.5, 0.0]),
    "store too empty": ("stores", "min_kwh", [10.4, 0.0]),
    "import above its limit": ("sites", "import_limit_kw", [30.0, 50.0]),
    "group imports above its limit": ("groups", "import_limit_kw", [28.0, 8.0]),
    "too many calls": ("calls", "max_calls", [0]),
    "call too long": ("calls", "max_on", [1]),
    "fill charges too much": ("fills", "charge_kw", [1.0, 7.0]),
}


@pytest.mark.parametrize("kind", TIGHTER)
def test_a_limit_that_is_tighter_than_the_plan_is_named_with_its_row(kind: str) -> None:
    problem = fleet()
    plan = planned(problem, good_moves(problem))
    part, column, values = TIGHTER[kind]
    tight = replace(problem, **{part: replace(getattr(problem, part), **{column: np.array(values)})})
    found = check_fleet(tight, plan)
    assert {v.kind for v in found} == {kind}
    assert all(v.by > 0 for v in found)
    assert found[0].row == (1 if kind.startswith("group") else 0)


def test_an_inner_groups_assets_count_in_the_outer_one_too() -> None:
    problem = fleet()
    problem = replace(problem, groups=replace(problem.groups, import_limit_kw=np.array([8.0, 14.0])))
    found = check_fleet(problem, planned(problem, good_moves(problem)))
    assert {(v.kind, v.row) for v in found} == {("group imports above its limit", 0)}


def test_a_group_that_exports_too_much_is_named() -> None:
    problem = fleet()
    problem = replace(problem, groups=replace(problem.groups, fixed_injection_kw=np.array([[-3.0] * N, [12.0] * N])))
    assert kinds(problem, planned(problem, good_moves(problem))) == {"group exports above its limit"}


def flowed(**changes: Callable[[np.ndarray], None]) -> Callable[[Flows], Flows]:
    def change(flows: Flows) -> Flows:
        copies = {name: getattr(flows, name).copy() for name in changes}
        for name, by in changes.items():
            by(copies[name])
        return replace(flows, **copies)

    return change


def add(row: int, period: int, kw: float) -> Callable[[np.ndarray], None]:
    def by(values: np.ndarray) -> None:
        values[row, period] += kw

    return by


FLOWS = {
    "site out of balance": flowed(import_kw=add(0, 2, -0.01)),
    "generation below zero": flowed(generation_kw=add(1, 0, -3.0), import_kw=add(1, 0, 3.0)),
    "more generation than there is": flowed(generation_kw=add(1, 0, 3.0), import_kw=add(1, 0, -3.0)),
    "import and export at once": flowed(import_kw=add(0, 2, 2.0), export_kw=add(0, 2, 2.0)),
    "export above its share": flowed(generation_kw=add(1, 4, 8.0), export_kw=add(1, 4, 8.0)),
}


@pytest.mark.parametrize("kind", FLOWS)
def test_a_fault_at_a_connection_is_named(kind: str) -> None:
    problem = fleet()
    if kind == "export above its share":
        problem = replace(problem, sites=replace(problem.sites, export_share_ratio=np.array([np.inf, 0.02])))
    moves = good_moves(problem)
    good = flows_of(problem, moves)
    assert check_fleet(problem, planned(problem, moves, good)) == ()
    assert kinds(problem, planned(problem, moves, FLOWS[kind](good))) == {kind}


def test_negative_flows_and_an_export_limit_are_named() -> None:
    problem = make_problem(1, sites=make_sites(1, fixed_injection_kw=5.0, export_limit_kw=4.0))
    moves = safe_moves(problem)
    assert kinds(problem, planned(problem, moves)) == {"export above its limit"}
    turned = Flows(np.zeros((1, 1)), np.full((1, 1), -5.0), np.zeros((1, 1)))
    assert "import below zero" in kinds(problem, planned(problem, moves, turned))
    turned = Flows(np.zeros((1, 1)), np.full((1, 1), -6.0), np.full((1, 1), -1.0))
    assert "export below zero" in kinds(problem, planned(problem, moves, turned))


def test_a_cost_that_is_not_the_flows_is_named() -> None:
    problem = fleet()
    plan = planned(problem, good_moves(problem))
    cost = plan.certificate.cost_cny
    wrong = replace(plan, certificate=replace(plan.certificate, cost_cny=cost * (1 + 1e-5)))
    assert kinds(problem, wrong) == {"cost is not what the flows cost"}
    assert check_fleet(problem, replace(plan, certificate=replace(plan.certificate, cost_cny=cost * (1 + 1e-8)))) == ()
    wrong = replace(plan, certificate=replace(plan.certificate, cost_cny=float("nan")))
    assert "cost is not what the flows cost" in kinds(problem, wrong)


def test_a_bound_above_the_cost_is_named() -> None:
    problem = fleet()
    plan = planned(problem, good_moves(problem))
    wrong = replace(plan, certificate=replace(plan.certificate, lower_bound_cny=plan.certificate.cost_cny + 0.1))
    assert kinds(problem, wrong) == {"bound above the cost"}


def test_missing_and_misshapen_values_are_named_and_end_the_check() -> None:
    problem = fleet()
    plan = planned(problem, good_moves(problem))
    nan = plan.moves.store_kw.copy()
    nan[1, 3] = np.nan
    (found,) = check_fleet(problem, replace(plan, moves=replace(plan.moves, store_kw=nan)))
    assert (found.kind, found.row, found.period) == ("stores missing", 1, 3)
    assert kinds(problem, replace(plan, moves=replace(plan.moves, fill_kw=np.zeros((1, N))))) == {"fills missing"}


def test_the_checkers_money_is_the_planners_on_any_fleet() -> None:
    for seed in range(6):
        problem = tiny(seed)
        for plan in (planned(problem, safe_moves(problem)), solve_reference(problem, deadline_s=20)):
            assert "cost is not what the flows cost" not in kinds(problem, plan)
