"""The published worked day through the database: lines, versions, corrections, refusals."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from aggregator.dispatch.models import DispatchPlan, Setpoint
from aggregator.kernel.lifecycle import TransitionRefused
from aggregator.support.audit import ReasonMissing
from aggregator.support.models import AuditEvent
from market.green.models import GreenMatchRun
from market.green.operations import match_day
from market.green.queries import green_share
from market.prices.models import PriceCurve
from market.settlement.models import SettlementLine, SettlementRun, Statement, StatementLine
from market.settlement.operations import RunSuperseded, close_day, finalise, issue_statements, settle_day
from market.settlement.queries import NominationMissing, PricesMissing, ReadingsMissing, SiteWithoutContract
from market.settlement.tasks import settle
from tests.integration.market.settlement.tiny_day import DAY, LATER, SETTLE_AT, build, hours, read, staff
from tests.unit.market.settlement.worked_day import table

pytestmark = pytest.mark.django_db


def close(tiny, at=SETTLE_AT, reason=""):
    return close_day(portfolio_id=tiny.portfolio.pk, day=DAY, as_of=at, reason=reason, now=at)


def correct_b(tiny):
    """B's reading of 13:00 arrives later as 160 kWh instead of 155."""
    read(tiny.points["B"], DAY, hours(-190, -210, -150.333, -160), revision=2, at=LATER - timedelta(hours=1), reason="meter exchanged")


def test_the_lines_are_those_of_the_page():
    run = close(build())
    rows = SettlementLine.objects.filter(run=run).select_related("contract")
    found = {
        (line.contract.number if line.contract else "operator", line.component): (
            line.quantity_kwh,
            line.amount_cny,
            line.gross_fen,
            line.enterprise_fen,
            line.operator_fen,
        )
        for line in rows
    }
    published = {
        (row["contract"], row["component"]): (
            Decimal(row["kwh"]),
            Decimal(row["exact_cny"]),
            *(int(row[name]) for name in ("gross_fen", "enterprise_fen", "operator_fen")),
        )
        for row in table("contract")
    }
    assert found == published
    assert (run.market_total_fen, run.enterprises_total_fen, run.operator_total_fen) == (3975, 168, 3807)
    assert run.unverified == []
    assert run.delivery["totals"]["delivered_kwh"] == "89.667"
    assert run.delivery["totals"]["deficiency_kwh"] == "10.333"
    baselines = run.delivery["events"][0]["baselines"]
    assert baselines["A/main"]["days_used"] == ["2025-06-10", "2025-06-09", "2025-06-06", "2025-06-05", "2025-06-04"]


def test_the_operators_own_account_has_each_component_once_in_a_run():
    own = SettlementLine.objects.filter(run=close(build()), contract=None).first()
    own.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        own.save(force_insert=True)


def test_statements_add_up_to_the_run():
    run = close(build())
    totals = dict(Statement.objects.filter(run=run).values_list("contract__number", "total_fen"))
    assert totals == {"A": 6524, "B": -6356}
    assert sum(totals.values()) == run.enterprises_total_fen
    for statement in Statement.objects.all():
        assert statement.total_fen == sum(line.amount_fen for line in statement.lines.all())


def test_running_again_changes_nothing():
    tiny = build()
    first = close(tiny)
    again = close(tiny, at=LATER)
    assert again.pk == first.pk
    assert (SettlementRun.objects.count(), Statement.objects.count(), GreenMatchRun.objects.count()) == (1, 2, 1)


def test_a_late_reading_makes_a_second_version_with_one_correction_line():
    tiny = build()
    first = close(tiny)
    correct_b(tiny)
    second = close(tiny, at=LATER)
    first.refresh_from_db()
    assert (first.state, second.state, second.version) == ("superseded", "provisional", 2)
    assert second.reason == "B-grid: meter exchanged"
    assert second.market_total_fen == first.market_total_fen + 40
    a, b = Statement.objects.filter(run=second).order_by("contract__number")
    assert (a.total_fen, b.total_fen) == (6524, -6356 + 36)
    assert not a.lines.exclude(correction_of_version=None).exists()
    correction = b.lines.get(correction_of_version=1)
    assert (correction.component, correction.gross_fen, correction.operator_fen, correction.amount_fen) == ("spot.deviation", 40, 4, 36)
    assert correction.reason == second.reason
    originals = list(b.lines.filter(correction_of_version=None).values_list("component", "amount_fen"))
    assert originals == list(b.replaces.lines.values_list("component", "amount_fen"))
    assert b.replaces.run == first
    assert a.total_fen + b.total_fen == second.enterprises_total_fen


def test_a_third_version_keeps_both_earlier_lines():
    tiny = build()
    close(tiny)
    correct_b(tiny)
    close(tiny, at=LATER)
    read(tiny.points["B"], DAY, hours(-190, -210, -150.333, -155), revision=3, at=LATER + timedelta(hours=1), reason="exchange undone")
    third = close(tiny, at=LATER + timedelta(hours=2))
    lines = StatementLine.objects.filter(statement__run=third, statement__contract__number="B", component="spot.deviation")
    assert [(line.correction_of_version, line.amount_fen) for line in lines] == [(None, 324), (1, 36), (2, -36)]
    assert third.market_total_fen == 3975


def test_a_final_run_is_never_touched():
    tiny = build()
    first = close(tiny)
    user = staff()
    with pytest.raises(ReasonMissing):
        finalise(run_id=first.pk, user=user, reason_code="", reason_text="", now=SETTLE_AT)
    finalise(run_id=first.pk, user=user, reason_code="month_closed", reason_text="nobody objected", now=SETTLE_AT)
    assert AuditEvent.objects.get().action == "settlement.finalise"
    with pytest.raises(TransitionRefused):
        finalise(run_id=first.pk, user=user, reason_code="month_closed", reason_text="twice", now=SETTLE_AT)
    correct_b(tiny)
    second = close(tiny, at=LATER)
    first.refresh_from_db()
    assert (first.state, second.version, second.state) == ("final", 2, "provisional")


