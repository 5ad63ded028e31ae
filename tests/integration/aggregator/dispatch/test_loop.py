"""Plan, send over real HTTP, acknowledge, compare with telemetry, make up for what is missing."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.test import RequestFactory

from aggregator.assets.models import Commitment
from aggregator.assets.operations import opt_in, opt_out
from aggregator.dispatch import api, operations, queries
from aggregator.dispatch.domain import ProblemRefused, Target
from aggregator.dispatch.models import DispatchPlan, Setpoint, SetpointDelivery
from aggregator.gateways.operations import mark_seen
from aggregator.gateways.queries import authenticate
from aggregator.kernel.errors import NotFound
from aggregator.support.models import Alarm, AuditEvent, Job
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

pytestmark = pytest.mark.django_db
WALL = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)
NOON = MIDNIGHT + timedelta(hours=12)
CHEAP_NIGHT = np.where(np.arange(96) < 32, 0.1, 0.9)


@pytest.fixture
def stubs():
    with listening() as one, listening() as two:
        yield {"a": one, "b": two}


@pytest.fixture
def park(stubs: dict[str, StubGateway]) -> Built:
    return build(endpoints=stubs)


def day_schedule(park: Built, **changes) -> DispatchPlan:
    given = {**park.prices(CHEAP_NIGHT), "firm": None, "reference": f"day {DAY}", "issued_at": ISSUED_AT, **changes}
    return operations.schedule(portfolio_id=park.portfolio.pk, grid=grid(), run_id=park.run.pk, **given)


def order_up(park: Built, kw: float, **changes) -> DispatchPlan:
    """`kw` above the natural course from 12:00 to 13:00, ordered at 12:00."""
    natural = -200.0 + np.clip(150 * np.sin((np.arange(96) / 4 - 6) / 12 * np.pi), 0, None)
    target = np.full(96, np.nan)
    target[48:52] = natural[48:52] + kw
    given = {**park.prices(), "reference": "order 1", "issued_at": NOON, "target": Target(target), **changes}
    return operations.dispatch(portfolio_id=park.portfolio.pk, grid=grid(), run_id=park.run.pk, **given)


def send(plan: DispatchPlan, now: datetime) -> operations.SendReport:
    return operations.send(plan_id=plan.pk, wall=WALL, now=now)


def accept(park: Built, site: str, plan: DispatchPlan, at: datetime) -> operations.AcknowledgeReport:
    gateway = authenticate(api_key=park.api_keys[site])
    mine = Setpoint.objects.filter(plan=plan, asset__site=park.sites[site])
    claims = [operations.Claim(pk, "accepted", "", at) for pk in mine.values_list("public_id", flat=True)]
    return operations.acknowledge(gateway=gateway, items=claims, received_at=at)


def points(plan: DispatchPlan, park: Built, code: str) -> dict[int, Setpoint]:
    rows = Setpoint.objects.filter(plan=plan, asset=park.assets[code])
    return {(row.starts_at - MIDNIGHT) // QUARTER: row for row in rows}


def test_a_schedule_is_planned_once_and_sent_signed_to_every_gateway(park: Built, stubs) -> None:
    plan = day_schedule(park)
    assert plan.violations == []
    assert plan.solver_status in ("optimal", "at_gap")
    assert day_schedule(park).pk == plan.pk
    assert Job.objects.filter(name="aggregator.dispatch.send").count() == 1
    assert {"asset": str(park.assets["bat-a"].public_id), "note": "soc_assumed"} in plan.notes
    report = send(plan, ISSUED_AT)
    assert (report.delivered, report.waiting) == (2, 0)
    for site, stub in stubs.items():
        stub.check_signature(park.secrets[site], WALL)
        data = stub.messages[0]["data"]
        assert data["plan_id"] == str(plan.public_id)
        codes = {str(a.public_id) for a in park.assets.values() if a.site_id == park.sites[site].pk}
        assert {row["asset"] for row in data["setpoints"]} <= codes
    send(plan, ISSUED_AT)
    assert len(stubs["a"].received) == 1  # delivered is delivered
    assert queries.current_plan(portfolio_id=park.portfolio.pk, at=NOON).id == plan.pk


def test_the_rows_add_up_to_the_plan(park: Built) -> None:
    plan = queries.plan(plan_id=day_schedule(park).pk)
    assert sum(np.array(kw) for kw in plan.site_kw.values()) == pytest.approx(plan.planned_kw, abs=0.01)
    told = {row.starts_at: row.value_kw for row in queries.setpoints_of(plan_ids=[plan.id], asset_ids=[park.assets["bat-a"].pk])}
    assert len(told) == 96
    assert min(told.values()) < -1  # charges in the cheap night
    assert max(told.values()) > 1


def test_a_repeated_send_is_the_same_bytes_under_the_same_id(park: Built, stubs) -> None:
    stubs["a"].status = 503
    plan = day_schedule(park)
    assert send(plan, ISSUED_AT).waiting == 1
    Setpoint.objects.filter(plan=plan, asset=park.assets["bat-a"]).update(value_kw=1.0)
    stubs["a"].status = 204
    assert send(plan, ISSUED_AT).waiting == 0
    (first, body), (second, again) = stubs["a"].received
    assert first["webhook-id"] == second["webhook-id"]
    assert body == again


def test_a_gateway_that_never_answers_is_given_up_with_an_alarm(park: Built, stubs) -> None:
    stubs["a"].status = 500
    plan = day_schedule(park)
    reports = [send(plan, ISSUED_AT) for _ in range(5)]
    assert reports[-1].failed == 1
    assert len(stubs["a"].received) == 4
    assert set(Setpoint.objects.filter(plan=plan, asset__site=park.sites["a"]).values_list("state", "outcome")) == {
        ("expired", "unverified")
    }
    assert Alarm.objects.get(kind="gateway.unreachable").fields["gateway"] == "gw-a"


def test_an_instruction_is_met_and_supersedes_the_schedule(park: Built) -> None:
    old = day_schedule(park)
    send(old, ISSUED_AT)
    accept(park, "a", old, ISSUED_AT)
    accept(park, "b", old, ISSUED_AT)
    plan = order_up(park, 150.0)
    facts = queries.plan(plan_id=plan.pk)
    assert plan.violations == []
    assert facts.grid.starts_at == NOON
    assert facts.shortfall_kw.max() == pytest.approx(0, abs=0.01)
    wanted = np.isfinite(facts.target_kw)
    assert facts.planned_kw[wanted] == pytest.approx(facts.target_kw[wanted], abs=0.01)
    later = Setpoint.objects.filter(plan=old, starts_at__gte=NOON)
    assert set(later.values_list("state", flat=True)) == {"superseded"}
    assert set(Setpoint.objects.filter(plan=old, starts_at__lt=NOON).values_list("state", flat=True)) == {"accepted"}


def test_what_its_owner_keeps_out_is_left_alone_until_it_is_offered_again(park: Built, django_user_model) -> None:
    owner = django_user_model.objects.create_user("owner")
    why = {"user": owner, "reason_code": "production", "reason_text": "an urgent order"}
    battery = park.assets["bat-a"].pk
    reference = opt_out(asset_id=battery, starts_at=NOON, ends_at=NOON + timedelta(hours=1), now=ISSUED_AT, **why)
    kept_out = order_up(park, 120.0)
    assert points(kept_out, park, "bat-a") == {}
    assert points(kept_out, park, "bat-b")
    opt_in(asset_id=battery, reference=reference, now=NOON, **why)
    offered = order_up(park, 120.0, reference="order 2")
    assert points(offered, park, "bat-a")


def test_what_cannot_be_met_is_a_shortfall(park: Built) -> None:
    facts = queries.plan(plan_id=order_up(park, 5000.0).pk)
    assert facts.shortfall_kw[:4] == pytest.approx(facts.target_kw[:4] - facts.planned_kw[:4], abs=0.01)
    assert facts.shortfall_kw[:4].min() > 4000


def test_what_a_new_plan_is_silent_about_is_taken_back_in_words(park: Built) -> None:
    """A gateway goes on with an old limit until it hears another word."""
    negative = np.where((np.arange(96) >= 46) & (np.arange(96) < 52), -0.5, 0.4)
    old = day_schedule(park, **park.prices(negative))
    assert points(old, park, "sun")[50].value_kw == 0.0
    plan = order_up(park, 100.0)
    released = points(plan, park, "sun")[50]
    assert (released.reason, released.value_kw, released.fallback_kw) == ("released", 200.0, 200.0)


def test_acknowledgements_come_over_the_api_and_twice_is_once(park: Built) -> None:
    plan = day_schedule(park)
    send(plan, ISSUED_AT)
    mine = Setpoint.objects.filter(plan=plan, asset=park.assets["bat-a"]).first()
    foreign = Setpoint.objects.filter(plan=plan, asset=park.assets["bat-b"]).first()
    item = {"state": "accepted", "reason": "", "at": ISSUED_AT.isoformat()}
    body = {"acknowledgements": [{"setpoint_id": str(row.public_id), **item} for row in (mine, foreign)]}

    def post(key: str) -> tuple[int, dict]:
        request = RequestFactory().post("/", json.dumps(body), content_type="application/json", headers={"authorization": f"Bearer {key}"})
        response = api.post_acknowledgements(request)
        return response.status_code, json.loads(response.content)

    assert post(park.api_keys["a"]) == (200, {"recorded": 1, "duplicates": 0, "unknown": [str(foreign.public_id)]})
    assert post(park.api_keys["a"]) == (200, {"recorded": 0, "duplicates": 1, "unknown": [str(foreign.public_id)]})
    assert post("vppgw_nobody")[0] == 401
    mine.refresh_from_db()
    foreign.refresh_from_db()
    assert (mine.state, foreign.state) == ("accepted", "sent")
    body["acknowledgements"][0]["at"] = "2026-03-03T12:00:00"  # naive
    assert post(park.api_keys["a"])[0] == 400


def follow(
    park: Built, plan: DispatchPlan, *, minutes: int, lies: tuple[str, ...] = (), sun_kw: float = 150.0, plant_kw: float = -200.0
) -> None:
    natural = {"plant": plant_kw, "sun": sun_kw, "bat-a": 0.0, "bat-b": 0.0}
    for code, asset in park.assets.items():
        told = points(plan, park, code).get(48)
        done = natural[code]
        if told is not None and code not in lies:
            done = told.value_kw if told.kind == "injection_kw" else min(abs(done), told.value_kw) * np.sign(done)
        measure(asset, starts_at=NOON, minutes=minutes, injection_kw=done, soc_ratio=0.5 if "bat" in code else None)


def test_followed_only_when_telemetry_shows_it(park: Built) -> None:
    plan = order_up(park, 150.0)
    send(plan, NOON)
    accept(park, "a", plan, NOON)
    accept(park, "b", plan, NOON)
    follow(park, plan, minutes=15)
    report = operations.verify(portfolio_id=park.portfolio.pk, now=NOON + QUARTER)
    assert (report.contradicted, report.unverified, report.redispatch_of) == (0, 0, "")
    assert report.followed == Setpoint.objects.filter(plan=plan, starts_at=NOON).count() > 0
    assert operations.verify(portfolio_id=park.portfolio.pk, now=NOON + QUARTER).followed == 0  # decided once
    row = points(plan, park, "bat-a")[48]
    assert row.measured_kw == pytest.approx(row.value_kw)


def test_without_telemetry_nothing_is_said_but_unverified(park: Built) -> None:
    plan = order_up(park, 150.0)
    send(plan, NOON)
    accept(park, "a", plan, NOON)
    accept(park, "b", plan, NOON)
    assert operations.verify(portfolio_id=park.portfolio.pk, now=NOON + QUARTER).unverified == 0  # it may still come
    report = operations.verify(portfolio_id=park.portfolio.pk, now=NOON + 2 * QUARTER)
    assert report.unverified > 0
    assert report.followed == report.contradicted == 0


def test_acknowledged_but_not_done_is_caught_and_made_up_for(park: Built) -> None:
    plan = order_up(park, 90.0)
    send(plan, NOON)
    accept(park, "a", plan, NOON)
    accept(park, "b", plan, NOON)
    liars = [code for code in ("bat-a", "bat-b") if points(plan, park, code)[48].value_kw > 10]
    liar = liars[0]
    follow(park, plan, minutes=5, lies=(liar,))
    now = NOON + timedelta(minutes=5)
    report = operations.verify(portfolio_id=park.portfolio.pk, now=now)
    assert report.contradicted == 1
    assert report.redispatch_of == str(plan.public_id)
    assert Alarm.objects.get(kind="setpoint.contradicted").fields["asset"] == liar
    outage = Commitment.objects.get(kind="outage")
    assert (outage.asset, outage.ends_at) == (park.assets[liar], NOON + timedelta(hours=1))
    job = Job.objects.get(name="aggregator.dispatch.redispatch")

    again = operations.redispatch(**job.payload, now=now)
    assert again.purpose == "redispatch"
    assert again.reference.startswith("order 1:again-")
    assert operations.redispatch(**job.payload, now=now).pk == again.pk  # once per cause
    facts = queries.plan(plan_id=again.pk)
    assert facts.violations == []
    told = points(again, park, liar)
    assert all(row.reason == "released" and row.value_kw == 0.0 for row in told.values())
    assert facts.planned_kw[:4] + facts.shortfall_kw[:4] == pytest.approx(facts.target_kw[:4], abs=0.02)
    assert facts.shortfall_kw[:4].max() < 1.0  # the other one and the plant make up for it

    operations.verify(portfolio_id=park.portfolio.pk, now=now)
    assert Job.objects.filter(name="aggregator.dispatch.redispatch").count() == 1


def test_a_cloud_is_made_up_for_though_everybody_obeys(park: Built) -> None:
    plan = order_up(park, 60.0)
    send(plan, NOON)
    accept(park, "a", plan, NOON)
    accept(park, "b", plan, NOON)
    follow(park, plan, minutes=10, sun_kw=90.0)
    now = NOON + timedelta(minutes=10)
    report = operations.verify(portfolio_id=park.portfolio.pk, now=now)
    assert report.contradicted == 0
    assert Alarm.objects.filter(kind="instruction.underdelivery").count() == 1
    payload = Job.objects.get(name="aggregator.dispatch.redispatch").payload
    assert payload["failed_asset_ids"] == []
    again = operations.redispatch(**payload, now=now)
    assert again.pk != plan.pk
    assert operations.redispatch(**payload, now=now).pk == again.pk


def test_a_load_above_its_forecast_is_made_up_for(park: Built) -> None:
    plan = order_up(park, 60.0)
    send(plan, NOON)
    accept(park, "a", plan, NOON)
    accept(park, "b", plan, NOON)
    follow(park, plan, minutes=10, plant_kw=-230.0)
    now = NOON + timedelta(minutes=10)
    assert operations.verify(portfolio_id=park.portfolio.pk, now=now).contradicted == 0
    again = operations.redispatch(**Job.objects.get(name="aggregator.dispatch.redispatch").payload, now=now)
    assert again.inputs["drift_kw"] == {str(park.assets["plant"].pk): -30.0}
    facts = queries.plan(plan_id=again.pk)
    assert facts.planned_kw[:4] + facts.shortfall_kw[:4] == pytest.approx(facts.target_kw[:4], abs=0.02)
    assert facts.shortfall_kw[:4].max() < 1.0
    more_kw = sum(points(again, park, code)[48].value_kw - points(plan, park, code)[48].value_kw for code in ("bat-a", "bat-b"))
    assert more_kw == pytest.approx(30.0, abs=0.1)  # the batteries, at once; the plant needs notice


def test_a_setpoint_too_short_to_be_seen_is_no_failure(park: Built) -> None:
    """Planned again within a period: the old plan's setpoints end after five minutes, heard too late for one whole cell."""
    plan = order_up(park, 60.0)
    send(plan, NOON)
    for code in ("a", "b"):
        accept(park, code, plan, NOON + timedelta(seconds=3))
    Setpoint.objects.filter(plan=plan, starts_at=NOON).update(ends_at=NOON + timedelta(minutes=5))
    follow(park, plan, minutes=30)
    report = operations.verify(portfolio_id=park.portfolio.pk, now=NOON + timedelta(minutes=30))
    assert report.unverified > 0
    assert report.redispatch_of == ""
    measured = park.assets["bat-a"].pk
    assert Setpoint.objects.filter(plan=plan, starts_at=NOON, asset_id=measured, outcome="unverified").exists()


