"""Fleets in shards: nobody is lost or counted twice, bytes come back exact, bounds add up, and the bound stays a bound."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.dispatch.domain.fleet.certificate import lower_bound, market_bound, sites_bound
from aggregator.dispatch.domain.fleet.checker import check_fleet
from aggregator.dispatch.domain.fleet.cost import cost_of, flows_of, safe_moves, site_injection
from aggregator.dispatch.domain.fleet.plan import best_answers_cny, plan_fleet
from aggregator.dispatch.domain.fleet.problem import FleetProblem, FleetRefused
from aggregator.dispatch.domain.fleet.reference import solve_reference
from aggregator.dispatch.domain.fleet.result import Certificate, Moves
from aggregator.dispatch.domain.fleet.shard_bytes import (
    hash_of,
    pack_arrays,
    pack_problem,
    pack_record,
    unpack_arrays,
    unpack_problem,
    unpack_record,
)
from aggregator.dispatch.domain.fleet.shard_steps import Guided, closed, guided, settled, whole_plan
from aggregator.dispatch.domain.fleet.shard_sums import joined, market_price, pack_sums, shard_sums, unpack_sums
from aggregator.dispatch.domain.fleet.shards import Shard, cut, market_alone, with_market
from aggregator.dispatch.domain.fleet.site_model import site_prices
from aggregator.dispatch.domain.fleet.virtual import virtual_assets
from tests.unit.aggregator.dispatch.fleet.parks import tiny, with_all_kinds_of_calls
from vpp.bench.fleet_park import full_park

seeds = st.integers(0, 100_000)
OWNERS = ("above its limit", "above its share")


def parts_of(problem: FleetProblem, shards: int = 2) -> tuple[Shard, ...]:
    return cut(problem, np.arange(len(problem.sites)), shards)


def in_shards(problem: FleetProblem, shards: int) -> tuple[Certificate, list]:
    """All steps, one after the other."""
    parts = [part.problem for part in parts_of(problem, shards)]
    price = market_price(problem.market, joined([shard_sums(part) for part in parts]), deadline_s=30)
    assert price is not None
    mu = price.mu_cny_per_kwh
    states = [guided(part, problem.market, mu, seed=k) for k, part in enumerate(parts)]
    total = np.sum([state.injection_kw for state in states], axis=0)
    ends = []
    for k, (part, state) in enumerate(zip(parts, states, strict=True)):
        others = total - state.injection_kw
        moves, injection = settled(part, problem.market, state, others_kw=others, seed=shards + k)
        total = others + injection
        ends.append(closed(part, problem.market, moves, mu))
    certificate, wrong = whole_plan(
        problem.market,
        hours=problem.hours,
        mu_cny_per_kwh=mu,
        sites_cny=sum(end.cost_cny for end in ends),
        safe_sites_cny=sum(end.safe_cost_cny for end in ends),
        sites_bound_cny=sum(state.bound_cny for state in states),
        portfolio_kw=np.sum([end.portfolio_kw for end in ends], axis=0),
        safe_portfolio_kw=np.sum([end.safe_portfolio_kw for end in ends], axis=0),
    )
    return certificate, [violation for end in ends for violation in end.violations] + list(wrong)


@settings(max_examples=25, deadline=None)
@given(seeds, st.integers(1, 4))
def test_a_cut_is_the_whole_fleet(seed: int, shards: int) -> None:
    """Every row is in one shard, with its own numbers, and the safe plan of the shards is that of the fleet."""
    problem = with_all_kinds_of_calls(tiny(seed), seed)
    parts = parts_of(problem, shards)
    for name, whole in (("sites", problem.sites), ("stores", problem.stores), ("fills", problem.fills), ("calls", problem.calls)):
        assert sorted(np.concatenate([getattr(part, name) for part in parts]).tolist()) == list(range(len(whole)))
    moves = safe_moves(problem)
    injection = site_injection(problem, moves)
    for part in parts:
        own = safe_moves(part.problem)
        assert np.array_equal(own.store_kw, moves.store_kw[part.stores])
        assert np.array_equal(part.problem.sites.buy_cny_per_kwh, problem.sites.buy_cny_per_kwh[part.sites])
        assert np.array_equal(part.problem.shed_caps_kw, problem.shed_caps_kw[part.calls])
        assert site_injection(part.problem, own) == pytest.approx(injection[part.sites], abs=1e-9)


def test_enterprises_stay_whole_and_shards_are_about_equal() -> None:
    problem = full_park(400, per_site=10).problem
    enterprise = np.arange(len(problem.sites)) % 9 * 100  # scattered over the sites
    parts = cut(problem, enterprise, 3)
    owners = [set(enterprise[part.sites].tolist()) for part in parts]
    assert not set.intersection(*owners)
    sizes = [part.problem.n_assets for part in parts]
    assert max(sizes) < 1.4 * min(sizes)
    groups = sum(len(part.problem.groups) for part in parts)
    assert groups == len(problem.groups) > 0


def test_more_shards_than_enterprises_are_not_made() -> None:
    problem = full_park(400, per_site=10).problem
    assert len(cut(problem, np.zeros(len(problem.sites)), 5)) == 1
    with pytest.raises(FleetRefused):
        cut(problem, np.zeros(3), 5)


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_a_problem_comes_back_as_it_was_stored(seed: int) -> None:
    part = parts_of(tiny(seed))[0].problem
    packed = pack_problem(part)
    again = unpack_problem(packed)
    for name in ("sites", "stores", "fills", "calls", "groups", "profiles"):
        for f in fields(getattr(part, name)):
            mine, stored = getattr(getattr(part, name), f.name), getattr(getattr(again, name), f.name)
            assert mine.dtype == stored.dtype
            assert np.array_equal(mine, stored), f.name
    assert np.array_equal(part.shed_profiles_kw, again.shed_profiles_kw)
    assert pack_problem(again) == packed
    assert hash_of(packed) == hash_of(pack_problem(again))


def test_arrays_come_back_to_the_last_bit() -> None:
    """Infinities, the sign of zero, empty arrays and other types."""
    arrays = {"a": np.array([[-0.0, np.inf, 1e-310], [np.pi, -np.inf, 5.0]]), "b": np.zeros((0, 4)), "c": np.array(0.25)}
    arrays |= {"d": np.array([True, False]), "e": np.arange(3)}
    again = unpack_arrays(pack_arrays(arrays))
    assert {name: (v.dtype, v.shape, v.tobytes()) for name, v in arrays.items()} == {
        name: (v.dtype, v.shape, v.tobytes()) for name, v in again.items()
    }


def test_another_number_is_another_hash() -> None:
    one = {"a": np.array([1.0, 2.0])}
    assert hash_of(pack_arrays(one)) != hash_of(pack_arrays({"a": np.array([1.0, np.nextafter(2.0, 3.0)])}))


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_sums_of_shards_are_the_sums_of_the_fleet(seed: int) -> None:
    """Powers, energies and needs of all clusters together, whatever classes a shard has."""
    problem = tiny(seed)
    sums = joined([unpack_sums(pack_sums(shard_sums(part.problem))) for part in parts_of(problem, 3)])
    whole = virtual_assets(problem)
    for kind, column in (("stores", "charge_kw"), ("stores", "initial_kwh"), ("fills", "most_kw_periods"), ("calls", "cost_cny_per_h")):
        mine = sum(float(getattr(part, column).sum()) for part in getattr(sums, kind))
        assert mine == pytest.approx(sum(float(getattr(part, column).sum()) for part in getattr(whole, kind)), rel=1e-9, abs=1e-9)
    assert sums.sites.generation_kw.sum() == pytest.approx(problem.sites.generation_kw.sum())


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_bounds_of_shards_add_up_to_the_bound_of_the_fleet(seed: int) -> None:
    """At the same prices: the sites' parts and one market."""
    problem = tiny(seed)
    mu, none = np.linspace(-0.3, 0.9, problem.periods), np.zeros(problem.periods)
    prices, _ = site_prices(problem, virtual_assets(problem), mu)
    total = market_bound(market_alone(problem.market, hours=problem.hours), mu)
    for part in parts_of(problem, 3):
        groups = np.flatnonzero(np.isin(problem.groups.site, part.sites))
        columns = {name: values for name, values in vars(prices).items() if name != "mu_cny_per_kwh"}
        own = {name: values[groups if name.startswith("group") else part.sites] for name, values in columns.items()}
        shard = with_market(part.problem, problem.market, none)
        here = replace(prices, **own)
        total += sites_bound(shard, here, best_answers_cny(shard, here))
    assert total == pytest.approx(lower_bound(problem, prices, best_answers_cny(problem, prices)), rel=1e-9)


