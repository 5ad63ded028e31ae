"""Inbox, outbox and platforms on one page; what waits for a person stands first."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Case, IntegerField, QuerySet, Value, When

from market.platforms.models import INBOUND, OUTBOUND, InboundMessage, OutboundMessage, Platform

ROWS = 50
WAITING = ("dead", "failed")


@dataclass(frozen=True)
class Received:
    row: InboundMessage
    can_be_reprocessed: bool


@dataclass(frozen=True)
class Sent:
    """`last_answer`: what the other side said last, where it was not taken."""

    row: OutboundMessage
    last_answer: str
    can_be_retried: bool


@dataclass(frozen=True)
class Account:
    row: Platform
    paused: bool
    can_be_resumed: bool


@dataclass(frozen=True)
class Messages:
    platforms: list[Account]
    inbox: list[Received]
    outbox: list[Sent]


def _first_waiting(rows: QuerySet) -> QuerySet:
    rank = Case(When(state__in=WAITING, then=Value(0)), default=Value(1), output_field=IntegerField())
    return rows.select_related("platform").order_by(rank, "-pk")


def _answer(row: OutboundMessage) -> str:
    attempts = list(row.delivery_attempts.all())
    if not attempts or row.state == "delivered":
        return ""
    last = attempts[-1]
    return f"{last.status or ''} {last.answer}".strip()


def messages(*, portfolio_id: int | None, wall: datetime) -> Messages:
    platforms = Platform.objects.filter(portfolio_id=portfolio_id).order_by("code")
    inbox = _first_waiting(InboundMessage.objects.filter(platform__portfolio_id=portfolio_id))[:ROWS]
    outbox = _first_waiting(OutboundMessage.objects.filter(platform__portfolio_id=portfolio_id)).prefetch_related("delivery_attempts")[
        :ROWS
    ]
    again, retry = INBOUND.sources("received"), OUTBOUND.sources("pending")
    paused = {row.pk for row in platforms if row.paused_until is not None and row.paused_until > wall}
    return Messages(
        platforms=[Account(row, row.pk in paused, bool(row.stopped_reason) or row.pk in paused) for row in platforms],
        inbox=[Received(row, row.state in again and row.type in settings.MESSAGE_ROUTES) for row in inbox],
        outbox=[Sent(row, _answer(row), row.state in retry and row.state == "dead") for row in outbox],
    )