def test_a_silent_gateway_is_alarmed_until_it_speaks_again(park: Built) -> None:
    mark_seen(gateway_id=authenticate(api_key=park.api_keys["a"]).id, at=NOON)
    for minutes, open_alarms in ((20, 0), (25, 1), (30, 1)):
        operations.verify(portfolio_id=park.portfolio.pk, now=NOON + timedelta(minutes=minutes))
        assert Alarm.objects.filter(kind="gateway.silent", cleared_at=None).count() == open_alarms
    mark_seen(gateway_id=authenticate(api_key=park.api_keys["a"]).id, at=NOON + timedelta(minutes=31))
    operations.verify(portfolio_id=park.portfolio.pk, now=NOON + timedelta(minutes=35))
    assert not Alarm.objects.filter(kind="gateway.silent", cleared_at=None).exists()


def test_a_plan_without_target_or_that_nobody_knows_is_not_dispatched_again(park: Built) -> None:
    plain = day_schedule(park)
    assert operations.redispatch(plan_id=plain.pk, failed_asset_ids=[], now=NOON) is None
    with pytest.raises(NotFound):
        operations.redispatch(plan_id=plain.pk + 1, failed_asset_ids=[], now=NOON)


def test_an_offline_gateway_is_made_up_for_when_its_time_is_over(park: Built, stubs) -> None:
    stubs["b"].status = 500
    plan = order_up(park, 90.0)
    send(plan, NOON)
    accept(park, "a", plan, NOON)
    report = operations.verify(portfolio_id=park.portfolio.pk, now=NOON + timedelta(minutes=5))
    assert report.expired > 0
    assert Alarm.objects.filter(kind="gateway.unreachable").count() == 1
    payload = Job.objects.get(name="aggregator.dispatch.redispatch").payload
    failed = set(payload["failed_asset_ids"])
    assert park.assets["bat-b"].pk in failed
    assert failed <= {park.assets["bat-b"].pk, park.assets["sun"].pk}


