"""The outbox: written with the decision, delivered at least once, visible in every step."""

import json
import threading
import time
from datetime import timedelta

import pytest
from celery import current_app
from django.db import connection, transaction

from aggregator.kernel import signing
from aggregator.kernel.lifecycle import TransitionRefused
from aggregator.support import audit, http
from aggregator.support.models import Alarm, AuditEvent
from aggregator.support.secrets import unseal
from market.platforms import operations
from market.platforms.models import DeliveryAttempt, OutboundMessage
from market.platforms.operations import delivery
from market.platforms.queries import outbound_log, unfinished_outbound
from tests.integration.market.platforms.conftest import NOW, WALL, make_platform

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


@pytest.fixture
def write(platform):
    def send(reference="bid 1", *, to=None, **changes):
        given = {
            "platform_id": (to or platform).pk,
            "type": "bid.submitted",
            "reference": reference,
            "data": {"bid_id": reference},
            "now": NOW,
        }
        return operations.send_message(**{**given, **changes})

    return send


def deliver(*, after=timedelta(0), now=NOW):
    return operations.deliver_due(wall=WALL + after, now=now)


def states():
    return sorted(OutboundMessage.objects.values_list("state", flat=True))


def attempts_until(row, *, state):
    """Deliver again and again, each time when it is due; returns the waits between attempts."""
    waits, after = [], timedelta(0)
    for _ in range(20):
        deliver(after=after)
        row.refresh_from_db()
        if row.state == state:
            return waits
        type(row.platform).objects.update(paused_until=None, stopped_reason="")
        waits.append((row.next_attempt_at - WALL - after).total_seconds())
        after = row.next_attempt_at - WALL + SECOND
    raise AssertionError(f"never {state}")


def test_a_message_is_rung_for_on_commit(write, monkeypatch, django_capture_on_commit_callbacks):
    rung = []
    monkeypatch.setattr(current_app.tasks["market.platforms.deliver"], "apply_async", lambda args: rung.append(args))
    with django_capture_on_commit_callbacks(execute=True):
        write()
        assert rung == []
    assert rung == [()]


def test_a_decision_that_is_rolled_back_sends_nothing(write, network):
    with transaction.atomic():
        write()
        transaction.set_rollback(True)
    assert deliver() == 0
    assert network.calls == []


def test_it_is_delivered_once_signed_by_the_second_of_the_attempt(write, network, platform):
    row = write()
    assert deliver() == 1
    assert deliver() == 0
    (call,) = network.calls
    assert call["url"] == "https://ne-market.example/inbox"
    assert call["body"] == bytes(row.body)
    assert json.loads(call["body"]) == {"type": "bid.submitted", "timestamp": "2025-06-22T02:00:00Z", "data": {"bid_id": "bid 1"}}
    assert call["headers"]["webhook-id"] == row.message_id
    assert abs(int(call["headers"]["webhook-timestamp"]) - WALL.timestamp()) <= 1
    signing.verify(
        secrets=[unseal(platform.sealed_secret)],
        message_id=row.message_id,
        timestamp=call["headers"]["webhook-timestamp"],
        signature=call["headers"]["webhook-signature"],
        body=call["body"],
        now=int(WALL.timestamp()),
    )
    assert states() == ["delivered"]
    assert unfinished_outbound() == 0


def test_the_same_data_again_is_the_same_message(write, network):
    first = write()
    again = write(now=NOW + timedelta(hours=1))
    assert again.pk == first.pk
    assert bytes(again.body) == bytes(first.body)
    deliver()
    assert len(network.calls) == 1


def test_other_data_under_the_same_reference_is_refused(write):
    write()
    with pytest.raises(operations.ReferenceReused):
        write(data={"bid_id": "another"})
    assert OutboundMessage.objects.count() == 1


def test_every_attempt_is_a_row(write, network):
    network.answers.extend([500, None])
    row = write()
    attempts_until(row, state="delivered")
    assert list(DeliveryAttempt.objects.values_list("number", "status", "answer")) == [
        (1, 500, "said"),
        (2, None, "no answer in time"),
        (3, 200, "said"),
    ]
    assert {call["headers"]["webhook-id"] for call in network.calls} == {row.message_id}
    assert len({call["headers"]["webhook-timestamp"] for call in network.calls}) == 3
    assert {call["body"] for call in network.calls} == {bytes(row.body)}
    (logged,) = outbound_log()
    assert [attempt.status for attempt in logged.attempts] == [500, None, 200]
    assert logged.state == "delivered"


