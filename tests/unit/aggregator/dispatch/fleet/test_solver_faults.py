"""Whatever a solver does, there is a plan that the checker passes, its status says what it is worth, and no process is left behind."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace
from pathlib import Path

import highspy
import numpy as np
import pulp
import pytest

from aggregator.dispatch.domain import Schedule, Target, _solver, _watchdog, check_schedule, solve_schedule
from aggregator.dispatch.domain import _bulk as bulk
from aggregator.dispatch.domain._bulk import BulkHighs, ModelBuilder
from tests.unit.aggregator.dispatch.parks import Park, battery, grid_of, park_of, plant, pv

ROOT = Path(__file__).parents[5]
MODES = ("reference", "fleet")


def park(target: Target | None = None) -> Park:
    grid = grid_of(6)
    facts = {"b": battery(grid), "l": plant(grid, np.full(6, 90.0), all_or_nothing=True), "p": pv(grid, np.full(6, 50.0))}
    return park_of(grid, facts, value=[0.1, 0.2, 0.9, 1.0, 0.3, 0.2], target=target)


def checked(made: Park, mode: str | None = None, seconds: float = 20.0) -> Schedule:
    schedule = solve_schedule(made.problem, deadline_s=seconds, mode=mode)
    assert check_schedule(problem=made.problem, schedule=schedule, assets=made.facts) == []
    return schedule


def assert_safe(schedule: Schedule) -> None:
    assert schedule.status == "fallback"
    assert schedule.gap_ratio is None
    assert not schedule.up_kw["b"].any()
    assert not schedule.up_kw["l"].any()


HONEST = highspy.Highs.run


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch):
    """Make every run of HiGHS end in `fault(live)`."""

    def inject(fault) -> None:
        monkeypatch.setattr(highspy.Highs, "run", fault)

    return inject


@pytest.fixture
def no_cbc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulp.PULP_CBC_CMD, "pulp_cbc_path", "/nowhere/cbc")


def raising(*_: object, **__: object) -> None:
    raise RuntimeError("solver broke")


def script(folder: Path, text: str) -> str:
    path = folder / "cbc"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def is_alive(pid: int) -> bool:
    """A zombie is dead: only its parent has not looked yet."""
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def is_gone_within(pid: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while is_alive(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not is_alive(pid)


# No time, no solver


def test_no_time_at_all_still_gives_a_plan_that_passes_the_check() -> None:
    """The exact model has no time; the sweeps need none that counts."""
    schedule = checked(park(), "reference", seconds=0.0)
    assert schedule.status == "timeout"
    assert schedule.certificate.cost_cny <= schedule.certificate.safe_cost_cny


def test_the_safe_plan_still_serves_a_target(no_cbc: None, faulty) -> None:
    faulty(raising)
    target = np.full(6, np.nan)
    target[2] = -10.0  # 30 kW above the natural course
    schedule = checked(park(Target(target)))
    assert schedule.status == "fallback"
    assert schedule.portfolio_kw[2] == pytest.approx(-10.0)
    assert schedule.up_kw["b"][2] == pytest.approx(30.0)


@pytest.mark.parametrize("mode", MODES)
def test_highs_that_throws_and_no_cbc_give_the_safe_plan(mode: str, faulty, no_cbc: None) -> None:
    faulty(raising)
    assert_safe(checked(park(), mode))


@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_highs_that_throws_in_the_middle_gives_the_safe_plan(rounds: int, faulty, no_cbc: None) -> None:
    """The programmes of single sites are run again and again in the live solver."""
    left = [rounds]

    def later(live: highspy.Highs):
        left[0] -= 1
        return HONEST(live) if left[0] >= 0 else raising()

    two_sites = park()
    facts = {f"{site}{k}": replace(row, site=site) for site in "abc" for k, row in two_sites.facts.items()}
    made = park_of(two_sites.problem.grid, facts, value=two_sites.problem.injection_value_cny_per_kwh)
    faulty(later)
    schedule = checked(made, "fleet")
    assert schedule.status == "fallback"
    assert left[0] < 0


def test_cbc_takes_over_from_highs_and_finds_the_same(faulty) -> None:
    best = checked(park(), "reference")
    faulty(raising)
    schedule = checked(park(), "reference")
    assert schedule.status in ("optimal", "at_gap")
    assert schedule.objective_cny == pytest.approx(best.objective_cny, abs=1e-2)


@pytest.mark.parametrize("mode", MODES)
def test_without_the_highs_module_there_is_a_plan(mode: str) -> None:
    """A fresh process in which it cannot be imported: CBC solves what is small, the safe plan stands for the rest."""
    program = f"""
        import sys
        sys.modules["highspy"] = None
        from tests.unit.aggregator.dispatch import parks
        from aggregator.dispatch.domain import check_schedule, solve_schedule, usable_solvers
        import numpy as np
        grid = parks.grid_of(6)
        made = parks.park_of(grid, {{"b": parks.battery(grid)}}, value=[0.1, 0.2, 0.9, 1.0, 0.3, 0.2])
        plan = solve_schedule(made.problem, deadline_s=20.0, mode="{mode}")
        assert check_schedule(problem=made.problem, schedule=plan, assets=made.facts) == []
        print(plan.status, *usable_solvers())
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    expected = {"reference": "optimal PULP_CBC_CMD", "fleet": "fallback PULP_CBC_CMD"}
    assert done.stdout.strip() == expected[mode], done.stderr