def test_a_claim_for_an_expired_setpoint_is_kept_without_effect(park: Built) -> None:
    plan = order_up(park, 90.0)
    send(plan, NOON)
    late = NOON + timedelta(minutes=6)
    operations.verify(portfolio_id=park.portfolio.pk, now=late)
    assert accept(park, "a", plan, late).recorded > 0
    assert set(Setpoint.objects.filter(plan=plan).values_list("state", flat=True)) == {"expired"}


def test_the_stop_sends_everything_to_its_fallback_and_nothing_else(park: Built, stubs, django_user_model) -> None:
    user = django_user_model.objects.create_user("operator")
    plan = day_schedule(park)
    args = {"portfolio_id": park.portfolio.pk, "user": user, "reason_code": "fire", "reason_text": "smoke in hall 2"}
    stop = operations.activate_stop(**args, now=ISSUED_AT)
    assert operations.activate_stop(**args, now=ISSUED_AT).pk == stop.pk
    assert AuditEvent.objects.filter(action="dispatch.stop").count() == 1
    assert send(plan, ISSUED_AT).withheld == "stop_active"
    assert set(plan.setpoints.values_list("state", flat=True)) == {"superseded"}
    with pytest.raises(operations.StopActive):
        order_up(park, 100.0)
    stop_plan = DispatchPlan.objects.get(purpose="stop")
    assert send(stop_plan, ISSUED_AT).delivered == 2
    told = {row["asset"]: row for stub in stubs.values() for row in stub.messages[0]["data"]["setpoints"]}
    assert len(told) == 4
    assert all(row["value_kw"] == row["fallback_kw"] for row in told.values())
    operations.release_stop(**args, now=ISSUED_AT + QUARTER)
    assert queries.active_stop(portfolio_id=park.portfolio.pk) is None
    with pytest.raises(operations.NoStopActive):
        operations.release_stop(**args, now=ISSUED_AT + QUARTER)
    assert order_up(park, 100.0).violations == []


