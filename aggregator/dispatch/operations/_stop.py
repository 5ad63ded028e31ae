"""The global stop: every asset to its fallback, at once, by a person who says why."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db import transaction

from aggregator.assets import queries as assets
from aggregator.assets.domain import kind_of
from aggregator.assets.models import Portfolio
from aggregator.dispatch import queries
from aggregator.dispatch.models import DispatchPlan, GlobalStop, Setpoint
from aggregator.dispatch.operations._store import ACKNOWLEDGE_WITHIN, next_sequence
from aggregator.gateways import queries as gateways
from aggregator.kernel.errors import Anticipated
from aggregator.kernel.fingerprint import fingerprint
from aggregator.kernel.periods import day_of
from aggregator.support import audit
from aggregator.support.alarms import clear_alarm, raise_alarm
from aggregator.support.arrays import pack_f4
from aggregator.support.jobs import enqueue

HOLDS = timedelta(hours=24)


class NoStopActive(Anticipated):
    code = "dispatch.no_stop_active"
    text = "No global stop is active."
    status = 409


@transaction.atomic
def activate_stop(*, portfolio_id: int, user: Any, reason_code: str, reason_text: str, now: datetime) -> GlobalStop:
    """Send every asset to its fallback and plan nothing more. An active stop is returned as it is.

    Raises ReasonMissing.
    """
    if not reason_code.strip() or not reason_text.strip():
        raise audit.ReasonMissing()
    portfolio = Portfolio.objects.select_for_update().get(pk=portfolio_id)
    active = GlobalStop.objects.filter(portfolio=portfolio, released_at=None).first()
    if active is not None:
        return active
    stop = GlobalStop.objects.create(
        portfolio=portfolio, activated_at=now, activated_by=user, reason_code=reason_code, reason_text=reason_text
    )
    audit.record(
        at=now,
        actor=user.get_username(),
        action="dispatch.stop",
        subject=f"portfolio {portfolio.public_id}",
        reason_code=reason_code,
        reason_text=reason_text,
        data={"stop": str(stop.public_id)},
    )
    plan = _stop_plan(portfolio_id, stop, now)
    raise_alarm(kind="portfolio.stopped", key=str(stop.public_id), severity="critical", at=now, portfolio=portfolio.code)
    enqueue(name="aggregator.dispatch.send", key=str(plan.public_id), payload={"plan_id": plan.pk})
    return stop


def _stop_plan(portfolio_id: int, stop: GlobalStop, now: datetime) -> DispatchPlan:
    members = assets.members_on(portfolio_id=portfolio_id, day=day_of(now))
    channels = gateways.channels(asset_ids=[member.asset_id for member in members])
    older = Setpoint.objects.filter(plan__portfolio_id=portfolio_id, state__in=queries.OPEN, ends_at__gt=now)
    last = older.order_by("-ends_at").values_list("ends_at", flat=True).first()
    ends_at = max(now + HOLDS, last or now)
    older.filter(starts_at__lt=now).update(ends_at=now)
    older.filter(starts_at__gte=now).update(state="superseded")
    plan = DispatchPlan.objects.create(
        portfolio_id=portfolio_id,
        purpose="stop",
        reference=f"stop {stop.public_id}",
        sequence=next_sequence(portfolio_id),
        issued_at=now,
        starts_at=now,
        resolution_s=int((ends_at - now).total_seconds()),
        n_periods=1,
        planned_kw=pack_f4(np.array([np.nan])),  # nobody planned what the park does on its own
        solver_status="none",
        inputs_hash=fingerprint(["stop", str(stop.public_id)]),
    )
    rows = []
    for member in members:
        if member.asset_id not in channels:
            continue
        kind = kind_of(member.kind)
        fallback_kw = kind.physics.fallback(member.spec).value_kw
        rows.append(
            Setpoint(
                plan=plan,
                asset_id=member.asset_id,
                kind=kind.setpoint_kind,
                starts_at=now,
                ends_at=ends_at,
                value_kw=fallback_kw,
                planned_kw=None,
                fallback_kw=fallback_kw,
                reason="stopped",
                acknowledge_by=now + ACKNOWLEDGE_WITHIN["stop"],
            )
        )
    Setpoint.objects.bulk_create(rows)
    return plan


@transaction.atomic
def release_stop(*, portfolio_id: int, user: Any, reason_code: str, reason_text: str, now: datetime) -> GlobalStop:
    """Allow planning again. Assets stay at their fallback until the next plan. Raises NoStopActive, ReasonMissing."""
    if not reason_code.strip() or not reason_text.strip():
        raise audit.ReasonMissing()
    portfolio = Portfolio.objects.select_for_update().get(pk=portfolio_id)
    stop = GlobalStop.objects.filter(portfolio=portfolio, released_at=None).first()
    if stop is None:
        raise NoStopActive()
    stop.released_at, stop.released_by = now, user
    stop.save(update_fields=["released_at", "released_by"])
    # The stop's setpoints end here; their gateways hold the fallback until they hear more.
    stopped = Setpoint.objects.filter(plan__portfolio_id=portfolio_id, plan__purpose="stop", ends_at__gt=now, starts_at__lt=now)
    stopped.update(ends_at=now)
    audit.record(
        at=now,
        actor=user.get_username(),
        action="dispatch.release_stop",
        subject=f"portfolio {portfolio.public_id}",
        reason_code=reason_code,
        reason_text=reason_text,
        data={"stop": str(stop.public_id)},
    )
    clear_alarm(kind="portfolio.stopped", key=str(stop.public_id), at=now)
    return stop
