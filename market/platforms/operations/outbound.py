"""Messages out: written in the transaction that decides them, delivered later."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from aggregator.kernel.errors import Anticipated, NotFound
from aggregator.support import audit, jobs
from aggregator.support.alarms import clear_alarm
from aggregator.support.ids import uuid7
from aggregator.support.transitions import compare_and_set
from market.platforms.domain import same_data, serialise
from market.platforms.models import OUTBOUND, OutboundMessage

DELIVER = "market.platforms.deliver"


class ReferenceReused(Anticipated):
    code = "message.reference_reused"
    text = "A %(type)s message about %(reference)s was written before with other content."
    status = 409


def send_message(
    *, platform_id: int, type: str, reference: str, data: Mapping[str, Any], now: datetime, expires_at: datetime | None = None
) -> OutboundMessage:
    """Write one message in the caller's transaction; it is delivered after the commit.

    One message per (platform, type, reference): the same data again is the same row. `now` and
    `expires_at` are business time; after `expires_at` the message is no longer worth sending.
    Raises ReferenceReused, MessageTooLarge.
    """
    body = serialise(type=type, timestamp=now, data=data)
    try:
        with transaction.atomic():
            row = OutboundMessage.objects.create(
                platform_id=platform_id,
                message_id=f"msg_{uuid7().hex}",
                type=type,
                reference=reference,
                body=body,
                expires_at=expires_at,
            )
    except IntegrityError:
        row = OutboundMessage.objects.filter(platform_id=platform_id, type=type, reference=reference).first()
        if row is None:
            raise
        if not same_data(bytes(row.body), data):
            raise ReferenceReused(type=type, reference=reference) from None
        return row
    jobs.ring_on_commit(DELIVER)
    return row


@transaction.atomic
def retry_message(*, message_id: int, actor: str, reason_code: str, reason_text: str, now: datetime) -> None:
    """Try a dead letter once more, at once.

    Raises NotFound, TransitionRefused, ReasonMissing.
    """
    row = OutboundMessage.objects.select_related("platform").filter(pk=message_id).first()
    if row is None:
        raise NotFound(what="message")
    compare_and_set(row, OUTBOUND, "pending", next_attempt_at=None, lease_until=None)
    audit.record(
        at=now,
        actor=actor,
        action="message.retry",
        subject=str(row.public_id),
        reason_code=reason_code,
        reason_text=reason_text,
        data={"platform": row.platform.code, "message_id": row.message_id, "type": row.type},
    )
    clear_alarm(kind="message.dead", key=row.message_id, at=now)
    jobs.ring_on_commit(DELIVER)