def test_a_plan_with_a_violation_is_kept_but_never_sent(park: Built, stubs, monkeypatch: pytest.MonkeyPatch) -> None:
    from aggregator.dispatch.domain import Violation
    from aggregator.dispatch.operations import _solve

    monkeypatch.setattr(_solve, "check_schedule", lambda **_: [Violation("bat-a", "soc_floor", 3, 1.0)])
    plan = day_schedule(park)
    assert plan.violations[0]["limit"] == "soc_floor"
    assert not plan.setpoints.exists()
    assert send(plan, ISSUED_AT).withheld == "violations"
    assert not SetpointDelivery.objects.exists()
    assert Alarm.objects.filter(kind="plan.violation").exists()
    assert queries.current_plan(portfolio_id=park.portfolio.pk, at=NOON) is None


def test_a_refused_plan_gives_way_to_the_safe_plan_and_both_are_told(park: Built, stubs, monkeypatch: pytest.MonkeyPatch) -> None:
    from aggregator.dispatch.domain import Violation
    from aggregator.dispatch.operations import _solve

    check, found = _solve.check_schedule, [Violation("bat-a", "soc_floor", 3, 1.0)]
    monkeypatch.setattr(_solve, "check_schedule", lambda **given: check(**given) if given["schedule"].status == "fallback" else found)
    plan = day_schedule(park)
    assert plan.violations == []
    assert plan.solver_status == "fallback"
    assert plan.run.violations == 1
    assert plan.run.details["refused"][0]["limit"] == "soc_floor"
    assert send(plan, ISSUED_AT).withheld == ""
    assert plan.setpoints.filter(state="sent").exists()
    assert Alarm.objects.filter(kind="plan.refused").exists()
    assert not Alarm.objects.filter(kind="plan.violation").exists()


