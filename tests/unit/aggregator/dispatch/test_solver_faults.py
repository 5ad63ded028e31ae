"""Whatever the solvers do, there is a plan, and its status says what it is worth."""

import random
import time

import numpy as np
import pulp
import pytest

from aggregator.dispatch.domain import Target, _solver, check_schedule, solve_schedule
from tests.unit.aggregator.dispatch.parks import battery, grid_of, park_of, plant, pv


def park(target: Target | None = None):
    grid = grid_of(6)
    facts = {"b": battery(grid), "l": plant(grid, np.full(6, 90.0)), "p": pv(grid, np.full(6, 50.0))}
    return park_of(grid, facts, value=[0.1, 0.2, 0.9, 1.0, 0.3, 0.2], target=target)


def checked(made, seconds: float = 20.0):
    schedule = solve_schedule(made.problem, deadline_s=seconds)
    assert check_schedule(problem=made.problem, schedule=schedule, assets=made.facts) == []
    return schedule


def raising(*_: object, **__: object) -> None:
    raise RuntimeError("solver broke")


def test_no_time_at_all_gives_the_safe_plan() -> None:
    schedule = checked(park(), seconds=0.0)
    assert schedule.status == "fallback"
    assert not schedule.up_kw["b"].any()
    assert not schedule.up_kw["l"].any()


def test_the_safe_plan_still_serves_a_target() -> None:
    target = np.full(6, np.nan)
    target[2] = -10.0  # 30 kW above the natural course
    schedule = checked(park(Target(target)), seconds=0.0)
    assert schedule.status == "fallback"
    assert schedule.portfolio_kw[2] == pytest.approx(-10.0)
    assert schedule.up_kw["b"][2] == pytest.approx(30.0)


def test_cbc_takes_over_and_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    best = checked(park())
    monkeypatch.setattr(pulp.HiGHS, "actualSolve", raising)
    schedule = checked(park())
    assert schedule.solver == "cbc"
    assert schedule.objective_cny == pytest.approx(best.objective_cny, abs=1e-2)


def test_without_any_solver_the_safe_plan_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulp.HiGHS, "actualSolve", raising)
    monkeypatch.setattr(_solver.FencedCbc, "actualSolve", raising)
    assert checked(park()).status == "fallback"


def test_a_cbc_that_hangs_is_killed_at_the_wall_clock(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    sleeper = tmp_path / "cbc"
    sleeper.write_text("#!/bin/sh\nsleep 60\n")
    sleeper.chmod(0o755)
    monkeypatch.setattr(pulp.HiGHS, "actualSolve", raising)
    monkeypatch.setattr(_solver, "GRACE_S", 0.1)
    monkeypatch.setattr(pulp.PULP_CBC_CMD, "pulp_cbc_path", str(sleeper))
    begun = time.monotonic()
    assert checked(park(), seconds=1.0).status == "fallback"
    assert time.monotonic() - begun < 10


def test_a_solver_that_lies_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """At its time limit HiGHS through PuLP calls a point optimal that is not even feasible."""

    def lie(self: pulp.HiGHS, lp: pulp.LpProblem) -> int:
        for variable in lp.variables():
            variable.varValue = 0.0
        lp.assignStatus(pulp.LpStatusOptimal, pulp.LpSolutionOptimal)
        return pulp.LpStatusOptimal

    monkeypatch.setattr(pulp.HiGHS, "actualSolve", lie)
    monkeypatch.setattr(_solver.FencedCbc, "actualSolve", raising)
    assert checked(park()).status == "fallback"


def nearly_fixed() -> pulp.LpProblem:
    """A feasible model with a column that may move by 7e-10 only, as rounded energy bounds of cars once gave."""
    model = pulp.LpProblem("nearly_fixed", pulp.LpMinimize)
    x = model.add_variable("x", 0.9719979756046, 0.9719979763031)
    way = model.add_variable("way", 0, 1, cat="Integer")
    model += 2.0 * x + way
    model += x + way >= 1.0
    return model


def test_infeasible_is_asked_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """HiGHS called a feasible model infeasible in presolve; without presolve it finds the optimum."""
    honest = pulp.HiGHS.actualSolve

    def presolve_errs(self: pulp.HiGHS, lp: pulp.LpProblem, **options: object) -> int:
        if "presolve" in self.optionsDict:
            return honest(self, lp, **options)
        lp.assignStatus(pulp.LpStatusInfeasible, pulp.LpSolutionInfeasible)
        return pulp.LpStatusInfeasible

    monkeypatch.setattr(pulp.HiGHS, "actualSolve", presolve_errs)
    answer = _solver.solve(nearly_fixed(), seconds=10, integer=True)
    assert answer.solver == "highs"
    assert answer.usable


def many_knapsacks(items: int = 50, rows: int = 8) -> pulp.LpProblem:
    """A problem that needs some forty nodes to come within the gap."""
    drawn = random.Random(1)
    model = pulp.LpProblem("many_knapsacks", pulp.LpMinimize)
    chosen = [model.add_variable(f"x{i}", 0, 1, cat="Integer") for i in range(items)]
    model += pulp.lpSum(-drawn.randint(50, 150) * x for x in chosen)
    for _ in range(rows):
        weights = [drawn.randint(1, 100) for _ in chosen]
        model += pulp.lpSum(w * x for w, x in zip(weights, chosen, strict=True)) <= sum(weights) // 2
    return model


def test_a_limit_of_nodes_ends_a_search_and_the_gap_that_is_left_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes, not seconds, end a long search, so a busy machine finds the same answer."""
    monkeypatch.setattr(_solver, "MAX_NODES", 5)
    first, second = (_solver.solve(many_knapsacks(), seconds=60, integer=True) for _ in range(2))
    assert first == second
    assert (first.status, first.solver) == ("at_gap", "highs")
    assert first.gap_ratio is not None
    assert _solver.MIP_GAP < first.gap_ratio < 0.05
