"""Bids: what arrives from the platform, and the steps of the day cycle."""

from datetime import date, datetime
from typing import Any

from aggregator.support.jobs import job_task
from market.bids import operations
from market.bids.domain import AwardMessage, InvitationMessage, ReceiptMessage, parse_message
from market.platforms.operations import routed
from market.platforms.queries import MessageData


@routed("market.bids.record_invitation_message")
def record_invitation_message(message: MessageData, *, now: datetime) -> dict[str, Any]:
    parsed = parse_message(InvitationMessage, message.data, type_=message.type)
    invitation = operations.record_invitation(platform_id=message.platform_id, message=parsed, received_at=message.received_at)
    return {"invitation": invitation}


@routed("market.bids.record_bid_receipt_message")
def record_bid_receipt_message(message: MessageData, *, now: datetime) -> None:
    parsed = parse_message(ReceiptMessage, message.data, type_=message.type)
    operations.record_receipt(
        platform_id=message.platform_id, message=parsed, accepted=message.type == "bid.accepted", received_at=message.received_at
    )


@routed("market.bids.record_award_message")
def record_award_message(message: MessageData, *, now: datetime) -> dict[str, Any]:
    parsed = parse_message(AwardMessage, message.data, type_=message.type)
    award = operations.record_award(platform_id=message.platform_id, message=parsed, received_at=message.received_at)
    return {"award": award}


# Two offers of several solves each, within the time that the policy allows them.
@job_task("market.bids.prepare", leases=5)
def prepare(payload: dict[str, Any], *, now: datetime) -> dict[str, Any]:
    bids = operations.prepare_bids(portfolio_id=payload["portfolio_id"], delivery_day=date.fromisoformat(payload["day"]), now=now)
    return {"bids": bids}


@job_task("market.bids.submit")
def submit(payload: dict[str, Any], *, now: datetime) -> None:
    operations.submit(bid_id=payload["bid_id"], now=now)


@job_task("market.bids.close_gate")
def close_gate(payload: dict[str, Any], *, now: datetime) -> dict[str, Any]:
    return {"missed": operations.miss_unsent(portfolio_id=payload["portfolio_id"], now=now)}


@job_task("market.bids.replan")
def replan(payload: dict[str, Any], *, now: datetime) -> dict[str, Any]:
    plan = operations.replan_day(portfolio_id=payload["portfolio_id"], now=now)
    return {"plan": None if plan is None else str(plan.public_id)}


@job_task("market.bids.schedule")
def schedule(payload: dict[str, Any], *, now: datetime) -> dict[str, Any]:
    plan = operations.schedule_day(portfolio_id=payload["portfolio_id"], delivery_day=date.fromisoformat(payload["day"]), now=now)
    return {"plan": plan}
