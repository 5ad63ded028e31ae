"""The rolling schedule: planned anew where reality left the plan, from the state as it is, and nothing said twice."""

from datetime import timedelta

import numpy as np
import pytest

from aggregator.assets.queries import members_on
from aggregator.dispatch import operations, queries
from aggregator.dispatch.domain import FirmBlock
from aggregator.dispatch.models import DispatchPlan, Setpoint
from aggregator.dispatch.operations import Course, _replan
from aggregator.enterprises.models import Site
from aggregator.support.models import Alarm
from tests.integration.aggregator.dispatch.park import (
    DAY,
    ISSUED_AT,
    MIDNIGHT,
    QUARTER,
    Built,
    StubGateway,
    build,
    grid,
    listening,
    measure,
)
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


def test_what_was_promised_for_later_outlives_an_instruction(park: Built) -> None:
    baseline = np.full(8, -200.0)
    running(park, firm=FirmBlock(slice(64, 72), baseline, 3.0, 50.0, 50.0, 1))
    order = queries.plan(plan_id=order_up(park, 150.0).pk)
    first = (order.grid.starts_at - MIDNIGHT) // QUARTER
    assert order.inputs["firm"]["window"] == [64 - first, 72 - first]
    assert (order.planned_kw[64 - first : 72 - first] - baseline >= 50.0 - 0.1).all()
    # After the window the rolling schedule goes on from the instruction's plan, and keeps the block.
    send(order_plan := DispatchPlan.objects.get(pk=order.id), NOON)
    for site in ("a", "b"):
        accept(park, site, order_plan, NOON)
    now = NOON + timedelta(hours=2)
    for code in ("plant", "bat-b", "sun", "bat-a"):
        measure(park.assets[code], starts_at=now - QUARTER, minutes=15, injection_kw=-90.0 if code == "bat-a" else 0.0, soc_ratio=0.5)
    plan = operations.replan(portfolio_id=park.portfolio.pk, now=now)
    assert plan is not None
    begun = (plan.starts_at - MIDNIGHT) // QUARTER
    assert (queries.plan(plan_id=plan.pk).planned_kw[64 - begun : 72 - begun] - baseline >= 50.0 - 0.1).all()


def test_a_price_that_is_known_by_now_counts_for_what_is_changed_now(park: Built) -> None:
    """Energy is worth 0.9 day-ahead; in real time 3 CNY/kWh were published for four o'clock, nothing for the rest."""
    old = running(park)
    measured(park, old, off_kw=100.0)
    values = np.full(96, np.nan)
    values[64:68] = 3.0
    plan = operations.replan(portfolio_id=park.portfolio.pk, now=NOON, real_time=Course(grid(), values))
    assert plan is not None
    worth = np.array(plan.inputs["injection_value_cny_per_kwh"])
    np.testing.assert_allclose(worth[15:19], 3.0)
    np.testing.assert_allclose(np.delete(worth, slice(15, 19)), 0.9)
    told = {row.starts_at: row.planned_kw for row in queries.setpoints_of(plan_ids=[plan.pk, old.pk]) if row.asset_code == "bat-b"}
    assert told[MIDNIGHT + 64 * QUARTER] > 50.0  # the battery waits for it


def test_what_the_day_has_exported_counts_in_the_share(park: Built) -> None:
    """Site b may export half of its sun: told by telemetry where there is some, as planned and forecast elsewhere."""
    Site.objects.filter(pk=park.sites["b"].pk).update(export_share_ratio=0.5)
    old = running(park)
    measured(park, old, off_kw=100.0)
    members = members_on(portfolio_id=park.portfolio.pk, day=DAY)
    ask = {"portfolio_id": park.portfolio.pk, "members": members, "site_ids": [park.sites["b"].pk], "step": QUARTER, "known_at": NOON}
    before = queries.day_shares(**ask, starts_at=NOON - QUARTER)[park.sites["b"].pk]
    after = queries.day_shares(**ask, starts_at=NOON)[park.sites["b"].pk]
    told = {(row.asset_code, row.starts_at): row.planned_kw for row in queries.setpoints_of(plan_ids=[old.pk])}
    starts = [MIDNIGHT + t * QUARTER for t in range(48)]
    forecast = np.clip(150 * np.sin((np.arange(48) / 4 - 6) / 12 * np.pi), 0, None)
    sun = np.array([told.get(("sun", at), natural) for at, natural in zip(starts, forecast, strict=True)])  # as curtailed
    net = sun + np.array([told["bat-b", at] for at in starts])
    assert before.generated_kwh == pytest.approx(sun[:47].sum() / 4, rel=1e-3)  # nothing was heard before the last quarter
    assert before.exported_kwh == pytest.approx(np.maximum(0.0, net[:47]).sum() / 4, rel=1e-3)
    heard = told.get(("sun", starts[47]), 0.0)  # what `measured` has told of it
    assert after.generated_kwh - before.generated_kwh == pytest.approx(heard / 4, abs=1e-3)
    plan = replan(park)
    assert plan is not None
    assert plan.violations == []
    assert plan.relaxed_limits == []
