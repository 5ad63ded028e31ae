"""The audit chain: append, and verify that nobody edited it or cut off its end."""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction

from aggregator.kernel.errors import Anticipated
from aggregator.kernel.fingerprint import fingerprint
from aggregator.kernel.periods import as_utc
from aggregator.support.models import AuditEvent, AuditHead

GENESIS = "0" * 64
ATTEMPTS = 20


class ReasonMissing(Anticipated):
    code = "audit.reason_missing"
    text = "Anything that moves power or money by hand needs a reason: choose one and type a sentence."
    status = 422


def _number(text: str) -> dict[str, Decimal]:
    value = Decimal(text)
    return {"number": value or Decimal(0)}


def _plain(data: dict[str, Any]) -> Any:
    """Data in a form that survives the database: PostgreSQL writes 1e22 and -0.0 in its own way."""
    return json.loads(json.dumps(data, allow_nan=False), parse_float=_number, parse_int=_number)


def _digest(event: AuditEvent) -> str:
    return fingerprint(
        [
            event.sequence,
            as_utc(event.at),
            event.actor,
            event.action,
            event.subject,
            event.reason_code,
            event.reason_text,
            _plain(event.data),
            event.previous_hash,
        ]
    )


def record(
    *, at: datetime, actor: str, action: str, subject: str, reason_code: str, reason_text: str = "", data: dict[str, Any] | None = None
) -> AuditEvent:
    """Append one event. Raises ReasonMissing without a reason code."""
    if not reason_code.strip():
        raise ReasonMissing()
    for _ in range(ATTEMPTS):
        last = _last()
        event = AuditEvent(
            sequence=last.sequence + 1,
            at=at,
            actor=actor,
            action=action,
            subject=subject,
            reason_code=reason_code,
            reason_text=reason_text,
            data=data or {},
            previous_hash=last.hash,
        )
        event.hash = _digest(event)
        try:
            with transaction.atomic():
                event.save(force_insert=True)
                _move_head(event)
        except IntegrityError:
            continue  # another writer took this place in the chain
        return event
    raise RuntimeError("the audit chain is contended; nothing was recorded, so nothing may be done")


def _last() -> AuditHead:
    """Where the chain ends: its newest event, or the head where somebody cut events off: the gap then stays for ever."""
    newest = AuditEvent.objects.order_by("-sequence").first()
    found = AuditHead(sequence=newest.sequence, hash=newest.hash) if newest else AuditHead(sequence=0, hash=GENESIS)
    head = AuditHead.objects.first()
    return head if head is not None and head.sequence > found.sequence else found


def _move_head(event: AuditEvent) -> None:
    """A head that is missing beside older events, or lags behind, was tampered with: it is left so, to be seen."""
    if event.sequence == 1:
        AuditHead.objects.create(pk=1, sequence=1, hash=event.hash)
    else:
        AuditHead.objects.filter(sequence=event.sequence - 1).update(sequence=event.sequence, hash=event.hash)


def first_broken() -> int | None:
    """Sequence of the first event that does not fit the chain or is missing from it, or None.

    The chain shows an edited event and a gap; the head shows what is missing at its end.
    """
    previous, expected = GENESIS, 1
    for event in AuditEvent.objects.order_by("sequence").iterator():
        if event.sequence != expected or event.previous_hash != previous or event.hash != _digest(event):
            return event.sequence
        previous, expected = event.hash, expected + 1
    head = AuditHead.objects.first()
    told = (head.sequence, head.hash) if head is not None else (0, GENESIS)
    return None if told == (expected - 1, previous) else expected
