"""The rolling schedule: planned anew where reality left the plan, from the state as it is, and nothing said twice."""

from datetime import timedelta

import numpy as np
import pytest

from aggregator.dispatch import operations, queries
from aggregator.dispatch.domain import FirmBlock
from aggregator.dispatch.models import DispatchPlan, Setpoint
from aggregator.dispatch.operations import _replan
from aggregator.support.models import Alarm
from tests.integration.aggregator.dispatch.park import ISSUED_AT, QUARTER, Built, StubGateway, build, listening, measure
from tests.integration.aggregator.dispatch.test_loop import NOON, accept, day_schedule, order_up, send

pytestmark = pytest.mark.django_db


@pytest.fixture
def stubs():
    with listening() as one, listening() as two:
        yield {"a": one, "b": two}


@pytest.fixture
def park(stubs: dict[str, StubGateway], monkeypatch: pytest.MonkeyPatch) -> Built:
    built = build(endpoints=stubs)
    monkeypatch.setattr(_replan, "forecast_availability", lambda **_: built.run)  # the day's forecast is still the newest
    return built


def running(park: Built, **changes) -> DispatchPlan:
    """A day schedule that every gateway has taken."""
    plan = day_schedule(park, **changes)
    send(plan, ISSUED_AT)
    for site in ("a", "b"):
        accept(park, site, plan, ISSUED_AT)
    return plan


def measured(park: Built, plan: DispatchPlan, *, off_kw: float) -> None:
    """The quarter before noon as planned, but for the battery at a, whose state of charge is told."""
    before = NOON - QUARTER
    told = {row.asset_code: row.planned_kw for row in queries.setpoints_of(plan_ids=[plan.pk]) if row.starts_at == before}
    total = float(queries.plan(plan_id=plan.pk).planned_kw[47])
    for code in ("plant", "bat-b", "sun"):
        measure(park.assets[code], starts_at=before, minutes=15, injection_kw=told.get(code, 0.0))
    rest = total - sum(told.get(code, 0.0) for code in ("plant", "bat-b", "sun"))
    measure(park.assets["bat-a"], starts_at=before, minutes=15, injection_kw=rest + off_kw, soc_ratio=0.3)


def replan(park: Built) -> DispatchPlan | None:
    return operations.replan(portfolio_id=park.portfolio.pk, now=NOON)


def test_a_portfolio_that_does_what_was_planned_is_left_alone(park: Built) -> None:
    measured(park, running(park), off_kw=0.0)
    assert replan(park) is None
    assert DispatchPlan.objects.count() == 1


def test_a_portfolio_that_is_not_heard_is_left_alone(park: Built) -> None:
    running(park)
    assert replan(park) is None


def test_where_reality_left_the_plan_the_rest_is_planned_from_the_state_as_it_is(park: Built) -> None:
    old = running(park)
    measured(park, old, off_kw=100.0)
    plan = replan(park)
    assert plan is not None
    assert (plan.purpose, plan.run.purpose, plan.violations) == ("replan", "replan", [])
    assert (plan.starts_at, plan.n_periods) == (NOON + QUARTER, 47)  # the running period has its orders already
    assert replan(park).pk == plan.pk  # once per period
    assert queries.current_plan(portfolio_id=park.portfolio.pk, at=NOON).id == old.pk
    assert queries.current_plan(portfolio_id=park.portfolio.pk, at=NOON + QUARTER).id == plan.pk


def test_what_would_be_said_again_is_not(park: Built) -> None:
    old = running(park)
    measured(park, old, off_kw=100.0)
    plan = replan(park)
    assert plan is not None
    later = Setpoint.objects.filter(starts_at__gte=NOON)
    spoken = later.exclude(state__in=("superseded", "expired"))
    kept = spoken.filter(plan=old)
    assert kept.exists()  # of the battery at b nothing changes
    assert {row.asset.code for row in kept} <= {"bat-a", "bat-b"}
    places = list(spoken.values_list("asset_id", "starts_at"))
    assert len(places) == len(set(places))  # nobody hears two things for one period
    assert {asset for asset, _ in places} >= {park.assets["bat-a"].pk, park.assets["bat-b"].pk}


def test_a_promise_goes_on(park: Built) -> None:
    baseline = np.full(8, -200.0)
    firm = FirmBlock(slice(64, 72), baseline, 3.0, 50.0, 50.0, 1)
    old = running(park, firm=firm)
    measured(park, old, off_kw=100.0)
    plan = replan(park)
    assert plan is not None
    assert plan.inputs["firm"] == {**old.inputs["firm"], "window": [15, 23]}
    held = queries.plan(plan_id=plan.pk).planned_kw[15:23] - baseline
    assert (held >= 50.0 - 0.1).all()


def test_without_a_better_plan_the_one_in_force_stays(park: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    from aggregator.dispatch.domain import safe_plan
    from aggregator.dispatch.operations import _solve

    old = running(park)
    measured(park, old, off_kw=100.0)
    monkeypatch.setattr(_solve, "solve_schedule", lambda problem, **_: safe_plan(problem))
    assert replan(park) is None
    assert DispatchPlan.objects.count() == 1
    assert Alarm.objects.get().kind == "plan.not_renewed"


def test_an_instruction_has_its_own_rules_and_a_stop_ends_everything(park: Built, django_user_model) -> None:
    running(park)
    order = order_up(park, 150.0)
    assert replan(park) is None
    user = django_user_model.objects.create_user("op")
    operations.activate_stop(portfolio_id=park.portfolio.pk, user=user, reason_code="other", reason_text="x", now=NOON + timedelta(hours=2))
    assert operations.replan(portfolio_id=park.portfolio.pk, now=NOON + timedelta(hours=2)) is None
    assert order.pk is not None