@settings(max_examples=20, deadline=None)
@given(seeds, st.integers(1, 4))
def test_bound_optimum_and_plan_stand_in_this_order(seed: int, shards: int) -> None:
    problem = tiny(seed)
    certificate, violations = in_shards(problem, shards)
    assert [v for v in violations if not v.kind.endswith(OWNERS)] == []
    exact = solve_reference(problem, deadline_s=30)
    if any(violation.kind.endswith(OWNERS) for violation in check_fleet(problem, exact)):
        return  # an owner's limit had to give way: the bound is that of plans that keep it
    slack = 1e-6 * max(1.0, abs(exact.certificate.cost_cny))
    assert certificate.lower_bound_cny <= exact.certificate.cost_cny + slack
    assert exact.certificate.lower_bound_cny <= certificate.cost_cny + slack or violations != []


def test_a_park_with_every_feature_in_shards_is_as_good_as_in_one_piece() -> None:
    problem = full_park(700, per_site=10).problem
    whole = plan_fleet(problem, deadline_s=60, mode="fleet").certificate
    value = whole.safe_cost_cny - whole.lower_bound_cny
    for shards in (1, 3):
        certificate, violations = in_shards(problem, shards)
        assert violations == []
        assert abs(certificate.cost_cny - whole.cost_cny) <= 0.03 * value
        assert abs(certificate.lower_bound_cny - whole.lower_bound_cny) <= 0.02 * value


