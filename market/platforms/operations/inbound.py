"""Messages in: verify, store once, hand to the task of their type, keep what became of them."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from aggregator.kernel import signing
from aggregator.kernel.errors import Anticipated, NotFound
from aggregator.support import audit, jobs
from aggregator.support.alarms import raise_alarm
from aggregator.support.transitions import compare_and_set
from market.platforms.domain import check_message_id, masked, parse
from market.platforms.models import INBOUND, InboundMessage, Platform
from market.platforms.operations.endpoints import live_secrets
from market.platforms.queries import message_data

MessageHandler = Callable[..., dict[str, Any] | None]  # f(message: MessageData, *, now)


class PlatformUnknown(Anticipated):
    code = "platform.unknown"
    text = "There is no such platform."
    status = 404


class MessageConflict(Anticipated):
    code = "message.conflict"
    text = "The message %(message_id)s was received before with another body."
    status = 409


class NoTaskForType(Anticipated):
    code = "message.no_route"
    text = "No task handles messages of the type %(type)s."
    status = 409


@dataclass(frozen=True)
class Received:
    """`status` is accepted, ignored or duplicate."""

    status: str
    message_id: str


def receive(*, platform_code: str, headers: Mapping[str, str], body: bytes, received_at: datetime, wall: datetime) -> Received:
    """Take one message in. `received_at` is business time, `wall` decides whether the signature is fresh.

    Raises PlatformUnknown, SignatureRefused, MessageMalformed, MessageConflict, in this order.
    """
    given = {name.lower(): value for name, value in headers.items()}
    platform = Platform.objects.filter(code=platform_code, enabled=True).first()
    if platform is None:
        raise PlatformUnknown()
    message_id = given.get("webhook-id", "")
    signing.verify(
        secrets=live_secrets(platform, wall=wall),
        message_id=message_id,
        timestamp=given.get("webhook-timestamp", ""),
        signature=given.get("webhook-signature", ""),
        body=body,
        now=int(wall.timestamp()),
    )
    check_message_id(message_id)
    envelope = parse(body)
    digest = hashlib.sha256(body).hexdigest()
    task = settings.MESSAGE_ROUTES.get(envelope.type)
    try:
        with transaction.atomic():
            row = InboundMessage.objects.create(
                platform=platform,
                message_id=message_id,
                type=envelope.type,
                body=body,
                body_sha256=digest,
                headers=masked(given),
                received_at=received_at,
                state="received" if task else "ignored",
            )
            if task:
                jobs.enqueue(name=task, key=_job_key(row), payload={"message_id": row.pk})
    except IntegrityError:
        return _again(platform, message_id, digest, received_at)
    return Received("accepted" if task else "ignored", message_id)


def _again(platform: Platform, message_id: str, digest: str, at: datetime) -> Received:
    row = InboundMessage.objects.get(platform=platform, message_id=message_id)
    if row.body_sha256 != digest:
        raise_alarm(
            kind="message.conflict", key=f"{platform.code} {message_id}", severity="critical", at=at, platform=platform.code, type=row.type
        )
        raise MessageConflict(message_id=message_id)
    InboundMessage.objects.filter(pk=row.pk).update(duplicates=F("duplicates") + 1)
    return Received("duplicate", message_id)


def _job_key(row: InboundMessage) -> str:
    return f"{row.platform.code}:{row.message_id}"


def routed(name: str) -> Callable[[MessageHandler], MessageHandler]:
    """Register `handler(message: MessageData, *, now) -> dict | None` as the task `name` of MESSAGE_ROUTES.

    The message follows its job: done when the handler returns, failed while it will be tried again
    (any exception, or jobs.TryLater where something it needs has not arrived yet), dead on any other
    Anticipated and after the last attempt. The handler may run twice.
    """

    def register(handler: MessageHandler) -> MessageHandler:
        def run(payload: dict[str, Any], *, now: datetime) -> dict[str, Any] | None:
            message = message_data(payload["message_id"])
            row = InboundMessage.objects.get(pk=message.message_id)
            if row.state == "done":
                return None
            compare_and_set(row, INBOUND, "processing")
            try:
                result = handler(message, now=now)
            except Exception as problem:
                mark_failed(message.message_id, str(problem))
                raise
            mark_done(message.message_id)
            return result

        jobs.job_task(name, on_dead=lambda payload, error: mark_dead(payload["message_id"], error))(run)
        return handler

    return register


def mark_done(message_id: int) -> None:
    """Done is done, even where a slow run was overtaken by another one."""
    InboundMessage.objects.filter(pk=message_id, state__in=("processing", "failed")).update(state="done", error="")


def mark_failed(message_id: int, error: str) -> None:
    InboundMessage.objects.filter(pk=message_id, state="processing").update(state="failed", error=error)


def mark_dead(message_id: int, error: str) -> None:
    """Nobody will try it again: a person decides."""
    last = (error.strip().splitlines() or [""])[-1]
    InboundMessage.objects.filter(pk=message_id, state__in=("received", "processing", "failed")).update(state="dead", error=last)


@transaction.atomic
def reprocess(*, message_id: int, actor: str, reason_code: str, reason_text: str, now: datetime) -> None:
    """Hand a dead or ignored message to its task again.

    Raises NotFound, NoTaskForType, TransitionRefused (it is done, or its job still runs), ReasonMissing.
    """
    row = InboundMessage.objects.select_related("platform").filter(pk=message_id).first()
    if row is None:
        raise NotFound(what="message")
    task = settings.MESSAGE_ROUTES.get(row.type)
    if task is None:
        raise NoTaskForType(type=row.type)
    compare_and_set(row, INBOUND, "received", error="")
    audit.record(
        at=now,
        actor=actor,
        action="message.reprocess",
        subject=str(row.public_id),
        reason_code=reason_code,
        reason_text=reason_text,
        data={"platform": row.platform.code, "message_id": row.message_id, "type": row.type},
    )
    if not jobs.revive(name=task, key=_job_key(row)):
        jobs.enqueue(name=task, key=_job_key(row), payload={"message_id": row.pk})
