"""The pages on the worked day of docs/settlement.md: who may open what, and what they say."""

import csv
import io
import re
from datetime import datetime, timedelta
from uuid import uuid4

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from aggregator.assets.models import Asset
from aggregator.dispatch.models import Acknowledgement, DispatchPlan, Setpoint
from aggregator.support import clock
from aggregator.support.arrays import pack_f4
from aggregator.support.models import Alarm
from aggregator.telemetry.models import TelemetryDay
from market.instructions.models import DispatchInstruction
from market.settlement.models import SettlementRun, Statement
from market.settlement.operations import close_day
from tests.integration.market.settlement.tiny_day import DAY, GRID, LATER, SETTLE_AT, build, hours, member, read, staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def tiny():
    made = build()
    close_day(portfolio_id=made.portfolio.pk, day=DAY, as_of=SETTLE_AT, reason="", now=SETTLE_AT)
    DispatchPlan.objects.update(reference=str(DispatchInstruction.objects.get().public_id))  # as market.instructions writes it
    return made


@pytest.fixture
def corrected(tiny):
    """A's meter is read again: 5 kWh less in the first period."""
    read(tiny.points["A"], DAY, hours(-45, -65, -62, -120), revision=2, at=LATER, reason="+cmd")
    close_day(portfolio_id=tiny.portfolio.pk, day=DAY, as_of=LATER, reason="", now=LATER)
    return tiny


def visit(user: User | None, path: str, language: str = "en", **query):
    client = Client(headers={"host": "localhost", "accept-language": language})
    if user:
        client.force_login(user)
    return client.get(path, query)


def staff_paths(tiny) -> list[str]:
    order, run = DispatchInstruction.objects.get(), SettlementRun.objects.first()
    names = ("overview", "day-json", "instructions", "bids", "alarms", "traces", "settlements", "messages", "audit")
    details = [("instruction", order), ("bid", tiny.response.bid), ("trace", tiny.response), ("settlement", run)]
    return [reverse(f"staff:{name}") for name in names] + [reverse(f"staff:{name}", args=[row.public_id]) for name, row in details]


@pytest.mark.parametrize("role", ["operator", "settlement", "auditor"])
def test_every_staff_role_reads_everything(tiny, role: str) -> None:
    person = staff(role)
    for path in staff_paths(tiny):
        assert visit(person, path).status_code == 200, path


@pytest.mark.parametrize("role", ["settlement", "auditor"])
def test_only_operators_do_deeds(tiny, role: str) -> None:
    person = staff(role)
    alarm = Alarm.objects.create(kind="job.dead", key="k", severity="critical", raised_at=SETTLE_AT, fields={"job": "j", "error": "e"})
    client = Client(headers={"host": "localhost", "accept-language": "en"})
    client.force_login(person)
    assert client.get(reverse("staff:stop")).status_code == 403
    reason = {"reason_code": "drill", "reason_text": "a drill of the stop", "deed": "stop"}
    assert client.post(reverse("staff:stop"), reason).status_code == 403
    assert client.post(reverse("staff:acknowledge-alarm", args=[alarm.public_id])).status_code == 403
    assert client.post(reverse("staff:bid", args=[tiny.response.bid.public_id]), reason).status_code == 403
    assert reverse("staff:stop") not in client.get(reverse("staff:overview")).content.decode()


def test_strangers_are_sent_to_the_login_and_enterprises_away(tiny) -> None:
    for path in staff_paths(tiny):
        assert visit(None, path).status_code == 302
        assert visit(User.objects.filter(username="member-A").first() or member("A"), path).status_code == 403


def test_the_instruction_page_shows_its_plans_and_redispatches(tiny) -> None:
    order = DispatchInstruction.objects.get()
    first = DispatchPlan.objects.get()
    first.pk, first.public_id = None, uuid4()
    first.purpose, first.reference, first.sequence = "redispatch", f"{order.public_id}:again-1a2b", 99
    first.save()
    page = visit(staff("operator"), reverse("staff:instruction", args=[order.public_id])).content.decode()
    assert "re-dispatch of what was missing" in page
    assert "#99" in page
    assert "A-load" in page


