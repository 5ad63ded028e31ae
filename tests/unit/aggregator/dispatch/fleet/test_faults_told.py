"""What a solver does wrong is told in the plan, also where the plan is made up for it."""

import highspy
import pulp
import pytest

from aggregator.dispatch.domain.fleet.plan import plan_fleet
from tests.unit.aggregator.dispatch.fleet.parks import tiny


def broken(*_: object) -> None:
    raise RuntimeError("solver broke")


@pytest.mark.parametrize("mode", ["fleet", "reference"])
def test_a_solver_that_throws_is_named(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(highspy.Highs, "run", broken)
    monkeypatch.setattr(pulp.PULP_CBC_CMD, "pulp_cbc_path", "/nowhere/cbc")
    plan = plan_fleet(tiny(3), deadline_s=30, mode=mode)
    assert plan.status == "fallback"
    assert any("solver broke" in note for note in plan.notes)
    assert mode == "fleet" or any(note.startswith("CBC") for note in plan.notes)


def test_a_plan_without_faults_tells_none() -> None:
    assert plan_fleet(tiny(3), deadline_s=30, mode="reference").notes == ()
