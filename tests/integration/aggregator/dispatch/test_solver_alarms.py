"""No solver, or one that lies: the safe plan is what is sent, and somebody is told."""

from dataclasses import replace

import numpy as np
import pulp
import pytest

from aggregator.dispatch import operations
from aggregator.dispatch.domain import BulkHighs, ScheduleProblem, Target, solve_schedule
from aggregator.dispatch.models import DispatchPlan, Setpoint
from aggregator.dispatch.operations import _solve
from aggregator.support.arrays import unpack_f4
from aggregator.support.models import Alarm, Job
from tests.integration.aggregator.dispatch.park import DAY, ISSUED_AT, MIDNIGHT, Built, build, grid, listening

pytestmark = pytest.mark.django_db
CHEAP_NIGHT = np.where(np.arange(96) < 32, 0.1, 0.9)


@pytest.fixture
def park():
    with listening() as one, listening() as two:
        yield build(endpoints={"a": one, "b": two})


@pytest.fixture
def no_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise pulp.PulpSolverError("solver broke")

    monkeypatch.setattr(BulkHighs, "actualSolve", broken)
    monkeypatch.setattr(pulp.PULP_CBC_CMD, "pulp_cbc_path", "/nowhere/cbc")


def day_schedule(park: Built) -> DispatchPlan:
    given = {**park.prices(CHEAP_NIGHT), "firm": None, "reference": f"day {DAY}", "issued_at": ISSUED_AT}
    return operations.schedule(portfolio_id=park.portfolio.pk, grid=grid(), run_id=park.run.pk, **given)


def idle(park: Built, plan: DispatchPlan) -> bool:
    """Whether the batteries are told to do nothing."""
    rows = Setpoint.objects.filter(plan=plan, asset__in=[park.assets["bat-a"], park.assets["bat-b"]])
    return rows.exists() and not any(rows.values_list("value_kw", flat=True))


def alarms(plan: DispatchPlan) -> list[tuple[str, str]]:
    return list(Alarm.objects.filter(key=str(plan.public_id)).values_list("kind", "severity"))


def test_a_plan_of_a_solver_raises_no_alarm(park: Built) -> None:
    plan = day_schedule(park)
    assert plan.solver_status in ("optimal", "at_gap")
    assert alarms(plan) == []
    assert not idle(park, plan)


def test_without_any_solver_the_safe_plan_is_sent_and_said(park: Built, no_solver: None) -> None:
    plan = day_schedule(park)
    assert (plan.solver_status, plan.violations) == ("fallback", [])
    assert (plan.run.status, plan.run.lower_bound_cny) == ("fallback", None)
    assert alarms(plan) == [("plan.fallback", "warning")]
    assert idle(park, plan)
    assert Job.objects.filter(name="aggregator.dispatch.send", key=str(plan.public_id)).exists()


def test_an_instruction_is_met_without_any_solver(park: Built, no_solver: None) -> None:
    natural = -200.0 + np.clip(150 * np.sin((np.arange(96) / 4 - 6) / 12 * np.pi), 0, None)
    target = np.full(96, np.nan)
    target[48:52] = natural[48:52] + 60.0
    given = {**park.prices(), "reference": "order 1", "issued_at": MIDNIGHT, "target": Target(target)}
    plan = operations.dispatch(portfolio_id=park.portfolio.pk, grid=grid(), run_id=park.run.pk, **given)
    assert plan.violations == []
    assert unpack_f4(plan.planned_kw)[48:52] == pytest.approx(target[48:52], abs=0.01)
    assert unpack_f4(plan.shortfall_kw).max() < 0.01


def test_a_plan_that_breaks_a_limit_is_never_sent(park: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    """The solver's answer asks a battery for ten times its power: the check refuses it."""

    def wrong(problem: ScheduleProblem, **given):
        found = solve_schedule(problem, **given)
        return replace(found, injection_kw={key: 10.0 * kw if "bat" in key else kw for key, kw in found.injection_kw.items()})

    monkeypatch.setattr(_solve, "solve_schedule", wrong)
    plan = day_schedule(park)
    assert (plan.solver_status, plan.violations) == ("fallback", [])
    assert plan.run.violations > 0
    assert alarms(plan) == [("plan.refused", "critical")]
    assert idle(park, plan)
