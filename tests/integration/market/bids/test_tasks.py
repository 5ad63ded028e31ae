"""The whole evening through the tasks: messages in as jobs, messages out as rows, everything twice."""

import json

import pytest
from celery import current_app

from aggregator.forecasts.operations import forecast_availability
from aggregator.support import clock
from aggregator.support.models import Job
from market.bids.models import Award, Bid, Nomination
from market.bids.queries import steps_of
from market.instructions.models import DispatchInstruction
from market.platforms.models import InboundMessage, OutboundMessage
from tests.integration.market.world import DAY, GRID, at, eve, make_world, publish_prices

pytestmark = pytest.mark.django_db
PAYLOAD = {"day": DAY.isoformat()}


def arrive(world, type_, data, received_at, number):
    """A verified message as the inbox keeps it."""
    body = json.dumps({"type": type_, "timestamp": received_at.isoformat(), "data": data}).encode()
    row = InboundMessage.objects.create(
        platform_id=world.platform_id, message_id=f"msg_{number}", type=type_, body=body, body_sha256="0" * 64, received_at=received_at
    )
    return {"message_id": row.pk}


def work(name, payload, now):
    """One job, run as a worker runs it, and rung a second time."""
    clock.set_replay(now)
    job = Job.objects.create(name=name, key=f"test {Job.objects.count()}", payload=payload, due_at=now, ring_at=now)
    for _ in range(2):
        current_app.tasks[name](job.pk)
    job.refresh_from_db()
    assert job.state == "done", job.error
    return job.result


def test_an_evening_and_an_afternoon():
    world = make_world()
    forecast_availability(portfolio_id=world.portfolio_id, issued_at=eve("10:00"), grid=GRID)
    invitation = {
        "reference": "DR-1",
        "delivery_day": DAY.isoformat(),
        "direction": "shave",
        "starts_at": at("18:00").isoformat(),
        "ends_at": at("19:00").isoformat(),
        "max_kw": 2000,
        "price_cap_cny_per_mwh": "2800.0000",
        "reply_by": eve("11:00").isoformat(),
    }
    message = arrive(world, "invitation.published", invitation, eve("09:30"), 1)
    work("market.bids.record_invitation_message", message, eve("09:30"))
    payload = PAYLOAD | {"portfolio_id": world.portfolio_id}
    assert len(work("market.bids.prepare", payload, eve("10:15"))["bids"]) == 2
    for job in Job.objects.filter(name="market.bids.submit"):
        work("market.bids.submit", job.payload, eve("10:16"))
    sent = [json.loads(bytes(row.body))["data"] for row in OutboundMessage.objects.filter(type="bid.submitted")]
    assert {data["product"]: data["invitation"] for data in sent} == {"spot": None, "demand_response": "DR-1"}

    number = 10
    for bid in Bid.objects.order_by("product"):
        number += 2
        accepted = arrive(world, "bid.accepted", {"bid_id": str(bid.public_id), "reason": None}, eve("10:20"), number)
        work("market.bids.record_bid_receipt_message", accepted, eve("10:20"))
        steps = steps_of(bid_id=bid.pk)
        periods = [
            {"starts_at": start.isoformat(), "injection_kw": float(offered[-1].injection_kw), "price_cny_per_mwh": "1400.0000"}
            for start, offered in steps.items()
        ]
        award = {"award_id": f"A-{bid.product}", "bid_id": str(bid.public_id), "product": bid.product, **PAYLOAD, "periods": periods}
        award["delivery_day"] = award.pop("day")
        message = arrive(world, "award.published", award, eve("17:30"), number + 1)
        work("market.bids.record_award_message", message, eve("17:30"))
    assert Award.objects.count() == 2

    publish_prices(world.park_id, DAY, available_at=eve("17:30"))
    work("market.bids.schedule", payload, eve("18:00"))
    assert Nomination.objects.count() == 1

    change = float(steps_of(bid_id=Bid.objects.get(product="demand_response").pk)[at("18:00")][0].injection_kw)
    order = {
        "instruction_id": "I-1",
        "award_id": "A-demand_response",
        "starts_at": at("18:00").isoformat(),
        "ends_at": at("19:00").isoformat(),
        "injection_change_kw": change,
    }
    message = arrive(world, "instruction.issued", order, at("17:30"), 90)
    work("market.instructions.receive_message", message, at("17:30"))
    executing = Job.objects.get(name="market.instructions.execute")
    assert work("market.instructions.execute", executing.payload, at("17:30"))["state"] == "executing"
    assert work("market.instructions.complete", {}, at("19:00"))["completed"] == 1
    assert DispatchInstruction.objects.get().state == "completed"
    (answer,) = [json.loads(bytes(row.body))["data"] for row in OutboundMessage.objects.filter(type="instruction.acknowledged")]
    # What was promised with a margin can be planned in full the day after.
    assert answer == {"instruction_id": "I-1", "state": "executing", "reason": "", "planned_shortfall_kw": 0.0}
