"""The bulk adapter says what PuLP's own says, and never more than HiGHS knows."""

import gc

import numpy as np
import pulp
import pytest

from aggregator.dispatch.domain._bulk import BulkHighs, ModelBuilder, paused_collector, read_back
from aggregator.dispatch.domain.fleet.reference import reference_model
from tests.unit.aggregator.dispatch.fleet.parks import tiny


def knapsack(items: int, seed: int = 0) -> pulp.LpProblem:
    """Many like items under several limits: hard enough that no solver proves its optimum in a moment."""
    rng = np.random.default_rng(seed)
    build = ModelBuilder("knapsack")
    taken = build.variables([0.0] * items, [1.0] * items, (-rng.uniform(10, 11, items)).tolist(), integer=True)
    for _ in range(12):
        build.row(zip(taken, rng.uniform(5, 15, items).tolist(), strict=True), pulp.LpConstraintLE, 2.5 * items)
    return build.finish()


def diet() -> tuple[pulp.LpProblem, list[pulp.LpVariable]]:
    """Written with PuLP's operators, as any model may be: free, bounded and fixed variables, all senses, a constant."""
    model = pulp.LpProblem("diet", pulp.LpMinimize)
    x = [model.add_variable("b", 0, 4), model.add_variable("a"), model.add_variable("c", 1, 1), model.add_variable("alone", -2, 3)]
    model.setObjective(2 * x[0] + 3 * x[1] + x[2] + x[3] + 7)
    model.addConstraint(x[0] + x[1] >= 5, "enough")
    model.addConstraint(x[0] - x[1] <= 2, "balance")
    model.addConstraint(x[1] + x[2] - x[3] == 4, "exact")
    return model, x


def test_values_duals_and_slacks_are_those_of_pulps_own_adapter() -> None:
    ours, theirs = diet()[0], diet()[0]
    ours.solve(BulkHighs())
    theirs.solve(pulp.HiGHS(msg=False))
    assert pulp.value(ours.objective) == pytest.approx(pulp.value(theirs.objective))
    for a, b in zip(ours.variables(), theirs.variables(), strict=True):
        assert (a.name, a.varValue, a.dj) == (b.name, pytest.approx(b.varValue), pytest.approx(b.dj))
    for name in ("enough", "balance", "exact"):
        mine, its = ours.get_constraint_by_name(name), theirs.get_constraint_by_name(name)
        assert (mine.pi, mine.slack) == (pytest.approx(its.pi), pytest.approx(its.slack))


def test_a_maximisation_finds_its_optimum() -> None:
    model = pulp.LpProblem("most", pulp.LpMaximize)
    x = model.add_variable("x", 0, 3, pulp.LpInteger)
    model.setObjective(2 * x + 1)
    model.addConstraint(2 * x <= 5, "half")
    model.solve(BulkHighs())
    assert (x.varValue, pulp.value(model.objective)) == (2.0, 5.0)
    model.solve(BulkHighs(mip=False))
    assert x.varValue == 2.5


def test_a_fleets_model_has_one_optimum_in_both_adapters() -> None:
    problem = tiny(4)
    ours, _ = reference_model(problem, relaxed_calls=True)
    ours.solve(BulkHighs())
    best = pulp.value(ours.objective)
    ours.solve(pulp.HiGHS(msg=False))
    assert pulp.value(ours.objective) == pytest.approx(best)
    assert ours.valid(1e-6)


def test_duals_are_what_one_more_would_cost() -> None:
    build = ModelBuilder("dual")
    x = build.variable(0.0, 10.0, cost=2.0)
    y = build.variable(0.0, None, cost=5.0)
    need = build.row([(x, 1.0), (y, 1.0)], pulp.LpConstraintGE, 12.0)
    build.finish().solve(BulkHighs())
    assert (x.varValue, y.varValue, need.pi, x.dj) == (10.0, 2.0, pytest.approx(5.0), pytest.approx(-3.0))