def test_the_trace_page_says_which_plans_were_withheld_and_what_the_order_became(tiny) -> None:
    refused = DispatchPlan.objects.get()
    limit = {"subject": "A/main/A-load", "limit": "must_run", "starts_at": refused.starts_at.isoformat(), "by": 4.9}
    refused.pk, refused.public_id, refused.violations = None, uuid4(), [limit]
    refused.purpose, refused.reference, refused.sequence = "redispatch", f"{refused.reference}:again-1a2b", 99
    refused.save()
    path = reverse("staff:trace", args=[tiny.response.public_id])
    person = staff("operator")
    page = visit(person, path).content.decode()
    assert "withheld: the independent check refused it, nothing of it was sent" in page
    assert "A/main/A-load, 12:00: below the must-run power (4.9)" in page
    assert "target = planned injection + shortfall - surplus, in every period" in page
    assert "all sums agree" in page
    assert "已扣留" in visit(person, path, language="zh-hans").content.decode()


def test_curves_are_sent_in_local_time(tiny) -> None:
    sent = visit(staff("operator"), reverse("staff:day-json"), day=DAY.isoformat()).json()
    assert sent["edges"][0] == f"{DAY}T00:00:00"
    assert len(sent["edges"]) == len(sent["plan_kw"]) + 1
    assert [w["starts_at"][11:] for w in sent["instructions"]] == ["12:00:00"]  # 04:00 UTC
    assert sent["plan_kw"][0] is None


def test_an_unchanged_picture_answers_304(tiny) -> None:
    client = Client(headers={"host": "localhost"})
    client.force_login(staff("operator"))
    path = f"{reverse('staff:day-json')}?day={DAY}"
    etag = client.get(path)["ETag"]
    # `now` belongs to the picture, to the minute: a new minute between the two requests is a new picture.
    answers = {client.get(path, headers={"if-none-match": etag}).status_code for _ in range(2)}
    assert 304 in answers


def test_a_day_without_a_plan_shows_the_latest_that_has_one_and_says_so(tiny) -> None:
    page = visit(staff("operator"), reverse("staff:overview")).content.decode()
    assert f'value="{DAY}"' in page
    assert "this is the latest day that has one" in page
    asked = visit(staff("auditor"), reverse("staff:overview"), day="2025-06-10").content.decode()
    assert 'value="2025-06-10"' in asked
    assert "this is the latest day" not in asked


def telemetry_until(ends_at: datetime) -> None:
    """One folded day of A's load that ends then: 7 kW drawn all day."""
    starts_at = ends_at - timedelta(days=1)
    TelemetryDay.objects.create(
        asset=Asset.objects.get(code="A-load"),
        day=DAY,
        starts_at=starts_at,
        series="injection_kw",
        resolution_s=900,
        values=pack_f4(np.full(96, -7.0)),
        quality=bytes(96),
        available_at=starts_at + timedelta(days=1),
    )


@pytest.mark.parametrize("days_later", [1.5, 40])
def test_where_all_data_is_old_the_last_day_with_data_is_shown_and_said(tiny, settings, days_later: float) -> None:
    settings.VPP_ALLOW_TWIN = True
    telemetry_until(GRID.ends_at)
    clock.set_replay(GRID.ends_at + timedelta(days=days_later))
    page = visit(staff("operator"), reverse("staff:overview")).content.decode()
    assert f"showing {DAY}, the last day with data" in page
    assert "drawing 7.0 kW" in page
    assert "1 / " in page
    assert f'value="{DAY}"' in page
    page = visit(member("A"), reverse("portal:assets")).content.decode()
    assert f"showing {DAY}, the last day with data" in page
    assert "drawing 7.0 kW" in page
    assert " old</span>" not in page


def test_fresh_data_is_shown_as_now(tiny, settings) -> None:
    settings.VPP_ALLOW_TWIN = True
    telemetry_until(GRID.ends_at)
    clock.set_replay(GRID.ends_at + timedelta(minutes=5))
    page = visit(staff("operator"), reverse("staff:overview")).content.decode()
    assert "the last day with data" not in page
    assert "Power now" in page
    clock.set_replay(GRID.ends_at + timedelta(hours=3))
    assert "the last day with data" not in visit(member("A"), reverse("portal:assets")).content.decode()