def test_it_is_not_tried_before_it_is_due(write, network):
    network.then = 500
    write()
    deliver()
    assert deliver(after=3 * SECOND) == 0
    assert deliver(after=7 * SECOND) == 1


def test_twelve_failures_are_a_dead_letter_and_an_alarm(write, network):
    network.then = 500
    row = write()
    waits = attempts_until(row, state="dead")
    assert row.attempts == 12
    assert len(waits) == 11
    assert Alarm.objects.filter(kind="message.dead", key=row.message_id).exists()
    assert unfinished_outbound() == 0


def test_a_dead_letter_can_be_tried_once_more_with_a_reason(write, network):
    network.then = 500
    row = write()
    attempts_until(row, state="dead")
    who = {"message_id": row.pk, "actor": "liu", "reason_text": "their receiver is repaired", "now": NOW}
    with pytest.raises(audit.ReasonMissing):
        operations.retry_message(**who, reason_code="")
    operations.retry_message(**who, reason_code="repaired")
    with pytest.raises(TransitionRefused):
        operations.retry_message(**who, reason_code="repaired")
    operations.resume_sending(platform_id=row.platform_id, actor="liu", reason_code="repaired", reason_text="", now=NOW)
    network.then = 200
    deliver(after=timedelta(days=9))
    assert states() == ["delivered"]
    assert [event.action for event in AuditEvent.objects.all()] == ["message.retry", "platform.resume_sending"]


def test_gone_stops_the_endpoint_until_a_person_resumes_it(write, network, platform):
    network.answers.append(410)
    write("bid 1")
    deliver()
    write("bid 2")
    assert deliver(after=timedelta(days=1)) == 0
    platform.refresh_from_db()
    assert platform.stopped_reason == "gone"
    assert states() == ["dead", "pending"]
    assert set(Alarm.objects.values_list("kind", flat=True)) == {"message.dead", "platform.stopped"}
    assert unfinished_outbound() == 0, "it waits for a person"
    operations.resume_sending(platform_id=platform.pk, actor="liu", reason_code="repaired", reason_text="new address", now=NOW + SECOND)
    assert deliver(after=timedelta(days=1)) == 1
    assert Alarm.objects.get(kind="platform.stopped").cleared_at == NOW + SECOND


def test_retry_after_is_honoured(write, network):
    network.answers.append(503)
    network.retry_after = "900"
    write()
    deliver()
    assert deliver(after=890 * SECOND) == 0
    assert deliver(after=901 * SECOND) == 1


def test_five_failures_in_a_row_pause_the_endpoint_then_one_message_feels(write, network, platform):
    network.then = 500
    for k in range(8):
        write(f"bid {k}")
    deliver()
    calls = len(network.calls)
    assert 5 <= calls <= 8
    assert deliver(after=30 * SECOND) == 0
    assert Alarm.objects.get().kind == "platform.failing"
    deliver(after=62 * SECOND)
    assert len(network.calls) == calls + 1
    network.then = 200
    deliver(after=200 * SECOND)
    assert states() == ["delivered"] * 8
    platform.refresh_from_db()
    assert (platform.failures_in_row, platform.paused_until) == (0, None)
    assert Alarm.objects.get().cleared_at is not None


def test_a_hundred_failures_in_a_row_stop_the_endpoint(write, network, platform):
    network.then = 500
    type(platform).objects.update(failures_in_row=99, failing_since=WALL)
    write()
    deliver()
    platform.refresh_from_db()
    assert platform.stopped_reason == "failing"
    assert Alarm.objects.filter(kind="platform.stopped").exists()


def test_an_expired_message_is_not_sent(write, network):
    write(expires_at=NOW + timedelta(minutes=10))
    assert deliver(now=NOW + timedelta(minutes=10)) == 0
    assert states() == ["expired"]
    assert Alarm.objects.get().kind == "message.expired"


def test_expiry_is_business_time_not_wall_time(write, network):
    write(expires_at=NOW + timedelta(minutes=10))
    assert deliver(now=NOW) == 1


def test_a_message_about_an_instruction_escalates_after_two_minutes(write, network, platform):
    network.then = 500
    write(expires_at=NOW + timedelta(hours=1))
    for seconds in (0, 10, 60):
        deliver(after=seconds * SECOND)
    assert not Alarm.objects.filter(kind="message.undelivered").exists()
    deliver(after=300 * SECOND)
    assert Alarm.objects.filter(kind="message.undelivered").exists()


