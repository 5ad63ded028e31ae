"""Every deed of the control room: its button, its role, its typed reason, and its event in the chain."""

import hashlib
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from aggregator.support import audit
from aggregator.support.alarms import raise_alarm
from aggregator.support.models import Alarm, AuditEvent
from market.bids.models import Bid
from market.platforms.models import DeliveryAttempt, InboundMessage, OutboundMessage, Platform
from market.platforms.operations import issue_secret, send_message
from market.platforms.operations.endpoints import live_secrets
from market.settlement.models import SettlementRun
from market.settlement.operations import close_day
from tests.integration.market.settlement.tiny_day import DAY, SETTLE_AT, build, member, staff

pytestmark = pytest.mark.django_db
WHY = {"reason_code": "repaired", "reason_text": "the cause was found and mended"}
DEEDS = ("approve", "withdraw", "finalise", "acknowledge", "reprocess", "retry", "resume", "rotate")
PEOPLE = ("operator", "settlement", "auditor", "member")


def allowed(deed: str) -> str:
    return "settlement" if deed == "finalise" else "operator"


class Room:
    """The worked day with a draft bid, an open alarm, a dead message each way and a platform that is stopped."""

    def __init__(self) -> None:
        self.tiny = build()
        close_day(portfolio_id=self.tiny.portfolio.pk, day=DAY, as_of=SETTLE_AT, reason="", now=SETTLE_AT)
        self.run = SettlementRun.objects.get()
        self.platform = Platform.objects.get()
        issue_secret(platform_id=self.platform.pk)
        Platform.objects.update(stopped_reason="failing", failures_in_row=100)
        given = Bid.objects.get(pk=self.tiny.response.bid_id)
        given.pk, given.public_id, given.state = None, "0197f3c4-0000-7000-8000-000000000001", "draft"
        given.delivery_day += timedelta(days=900)
        given.gate_closes_at += timedelta(days=900)
        given.approved_by = None
        given.save()
        self.bid = given
        body = b'{"type": "price.published", "timestamp": "2025-06-13T01:00:00Z", "data": {}}'
        self.inbound = InboundMessage.objects.create(
            platform=self.platform,
            message_id="msg_in",
            type="price.published",
            body=body,
            body_sha256=hashlib.sha256(body).hexdigest(),
            received_at=SETTLE_AT,
            state="dead",
            error="prices.refused: the curve has a hole",
        )
        self.outbound = send_message(platform_id=self.platform.pk, type="bid.submitted", reference="r", data={"a": 1}, now=SETTLE_AT)
        OutboundMessage.objects.update(state="dead", attempts=1)
        DeliveryAttempt.objects.create(message=self.outbound, number=1, at=SETTLE_AT, status=503, milliseconds=3, answer="closed today")
        self.alarm = raise_alarm(kind="job.dead", key="k", severity="critical", at=SETTLE_AT, job="j", error="e")

    def address(self, deed: str) -> str:
        rows = {
            "approve": ("bid", self.bid),
            "withdraw": ("bid", self.bid),
            "finalise": ("settlement", self.run),
            "acknowledge": ("acknowledge-alarm", self.alarm),
            "reprocess": ("reprocess", self.inbound),
            "retry": ("retry", self.outbound),
            "resume": ("resume", self.platform),
            "rotate": ("rotate-secret", self.platform),
        }
        name, row = rows[deed]
        return reverse(f"staff:{name}", args=[row.public_id])

    def state(self, deed: str) -> object:
        """What the deed changes."""
        for row in (self.bid, self.run, self.alarm, self.inbound, self.outbound, self.platform):
            row.refresh_from_db()
        return {
            "approve": self.bid.state,
            "withdraw": self.bid.state,
            "finalise": self.run.state,
            "acknowledge": self.alarm.acknowledged_by,
            "reprocess": self.inbound.state,
            "retry": self.outbound.state,
            "resume": self.platform.stopped_reason,
            "rotate": self.platform.sealed_secret,
        }[deed]


@pytest.fixture
def room() -> Room:
    return Room()


def signed_in(user: User) -> Client:
    client = Client(headers={"host": "localhost", "accept-language": "en"})
    client.force_login(user)
    return client


ACTIONS = {
    "approve": "bid.approve",
    "withdraw": "bid.withdraw",
    "finalise": "settlement.finalise",
    "acknowledge": "alarm.acknowledge",
    "reprocess": "message.reprocess",
    "retry": "message.retry",
    "resume": "platform.resume_sending",
    "rotate": "platform.rotate_secret",
}