def test_a_turn_lowers_the_cost_of_the_whole() -> None:
    """True sweeps of one shard, against what the other one injects."""
    problem = full_park(400, per_site=10).problem
    parts = parts_of(problem, 2)
    mu = np.zeros(problem.periods)
    states = [guided(part.problem, problem.market, mu, seed=k) for k, part in enumerate(parts)]
    others = states[1].injection_kw
    moves, injection = settled(parts[0].problem, problem.market, states[0], others_kw=others, seed=5)
    left = with_market(parts[0].problem, problem.market, others)

    def cost(what: Moves) -> float:
        return cost_of(left, what, flows_of(left, what, value_injection_cny_per_kwh=mu))

    assert cost(moves) < cost(states[0].moves)
    assert injection != pytest.approx(states[0].injection_kw)


@pytest.mark.parametrize(("bound_cny", "kinds"), [(-1e9, []), (1e9, ["bound above the cost"])])
def test_a_bound_above_the_cost_is_named(bound_cny: float, kinds: list[str]) -> None:
    problem = full_park(400, per_site=10).problem
    portfolio = problem.market.reference_injection_kw + 1.0
    _, found = whole_plan(
        problem.market,
        hours=problem.hours,
        mu_cny_per_kwh=np.zeros(problem.periods),
        sites_cny=0.0,
        safe_sites_cny=0.0,
        sites_bound_cny=bound_cny,
        portfolio_kw=portfolio,
        safe_portfolio_kw=portfolio,
    )
    assert [violation.kind for violation in found] == kinds


def test_moves_come_back_as_they_were_stored() -> None:
    part = parts_of(full_park(400, per_site=10).problem)[0].problem
    moves = safe_moves(part)
    again = unpack_record(Moves, pack_record(moves))
    assert np.array_equal(moves.store_kw, again.store_kw)
    assert again.call_on.dtype == bool


def test_without_prices_the_safe_moves_stand() -> None:
    problem = full_park(400, per_site=10).problem
    part = parts_of(problem)[0].problem
    state: Guided = guided(part, problem.market, None, seed=0)
    assert state.bound_cny == -np.inf
    moves, injection = settled(part, problem.market, state, others_kw=np.zeros(problem.periods), seed=1)
    assert np.array_equal(moves.store_kw, safe_moves(part).store_kw)
    assert np.array_equal(injection, state.injection_kw)
