"""Deliver what is due: claim with a lease, call without any lock or transaction, then mark.

At least once: a worker that dies between call and mark costs a second delivery under the same id.
"""

import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q

from aggregator.support.alarms import clear_alarm, raise_alarm
from aggregator.support.http import Answer
from market.platforms import client
from market.platforms.domain import Verdict, verdict
from market.platforms.domain.delivery import ESCALATE_AFTER, PAUSE, PAUSE_AFTER_FAILURES, is_stopped
from market.platforms.models import DeliveryAttempt, OutboundMessage, Platform
from market.platforms.operations.endpoints import live_secrets
from market.platforms.queries import can_be_sent

AT_ONCE = 16
AT_ONCE_PER_ENDPOINT = 4
LEASE = timedelta(seconds=60)  # longer than one call may take
ROUND = timedelta(seconds=60)  # claims nothing more after this long, so that the task ends


@dataclass(frozen=True)
class Claimed:
    """A message that is ours until its lease ends; `attempt` is the fence."""

    row: OutboundMessage
    attempt: int
    endpoint: client.Endpoint
    at: datetime


def deliver_due(*, wall: datetime, now: datetime) -> int:
    """Deliver every message that is due at `wall`, at most 4 at a time per endpoint. Returns the number of attempts.

    `now` is business time: messages that have expired by then are not sent.
    """
    began = time.monotonic()

    def wall_time() -> datetime:
        return wall + timedelta(seconds=time.monotonic() - began)

    _expire(now)
    attempts = 0
    in_flight: dict[Future[Answer], Claimed] = {}
    with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="deliver") as pool:
        while True:
            at = wall_time()
            if at - wall < ROUND:
                for claimed in _claim(at=at, room=AT_ONCE - len(in_flight)):
                    call = pool.submit(
                        client.deliver, endpoint=claimed.endpoint, message_id=claimed.row.message_id, body=bytes(claimed.row.body), wall=at
                    )
                    in_flight[call] = claimed
            if not in_flight:
                return attempts
            finished, _ = wait(in_flight, return_when=FIRST_COMPLETED)
            for call in finished:
                _mark(in_flight.pop(call), call.result(), at=wall_time(), now=now)
                attempts += 1


def _expire(now: datetime) -> None:
    late = OutboundMessage.objects.filter(state="pending", expires_at__lte=now)
    for row in late.select_related("platform").order_by("pk"):
        if OutboundMessage.objects.filter(pk=row.pk, state="pending").update(state="expired"):
            _alarm(row, "message.expired", now)


def _claim(*, at: datetime, room: int) -> list[Claimed]:
    """Up to `room` messages, oldest due first, made ours by a conditional update each."""
    if room <= 0:
        return []
    leased = OutboundMessage.objects.filter(state="sending", lease_until__gte=at)
    busy = Counter(leased.values_list("platform_id", flat=True))
    free = Q(state="pending") & (Q(next_attempt_at=None) | Q(next_attempt_at__lte=at)) | Q(state="sending", lease_until__lt=at)
    unpaused = Q(platform__paused_until=None) | Q(platform__paused_until__lte=at)
    claimed: list[Claimed] = []
    due = OutboundMessage.objects.filter(free, unpaused, can_be_sent())
    for platform in Platform.objects.filter(pk__in=due.values("platform_id")).order_by("code"):
        endpoint = client.Endpoint(platform.endpoint_url, platform.loopback_exception, live_secrets(platform, wall=at))
        # After a pause one message feels whether the endpoint is back.
        slots = 1 if platform.failures_in_row >= PAUSE_AFTER_FAILURES else AT_ONCE_PER_ENDPOINT
        take = min(slots - busy[platform.pk], room - len(claimed))
        if take <= 0:
            continue
        for row in due.filter(platform=platform).order_by(F("next_attempt_at").asc(nulls_first=True), "pk")[:take]:
            won = OutboundMessage.objects.filter(free, pk=row.pk, attempts=row.attempts).update(
                state="sending", lease_until=at + LEASE, attempts=row.attempts + 1
            )
            if won:
                claimed.append(Claimed(row=row, attempt=row.attempts + 1, endpoint=endpoint, at=at))
    return claimed


@transaction.atomic
def _mark(claimed: Claimed, answer: Answer, *, at: datetime, now: datetime) -> None:
    row = claimed.row
    DeliveryAttempt.objects.create(
        message=row,
        number=claimed.attempt,
        at=claimed.at,
        status=answer.status,
        milliseconds=answer.milliseconds,
        answer=answer.error or answer.text,
    )
    judged = verdict(message_id=row.message_id, attempt=claimed.attempt, status=answer.status, retry_after=answer.retry_after, at=at)
    if judged.state == "delivered":
        # Delivered is delivered, even where a slow call outlived its lease.
        OutboundMessage.objects.filter(pk=row.pk).exclude(state="delivered").update(
            state="delivered", delivered_at=at, next_attempt_at=None, lease_until=None
        )
        _endpoint_works(row.platform_id, now)
        return
    OutboundMessage.objects.filter(pk=row.pk, state="sending", attempts=claimed.attempt).update(
        state=judged.state, next_attempt_at=judged.next_attempt_at, lease_until=None
    )
    _endpoint_failed(row.platform_id, judged, at, now)
    if judged.state == "dead":
        _alarm(row, "message.dead", now)
    elif row.expires_at is not None and _tried_since(row) <= at - ESCALATE_AFTER:
        _alarm(row, "message.undelivered", now)


def _tried_since(row: OutboundMessage) -> datetime:
    return DeliveryAttempt.objects.filter(message=row).order_by("number").values_list("at", flat=True)[0]


def _endpoint_works(platform_id: int, now: datetime) -> None:
    failing = Platform.objects.filter(pk=platform_id, failures_in_row__gt=0)
    if failing.update(failures_in_row=0, failing_since=None, paused_until=None):
        clear_alarm(kind="platform.failing", key=Platform.objects.get(pk=platform_id).code, at=now)


def _endpoint_failed(platform_id: int, judged: Verdict, at: datetime, now: datetime) -> None:
    """Count it, pause after 5 in a row, stop after 100 in a row or three days, or at once where it is gone."""
    platform = Platform.objects.select_for_update().get(pk=platform_id)
    platform.failures_in_row += 1
    platform.failing_since = platform.failing_since or at
    if platform.failures_in_row >= PAUSE_AFTER_FAILURES:
        platform.paused_until = at + PAUSE
        raise_alarm(kind="platform.failing", key=platform.code, severity="warning", at=now, platform=platform.code)
    if judged.gone:
        platform.stopped_reason = "gone"
    elif is_stopped(failures_in_row=platform.failures_in_row, failing_since=platform.failing_since, at=at):
        platform.stopped_reason = "failing"
    if platform.stopped_reason:
        raise_alarm(
            kind="platform.stopped",
            key=platform.code,
            severity="critical",
            at=now,
            platform=platform.code,
            reason=platform.stopped_reason,
        )
    platform.save(update_fields=["failures_in_row", "failing_since", "paused_until", "stopped_reason"])


def _alarm(row: OutboundMessage, kind: str, now: datetime) -> None:
    raise_alarm(
        kind=kind, key=row.message_id, severity="critical", at=now, platform=row.platform.code, type=row.type, reference=row.reference
    )
