"""Many workers and web processes at once: one effect per message."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from aggregator.kernel import signing
from aggregator.support import http
from aggregator.support.models import Job
from aggregator.support.secrets import unseal
from market.platforms import operations
from market.platforms.models import DeliveryAttempt, InboundMessage, OutboundMessage
from tests.integration.market.platforms.conftest import NOW, WALL

pytestmark = pytest.mark.django_db(transaction=True)
WORKERS = 4


@pytest.fixture(autouse=True)
def _needs_concurrent_connections():
    if connection.vendor == "sqlite":
        pytest.skip("SQLite's test database lives in one connection; runs in the PostgreSQL pass")


def together(work):
    """Run `work` in several threads at the same moment, each with its own connection."""
    start = threading.Barrier(WORKERS)

    def run(_):
        try:
            start.wait(5)
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        return list(pool.map(run, range(WORKERS)))


def test_a_message_that_arrives_several_times_at_once_is_received_once(platform):
    body = json.dumps({"type": "price.published", "timestamp": "2025-06-22T01:30:00Z", "data": {}}).encode()
    stamp = int(WALL.timestamp())
    signature = signing.sign(secret=unseal(platform.sealed_secret), message_id="msg_1", timestamp=stamp, body=body)
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(stamp), "webhook-signature": signature}
    answers = together(
        lambda: operations.receive(platform_code=platform.code, headers=headers, body=body, received_at=NOW, wall=WALL).status
    )
    assert sorted(answers) == ["accepted", "duplicate", "duplicate", "duplicate"]
    assert InboundMessage.objects.get().duplicates == 3
    assert Job.objects.count() == 1


def test_several_workers_deliver_each_message_once(platform, monkeypatch):
    sent = []

    def post(*, headers, **kwargs):
        time.sleep(0.005)
        sent.append(headers["webhook-id"])
        return http.Answer(status=200, milliseconds=5)

    monkeypatch.setattr(http, "post", post)
    rows = [
        operations.send_message(platform_id=platform.pk, type="bid.submitted", reference=f"bid {k}", data={"k": k}, now=NOW)
        for k in range(30)
    ]
    attempts = together(lambda: operations.deliver_due(wall=WALL, now=NOW))
    assert sorted(sent) == sorted(row.message_id for row in rows)
    assert sum(attempts) == DeliveryAttempt.objects.count() == 30
    assert set(OutboundMessage.objects.values_list("state", flat=True)) == {"delivered"}


def test_the_same_message_written_several_times_at_once_is_one_row(platform):
    rows = together(
        lambda: operations.send_message(platform_id=platform.pk, type="bid.submitted", reference="bid 1", data={"k": 1}, now=NOW).pk
    )
    assert len(set(rows)) == OutboundMessage.objects.count() == 1
