"""The raw arrays say the same as the PuLP model: what the optimiser is compared with is the right problem."""

import pytest

from aggregator.dispatch.domain.fleet.reference import solve_reference
from vpp.bench.fleet_park import full_park, simple_park
from vpp.bench.raw_fleet import NotSimple, model_against_arrays, raw_plan
from vpp.bench.stress import VARIATIONS


@pytest.mark.parametrize("seed", [1, 2])
def test_the_relaxation_costs_what_the_pulp_model_says(seed):
    problem = simple_park(60, seed=seed, per_site=20).problem
    raw = raw_plan(problem, relaxed=True)
    assert raw.cost_cny == pytest.approx(solve_reference(problem, deadline_s=60, relaxed_calls=True).certificate.cost_cny, rel=1e-6)
    assert raw.bound_cny == raw.cost_cny


@pytest.mark.parametrize("name", ["negative_midday", "no_export", "penalties_x5", "dark"])
def test_so_it_does_on_hard_days(name):
    problem = VARIATIONS[name](simple_park(40, seed=5, per_site=20)).problem
    raw = raw_plan(problem, relaxed=True)
    assert raw.cost_cny == pytest.approx(solve_reference(problem, deadline_s=60, relaxed_calls=True).certificate.cost_cny, rel=1e-6)


def test_whole_calls_cost_what_the_exact_plan_costs_and_never_less_than_the_relaxation():
    problem = simple_park(40, seed=2, per_site=20).problem
    whole = raw_plan(problem, relaxed=False)
    exact = solve_reference(problem, deadline_s=60)
    assert whole.cost_cny == pytest.approx(exact.certificate.cost_cny, rel=1e-4)
    assert raw_plan(problem, relaxed=True).cost_cny <= whole.cost_cny + 1e-6
    assert whole.bound_cny <= whole.cost_cny + 1e-6
    assert whole.both_at_once_kw < 1e-6


def test_it_says_how_large_the_programme_was_and_how_long_it_took():
    raw = raw_plan(simple_park(20).problem, relaxed=True)
    assert raw.status == "Optimal"
    assert raw.columns > raw.rows > 96
    assert set(raw.seconds) == {"build", "solve"}
    assert raw.wall_seconds == pytest.approx(sum(raw.seconds.values()))


def test_a_park_with_more_features_is_refused_and_they_are_named():
    with pytest.raises(NotSimple, match=r"groups.*demand charges.*rooms.*ramps"):
        raw_plan(full_park(100).problem, relaxed=True)


@pytest.mark.parametrize("park", [simple_park, full_park])
def test_the_model_and_its_arrays_are_the_same_programme(park):
    found = model_against_arrays(park(60, per_site=20).problem)
    assert found.columns > found.rows > 96
    assert min(found.build_seconds, found.solve_seconds, found.raw_seconds) > 0
