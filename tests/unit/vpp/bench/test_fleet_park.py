"""The benchmark parks: repeatable, with every feature that they claim, and with a plan that keeps every limit."""

from dataclasses import fields

import numpy as np
import pytest

from aggregator.dispatch.domain.fleet.checker import check_fleet
from aggregator.dispatch.domain.fleet.cost import cost_of, flows_of, safe_moves
from aggregator.dispatch.domain.fleet.problem import NO_GROUP, NO_PROFILE, FleetProblem
from aggregator.dispatch.domain.fleet.result import Certificate, FleetPlan
from vpp.bench.fleet_park import full_park, simple_park
from vpp.bench.natural_course import natural_course
from vpp.bench.stress import DARK, VARIATIONS

PARTS = ("sites", "groups", "profiles", "stores", "fills", "calls", "market")


def same(left: FleetProblem, right: FleetProblem) -> bool:
    return all(
        np.array_equal(getattr(getattr(left, part), column.name), getattr(getattr(right, part), column.name))
        for part in PARTS
        for column in fields(getattr(left, part))
    )


def safe_plan(problem: FleetProblem) -> FleetPlan:
    moves = safe_moves(problem)
    flows = flows_of(problem, moves)
    cost = cost_of(problem, moves, flows)
    return FleetPlan(moves, flows, Certificate(cost, -1e12, cost), "fleet", "fallback", {})


def part_of(condition: np.ndarray) -> float:
    return float(np.mean(condition))


@pytest.mark.parametrize("park", [simple_park, full_park])
def test_the_same_seed_draws_the_same_park(park):
    assert same(park(200, seed=3).problem, park(200, seed=3).problem)
    assert not same(park(200, seed=3).problem, park(200, seed=4).problem)