# HiGHS lies or hangs


def nothing_at_all(live: highspy.Highs):
    """ "Optimal" with everything at zero, which breaks rows."""
    status = HONEST(live)
    zero = highspy.HighsSolution()
    zero.col_value = zero.col_dual = [0.0] * live.getNumCol()
    zero.row_value = zero.row_dual = [0.0] * live.getNumRow()
    zero.value_valid = zero.dual_valid = True
    live.getSolution = lambda: zero
    return status


def test_an_optimal_point_that_breaks_a_row_is_no_solution(faulty) -> None:
    faulty(nothing_at_all)
    build = ModelBuilder("lie")
    x = build.variable(0.0, 10.0, cost=1.0)
    build.row([(x, 1.0)], pulp.LpConstraintGE, 4.0)
    model = build.finish()
    assert model.solve(BulkHighs()) == pulp.LpStatusNotSolved
    assert model.sol_status == pulp.LpSolutionNoSolutionFound
    assert x.varValue is None


@pytest.mark.parametrize("value", [0.5, np.nan])
def test_a_point_that_is_not_whole_or_no_number_is_no_solution(value: float, faulty) -> None:
    def half(live: highspy.Highs):
        status = HONEST(live)
        point = highspy.HighsSolution()
        point.col_value, point.row_value, point.value_valid = [value], [value], True
        live.getSolution = lambda: point
        return status

    faulty(half)
    build = ModelBuilder("whole")
    x = build.variable(0.0, 1.0, cost=-1.0, integer=True)
    build.row([(x, 1.0)], pulp.LpConstraintLE, 1.0)
    model = build.finish()
    assert model.solve(BulkHighs()) == pulp.LpStatusNotSolved
    assert x.varValue is None


@pytest.mark.parametrize("mode", MODES)
def test_a_highs_that_lies_leads_to_no_wrong_plan(mode: str, faulty, no_cbc: None) -> None:
    faulty(nothing_at_all)
    schedule = checked(park(), mode)
    if mode == "reference":  # nothing of the exact model counts; the sweeps go by whatever prices and are checked as well
        assert schedule.status in ("timeout", "fallback")