@pytest.mark.parametrize("changes", [{"endpoint_url": ""}, {"enabled": False}])
def test_a_platform_that_cannot_be_sent_to_keeps_its_messages(write, network, platform, changes):
    type(platform).objects.update(**changes)
    write()
    assert deliver() == 0
    assert states() == ["pending"]


def test_both_signatures_while_a_secret_is_replaced(write, network, platform):
    old = unseal(platform.sealed_secret)
    who = {"platform_id": platform.pk, "actor": "liu", "reason_code": "routine", "reason_text": "yearly", "now": NOW}
    new = operations.rotate_secret(**who, wall=WALL)
    write("bid 1")
    deliver(after=timedelta(hours=23))
    write("bid 2")
    deliver(after=timedelta(hours=25))
    during, after = (call["headers"]["webhook-signature"].split(" ") for call in network.calls)
    assert (len(during), len(after)) == (2, 1)
    for secret, signature in zip((new, old), during, strict=True):
        call = network.calls[0]
        stamp = int(call["headers"]["webhook-timestamp"])
        assert signature == signing.sign(secret=secret, message_id=call["headers"]["webhook-id"], timestamp=stamp, body=call["body"])
    assert AuditEvent.objects.get().action == "platform.rotate_secret"
    assert new not in json.dumps(AuditEvent.objects.get().data)


def test_secrets_are_sealed_in_the_database(platform):
    assert "whsec_" not in platform.sealed_secret
    with pytest.raises(operations.endpoints.SecretExists):
        operations.issue_secret(platform_id=platform.pk)


# Concurrency, leases and dead workers


def test_no_transaction_and_no_lock_is_held_during_the_call(write, monkeypatch):
    held = []

    def post(**kwargs):
        held.append(threading.current_thread() is threading.main_thread())
        return http.Answer(status=200, milliseconds=1)

    outer = len(connection.savepoint_ids)
    claim = delivery._claim
    monkeypatch.setattr(delivery, "_claim", lambda **kw: (held.append(len(connection.savepoint_ids) > outer), claim(**kw))[1])
    monkeypatch.setattr(http, "post", post)
    write()
    deliver()
    assert not any(held)


def test_at_most_four_at_once_per_endpoint_and_a_slow_one_blocks_no_other(write, monkeypatch, platform):
    slow, fast = platform, make_platform("fast")
    busy, most, done = 0, 0, []
    lock, release = threading.Lock(), threading.Event()

    def post(*, url, body, **kwargs):
        nonlocal busy, most
        if "fast" in url:
            with lock:
                done.append(body)
                if len(done) == 20:
                    release.set()
            return http.Answer(status=200, milliseconds=1)
        with lock:
            busy += 1
            most = max(most, busy)
        assert release.wait(10), "the fast endpoint waited for the slow one"
        time.sleep(0.01)
        with lock:
            busy -= 1
        return http.Answer(status=200, milliseconds=1)

    monkeypatch.setattr(http, "post", post)
    for k in range(10):
        write(f"bid {k}", to=slow)
    for k in range(20):
        write(f"bid {k}", to=fast)
    assert deliver() == 30
    assert most == 4
    assert states() == ["delivered"] * 30


def test_a_message_that_another_worker_holds_is_left(write, network):
    write()
    OutboundMessage.objects.update(state="sending", attempts=1, lease_until=WALL + 30 * SECOND)
    assert deliver() == 0
    assert network.calls == []


def test_the_message_of_a_dead_worker_is_sent_again_under_the_same_identity(write, network):
    row = write()
    OutboundMessage.objects.update(state="sending", attempts=1, lease_until=WALL - SECOND)
    assert deliver() == 1
    assert network.calls[0]["headers"]["webhook-id"] == row.message_id
    assert states() == ["delivered"]
    assert DeliveryAttempt.objects.get().number == 2


def test_the_losers_failure_does_not_undo_the_winners_delivery(write, network, platform):
    row = write()
    late = delivery.Claimed(row=row, attempt=1, endpoint=None, at=WALL)
    OutboundMessage.objects.update(state="delivered", attempts=2, delivered_at=WALL)
    delivery._mark(late, http.Answer(status=500, milliseconds=1), at=WALL, now=NOW)
    assert states() == ["delivered"]


def test_rows_held_elsewhere_count_towards_the_four(write, network):
    for k in range(6):
        write(f"bid {k}")
    held = list(OutboundMessage.objects.order_by("pk").values_list("pk", flat=True)[:4])
    OutboundMessage.objects.filter(pk__in=held).update(state="sending", attempts=1, lease_until=WALL + 30 * SECOND)
    assert deliver() == 0
