"""What the platform answers: receipts and awards, believed only where they cite our own conversation."""

from collections.abc import Sequence
from datetime import UTC, datetime

from django.db import transaction

from aggregator.kernel.errors import Anticipated
from aggregator.support.alarms import raise_alarm
from aggregator.support.transitions import compare_and_set
from market.bids.domain import AwardMessage, ReceiptMessage, award_problem
from market.bids.models import BID, Award, AwardPeriod, Bid
from market.bids.operations._held import keep_free
from market.bids.queries import steps_of

STANDING = ("submitted", "accepted")


class ReceiptRefused(Anticipated):
    code = "bid.receipt_refused"
    text = "The receipt cites bid %(bid_id)s, which this platform was not sent."
    status = 409


class AwardRefused(Anticipated):
    code = "award.refused"
    text = "The award %(reference)s was refused: %(reason)s."
    status = 409


def record_receipt(*, platform_id: int, message: ReceiptMessage, accepted: bool, received_at: datetime) -> None:
    """The platform took the bid in, or not; saying it again changes nothing.

    Raises ReceiptRefused (with an alarm) for a bid of another conversation, TransitionRefused where
    the receipt contradicts what the platform said before.
    """
    row = Bid.objects.filter(public_id=message.bid_id, platform_id=platform_id).exclude(state__in=("draft", "approved")).first()
    if row is None:
        raise_alarm(
            kind="bid.receipt_refused",
            key=f"{platform_id}/{message.bid_id}",
            severity="warning",
            at=received_at,
            bid_id=str(message.bid_id),
        )
        raise ReceiptRefused(bid_id=str(message.bid_id))
    if (accepted and row.state in ("accepted", "awarded", "unawarded")) or (not accepted and row.state == "rejected"):
        return
    reason = (message.reason or "")[:200]
    with transaction.atomic():
        compare_and_set(row, BID, "accepted" if accepted else "rejected", state_reason=reason)
        if not accepted:
            key = f"{row.portfolio_id}/{row.delivery_day}/{row.product}"
            raise_alarm(kind="bid.rejected", key=key, severity="critical", at=received_at, product=row.product, reason=reason)


def record_award(*, platform_id: int, message: AwardMessage, received_at: datetime) -> int | None:
    """Write down the award; the same one again changes nothing. Returns its id, None where nothing was accepted.

    Raises AwardRefused (with an alarm) where it cites a bid that this platform was not sent, or
    accepts what was not offered.
    """
    row = Bid.objects.filter(public_id=message.bid_id, platform_id=platform_id).first()
    reason = _problem(row, message, platform_id)
    if reason:
        key = f"{platform_id}/{message.award_id}/{reason}"
        raise_alarm(kind="award.refused", key=key, severity="critical", at=received_at, reference=message.award_id, reason=reason)
        raise AwardRefused(reference=message.award_id, reason=reason)
    if row.state == "unawarded":
        return None
    known = Award.objects.filter(bid=row).first()
    if known is not None:
        return known.pk
    with transaction.atomic():
        if row.state == "submitted":
            compare_and_set(row, BID, "accepted")  # an award is a receipt as well
        if not message.periods:
            compare_and_set(row, BID, "unawarded")
            return None
        compare_and_set(row, BID, "awarded")
        award = Award.objects.create(bid=row, platform_id=platform_id, reference=message.award_id, available_at=received_at)
        AwardPeriod.objects.bulk_create(AwardPeriod(award=award, **values) for values in _periods(message))
        keep_free(row, award)
        return award.pk


def _problem(row: Bid | None, message: AwardMessage, platform_id: int) -> str:
    """Why the award cannot be ours, as a code; "" where it is (or is known already)."""
    if row is None:
        return "unknown_bid"
    if row.product != message.product or row.delivery_day != message.delivery_day:
        return "other_product_or_day"
    known = Award.objects.filter(bid=row).first()
    if known is not None:
        return "" if known.reference == message.award_id and _same(known, message) else "contradicts_award"
    if row.state == "unawarded":
        return "" if not message.periods else "contradicts_award"
    if row.state not in STANDING:
        return "bid_not_standing"
    if Award.objects.filter(platform_id=platform_id, reference=message.award_id).exists():
        return "reference_of_another_bid"
    return award_problem(offered=steps_of(bid_id=row.pk), periods=message.periods, product=row.product)


def _periods(message: AwardMessage) -> Sequence[dict]:
    ordered = sorted(message.periods, key=lambda period: period.starts_at)
    return [
        {
            "starts_at": period.starts_at.astimezone(UTC),
            "injection_kw": period.injection_kw,
            "price_cny_per_mwh": period.price_cny_per_mwh,
        }
        for period in ordered
    ]


def _same(award: Award, message: AwardMessage) -> bool:
    known = list(award.periods.order_by("starts_at").values("starts_at", "injection_kw", "price_cny_per_mwh"))
    return known == _periods(message)
