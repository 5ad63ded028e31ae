"""A deadline is kept at every point of the way: the best plan so far, its status, and nothing new begun."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.dispatch.domain.fleet import _places, market_model, schedules
from aggregator.dispatch.domain.fleet.checker import check_fleet
from aggregator.dispatch.domain.fleet.plan import plan_fleet
from aggregator.dispatch.domain.fleet.problem import FleetProblem
from tests.unit.aggregator.dispatch.fleet.parks import tiny

OWNERS = ("above its limit", "above its share")


class Ticking:
    """A clock that goes on by a second whenever somebody looks at it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


@pytest.fixture(scope="module", autouse=True)
def small_blocks():
    """Every site is a block of its own, and level 3 does not fall away."""
    patch = pytest.MonkeyPatch()
    patch.setattr(_places, "BLOCK_ASSETS", 1)
    patch.setattr(market_model, "FEW_SITES", 1)
    patch.setattr(market_model, "CLUSTERS", 2)
    patch.setattr(market_model, "FEW_CLUSTERS", 2)
    yield
    patch.undo()


def park(seed: int) -> FleetProblem:
    return tiny(seed, n_sites=5, n_stores=9, n_fills=6, n_calls=5, periods=8)


@cache
def looked_at(seed: int) -> float:
    """How often a plan that has all the time looks at the clock."""
    clock = Ticking()
    assert plan_fleet(park(seed), deadline_s=1e9, mode="fleet", clock=clock).status == "at_gap"
    return clock.now


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 5), part=st.floats(0.0, 0.9))
def test_a_plan_stands_wherever_the_time_ends(seed: int, part: float) -> None:
    problem = park(seed)
    plan = plan_fleet(problem, deadline_s=part * looked_at(seed), mode="fleet", clock=Ticking())
    assert plan.status == "timeout"
    assert [v for v in check_fleet(problem, plan) if not v.kind.endswith(OWNERS)] == []
    assert plan.certificate.lower_bound_cny <= plan.certificate.cost_cny + 1e-6 * abs(plan.certificate.cost_cny) or check_fleet(
        problem, plan
    )


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 5), part=st.floats(0.0, 0.9))
def test_no_block_of_sites_is_begun_after_the_deadline(seed: int, part: float) -> None:
    problem = park(seed)
    end = part * looked_at(seed)
    clock, late = Ticking(), []
    honest: Callable[..., None] = schedules.sweep
    patch = pytest.MonkeyPatch()
    patch.setattr(schedules, "sweep", lambda *a: late.append(clock.now > 1 + end + 1) or honest(*a))
    try:
        plan_fleet(problem, deadline_s=end, mode="fleet", clock=clock)
    finally:
        patch.undo()
    assert not any(late)


def test_a_full_plan_has_no_more_time_than_it_needs_and_says_so() -> None:
    problem = park(3)
    whole = plan_fleet(problem, deadline_s=1e9, mode="fleet", clock=Ticking())
    again = plan_fleet(problem, deadline_s=2e9, mode="fleet", clock=Ticking())
    np.testing.assert_array_equal(whole.moves.store_kw, again.moves.store_kw)
    assert whole.notes == ()


def test_sites_that_no_time_was_left_for_are_told() -> None:
    problem = park(4)
    plan = plan_fleet(problem, deadline_s=7.0, mode="fleet", clock=Ticking())
    assert plan.status == "timeout"
    assert any("priced at their tariffs" in note for note in plan.notes)
