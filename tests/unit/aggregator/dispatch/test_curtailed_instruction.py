"""Sun and wind serve down-regulation: they are curtailed in the window, and nowhere else because of it."""

import numpy as np
import pytest

from aggregator.dispatch.domain import GroupProblem, SiteProblem, Target, check_schedule, explain
from aggregator.dispatch.domain.instruction import solve_instruction
from aggregator.dispatch.domain.setpoints import settings_of
from tests.unit.aggregator.dispatch.parks import Park, battery, grid_of, park_of, plant, pv, wind

METHODS = ["auto", "fast"]


def asked(park: Park, injection_kw: list[float], *, direction: int = -1, method: str = "auto"):
    park = park.asked(target=Target(np.array(injection_kw), direction), reference_kw={})
    schedule, split = solve_instruction(park.problem, deadline_s=20, method=method)
    assert check_schedule(problem=park.problem, schedule=schedule, assets=park.facts) == []
    return park, schedule, split


@pytest.mark.parametrize("method", METHODS)
def test_sun_is_curtailed_in_the_window_and_runs_free_around_it(method: str) -> None:
    grid = grid_of(4)
    facts = {"l": plant(grid, np.full(4, 20.0), sheddable=False), "p": pv(grid, [60.0, 90.0, 90.0, 60.0])}
    park, schedule, split = asked(park_of(grid, facts, value=[0.3] * 4), [np.nan, 30.0, 40.0, np.nan], method=method)
    np.testing.assert_allclose(schedule.injection_kw["p"], [60.0, 50.0, 60.0, 60.0], atol=2e-3)
    assert schedule.shortfall_kw.max() < 5e-3
    assert [row.given_kw for row in split.periods] == pytest.approx([40.0, 30.0], abs=5e-3)
    why = explain(park.problem, schedule)
    rows = settings_of(problem=park.problem, schedule=schedule, assets=park.facts, why=why)
    told = {row.period: (row.kind, row.reason) for row in rows if row.asset == "p"}
    assert told == {1: ("export_limit_kw", "serve_target"), 2: ("export_limit_kw", "serve_target")}


@pytest.mark.parametrize("method", METHODS)
def test_what_stores_cannot_take_is_curtailed_over_two_generators(method: str) -> None:
    """100 kW down for two hours: the battery has room for some of it, sun and wind give the rest, behind a feeder as well."""
    grid = grid_of(3)
    facts = {
        "b": battery(grid, stored_kwh=70.0, charge_kw=30.0),
        "p": pv(grid, [80.0, 80.0, 80.0]),
        "w": wind(grid, [60.0, 60.0, 60.0]),
    }
    groups = {"s:f": GroupProblem("s", 200.0, 200.0)}
    park = park_of(grid, facts, value=[0.3] * 3, groups=groups, group_of={"p": "s:f"})
    _, schedule, _ = asked(park, [np.nan, 40.0, 40.0], method=method)
    assert schedule.shortfall_kw.max() < 5e-3
    assert schedule.injection_kw["p"][0] == pytest.approx(80.0)
    assert schedule.injection_kw["w"][0] == pytest.approx(60.0)
    given = sum(facts[key].envelope.base_kw - schedule.injection_kw[key] for key in ("p", "w"))
    assert (given[1:] >= 70.0 - 5e-3).all()


def test_curtailment_that_was_planned_stays_before_the_window_and_goes_on_inside() -> None:
    grid = grid_of(3)
    facts = {"p": pv(grid, [80.0, 80.0, 80.0])}
    park = park_of(grid, facts, value=[-0.2, -0.2, 0.3])
    park = park.asked(target=Target(np.array([np.nan, 10.0, np.nan]), -1), reference_kw={"p": np.array([30.0, 30.0, 80.0])})
    schedule, split = solve_instruction(park.problem, deadline_s=20)
    np.testing.assert_allclose(schedule.injection_kw["p"], [30.0, 10.0, 80.0], atol=2e-3)
    assert split.periods[0].given_kw == pytest.approx(20.0, abs=5e-3)


def test_what_is_left_short_is_named_when_all_generation_is_curtailed() -> None:
    grid = grid_of(1)
    facts = {"l": plant(grid, [20.0], sheddable=False), "p": pv(grid, [50.0])}
    _, schedule, _ = asked(park_of(grid, facts, value=[0.3]), [-40.0])
    assert schedule.injection_kw["p"][0] == pytest.approx(0.0, abs=2e-3)
    assert schedule.shortfall_kw[0] == pytest.approx(20.0, abs=5e-3)


def test_a_site_that_has_no_right_to_export_is_still_curtailed_for_an_instruction() -> None:
    grid = grid_of(2)
    facts = {"l": plant(grid, [100.0, 100.0], sheddable=False), "p": pv(grid, [60.0, 60.0])}
    sites = {"s": SiteProblem(200.0, 200.0, np.zeros(2), export_share_ratio=0.0)}
    _, schedule, _ = asked(park_of(grid, facts, value=[0.3] * 2, sites=sites), [np.nan, -80.0])
    np.testing.assert_allclose(schedule.injection_kw["p"], [60.0, 20.0], atol=2e-3)