@pytest.mark.parametrize("deed", DEEDS)
def test_a_deed_is_done_once_with_its_reason_in_the_chain(room: Room, deed: str) -> None:
    client, before = signed_in(staff(allowed(deed))), room.state(deed)
    page = client.get(room.address(deed))
    assert page.status_code == 200
    assert 'name="reason_text"' in page.content.decode()
    answer = client.post(room.address(deed), {**WHY, "deed": deed})
    assert answer.status_code == (200 if deed == "rotate" else 302)
    assert room.state(deed) != before
    event = AuditEvent.objects.get()
    assert (event.action, event.actor, event.reason_code) == (ACTIONS[deed], f"staff-{allowed(deed)}", "repaired")
    assert event.reason_text == WHY["reason_text"]
    assert audit.first_broken() is None
    assert WHY["reason_text"] in client.get(reverse("staff:audit")).content.decode()


@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("missing", [{"reason_text": ""}, {"reason_text": "short"}, {"reason_code": ""}, {"reason_code": "because"}])
def test_nothing_is_done_without_a_reason(room: Room, deed: str, missing: dict) -> None:
    before = room.state(deed)
    answer = signed_in(staff(allowed(deed))).post(room.address(deed), {**WHY, "deed": deed, **missing})
    assert answer.status_code == 200
    assert "errorlist" in answer.content.decode()
    assert room.state(deed) == before
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize(("deed", "who"), [(deed, who) for deed in DEEDS for who in PEOPLE if who != allowed(deed)])
def test_a_deed_is_for_its_role_only(room: Room, deed: str, who: str) -> None:
    before = room.state(deed)
    client = signed_in(member("A") if who == "member" else staff(who))
    assert client.post(room.address(deed), {**WHY, "deed": deed}).status_code == 403
    assert room.state(deed) == before
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize("deed", DEEDS)
def test_a_deed_needs_the_token_of_its_form(room: Room, deed: str) -> None:
    client = Client(headers={"host": "localhost"}, enforce_csrf_checks=True)
    client.force_login(staff(allowed(deed)))
    assert client.post(room.address(deed), {**WHY, "deed": deed}).status_code == 403
    assert not AuditEvent.objects.exists()


def test_a_bid_is_decided_by_one_of_two_buttons(room: Room) -> None:
    client = signed_in(staff("operator"))
    page = client.get(room.address("withdraw")).content.decode()
    assert 'value="approve"' in page
    assert 'value="withdraw"' in page
    assert client.post(room.address("withdraw"), {**WHY, "deed": "something"}).status_code == 400
    client.post(room.address("withdraw"), {**WHY, "deed": "withdraw"})
    page = client.get(room.address("withdraw")).content.decode()
    assert "The bid is withdrawn" in page
    assert 'name="reason_text"' not in page


def test_a_second_try_is_told_and_changes_nothing(room: Room) -> None:
    for deed in ("finalise", "acknowledge", "retry"):
        client = signed_in(User.objects.filter(username=f"staff-{allowed(deed)}").first() or staff(allowed(deed)))
        client.post(room.address(deed), {**WHY, "deed": deed})
        events, state = AuditEvent.objects.count(), room.state(deed)
        answer = client.post(room.address(deed), {**WHY, "deed": deed}, follow=True)
        assert 'role="status"' in answer.content.decode()
        assert (AuditEvent.objects.count(), room.state(deed)) == (events, state)


def test_the_messages_page_shows_what_is_wrong_and_offers_its_deeds(room: Room) -> None:
    page = signed_in(staff("operator")).get(reverse("staff:messages")).content.decode()
    assert "the curve has a hole" in page
    assert "503 closed today" in page
    assert "given up: needs a person" in page
    assert "it has failed for too long" in page
    for deed in ("reprocess", "retry", "resume", "rotate"):
        assert f'href="{room.address(deed)}"' in page, deed
    page = signed_in(staff("auditor")).get(reverse("staff:messages")).content.decode()
    assert "the curve has a hole" in page
    for deed in ("reprocess", "retry", "resume", "rotate"):
        assert room.address(deed) not in page, deed


def test_a_new_secret_is_shown_once_and_kept_nowhere(room: Room) -> None:
    client = signed_in(staff("operator"))
    answer = client.post(room.address("rotate"), WHY)
    room.platform.refresh_from_db()
    new, old = live_secrets(room.platform, wall=room.platform.previous_secret_until - timedelta(hours=1))
    assert new in answer.content.decode()
    assert old not in answer.content.decode()
    assert answer["Cache-Control"] == "no-store"
    for path in (room.address("rotate"), reverse("staff:messages"), reverse("staff:audit")):
        assert new not in client.get(path).content.decode()


def test_an_alarm_is_acknowledged_in_its_own_words(room: Room) -> None:
    client = signed_in(staff("operator"))
    assert f'href="{room.address("acknowledge")}"' in client.get(reverse("staff:alarms")).content.decode()
    assert "Job j was given up" in client.get(room.address("acknowledge")).content.decode()
    client.post(room.address("acknowledge"), WHY)
    assert Alarm.objects.get().acknowledged_by.get_username() == "staff-operator"
    assert "acknowledged staff-operator" in client.get(reverse("staff:alarms")).content.decode()
