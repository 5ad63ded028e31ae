"""A stored message follows the job that handles it."""

import hashlib

import pytest

from aggregator.kernel.errors import Anticipated, NotFound
from aggregator.kernel.lifecycle import TransitionRefused
from aggregator.support import audit, jobs
from aggregator.support.models import Alarm, AuditEvent, Job
from market.platforms import operations
from market.platforms.domain import serialise
from market.platforms.models import InboundMessage
from market.platforms.queries import inbound_log, message_data
from tests.integration.market.platforms.conftest import NOW

pytestmark = pytest.mark.django_db
TASK = "tests.routing.handle"
KIND = "tests.something"


class Refused(Anticipated):
    code = "tests.refused"
    text = "No."


class Handler:
    def __init__(self):
        self.seen, self.behave = [], lambda: {"ok": True}


HANDLER = Handler()


@operations.routed(TASK)
def handle(message, *, now):
    HANDLER.seen.append((message, now))
    return HANDLER.behave()


@pytest.fixture
def handler(settings):
    settings.MESSAGE_ROUTES = {**settings.MESSAGE_ROUTES, KIND: TASK}
    HANDLER.__init__()
    return HANDLER


@pytest.fixture
def message(platform, handler):
    body = serialise(type=KIND, timestamp=NOW, data={"award_id": "a1"})
    row = InboundMessage.objects.create(
        platform=platform, message_id="msg_1", type=KIND, body=body, body_sha256=hashlib.sha256(body).hexdigest(), received_at=NOW
    )
    jobs.enqueue(name=TASK, key="ne-market:msg_1", payload={"message_id": row.pk})
    return row


def ring(message):
    from celery import current_app

    job = Job.objects.get()
    current_app.tasks[TASK](job.pk)
    message.refresh_from_db()
    job.refresh_from_db()
    return job


def test_the_handler_gets_facts_and_the_message_is_done(message, handler, platform):
    job = ring(message)
    ((facts, _),) = handler.seen
    assert facts == message_data(message.pk)
    assert (facts.platform_id, facts.portfolio_id, facts.park_id) == (platform.pk, platform.portfolio_id, platform.portfolio.park_id)
    assert (facts.type, facts.data, facts.received_at) == (KIND, {"award_id": "a1"}, NOW)
    assert (message.state, job.state, job.result) == ("done", "done", {"ok": True})


def test_a_second_ring_does_nothing(message, handler):
    ring(message)
    ring(message)
    assert len(handler.seen) == 1


def test_a_failure_is_tried_again(message, handler):
    handler.behave = lambda: 1 / 0
    job = ring(message)
    assert (message.state, message.error, job.state) == ("failed", "division by zero", "pending")
    handler.behave = lambda: None
    ring(message)
    assert (message.state, message.error) == ("done", "")


def test_a_message_before_its_time_is_tried_again(message, handler):
    def early():
        raise jobs.TryLater()

    handler.behave = early
    assert ring(message).state == "pending"
    assert message.state == "failed"


def refuse():
    raise Refused()


def test_a_refusal_is_final_and_an_alarm(message, handler):
    handler.behave = refuse
    job = ring(message)
    assert (message.state, message.error, job.state) == ("dead", "tests.refused: No.", "dead")
    assert Alarm.objects.get().kind == "job.dead"


def test_after_the_last_attempt_it_is_dead(message, handler):
    handler.behave = lambda: 1 / 0
    for _ in range(jobs.MAX_ATTEMPTS):
        ring(message)
    assert message.state == "dead"
    assert message.error == "ZeroDivisionError: division by zero"


def test_a_run_whose_worker_died_is_taken_up_again(message, handler):
    InboundMessage.objects.update(state="processing")
    ring(message)
    assert message.state == "done"


def reprocess(message, **changes):
    given = {"message_id": message.pk, "actor": "liu", "reason_code": "repaired", "reason_text": "the award has arrived", "now": NOW}
    operations.reprocess(**{**given, **changes})


def test_a_dead_message_can_be_reprocessed_with_a_reason(message, handler):
    handler.behave = refuse
    ring(message)
    with pytest.raises(audit.ReasonMissing):
        reprocess(message, reason_code="")
    message.refresh_from_db()
    assert message.state == "dead"

    reprocess(message)
    event = AuditEvent.objects.get()
    assert (event.action, event.subject, event.actor) == ("message.reprocess", str(message.public_id), "liu")
    handler.behave = lambda: None
    assert ring(message).state == "done"
    assert message.state == "done"


def test_a_failed_message_need_not_wait_for_its_next_try(message, handler):
    handler.behave = lambda: 1 / 0
    ring(message)
    reprocess(message)
    handler.behave = lambda: None
    assert ring(message).attempts == 1
    assert message.state == "done"


def test_what_is_done_is_not_reprocessed(message):
    ring(message)
    with pytest.raises(TransitionRefused):
        reprocess(message)
    assert AuditEvent.objects.count() == 0


def test_an_ignored_message_can_be_handed_to_a_task_that_exists_by_now(message, handler):
    Job.objects.all().delete()
    InboundMessage.objects.update(state="ignored")
    reprocess(message)
    ring(message)
    assert message.state == "done"


def test_a_type_without_task_cannot_be_reprocessed(message, settings):
    settings.MESSAGE_ROUTES = {}
    InboundMessage.objects.update(state="ignored")
    with pytest.raises(operations.inbound.NoTaskForType):
        reprocess(message)


def test_an_unknown_message_is_not_found():
    with pytest.raises(NotFound):
        message_data(1)


def test_the_log_shows_what_came(message):
    (row,) = inbound_log(state="received")
    assert (row.platform, row.message_id, row.type, row.state) == ("ne-market", "msg_1", KIND, "received")
    assert '"award_id":"a1"' in row.body
    assert inbound_log(state="done") == []
