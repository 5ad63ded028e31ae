"""From draft to submitted: approval with a reason, and sending before the gate closes."""

from datetime import datetime
from typing import Any

from django.db import transaction

from aggregator.kernel.errors import Anticipated, NotFound
from aggregator.support import audit, jobs
from aggregator.support.alarms import raise_alarm
from aggregator.support.transitions import compare_and_set
from market.bids.models import BID, Bid, BidStep
from market.platforms.operations import send_message

SUBMIT_JOB = "market.bids.submit"


class UnableToSubmitBid(Anticipated):
    code = "bid.after_gate_closure"
    text = "The bid for %(product)s on %(day)s was not sent: the gate closed at %(gate)s."
    status = 409


class BidNotApproved(Anticipated):
    code = "bid.not_approved"
    text = "The bid for %(product)s on %(day)s is a draft: somebody has to approve it first."
    status = 409


def approve(*, bid_id: int, user: Any, reason_code: str, reason_text: str, now: datetime) -> None:
    """A person releases a draft; it is sent at once.

    Raises ReasonMissing, UnableToSubmitBid after the gate, TransitionRefused where it is no draft any more.
    """
    row = _row(bid_id)
    if now >= row.gate_closes_at:
        raise _after_gate(row)
    with transaction.atomic():
        compare_and_set(row, BID, "approved", approved_by=user, state_reason=reason_code)
        _record(row, "bid.approve", user, reason_code, reason_text, now)
        enqueue_submission(row)


def withdraw(*, bid_id: int, user: Any, reason_code: str, reason_text: str, now: datetime) -> None:
    """A person takes back a bid that has not been sent. Raises ReasonMissing, TransitionRefused."""
    row = _row(bid_id)
    with transaction.atomic():
        compare_and_set(row, BID, "withdrawn", state_reason=reason_code)
        _record(row, "bid.withdraw", user, reason_code, reason_text, now)


def enqueue_submission(row: Bid) -> None:
    """Intend to send the bid; once per bid, whoever asks."""
    jobs.enqueue(name=SUBMIT_JOB, key=str(row.public_id), payload={"bid_id": row.pk})


def submit(*, bid_id: int, now: datetime) -> None:
    """Send an approved bid, only before its gate closes. A bid that was sent already is left alone.

    Raises BidNotApproved, and UnableToSubmitBid after the gate: the bid is then missed, with an alarm.
    """
    row = _row(bid_id)
    if row.state not in ("draft", "approved"):
        return
    if now >= row.gate_closes_at:
        _miss(row, now)
        raise _after_gate(row)
    if row.state == "draft":
        raise BidNotApproved(product=row.product, day=row.delivery_day.isoformat())
    with transaction.atomic():
        compare_and_set(row, BID, "submitted")
        send_message(
            platform_id=row.platform_id,
            type="bid.submitted",
            reference=str(row.public_id),
            data=_message(row),
            expires_at=row.gate_closes_at,
            now=now,
        )


def miss_unsent(*, portfolio_id: int, now: datetime) -> int:
    """Every bid that is still with us though its gate closed is missed, with an alarm. Returns how many."""
    rows = Bid.objects.filter(portfolio_id=portfolio_id, state__in=("draft", "approved"), gate_closes_at__lte=now)
    missed = list(rows.order_by("delivery_day", "product"))
    for row in missed:
        _miss(row, now)
    return len(missed)


def _miss(row: Bid, now: datetime) -> None:
    with transaction.atomic():
        compare_and_set(row, BID, "missed", state_reason=UnableToSubmitBid.code)
        alarm_missed(portfolio_id=row.portfolio_id, day=row.delivery_day.isoformat(), product=row.product, at=now)


def alarm_missed(*, portfolio_id: int, day: str, product: str, at: datetime) -> None:
    """One alarm per portfolio, day and product that went without a bid."""
    raise_alarm(kind="bid.missed", key=f"{portfolio_id}/{day}/{product}", severity="critical", at=at, day=day, product=product)


def _row(bid_id: int) -> Bid:
    row = Bid.objects.select_related("invitation").filter(pk=bid_id).first()
    if row is None:
        raise NotFound(what="bid")
    return row


def _record(row: Bid, action: str, user: Any, reason_code: str, reason_text: str, now: datetime) -> None:
    audit.record(
        at=now,
        actor=user.get_username(),
        action=action,
        subject=f"bid {row.public_id}",
        reason_code=reason_code,
        reason_text=reason_text,
        data={"product": row.product, "delivery_day": row.delivery_day.isoformat()},
    )


def _after_gate(row: Bid) -> UnableToSubmitBid:
    return UnableToSubmitBid(product=row.product, day=row.delivery_day.isoformat(), gate=row.gate_closes_at.isoformat())


def _message(row: Bid) -> dict[str, Any]:
    """The body's data, docs/architecture.md section 7."""
    return {
        "bid_id": str(row.public_id),
        "product": row.product,
        "delivery_day": row.delivery_day.isoformat(),
        "resolution_s": row.resolution_s,
        "invitation": row.invitation.reference if row.invitation else None,
        "steps": [
            {
                "starts_at": step.starts_at.isoformat(),
                "number": step.number,
                "price_cny_per_mwh": str(step.price_cny_per_mwh),
                "injection_kw": float(step.injection_kw),
            }
            for step in BidStep.objects.filter(bid=row).order_by("starts_at", "number")
        ],
    }