@pytest.mark.parametrize("park", [simple_park, full_park])
@pytest.mark.parametrize(("assets", "per_site"), [(20, 50), (160, 2), (1_000, 50)])
def test_a_park_counts_all_its_assets(park, assets, per_site):
    drawn = park(assets, per_site=per_site)
    assert drawn.assets == assets
    assert drawn.problem.n_assets + drawn.pv == assets
    assert len(drawn.problem.sites) == max(1, assets // per_site)


@pytest.mark.parametrize("park", [simple_park, full_park])
@pytest.mark.parametrize("seed", [7, 8, 9])
def test_the_safe_plan_keeps_every_limit(park, seed):
    problem = park(400, seed=seed).problem
    assert check_fleet(problem, safe_plan(problem)) == ()


@pytest.mark.parametrize("park", [simple_park, full_park])
@pytest.mark.parametrize("name", VARIATIONS)
def test_a_hard_day_still_has_a_plan_that_keeps_every_limit(park, name):
    problem = VARIATIONS[name](park(300, seed=11)).problem
    assert check_fleet(problem, safe_plan(problem)) == ()


@pytest.mark.parametrize("park", [simple_park, full_park])
@pytest.mark.parametrize("name", VARIATIONS)
def test_a_hard_day_changes_the_park_and_leaves_the_original_alone(park, name):
    drawn = park(200)
    changed = VARIATIONS[name](drawn)
    assert not same(changed.problem, drawn.problem)
    assert same(drawn.problem, park(200).problem)
    assert (changed.assets, changed.pv) == (drawn.assets, drawn.pv)


def test_the_simple_park_has_the_published_shares_and_one_of_everything():
    drawn = simple_park(1_000)
    problem = drawn.problem
    assert (len(problem.stores), len(problem.fills), len(problem.calls), drawn.pv) == (400, 250, 200, 150)
    assert (problem.sites.export_share_ratio == 0.2).all()
    assert (problem.sites.buy_cny_per_kwh == problem.sites.buy_cny_per_kwh[0]).all()
    assert set(zip(problem.calls.first.tolist(), problem.calls.end.tolist(), strict=True)) == {(32, 88)}
    assert not problem.market.up_kw[:32].any()
    assert not problem.market.down_kw[:32].any()
    assert (problem.market.up_kw[32:] > 0).all()
    assert problem.market.up_kw.shape == (96, 3)
    assert len(problem.groups) == len(problem.profiles) == 0


def test_the_first_hours_of_the_simple_park_are_sold_below_the_baseline():
    problem = simple_park(1_000).problem
    natural = natural_course(
        stores=problem.stores, fills=problem.fills, profiles=problem.profiles, hours=problem.hours, periods=problem.periods
    )
    baseline = (problem.sites.fixed_injection_kw + problem.sites.generation_kw - natural.by_site(len(problem.sites))).sum(axis=0)
    sold = problem.market.reference_injection_kw - baseline
    assert (sold[:32] < 0).all()
    assert sold[32:] == pytest.approx(0, abs=1e-6)


def test_one_asset_in_ten_or_more_is_a_two_way_car_that_leaves_charged():
    drawn = full_park(1_000)
    stores = drawn.problem.stores
    car = (stores.end - stores.first < 96) & (stores.discharge_kw > 0)
    assert car.sum() >= 0.1 * drawn.assets
    assert part_of(stores.end_kwh[car] > stores.initial_kwh[car]) > 0.5
    assert len(drawn.problem.fills) >= 0.1 * drawn.assets


def test_one_load_in_five_ramps_rebounds_and_rests():
    calls = full_park(1_000).problem.calls
    after = (calls.ramp > 0) & (calls.rebound > 0) & (calls.rebound_ratio > 0) & (calls.rest > 0)
    assert after.sum() == 0.2 * len(calls)
    assert len(calls) >= 200


def test_sites_of_the_full_park_have_tariffs_and_loads_have_windows_of_their_own():
    problem = full_park(1_000).problem
    assert len(np.unique(problem.sites.buy_cny_per_kwh, axis=0)) == len(problem.sites)
    assert len({tuple((row / row.max()).round(6)) for row in problem.sites.buy_cny_per_kwh}) == 5
    assert len(set(zip(problem.calls.first.tolist(), problem.calls.end.tolist(), strict=True))) > 100


def test_rooms_leak_only_take_and_hold_a_comfort_band():
    problem = full_park(1_000).problem
    room = problem.stores.profile != NO_PROFILE
    assert room.sum() == len(problem.profiles) >= 50
    assert (problem.stores.keep_ratio[room] < 1).all()
    assert not problem.stores.discharge_kw[room].any()
    assert not problem.profiles.discharge_kw.any()
    assert (problem.profiles.max_kwh > problem.profiles.min_kwh).all()
    assert (np.ptp(problem.profiles.min_kwh, axis=1) > 0).all()


def test_every_site_has_a_feeder_inside_a_transformer_with_assets_behind_both():
    problem = full_park(1_000).problem
    inner = problem.groups.parent != NO_GROUP
    assert inner.sum() == (~inner).sum() == len(problem.sites)
    assert (problem.groups.site[inner] == problem.groups.site[problem.groups.parent[inner]]).all()
    for part in (problem.stores, problem.fills, problem.calls):
        grouped = part.group != NO_GROUP
        assert 0.6 < part_of(grouped) < 1
        assert (problem.groups.site[part.group[grouped]] == part.site[grouped]).all()
        assert inner[part.group[grouped]].any()


def test_a_group_carries_no_more_than_its_parent_and_a_parent_no_more_than_its_site():
    problem = full_park(1_000).problem
    inner = problem.groups.parent != NO_GROUP
    assert (problem.groups.fixed_injection_kw[inner] >= problem.groups.fixed_injection_kw[problem.groups.parent[inner]]).all()
    outer = np.flatnonzero(~inner)
    assert (problem.groups.fixed_injection_kw[outer] >= problem.sites.fixed_injection_kw[problem.groups.site[outer]]).all()


def test_the_limits_of_groups_bind_where_everybody_charges_at_once():
    problem = full_park(1_000).problem
    stores, groups = problem.stores, problem.groups
    there = stores.group != NO_GROUP
    at_once = np.bincount(stores.group[there], stores.charge_kw[there], minlength=len(groups))
    room = groups.import_limit_kw + groups.fixed_injection_kw.max(axis=1)
    assert part_of(at_once > room) > 0.2


def test_sites_of_the_full_park_differ_in_demand_charge_and_export_rule():
    sites = full_park(1_000).problem.sites
    assert part_of(sites.demand_price_cny_per_kw > 0) == 0.5
    assert (sites.peak_so_far_kw > 0).all()
    assert {share: part_of(sites.export_share_ratio == share) for share in (0.0, 0.2, np.inf)} == {0.0: 0.15, 0.2: 0.65, np.inf: 0.2}


def test_some_storages_hold_power_and_energy_back():
    stores = full_park(1_000).problem.stores
    storage = (stores.end - stores.first == 96) & (stores.profile == NO_PROFILE)
    ratio = stores.max_kwh[storage] / stores.min_kwh[storage]
    assert part_of(ratio < 18.99) == pytest.approx(0.25, abs=0.01)  # 0.95 / 0.05 where nothing is held back
    assert part_of(stores.end_value_cny_per_kwh[storage] > 0) > 0.3


def test_the_dark_day_has_sixteen_hours_without_sun_and_wind():
    assert (DARK.stop - DARK.start) * 0.25 == 16
    assert not VARIATIONS["dark"](full_park(200)).problem.sites.generation_kw[:, DARK].any()


def test_without_flexibility_nothing_has_power():
    problem = VARIATIONS["no_flexibility"](full_park(200)).problem
    for column in (problem.stores.charge_kw, problem.stores.discharge_kw, problem.fills.charge_kw, problem.calls.shed_kw):
        assert not column.any()
    assert not problem.profiles.charge_kw.any()