def test_no_statement_is_issued_from_a_superseded_run():
    tiny = build()
    first = settle_day(portfolio_id=tiny.portfolio.pk, day=DAY, as_of=SETTLE_AT)
    correct_b(tiny)
    settle_day(portfolio_id=tiny.portfolio.pk, day=DAY, as_of=LATER)
    with pytest.raises(RunSuperseded):
        issue_statements(run_id=first.pk, now=LATER)


def test_the_day_is_reproduced_as_it_was_known():
    tiny = build()
    correct_b(tiny)
    early = settle_day(portfolio_id=tiny.portfolio.pk, day=DAY, as_of=SETTLE_AT)
    assert early.market_total_fen == 3975


def test_a_missing_reading_in_the_window_is_unverified_not_zero():
    tiny = build()
    read(tiny.points["B"], DAY, hours(-190, -210, None, -155), revision=2, at=SETTLE_AT - timedelta(hours=1))
    run = close(tiny)
    assert run.unverified == [{"site": "B/main", "starts_at": tiny.order.starts_at.isoformat(), "why": "reading missing"}]
    assert not SettlementLine.objects.filter(run=run, component__startswith="demand_response").exists()
    assert run.delivery["totals"]["unverified_periods"] == 1
    assert run.delivery["totals"]["deficiency_kwh"] == "0.000"
    # A's own movement in that hour is paid by no event, so it settles as deviation: 40 kWh more than nominated.
    deviation = SettlementLine.objects.get(run=run, component="spot.deviation", contract__number="A")
    assert deviation.amount_cny == Decimal("-7.37") + Decimal("40") * Decimal("0.5")


def test_a_site_without_baseline_leaves_the_event_unverified():
    tiny = build()
    tiny.points["B"].readings.filter(day__lt=DAY).delete()
    run = close(tiny)
    assert [row["why"] for row in run.unverified] == ["baseline unavailable"]
    assert run.delivery["events"][0]["baselines"]["B/main"]["refused"] == "metering.baseline_unavailable"


@pytest.mark.parametrize(
    ("state", "reason", "called"),
    [("refused", "dispatch.stop_active", True), ("refused", "above_award", False), ("cancelled", "", False), ("executing", "", True)],
)
def test_refusing_is_no_way_out(state, reason, called):
    tiny = build()
    type(tiny.order).objects.update(state=state, state_reason=reason)
    assert bool(close(tiny).delivery["events"]) is called


def test_without_a_plan_the_penalty_is_the_operators():
    tiny = build()
    Setpoint.objects.all().delete()
    DispatchPlan.objects.all().delete()
    run = close(tiny)
    assert [line.contract for line in SettlementLine.objects.filter(run=run, component="demand_response.penalty")] == [None]


def test_readings_that_came_after_the_bid_do_not_move_the_baseline():
    tiny = build()
    first = close(tiny)
    read(tiny.points["A"], date(2025, 6, 10), hours(-100, -100, -100, -100), revision=2, at=LATER, reason="late")
    assert close(tiny, at=LATER).pk == first.pk


def test_without_a_day_ahead_trade_the_position_is_the_contract_curve():
    tiny = build()
    tiny.spot.nominations.all().delete()
    tiny.spot.periods.all().delete()
    tiny.spot.delete()
    run = close(tiny)
    assert "no_day_ahead_trade" in run.delivery["notes"]
    assert sum(SettlementLine.objects.filter(run=run, component="spot.day_ahead").values_list("gross_fen", flat=True)) == 0


def test_nothing_is_invented():
    tiny = build()

    def settled():
        return settle_day(portfolio_id=tiny.portfolio.pk, day=DAY, as_of=SETTLE_AT)

    tiny.spot.nominations.filter(site=tiny.sites["B"]).delete()
    with pytest.raises(NominationMissing):
        settled()
    tiny.points["A"].readings.filter(day=DAY).delete()
    tiny.points["B"].readings.filter(day=DAY).delete()
    with pytest.raises(ReadingsMissing):
        settled()
    tiny.contracts["A"].delete()
    with pytest.raises(SiteWithoutContract):
        settled()
    PriceCurve.objects.filter(market="real_time").delete()
    with pytest.raises(PricesMissing):
        settled()
    assert not SettlementRun.objects.exists()


def test_green_share_by_the_hour():
    tiny = build()
    match_day(park_id=tiny.park.pk, day=DAY, as_of=SETTLE_AT)
    share = green_share(enterprise_id=tiny.sites["B"].enterprise_id, day=DAY)
    assert share.neighbour_kwh[13] == 20
    assert share.share_ratio[13] == pytest.approx(20 / 155)
    assert share.share_ratio[0] is None  # nothing was consumed
    own = green_share(enterprise_id=tiny.sites["A"].enterprise_id, day=DAY)
    assert (own.on_site_kwh[13], own.load_kwh[13], own.share_ratio[13]) == (40, 40, 1.0)
    assert green_share(enterprise_id=tiny.sites["A"].enterprise_id, day=DAY + timedelta(days=1)) is None


def test_the_job_does_it_all():
    tiny = build()
    result = settle({"portfolio_id": tiny.portfolio.pk, "day": DAY.isoformat(), "reason": ""}, now=SETTLE_AT)
    assert result["market_total_fen"] == 3975
    assert Statement.objects.count() == 2
