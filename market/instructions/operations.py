"""An order arrives, is checked against its award, carried out, answered and completed."""

from datetime import datetime
from typing import Any

import numpy as np
from django.db import transaction

from aggregator.assets.operations import write_commitment
from aggregator.assets.queries import members_on
from aggregator.dispatch.domain import Target
from aggregator.dispatch.models import DispatchPlan
from aggregator.dispatch.operations import dispatch
from aggregator.forecasts.operations import forecast_availability
from aggregator.kernel.errors import Anticipated, NotFound
from aggregator.kernel.periods import day_of
from aggregator.support import jobs
from aggregator.support.alarms import raise_alarm
from aggregator.support.arrays import pack_f4, unpack_f4
from aggregator.support.transitions import compare_and_set
from market.bids.operations import PlanningDay, day_ahead_value, planning_day, planning_prices
from market.bids.queries import AwardFacts, award_of_reference
from market.instructions.domain import InstructionMessage, instruction_problem, rest_of_day, target_kw
from market.instructions.models import INSTRUCTION, DispatchInstruction
from market.platforms.operations import send_message

EXECUTE_JOB = "market.instructions.execute"
ACKNOWLEDGED = "instruction.acknowledged"


class InstructionRefused(Anticipated):
    code = "instruction.refused"
    text = "The dispatch instruction %(reference)s was refused: %(reason)s."
    status = 409


class InstructionContradicts(Anticipated):
    code = "instruction.contradicts"
    text = "The dispatch instruction %(reference)s came again with other content; the first one stands."
    status = 409


def receive(*, platform_id: int, portfolio_id: int, message: InstructionMessage, received_at: datetime) -> int | None:
    """Take an order in and have it carried out; the same one again changes nothing. Returns its id.

    An order that does not fit its award is refused: kept where it cites an award of this platform, with
    an alarm, and answered. Returns None where there is no award to keep it under.
    Raises InstructionContradicts (with an alarm) where a known order comes with other content.
    """
    known = DispatchInstruction.objects.filter(platform_id=platform_id, reference=message.instruction_id).first()
    if known is not None:
        _same_or_alarm(known, message, received_at)
        return known.pk
    award = award_of_reference(platform_id=platform_id, reference=message.award_id)
    reason = _problem(award, portfolio_id, message, received_at)
    with transaction.atomic():
        row = None if award is None or award.bid.product != "demand_response" else _create(award, platform_id, message, received_at)
        if row is not None and not reason:
            jobs.enqueue(name=EXECUTE_JOB, key=str(row.public_id), payload={"instruction_id": row.pk})
            return row.pk
        if row is not None:
            compare_and_set(row, INSTRUCTION, "refused", state_reason=reason)
        _refuse(platform_id=platform_id, reference=message.instruction_id, reason=reason, at=received_at)
    return row.pk if row else None


def execute(*, instruction_id: int, now: datetime) -> str:
    """Carry an order out: fresh forecast, target = baseline + change, setpoints, answer. Returns its state.

    What cannot be met is told to the platform as planned shortfall. An order that cannot be planned at
    all (stop active, prices or forecast missing, window over) is refused with an alarm. Running twice is
    running once.
    """
    row = DispatchInstruction.objects.select_related("award__bid").filter(pk=instruction_id).first()
    if row is None:
        raise NotFound(what="dispatch instruction")
    if row.state != "received":
        return row.state
    try:
        made = _plan(row, now)
        if made.violations:
            raise InstructionRefused(reference=row.reference, reason="plan_violates_limits")
    except Anticipated as problem:
        reason = problem.fields.get("reason", problem.code)
        with transaction.atomic():
            compare_and_set(row, INSTRUCTION, "refused", state_reason=reason)
            _refuse(platform_id=row.platform_id, reference=row.reference, reason=reason, at=now)
        return row.state
    with transaction.atomic():
        compare_and_set(row, INSTRUCTION, "executing")
        _commit_members(row, now)
        shortfall = unpack_f4(made.shortfall_kw)
        _answer(
            platform_id=row.platform_id,
            reference=row.reference,
            state="executing",
            reason="",
            shortfall_kw=round(float(np.max(shortfall, initial=0.0)), 3),
            now=now,
        )
    return row.state


def complete_due(*, now: datetime) -> int:
    """Orders whose window is over are completed. Returns how many."""
    rows = DispatchInstruction.objects.filter(state="executing", ends_at__lte=now).order_by("ends_at", "reference")
    done = 0
    for row in rows:
        compare_and_set(row, INSTRUCTION, "completed")
        done += 1
    return done


