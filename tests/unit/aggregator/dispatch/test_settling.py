"""An asset that needs time to come down is not accused while it is under way."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from aggregator.assets.domain.load import LoadSpec
from aggregator.dispatch.models import DispatchPlan, Setpoint
from aggregator.dispatch.operations._verify import _decide

AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
SLOW = LoadSpec(rated_kw=200, must_run_kw=40, all_or_nothing=True, ramp_minutes=15)
QUICK = LoadSpec(rated_kw=200, must_run_kw=40, all_or_nothing=True)


def told(minutes: int = 15) -> Setpoint:
    plan = DispatchPlan(purpose="instruction", resolution_s=900)
    return Setpoint(
        plan=plan, kind="import_limit_kw", value_kw=120.0, starts_at=AT, ends_at=AT + timedelta(minutes=minutes), state="accepted"
    )


@pytest.mark.parametrize(("spec", "outcome"), [(SLOW, None), (QUICK, "contradicted")])
def test_the_first_minutes_of_a_ramp_are_no_contradiction(spec: LoadSpec, outcome: str | None) -> None:
    finding = _decide(told(), np.array([-180.0]), spec, AT + timedelta(minutes=5))
    assert (finding.outcome if finding else None) == outcome


@pytest.mark.parametrize(("last_kw", "outcome"), [(-60.0, "followed"), (-180.0, "contradicted")])
def test_the_mean_of_the_whole_period_decides(last_kw: float, outcome: str) -> None:
    cells = np.array([-180.0, -120.0, last_kw])
    assert _decide(told(), cells, SLOW, AT + QUARTER).outcome == outcome


def test_a_period_cut_short_on_the_way_says_nothing() -> None:
    assert _decide(told(5), np.array([-180.0]), SLOW, AT + QUARTER).outcome == "unverified"
    assert _decide(told(5), np.array([-180.0]), QUICK, AT + QUARTER).outcome == "contradicted"