def test_a_highs_that_hangs_is_left_behind_and_cbc_answers(faulty, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    faulty(lambda live: release.wait(60.0))
    monkeypatch.setattr(bulk, "GRACE_S", 0.1)
    monkeypatch.setattr(bulk, "LONGEST_S", 0.1)
    monkeypatch.setattr(_watchdog, "_lost", [])
    build = ModelBuilder("hang")
    build.variable(0.0, 1.0, cost=-1.0)
    model = build.finish()
    try:
        for _ in range(_watchdog.MOST_LOST):
            with pytest.raises(pulp.PulpSolverError, match="does not come back"):
                model.solve(BulkHighs(time_limit=0.05))
            assert model.solverModel is None
        begun = time.monotonic()
        with pytest.raises(pulp.PulpSolverError, match="have not come back"):  # no third thread is lost
            model.solve(BulkHighs(time_limit=30.0))
        assert time.monotonic() - begun < 5
        assert checked(park(), "reference").status in ("optimal", "at_gap")  # by CBC
    finally:
        release.set()
    for thread in list(_watchdog._lost):
        thread.join(10)
    faulty(HONEST)
    model.solve(BulkHighs())  # those that came back count no more
    assert model.sol_status == pulp.LpSolutionOptimal


def test_work_that_ends_in_time_hands_on_what_it_raises() -> None:
    with pytest.raises(RuntimeError, match="solver broke"):
        _watchdog.within(5.0, raising)


# CBC is missing, hangs, is killed, or outlives us


def test_a_missing_cbc_is_an_error_of_its_name(no_cbc: None) -> None:
    with pytest.raises(pulp.PulpSolverError, match="CBC"):
        small_model().solve(_solver.FencedCbc(seconds=5.0))


def small_model() -> pulp.LpProblem:
    model = pulp.LpProblem("small", pulp.LpMinimize)
    x = model.add_variable("x", 0, 4)
    model += 1.0 * x
    model += x >= 1.0
    return model


def test_a_cbc_that_hangs_is_killed_with_all_that_it_began(faulty, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    faulty(raising)
    told = tmp_path / "pids"
    hanging = script(tmp_path, f"sleep 60 & echo $$ $! > {told}; wait")
    monkeypatch.setattr(_solver, "GRACE_S", 0.1)
    monkeypatch.setattr(pulp.PULP_CBC_CMD, "pulp_cbc_path", hanging)
    begun = time.monotonic()
    assert_safe(checked(park(), "reference", seconds=1.5))
    assert time.monotonic() - begun < 20
    pids = [int(pid) for pid in told.read_text().split()]
    assert len(pids) == 2
    assert all(is_gone_within(pid, 5.0) for pid in pids)


@pytest.mark.parametrize("end", ["kill -9 $$", "exit 3", "exit 0", "echo Optimal > model.sol"])
def test_a_cbc_that_is_killed_or_says_nothing_usable_gives_the_safe_plan(
    end: str, faulty, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    faulty(raising)
    monkeypatch.setattr(pulp.PULP_CBC_CMD, "pulp_cbc_path", script(tmp_path, end))
    assert_safe(checked(park(), "reference"))


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's word that a parent died is Linux' own")
def test_cbc_dies_with_a_worker_that_is_killed(tmp_path: Path) -> None:
    """SIGKILL leaves nobody to clean up: the kernel has to."""
    told = tmp_path / "pid"
    hanging = script(tmp_path, f"echo $$ > {told}; exec sleep 60")
    program = f"""
        import pulp
        from aggregator.dispatch.domain._solver import FencedCbc
        pulp.PULP_CBC_CMD.pulp_cbc_path = {hanging!r}
        model = pulp.LpProblem("small", pulp.LpMinimize)
        x = model.add_variable("x", 0, 4)
        model += 1.0 * x
        model.solve(FencedCbc(seconds=60.0))
    """
    worker = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], cwd=ROOT)
    try:
        until = time.monotonic() + 60
        while not (told.exists() and told.read_text().strip()) and time.monotonic() < until:
            time.sleep(0.02)
        pid = int(told.read_text())
        assert is_alive(pid)
        os.kill(worker.pid, signal.SIGKILL)
        assert is_gone_within(pid, 10.0)
    finally:
        worker.kill()
        worker.wait()


# What HiGHS says first is asked again


def test_infeasible_is_asked_again_without_presolve(monkeypatch: pytest.MonkeyPatch, no_cbc: None) -> None:
    """HiGHS 1.15 presolved a feasible model with a nearly fixed column to "infeasible"."""
    honest, best = BulkHighs.actualSolve, checked(park(), "reference")

    def presolve_errs(self: BulkHighs, lp: pulp.LpProblem) -> int:
        if self.highs_options.get("presolve") == "off" or "mip_rel_gap" not in self.highs_options:
            return honest(self, lp)
        lp.assignStatus(pulp.LpStatusInfeasible, pulp.LpSolutionInfeasible)
        return pulp.LpStatusInfeasible

    monkeypatch.setattr(BulkHighs, "actualSolve", presolve_errs)
    schedule = checked(park(), "reference")
    assert schedule.status == best.status
    assert schedule.objective_cny == pytest.approx(best.objective_cny)
