"""Plans to gateways: one signed message each, the same bytes at every attempt; and the answers."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson
from django.db import transaction
from django.db.models import F

from aggregator.dispatch import queries
from aggregator.dispatch.models import DELIVERY, SETPOINT, Acknowledgement, DispatchPlan, Setpoint, SetpointDelivery
from aggregator.gateways import client
from aggregator.gateways import queries as gateways
from aggregator.gateways.domain import GatewayFacts
from aggregator.kernel.errors import NotFound
from aggregator.kernel.lifecycle import TransitionRefused
from aggregator.support.alarms import raise_alarm
from aggregator.support.transitions import compare_and_set

MAX_ATTEMPTS = 4
CLAIMS = ("accepted", "rejected")


@dataclass(frozen=True)
class SendReport:
    """Counts of deliveries; `waiting` > 0 = try again."""

    delivered: int
    failed: int
    waiting: int
    withheld: str = ""


@dataclass(frozen=True)
class Claim:
    """One item of an acknowledgement message."""

    setpoint_id: UUID
    state: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class AcknowledgeReport:
    recorded: int
    duplicates: int
    unknown: tuple[UUID, ...]


def send(*, plan_id: int, wall: datetime, now: datetime) -> SendReport:
    """Send what is not delivered yet. `wall` signs, `now` (business time) decides what is too late.

    A plan with violations, or any but the stop itself while a stop is active, is withheld. Raises NotFound.
    """
    plan = DispatchPlan.objects.filter(pk=plan_id).first()
    if plan is None:
        raise NotFound(what="plan")
    if plan.violations:
        return SendReport(0, 0, 0, "violations")
    if plan.purpose != "stop" and queries.active_stop(portfolio_id=plan.portfolio_id) is not None:
        return SendReport(0, 0, 0, "stop_active")
    facts = _prepare(plan, now)
    for delivery in plan.deliveries.filter(state="pending").order_by("gateway__code", "pk"):
        _attempt(plan, delivery, facts[delivery.gateway_id], wall, now)
    states = list(plan.deliveries.values_list("state", flat=True))
    return SendReport(states.count("delivered"), states.count("failed"), states.count("pending"))


def _prepare(plan: DispatchPlan, now: datetime) -> dict[int, GatewayFacts]:
    """One delivery per gateway, its bytes written once. Returns the gateways by id."""
    channels = gateways.channels(asset_ids=list(plan.setpoints.values_list("asset_id", flat=True).distinct()))
    by_gateway = {facts.id: facts for facts in channels.values()}
    known = set(plan.deliveries.values_list("gateway_id", flat=True))
    missing = [facts for facts in by_gateway.values() if facts.id not in known]
    if missing:
        rows = list(plan.setpoints.filter(state="planned").select_related("asset").order_by("starts_at", "asset__code", "pk"))
        for facts in sorted(missing, key=lambda gateway: (gateway.enterprise_code, gateway.code)):
            mine = [row for row in rows if row.asset_id in channels and channels[row.asset_id].id == facts.id]
            if mine:
                _write_delivery(plan, facts, mine, now)
    for delivery in plan.deliveries.filter(state="pending"):
        if delivery.gateway_id not in by_gateway:
            by_gateway[delivery.gateway_id] = gateways.gateway(gateway_id=delivery.gateway_id)
    return by_gateway


def _write_delivery(plan: DispatchPlan, facts: GatewayFacts, rows: Sequence[Setpoint], now: datetime) -> None:
    body = {
        "type": "setpoints.issued",
        "timestamp": now.isoformat(),
        "data": {
            "plan_id": str(plan.public_id),
            "sequence": plan.sequence,
            "setpoints": [
                {
                    "setpoint_id": str(row.public_id),
                    "asset": str(row.asset.public_id),
                    "kind": row.kind,
                    "value_kw": row.value_kw,
                    "valid_from": row.starts_at.isoformat(),
                    "valid_until": row.ends_at.isoformat(),
                    "fallback_kw": row.fallback_kw,
                }
                for row in rows
            ],
            "acknowledge_by": rows[0].acknowledge_by.isoformat(),
        },
    }
    SetpointDelivery.objects.get_or_create(
        plan=plan,
        gateway_id=facts.id,
        defaults={
            "message_id": f"sp_{plan.public_id.hex}_{facts.public_id.hex}",
            "body": orjson.dumps(body),
            "expires_at": rows[0].acknowledge_by,
        },
    )


def _attempt(plan: DispatchPlan, delivery: SetpointDelivery, facts: GatewayFacts, wall: datetime, now: datetime) -> None:
    if now >= delivery.expires_at:
        _give_up(plan, delivery, facts, now, delivery.last_status or "too late")
        return
    # Said before the call: the gateway may acknowledge before the call returns.
    mine = [UUID(row["setpoint_id"]) for row in orjson.loads(bytes(delivery.body))["data"]["setpoints"]]
    Setpoint.objects.filter(plan=plan, public_id__in=mine, state="planned").update(state="sent")
    sent = client.send_setpoints(gateway=facts, message_id=delivery.message_id, body=bytes(delivery.body), wall=wall)
    SetpointDelivery.objects.filter(pk=delivery.pk).update(
        attempts=F("attempts") + 1, last_status=f"{sent.status or ''} {sent.text}".strip()[:200]
    )
    delivery.refresh_from_db()
    if sent.ok:
        _settle(delivery, "delivered")
    elif delivery.attempts >= MAX_ATTEMPTS:
        _give_up(plan, delivery, facts, now, delivery.last_status)


def _settle(delivery: SetpointDelivery, state: str) -> None:
    with contextlib.suppress(TransitionRefused):  # another run of the same job settled it
        compare_and_set(delivery, DELIVERY, state)


def _give_up(plan: DispatchPlan, delivery: SetpointDelivery, facts: GatewayFacts, now: datetime, why: str) -> None:
    _settle(delivery, "failed")
    mine = [UUID(row["setpoint_id"]) for row in orjson.loads(bytes(delivery.body))["data"]["setpoints"]]
    waiting = Setpoint.objects.filter(plan=plan, public_id__in=mine, state__in=("planned", "sent"))
    waiting.update(state="expired", outcome="unverified", checked_at=now)
    gateway_unreachable(plan=plan, facts=facts, now=now, why=why)


def gateway_unreachable(*, plan: DispatchPlan, facts: GatewayFacts, now: datetime, why: str) -> None:
    raise_alarm(
        kind="gateway.unreachable",
        key=f"{facts.public_id}:{plan.public_id}",
        severity="critical",
        at=now,
        enterprise_code=facts.enterprise_code,
        gateway=facts.code,
        plan=str(plan.public_id),
        reason=why,
    )


@transaction.atomic
def acknowledge(*, gateway: GatewayFacts, items: Sequence[Claim], received_at: datetime) -> AcknowledgeReport:
    """Record what the gateway claims about setpoints of its own assets. A claim is never evidence.

    Saying it twice changes nothing; a claim for an expired or superseded setpoint is kept, without effect.
    """
    rows = {
        row.public_id: row
        for row in Setpoint.objects.filter(public_id__in=[item.setpoint_id for item in items], asset__channel__gateway_id=gateway.id)
    }
    unknown = tuple(item.setpoint_id for item in items if item.setpoint_id not in rows)
    known = set(Acknowledgement.objects.filter(setpoint__in=[row.pk for row in rows.values()]).values_list("setpoint_id", "state"))
    fresh: dict[tuple[int, str], Acknowledgement] = {}
    for item in items:
        row = rows.get(item.setpoint_id)
        place = None if row is None else (row.pk, item.state)
        if place is not None and place not in known and place not in fresh:
            fresh[place] = Acknowledgement(setpoint=row, state=item.state, reason=item.reason[:200], at=item.at, received_at=received_at)
    Acknowledgement.objects.bulk_create(fresh.values(), batch_size=1000, ignore_conflicts=True)
    for state in CLAIMS:
        mine = [pk for pk, claimed in fresh if claimed == state]
        # Compare and set: what expired or was superseded meanwhile stays so.
        Setpoint.objects.filter(pk__in=mine, state__in=SETPOINT.sources(state)).update(state=state)
    return AcknowledgeReport(len(fresh), len(items) - len(unknown) - len(fresh), unknown)
