"""Setpoints say only what they must, in whole watts on the feasible side."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from aggregator.assets.domain import Session
from aggregator.dispatch.domain import SiteProblem, explain, solve_schedule
from aggregator.dispatch.domain.setpoints import settings_of, towards_zero
from tests.unit.aggregator.dispatch.parks import Park, battery, chargers, grid_of, park_of, parks, plant, pv
from tests.unit.aggregator.dispatch.test_schedule import slow


def settings_for(park: Park):
    schedule = solve_schedule(park.problem, deadline_s=20)
    return settings_of(problem=park.problem, schedule=schedule, assets=park.facts, why=explain(park.problem, schedule)), schedule


def values(rows, asset: str) -> dict[int, float]:
    return {row.period: row.value_kw for row in rows if row.asset == asset}


def test_each_kind_is_told_only_where_it_says_something() -> None:
    grid = grid_of(4)
    facts = {
        "bat": battery(grid, stored_kwh=50.0),
        "ev": chargers(grid, (Session("c", 0.0, 4.0, 20.0),)),
        "load": plant(grid, np.full(4, 100.0), max_call_hours=1),
        "pv": pv(grid, [0.0, 50.0, 50.0, 0.0]),
    }
    rows, _ = settings_for(park_of(grid, facts, value=[0.3, -0.5, 0.9, 0.2]))
    assert set(values(rows, "bat")) == {0, 1, 2, 3}
    assert values(rows, "pv") == {1: 0.0}  # only where curtailed
    assert values(rows, "load") == {2: 20.0}  # only while called
    assert values(rows, "ev")[0] == 0.0  # held back until the price is negative
    assert all(row.kind == "import_limit_kw" and row.fallback_kw == 60.0 for row in rows if row.asset == "ev")


@slow
@given(parks())
def test_values_are_whole_watts_near_the_plan_and_limits_are_not_negative(park: Park) -> None:
    rows, schedule = settings_for(park)
    for row in rows:
        planned = schedule.injection_kw[row.asset][row.period]
        size = row.value_kw if row.kind != "import_limit_kw" else -row.value_kw
        if row.reason == "no_export":  # a standing limit, above the plan
            assert size >= planned - 0.001 - 1e-6
        else:
            assert abs(size - planned) <= 0.001 + 1e-6
        assert row.value_kw == round(row.value_kw, 3)
        assert row.kind == "injection_kw" or row.value_kw >= 0
        if row.kind == "import_limit_kw":
            assert row.value_kw >= -planned - 1e-6


@pytest.mark.parametrize(("kw", "watts"), [(12.3456, 12.345), (-12.3456, -12.345), (0.0, 0.0), (49.9999999999, 50.0), (-0.0001, 0.0)])
def test_injection_is_cut_towards_zero(kw: float, watts: float) -> None:
    assert towards_zero(kw) == watts


def test_a_plant_under_a_site_limit_keeps_its_must_run() -> None:
    grid = grid_of(2)
    park = park_of(grid, {"load": plant(grid, [100.0, 100.0])}, value=[0.1, 0.1], sites={"s": SiteProblem(50.0, 0.0, np.zeros(2))})
    rows, _ = settings_for(park)
    assert min(values(rows, "load").values()) >= 20.0


def test_a_site_without_export_keeps_a_limit_against_a_brighter_day() -> None:
    """40 kW of load and 30 kW of sun expected, 80 on a bright day: nothing is curtailed, and no more than the load may come."""
    grid = grid_of(3)
    facts = {
        "l": plant(grid, [40.0, 40.0, 100.0], sheddable=False),
        "p": replace(pv(grid, [30.0, 30.0, 30.0]), bright_kw=np.array([80.0, 35.0, 80.0])),
    }
    closed = {"s": SiteProblem(200.0, 200.0, np.full(3, 0.1), export_share_ratio=0.0)}
    rows, schedule = settings_for(park_of(grid, facts, value=[0.3] * 3, sites=closed))
    np.testing.assert_allclose(schedule.injection_kw["p"], [30.0, 30.0, 30.0], atol=1e-4)
    assert [(row.period, row.kind, row.value_kw, row.reason) for row in rows] == [(0, "export_limit_kw", 40.0, "no_export")]
    open_rows, _ = settings_for(park_of(grid, facts, value=[0.3] * 3))
    assert open_rows == []


def test_what_two_generators_may_give_beyond_the_plan_is_shared_out() -> None:
    grid = grid_of(1)
    facts = {
        "l": plant(grid, [100.0], sheddable=False),
        "p": replace(pv(grid, [30.0]), bright_kw=np.array([90.0])),
        "q": replace(pv(grid, [40.0]), bright_kw=np.array([70.0])),
        "r": replace(pv(grid, [5.0], curtailable=False), bright_kw=np.array([8.0])),
    }
    closed = {"s": SiteProblem(200.0, 0.0, np.full(1, 0.1))}
    rows, _ = settings_for(park_of(grid, facts, value=[0.3], sites=closed))
    told = {row.asset: row.value_kw for row in rows}
    assert told == {"p": pytest.approx(30 + 22 * 60 / 90, abs=2e-3), "q": pytest.approx(40 + 22 * 30 / 90, abs=2e-3)}