def test_a_limit_that_gives_way_needlessly_is_not_taken_from_the_plan_itself(park: Built, stubs, monkeypatch: pytest.MonkeyPatch) -> None:
    """The solver's plan says that a connection gave way; the safe plan keeps it."""
    from aggregator.dispatch.domain import Relaxed
    from aggregator.dispatch.operations import _solve

    solve = _solve.solve_schedule
    monkeypatch.setattr(
        _solve,
        "solve_schedule",
        lambda problem, **given: replace(solve(problem, **given), relaxed=(Relaxed("one/a", "import_limit", 3, 50.0),)),
    )
    plan = day_schedule(park)
    assert (plan.solver_status, plan.run.violations, plan.violations, plan.relaxed_limits) == ("fallback", 1, [], [])
    assert plan.run.details["refused"][0]["limit"] == "import_limit"
    assert Alarm.objects.filter(kind="plan.refused").exists()


def test_every_plan_has_its_run_with_a_certificate(park: Built, stubs) -> None:
    plan = day_schedule(park)
    run = plan.run
    assert (run.mode, run.status, run.purpose) == ("reference", plan.solver_status, "schedule")
    assert run.lower_bound_cny <= run.cost_cny + 1e-6 <= run.safe_cost_cny + 1e-5
    assert run.inputs_hash == plan.inputs_hash
    assert {"build", "solve"} <= set(run.stages)
    order = order_up(park, 100.0)
    assert order.run.mode == "curves"
    assert order.run.lower_bound_cny <= order.run.cost_cny + 1e-6
    assert order.run.safe_cost_cny is not None
    split = order.run.details["split"]
    assert split["rule"] == "cost"
    assert sum(row["share_ratio"] for row in split["enterprises"].values()) == pytest.approx(1.0)