def test_the_constant_of_a_cost_is_kept() -> None:
    build = ModelBuilder("constant")
    build.variable(1.0, 2.0, cost=3.0)
    build.add_cost(10.0)
    model = build.finish()
    model.solve(BulkHighs())
    assert pulp.value(model.objective) == 13.0 == model.solverModel.getInfo().objective_function_value


def test_a_solve_that_ran_out_of_time_is_never_called_optimal() -> None:
    model = knapsack(400)
    model.solve(BulkHighs(time_limit=0.0))
    assert model.sol_status != pulp.LpSolutionOptimal
    if model.sol_status == pulp.LpSolutionNoSolutionFound:
        assert model.status == pulp.LpStatusNotSolved
        assert all(v.varValue is None for v in model.variables())


def test_a_solve_that_ran_out_of_nodes_keeps_its_point() -> None:
    model = knapsack(60)
    model.solve(BulkHighs(mip_max_nodes=1, mip_rel_gap=0.0))
    assert (model.status, model.sol_status) == (pulp.LpStatusOptimal, pulp.LpSolutionIntegerFeasible)
    assert model.valid(1e-5)
    info = model.solverModel.getInfo()
    assert info.mip_dual_bound <= pulp.value(model.objective)


def test_an_allowed_gap_counts_as_optimal_and_can_be_read() -> None:
    model = knapsack(60)
    model.solve(BulkHighs(mip_rel_gap=0.2))
    assert model.sol_status == pulp.LpSolutionOptimal
    assert 0 < model.solverModel.getInfo().mip_gap <= 0.2


@pytest.mark.parametrize(("right", "status"), [(30.0, pulp.LpStatusInfeasible), (None, pulp.LpStatusUnbounded)])
def test_what_has_no_solution_says_so_and_leaves_no_old_values(right: float | None, status: int) -> None:
    build = ModelBuilder("none")
    x = build.variable(0.0, 10.0 if right else None, cost=1.0 if right else -1.0)
    row = build.row([(x, 1.0)], pulp.LpConstraintGE, right or 5.0)
    x.varValue = row.pi = 3.0
    model = build.finish()
    assert model.solve(BulkHighs()) == status
    assert x.varValue is None
    assert row.pi is None


def test_the_interior_point_comes_to_the_same() -> None:
    model, _ = reference_model(tiny(4), relaxed_calls=True)
    model.solve(BulkHighs())
    best = pulp.value(model.objective)
    model.solve(BulkHighs(solver="ipm", run_crossover="off"))
    assert model.sol_status == pulp.LpSolutionOptimal
    assert pulp.value(model.objective) == pytest.approx(best, rel=1e-6)


def test_the_live_model_can_be_changed_and_read_again() -> None:
    build = ModelBuilder("live")
    x = build.variable(0.0, 10.0, cost=2.0)
    y = build.variable(0.0, 50.0, cost=5.0)
    build.row([(x, 1.0), (y, 1.0)], pulp.LpConstraintGE, 12.0)
    model = build.finish()
    model.solve(BulkHighs())
    model.solverModel.changeColBounds(x.index, 0.0, 4.0)
    model.solverModel.run()
    read_back(model)
    assert (x.varValue, y.varValue) == (4.0, 8.0)


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(pulp.PulpSolverError):
        knapsack(3).solve(BulkHighs(no_such_option=1))


def test_built_models_can_be_written_for_other_solvers(tmp_path) -> None:
    model = knapsack(5)
    _, names, rows, _ = model.writeMPS(str(tmp_path / "model.mps"), rename=True)
    assert (len(names), len(rows)) == (5, 12)


def test_the_collector_runs_again_afterwards_even_if_the_building_fails() -> None:
    with paused_collector():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(pulp.PulpSolverError), paused_collector():
        raise pulp.PulpSolverError
    assert gc.isenabled()
