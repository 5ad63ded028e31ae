"""Messages and deliveries as facts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from aggregator.kernel.errors import NotFound
from market.platforms.domain import parse
from market.platforms.models import InboundMessage, OutboundMessage


@dataclass(frozen=True)
class MessageData:
    """An inbound message as its routed task reads it; `data` is the body's."""

    message_id: int
    platform_id: int
    portfolio_id: int
    park_id: int
    type: str
    data: dict[str, Any]
    received_at: datetime


@dataclass(frozen=True)
class InboundRow:
    public_id: str
    platform: str
    message_id: str
    type: str
    state: str
    received_at: datetime
    duplicates: int
    error: str
    headers: dict[str, str]
    body: str


@dataclass(frozen=True)
class AttemptRow:
    number: int
    at: datetime
    status: int | None
    milliseconds: int
    answer: str


@dataclass(frozen=True)
class OutboundRow:
    public_id: str
    platform: str
    message_id: str
    type: str
    reference: str
    state: str
    created_at: datetime
    next_attempt_at: datetime | None
    expires_at: datetime | None
    delivered_at: datetime | None
    body: str
    attempts: list[AttemptRow]


def message_data(message_id: int) -> MessageData:
    """One inbound message by its key. Raises NotFound."""
    row = InboundMessage.objects.select_related("platform__portfolio").filter(pk=message_id).first()
    if row is None:
        raise NotFound(what="message")
    envelope = parse(bytes(row.body))
    return MessageData(
        message_id=row.pk,
        platform_id=row.platform_id,
        portfolio_id=row.platform.portfolio_id,
        park_id=row.platform.portfolio.park_id,
        type=row.type,
        data=envelope.data,
        received_at=row.received_at,
    )


def unfinished_outbound() -> int:
    """Messages that are still to be delivered to a platform that can be reached.

    Those that wait for a person (no endpoint, disabled or stopped) are not counted.
    """
    return OutboundMessage.objects.filter(can_be_sent(), state__in=("pending", "sending")).count()


def can_be_sent() -> Q:
    """Condition on OutboundMessage: its platform takes messages (a pause passes by itself)."""
    return Q(platform__enabled=True, platform__stopped_reason="") & ~Q(platform__endpoint_url="")


def inbound_log(
    *, platform_id: int | None = None, state: str | None = None, before: datetime | None = None, limit: int = 100
) -> list[InboundRow]:
    """Received messages, newest first."""
    rows = InboundMessage.objects.select_related("platform").order_by("-received_at", "-pk")
    if platform_id is not None:
        rows = rows.filter(platform_id=platform_id)
    if state is not None:
        rows = rows.filter(state=state)
    if before is not None:
        rows = rows.filter(received_at__lt=before)
    return [
        InboundRow(
            public_id=str(row.public_id),
            platform=row.platform.code,
            message_id=row.message_id,
            type=row.type,
            state=row.state,
            received_at=row.received_at,
            duplicates=row.duplicates,
            error=row.error,
            headers=row.headers,
            body=bytes(row.body).decode(),
        )
        for row in rows[:limit]
    ]


def outbound_log(
    *, platform_id: int | None = None, state: str | None = None, before: datetime | None = None, limit: int = 100
) -> list[OutboundRow]:
    """Sent and waiting messages with every delivery attempt, newest first."""
    rows = OutboundMessage.objects.select_related("platform").prefetch_related("delivery_attempts").order_by("-created_at", "-pk")
    if platform_id is not None:
        rows = rows.filter(platform_id=platform_id)
    if state is not None:
        rows = rows.filter(state=state)
    if before is not None:
        rows = rows.filter(created_at__lt=before)
    return [
        OutboundRow(
            public_id=str(row.public_id),
            platform=row.platform.code,
            message_id=row.message_id,
            type=row.type,
            reference=row.reference,
            state=row.state,
            created_at=row.created_at,
            next_attempt_at=row.next_attempt_at,
            expires_at=row.expires_at,
            delivered_at=row.delivered_at,
            body=bytes(row.body).decode(),
            attempts=[
                AttemptRow(number=a.number, at=a.at, status=a.status, milliseconds=a.milliseconds, answer=a.answer)
                for a in row.delivery_attempts.all()
            ],
        )
        for row in rows[:limit]
    ]