def test_a_preview_splits_by_every_rule_and_leaves_nothing_behind(park: Built, stubs) -> None:
    day_schedule(park)
    before = (DispatchPlan.objects.count(), Setpoint.objects.count())
    previews = operations.preview_instruction(
        portfolio_id=park.portfolio.pk, starts_at=NOON, ends_at=NOON + 4 * QUARTER, injection_change_kw=60.0, now=ISSUED_AT
    )
    assert [preview.split.rule for preview in previews] == ["cost", "pro_rata", "rotation", "floor"]
    assert [preview.declared for preview in previews] == [True, False, False, False]
    assert all(preview.violations == 0 for preview in previews)
    assert all(row.given_kw + row.shortfall_kw == pytest.approx(60.0, abs=0.1) for p in previews for row in p.split.periods)
    assert (DispatchPlan.objects.count(), Setpoint.objects.count()) == before
    with pytest.raises(operations.NothingToPreview):
        operations.preview_instruction(
            portfolio_id=park.portfolio.pk,
            starts_at=NOON + 40 * QUARTER * 4,
            ends_at=NOON + 41 * QUARTER * 4,
            injection_change_kw=60.0,
            now=ISSUED_AT,
        )


def test_missing_prices_are_refused(park: Built) -> None:
    with pytest.raises(ProblemRefused):
        day_schedule(park, **park.prices(np.where(np.arange(96) == 5, np.nan, 0.4)))


def test_a_planned_interruption_counts_and_may_go_on(park: Built) -> None:
    """The plant is shed for the order; a second plan in the middle may keep it shed, without notice, but not call it again."""
    plan = order_up(park, 300.0)
    send(plan, NOON)
    accept(park, "a", plan, NOON)
    accept(park, "b", plan, NOON)
    shed = points(plan, park, "plant")
    assert set(shed) == {49, 50, 51}  # not before the notice
    later = NOON + timedelta(minutes=35)
    second = order_up(park, 300.0, reference="order 2", issued_at=later)
    assert second.violations == []
    assert {50, 51} <= {period for period, row in points(second, park, "plant").items() if row.reason == "serve_target"}
