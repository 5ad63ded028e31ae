"""The safe plan keeps what assets share: connections, feeders, export shares; what cannot be kept is named."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.dispatch.domain import GroupProblem, ProblemRefused, SiteProblem, Target, check_schedule, safe_plan, solve_schedule
from aggregator.dispatch.domain.schedule import Schedule, assemble
from tests.unit.aggregator.dispatch.parks import Park, battery, grid_of, networks, park_of, plant, pv


def safe(park: Park) -> Schedule:
    schedule = safe_plan(park.problem)
    assert check_schedule(problem=park.problem, schedule=schedule, assets=park.facts) == []
    return schedule


def sunny(site: SiteProblem, *, curtailable: bool = True, **more) -> Park:
    grid = grid_of(4)
    facts = {"p": pv(grid, np.full(4, 100.0), curtailable=curtailable), "l": plant(grid, np.full(4, 20.0), must_run_kw=20.0)}
    return park_of(grid, facts, value=[0.3] * 4, sites={"s": site}, **more)


def test_a_site_without_export_is_curtailed_to_its_load() -> None:
    schedule = safe(sunny(SiteProblem(1000.0, 1000.0, np.zeros(4), export_share_ratio=0.0)))
    np.testing.assert_allclose(schedule.injection_kw["p"], 20.0)
    assert schedule.relaxed == ()


def test_a_feeder_carries_no_more_than_it_can() -> None:
    free = SiteProblem(1000.0, 1000.0, np.zeros(4))
    groups = {"out": GroupProblem("s", 100.0, 30.0), "in": GroupProblem("s", 100.0, 50.0, parent="out")}
    schedule = safe(sunny(free, groups=groups, group_of={"p": "in"}))
    np.testing.assert_allclose(schedule.injection_kw["p"], 30.0)
    assert schedule.relaxed == ()


@pytest.mark.parametrize(("made", "out", "exported"), [(0.0, 0.0, 20.0), (100.0, 0.0, 45.0), (0.0, 10.0, 7.5), (0.0, 900.0, 0.0)])
def test_the_share_is_of_the_whole_day(made: float, out: float, exported: float) -> None:
    """export = 0.2 (made + 80 + export) - out, of the 320 kWh that could go out."""
    site = SiteProblem(1000.0, 1000.0, np.zeros(4), export_share_ratio=0.2, generated_so_far_kwh=made, exported_so_far_kwh=out)
    schedule = safe(sunny(site))
    assert schedule.export_kw["s"].sum() == pytest.approx(exported)
    assert schedule.relaxed == ()


def test_what_cannot_be_curtailed_is_named() -> None:
    site = SiteProblem(1000.0, 60.0, np.zeros(4), export_share_ratio=0.2)
    groups = {"f": GroupProblem("s", 100.0, 30.0)}
    schedule = safe(sunny(site, curtailable=False, groups=groups, group_of={"p": "f"}))
    found = {(row.site, row.limit): row.by_kw for row in schedule.relaxed}
    assert found == pytest.approx({("s", "export_limit"): 20.0, ("s", "export_share"): 60.0, ("f", "group_export_limit"): 70.0})


@pytest.mark.parametrize(("load_kw", "given_kw"), [(200.0, 50.0), (60.0, 40.0)])
def test_an_instruction_is_served_no_further_than_the_share_allows(load_kw: float, given_kw: float) -> None:
    """50 kWh less sun takes 10 kWh from what may go out; where 8 kWh are left, 40 are curtailed."""
    grid = grid_of(3)
    facts = {"p": pv(grid, [100.0, 50.0, 40.0]), "l": plant(grid, [load_kw, 200.0, 200.0], must_run_kw=20.0)}
    so_far = {"export_share_ratio": 0.2, "exported_so_far_kwh": 0.0 if load_kw > 100 else -10.0}
    park = park_of(grid, facts, value=[0.3] * 3, sites={"s": SiteProblem(1000.0, 1000.0, np.zeros(3), **so_far)})
    park = park.asked(target=Target(np.array([np.nan, -200.0, np.nan]), -1))
    schedule = safe(park)
    assert schedule.injection_kw["p"][1] == pytest.approx(50.0 - given_kw)
    assert schedule.shortfall_kw[1] == pytest.approx(50.0 - given_kw)
    assert schedule.relaxed == ()


@st.composite
def asked(draw) -> Park:
    park = draw(networks())
    sites = {
        name: replace(site, generated_so_far_kwh=draw(st.floats(0, 300)), exported_so_far_kwh=draw(st.floats(0, 100)))
        for name, site in park.problem.sites.items()
    }
    park = park.asked(sites=sites)
    direction = draw(st.sampled_from([0, 1, -1]))
    return park.asked(target=Target(np.full(6, direction * draw(st.floats(1, 200))), direction)) if direction else park


@given(asked())
def test_it_crosses_no_limit_that_curtailing_everything_would_keep(park: Park) -> None:
    schedule, problem = safe(park), park.problem
    down = dict(schedule.down_kw)
    for key in problem.generators:
        down[key] = problem.devices[key][1].down_kw
    dark = assemble(problem, up=schedule.up_kw, down=down, on={}, status="fallback")
    kept = {*problem.sites, *problem.groups} - {row.site for row in dark.relaxed}
    shared = {name: problem.groups[name].site if name in problem.groups else name for name in kept}
    lost = {problem.groups[row.site].site if row.site in problem.groups else row.site for row in dark.relaxed}
    assert not [row for row in schedule.relaxed if row.site in kept and shared[row.site] not in lost]


def test_a_plan_of_no_periods_is_refused() -> None:
    grid = grid_of(0)
    with pytest.raises(ProblemRefused, match="nothing to plan"):
        solve_schedule(park_of(grid, {"b": battery(grid)}, value=[]).problem, deadline_s=1.0)


@pytest.mark.parametrize("power_kw", [np.inf, -np.inf])
def test_a_target_without_end_is_refused(power_kw: float) -> None:
    grid = grid_of(2)
    with pytest.raises(ProblemRefused, match="no finite power"):
        park_of(grid, {"b": battery(grid)}, value=[0.3, 0.3], target=Target(np.array([np.nan, power_kw])))