def test_without_a_plan_the_last_day_with_data_is_opened(tiny, settings) -> None:
    settings.VPP_ALLOW_TWIN = True
    Acknowledgement.objects.all().delete()
    Setpoint.objects.all().delete()
    DispatchPlan.objects.all().delete()
    telemetry_until(GRID.ends_at)
    clock.set_replay(GRID.ends_at + timedelta(days=3))
    page = visit(staff("operator"), reverse("staff:overview")).content.decode()
    assert f'value="{DAY}"' in page
    assert "this is the last day that has some" in page


def test_the_day_picker_keeps_the_portfolio(tiny) -> None:
    chosen = str(tiny.portfolio.public_id)
    page = visit(staff("operator"), reverse("staff:overview"), portfolio=chosen, day=DAY.isoformat()).content.decode()
    assert f'name="portfolio" value="{chosen}"' in page
    assert re.search(rf'href="\?portfolio={chosen}&amp;day=2025-06-11"', page)
    assert visit(staff("auditor"), reverse("staff:overview"), portfolio="nobody").status_code == 404


def test_a_replaced_statement_names_its_successor_and_back(corrected) -> None:
    old, new = Statement.objects.filter(enterprise__code="A").order_by("run__version")
    person = member("A")
    page = visit(person, reverse("portal:statement", args=[old.public_id])).content.decode()
    assert "A newer version replaces this one." in page
    assert reverse("portal:statement", args=[new.public_id]) in page
    page = visit(person, reverse("portal:statement", args=[new.public_id])).content.decode()
    assert "correction of v1" in page
    assert reverse("portal:statement", args=[old.public_id]) in page


def test_pages_with_figures_name_their_rule_pack_and_how_reliable_it_is(tiny) -> None:
    statement = Statement.objects.filter(enterprise__code="A").get()
    paths = [
        (member("A"), reverse("portal:statement", args=[statement.public_id])),
        (staff("operator"), reverse("staff:settlement", args=[statement.run.public_id])),
        (staff("auditor"), reverse("staff:bid", args=[tiny.response.bid.public_id])),
    ]
    for person, path in paths:
        page = visit(person, path).content.decode()
        assert "tiny v1" in page
        assert "synthetic" in page
        assert "needs confirmation" in page


def test_a_statement_is_exported_line_by_line_with_its_total(corrected) -> None:
    new = Statement.objects.filter(enterprise__code="A").order_by("run__version").last()
    text = visit(member("A"), reverse("portal:statement-csv", args=[new.public_id])).content.decode("utf-8-sig")
    header, *rows, total = csv.DictReader(io.StringIO(text)).fieldnames, *csv.DictReader(io.StringIO(text))
    assert header[0] == "number"
    assert sum(int(row["amount_fen"]) for row in rows) == int(total["amount_fen"]) == new.total_fen
    assert any(row["correction_of_version"] == "1" for row in rows)


def test_my_events_show_asked_and_measured_earned_and_the_baseline(tiny) -> None:
    page = visit(member("A"), reverse("portal:events")).content.decode()
    statement = Statement.objects.filter(enterprise__code="A").get()
    earned = sum(line.amount_fen for line in statement.lines.all() if line.component.startswith("demand_response."))
    assert f"{abs(earned) // 100:,}.{abs(earned) % 100:02d} CNY" in page
    assert "mean of the last days of this type" in page
    assert "2025-06-10" in page
    assert "B-" not in page, "another enterprise's asset"


def test_a_foreign_day_in_the_address_is_not_found(tiny) -> None:
    assert visit(staff("operator"), reverse("staff:overview"), day="tomorrow").status_code == 404


def test_every_period_of_the_day_is_in_the_table(tiny) -> None:
    page = visit(staff("operator"), reverse("staff:overview"), day=DAY.isoformat()).content.decode()
    assert page.count("<tr><td>") == len(GRID)
