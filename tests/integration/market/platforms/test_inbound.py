"""`POST /hooks/v1/{platform}`: the order of refusals, and one effect per message."""

import json

import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import path

from aggregator.kernel import signing
from aggregator.support import clock, jobs
from aggregator.support.models import Alarm, Job
from aggregator.support.secrets import unseal
from market.platforms import operations, webhooks
from market.platforms.models import InboundMessage
from tests.integration.market.platforms.conftest import NOW, make_platform

urlpatterns = [path("hooks/v1/<slug:platform_code>", webhooks.receive)]
pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

TASK = "market.prices.record_price_message"


def body_of(kind="price.published", **data):
    return json.dumps({"type": kind, "timestamp": "2025-06-22T01:30:00Z", "data": data}).encode()


@pytest.fixture
def send(platform):
    """Post one signed message; any part may be replaced."""

    def post(body=None, *, message_id="msg_1", code=platform.code, secret=None, at=None, content_type="application/json", **headers):
        body = body_of(market="day_ahead") if body is None else body
        stamp = int((at or clock.wall_now()).timestamp())
        signature = signing.sign(secret=secret or unseal(platform.sealed_secret), message_id=message_id, timestamp=stamp, body=body)
        signed = {"webhook-id": message_id, "webhook-timestamp": str(stamp), "webhook-signature": signature}
        return Client().post(f"/hooks/v1/{code}", data=body, content_type=content_type, headers={**signed, **headers}, secure=True)

    return post


def test_a_message_is_stored_as_it_came_and_its_job_enqueued(send, platform):
    body = body_of(market="day_ahead")
    answer = send(body, **{"X-Token": "hidden"})
    assert (answer.status_code, answer.json()) == (202, {"status": "accepted", "message_id": "msg_1"})
    row = InboundMessage.objects.get()
    assert (bytes(row.body), row.type, row.state, row.platform) == (body, "price.published", "received", platform)
    assert row.headers["x-token"] == row.headers["webhook-signature"] == "***"
    job = Job.objects.get()
    assert (job.name, job.key, job.payload) == (TASK, "ne-market:msg_1", {"message_id": row.pk})


def test_received_at_is_business_time_and_freshness_is_wall_time(send, settings):
    settings.VPP_ALLOW_TWIN = True
    clock.set_replay(NOW)
    assert send().status_code == 202
    assert InboundMessage.objects.get().received_at == NOW


def test_the_same_message_again_has_no_second_effect(send):
    assert send().status_code == 202
    for _ in range(2):
        answer = send()
        assert (answer.status_code, answer.json()["status"]) == (200, "duplicate")
    assert InboundMessage.objects.get().duplicates == 2
    assert Job.objects.count() == 1


def test_the_same_identity_with_another_body_is_an_alarm(send):
    first = body_of(market="day_ahead")
    send(first)
    answer = send(body_of(market="real_time"))
    assert (answer.status_code, answer.json()["code"]) == (409, "message.conflict")
    assert bytes(InboundMessage.objects.get().body) == first
    assert Alarm.objects.get().kind == "message.conflict"


def test_two_platforms_may_use_the_same_identity(send):
    other = make_platform("other")
    assert send().status_code == 202
    assert send(code="other", secret=unseal(other.sealed_secret)).status_code == 202
    assert Job.objects.count() == 2


def test_an_unknown_type_is_stored_and_ignored(send):
    answer = send(body_of("weather.changed"))
    assert (answer.status_code, answer.json()["status"]) == (202, "ignored")
    assert InboundMessage.objects.get().state == "ignored"
    assert Job.objects.count() == 0


def refused(answer, status, code):
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer["Content-Type"] == "application/problem+json"
    assert InboundMessage.objects.count() == 0
    assert Job.objects.count() == 0


def test_too_large(send):
    refused(send(b"x" * (256 * 1024 + 1), content_type="text/plain"), 413, "message.too_large")


def test_a_body_that_is_longer_than_it_says_is_read_no_further(send, rf, platform):
    class Endless:
        def read(self, size=-1):
            assert 0 < size <= 256 * 1024 + 1
            return b"x" * size

    request = rf.post(f"/hooks/v1/{platform.code}", data=b"{}", content_type="application/json")
    request._stream = Endless()
    request.META["CONTENT_LENGTH"] = "5"
    assert webhooks.receive(request, platform.code).status_code == 413


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml"])
def test_not_json(send, content_type):
    refused(send(content_type=content_type), 415, "message.not_json")


def test_json_with_a_charset_is_json(send):
    assert send(content_type="application/json; charset=utf-8").status_code == 202


def test_unknown_and_disabled_platforms_look_alike(send, platform):
    refused(send(code="nobody"), 404, "platform.unknown")
    platform.enabled = False
    platform.save()
    refused(send(), 404, "platform.unknown")


def test_another_secret(send):
    refused(send(secret=signing.new_secret()), 401, "signature.refused")


def test_a_platform_without_secret_accepts_nothing(send, platform):
    secret = unseal(platform.sealed_secret)
    platform.sealed_secret = ""
    platform.save()
    refused(send(secret=secret), 401, "signature.refused")


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header(send, missing):
    refused(send(**{missing: ""}), 401, "signature.refused")


def test_an_old_message_is_refused_even_while_an_old_day_is_replayed(send, settings):
    settings.VPP_ALLOW_TWIN = True
    clock.set_replay(NOW)
    refused(send(at=NOW), 401, "signature.refused")


def test_the_signature_is_checked_before_the_body_is_read(send):
    refused(send(b"{", secret=signing.new_secret()), 401, "signature.refused")
    refused(send(b"{"), 400, "message.malformed")


def test_an_identity_that_cannot_be_kept(send):
    refused(send(message_id="x" * 121), 400, "message.malformed")


def test_get_is_not_allowed(platform):
    assert Client().get(f"/hooks/v1/{platform.code}", secure=True).status_code == 405


def test_a_database_that_is_away_is_never_answered_2xx(send, monkeypatch):
    def away(**kwargs):
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(operations, "receive", away)
    answer = send()
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")


def test_nothing_is_stored_where_the_job_cannot_be(send, monkeypatch):
    def fails(**kwargs):
        raise OperationalError("full disk")

    monkeypatch.setattr(jobs, "enqueue", fails)
    assert send().status_code == 503
    assert InboundMessage.objects.count() == 0


def test_the_secret_before_a_rotation_counts_for_a_day(send, platform):
    old = unseal(platform.sealed_secret)
    wall = clock.wall_now()
    new = operations.rotate_secret(platform_id=platform.pk, actor="liu", reason_code="routine", reason_text="yearly", now=NOW, wall=wall)
    assert send(secret=new, message_id="msg_new").status_code == 202
    assert send(secret=old, message_id="msg_old").status_code == 202
    platform.refresh_from_db()
    platform.previous_secret_until = wall
    platform.save()
    assert send(secret=old, message_id="msg_late").status_code == 401
