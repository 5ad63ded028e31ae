"""The independent `standardwebhooks` package and ours accept each other's signatures."""

from datetime import timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from aggregator.kernel.signing import SignatureRefused, new_secret, sign, verify
from aggregator.support import clock
from aggregator.support.ids import uuid7

BODY = '{"type":"award.published","timestamp":"2025-06-22T09:30:00Z","data":{"note":"中标 ✓"}}'


@pytest.fixture
def secret():
    return new_secret()


@pytest.fixture
def now():
    return clock.wall_now().replace(microsecond=0)


def headers_by_us(*, secret, now, message_id, body=BODY):
    timestamp = int(now.timestamp())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secret=secret, message_id=message_id, timestamp=timestamp, body=body.encode()),
    }


def test_they_verify_what_we_sign(secret, now):
    headers = headers_by_us(secret=secret, now=now, message_id=f"msg_{uuid7().hex}")
    assert Webhook(secret).verify(BODY, headers)["type"] == "award.published"


def test_they_refuse_what_we_signed_once_it_is_changed_or_old(secret, now):
    headers = headers_by_us(secret=secret, now=now, message_id="msg_1")
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY.replace("award", "bid"), headers)
    old = headers_by_us(secret=secret, now=now - timedelta(seconds=400), message_id="msg_1")
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY, old)


def test_they_verify_both_signatures_of_a_rotation(secret, now):
    other = new_secret()
    new, old = (headers_by_us(secret=key, now=now, message_id="msg_1") for key in (secret, other))
    both = {**new, "webhook-signature": f"{new['webhook-signature']} {old['webhook-signature']}"}
    for key in (secret, other):
        assert Webhook(key).verify(BODY, both)


def check(*, secret, now, signature, timestamp=None):
    seconds = int(now.timestamp())
    stamp = str(seconds if timestamp is None else timestamp)
    verify(secrets=[secret], message_id="msg_1", timestamp=stamp, signature=signature, body=BODY.encode(), now=seconds)


def test_we_verify_what_they_sign_in_utc(secret, now):
    check(secret=secret, now=now, signature=Webhook(secret).sign("msg_1", now, BODY))


@pytest.mark.parametrize("zone", [ZoneInfo("Asia/Shanghai"), timezone(timedelta(hours=-5))])
def test_their_package_signs_another_second_for_a_time_that_is_not_utc(secret, now, zone):
    """Their trap, pinned: sign() replaces the zone. Our sign() takes whole seconds, so it has none to replace."""
    with pytest.raises(SignatureRefused):
        check(secret=secret, now=now, signature=Webhook(secret).sign("msg_1", now.astimezone(zone), BODY))


def test_both_sign_alike(secret, now):
    assert Webhook(secret).sign("msg_1", now, BODY) == sign(
        secret=secret, message_id="msg_1", timestamp=int(now.timestamp()), body=BODY.encode()
    )