def _same_or_alarm(known: DispatchInstruction, message: InstructionMessage, at: datetime) -> None:
    same = (
        known.starts_at == message.starts_at
        and known.ends_at == message.ends_at
        and known.injection_change_kw == message.injection_change_kw
        and known.award.reference == message.award_id
    )
    if not same:
        key = f"{known.platform_id}/{known.reference}"
        raise_alarm(kind="instruction.contradicts", key=key, severity="critical", at=at, reference=known.reference)
        raise InstructionContradicts(reference=known.reference)


def _problem(award: AwardFacts | None, portfolio_id: int, message: InstructionMessage, received_at: datetime) -> str:
    if award is None or award.bid.portfolio_id != portfolio_id:
        return "unknown_award"
    if award.bid.product != "demand_response":
        return "award_of_another_product"
    return instruction_problem(
        message,
        starts=award.starts,
        awarded_kw=[float(kw) for kw in award.injection_kw],
        resolution=award.bid.resolution,
        received_at=received_at,
    )


def _create(award: AwardFacts, platform_id: int, message: InstructionMessage, received_at: datetime) -> DispatchInstruction:
    return DispatchInstruction.objects.create(
        platform_id=platform_id,
        portfolio_id=award.bid.portfolio_id,
        award_id=award.id,
        reference=message.instruction_id,
        issued_at=received_at,
        received_at=received_at,
        starts_at=message.starts_at,
        ends_at=message.ends_at,
        injection_change_kw=message.injection_change_kw,
        baseline_kw=_window_baseline(award, message),
    )


def _window_baseline(award: AwardFacts, message: InstructionMessage) -> bytes:
    """The bid's baseline over the ordered window; empty where the order lies outside the day."""
    plan = planning_day(portfolio_id=award.bid.portfolio_id, day=award.bid.delivery_day)
    return pack_f4(award.bid.baseline_kw[plan.grid.window(message.starts_at, message.ends_at)])


def _plan(row: DispatchInstruction, now: datetime) -> DispatchPlan:
    """Setpoints for the target, from a forecast that is issued now. The day keeps its published prices."""
    plan = planning_day(portfolio_id=row.portfolio_id, day=row.award.bid.delivery_day)
    if now >= row.ends_at:
        raise InstructionRefused(reference=row.reference, reason="window_over")
    prices = planning_prices(plan, value_cny_per_mwh=day_ahead_value(plan, now=now))
    rest = rest_of_day(day=plan.grid, now=now)
    run = forecast_availability(portfolio_id=row.portfolio_id, issued_at=now, grid=rest)
    return dispatch(
        portfolio_id=row.portfolio_id,
        grid=plan.grid,
        target=_target(row, plan),
        run_id=run.pk,
        injection_value_cny_per_kwh=prices.injection_value_cny_per_kwh,
        import_adder_cny_per_kwh=prices.import_adder_cny_per_kwh,
        demand_price_cny_per_kw=prices.demand_price_cny_per_kw,
        reference=str(row.public_id),
        issued_at=now,
    )


def _target(row: DispatchInstruction, plan: PlanningDay) -> Target:
    values = target_kw(
        grid=plan.grid,
        window=plan.grid.window(row.starts_at, row.ends_at),
        baseline_kw=unpack_f4(row.baseline_kw),
        change_kw=row.injection_change_kw,
    )
    return Target(values, 1 if row.injection_change_kw >= 0 else -1)


def _commit_members(row: DispatchInstruction, now: datetime) -> None:
    """The day is no example any more of what happens without us: baselines leave it out."""
    for member in members_on(portfolio_id=row.portfolio_id, day=day_of(row.starts_at)):
        write_commitment(
            asset_id=member.asset_id,
            kind="event_day",
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            available_at=now,
            reference=f"instruction {row.public_id}",
        )


def _refuse(*, platform_id: int, reference: str, reason: str, at: datetime) -> None:
    raise_alarm(
        kind="instruction.refused", key=f"{platform_id}/{reference}", severity="critical", at=at, reference=reference, reason=reason
    )
    _answer(platform_id=platform_id, reference=reference, state="refused", reason=reason, shortfall_kw=None, now=at)


def _answer(*, platform_id: int, reference: str, state: str, reason: str, shortfall_kw: float | None, now: datetime) -> None:
    data: dict[str, Any] = {"instruction_id": reference, "state": state, "reason": reason, "planned_shortfall_kw": shortfall_kw}
    send_message(platform_id=platform_id, type=ACKNOWLEDGED, reference=reference, data=data, now=now)
