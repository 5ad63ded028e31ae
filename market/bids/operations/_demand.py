"""Our answer to an invitation: what can be held honestly, at what price, and the bid that says so."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from aggregator.dispatch.domain import FirmBlock
from aggregator.dispatch.operations import Gathered
from aggregator.forecasts.queries import RunFacts, envelopes, quantiles
from aggregator.metering.domain import BaselineUnavailable
from aggregator.metering.queries import portfolio_baseline
from aggregator.support.alarms import raise_alarm
from aggregator.support.arrays import pack_f4
from market.bids.domain import (
    BidPolicy,
    Capability,
    DemandResponseAsk,
    FirmOffer,
    Promise,
    Step,
    bound_rows,
    demand_response_offer,
    explain_firm,
    margin_kw,
)
from market.bids.operations._capability import alarm_missing
from market.bids.operations._planning import PlanningDay
from market.bids.queries import InvitationFacts, open_invitation
from market.rules.domain import baseline_method, figure


@dataclass(frozen=True)
class Demand:
    """An invitation that is answered. `adjustment`: what was done to the baseline, one code for all sites."""

    invitation: InvitationFacts
    offer: FirmOffer
    promise: Promise
    baseline_kw: np.ndarray
    adjustment: str
    capability: Capability

    @property
    def block(self) -> FirmBlock:
        return self.promise.block


def demand_of(
    plan: PlanningDay, run: RunFacts, gathered: Gathered, now: datetime, policy: BidPolicy, *, capability: Capability
) -> Demand | None:
    """Our answer to the open invitation; None where there is none, or none that we can keep (said in an alarm)."""
    invitation = open_invitation(portfolio_id=plan.portfolio.id, day=plan.day, known_at=now)
    if invitation is None:
        return None
    if capability.missing(1 if invitation.direction == "shave" else -1):
        alarm_missing(plan, "demand_response", at=now)
        _decline(plan, invitation, "certificate_missing", now)
        return None
    window = plan.grid.window(invitation.starts_at, invitation.ends_at)
    hours = (window.stop - window.start) * plan.grid.hours
    if not 0 < hours <= float(figure(pack=plan.pack, path="demand_response.max_call_hours")):
        _decline(plan, invitation, "window_not_possible", now)
        return None
    try:
        baseline = portfolio_baseline(
            site_ids=[site.site_id for site in plan.sites],
            grid=plan.grid,
            method_params=baseline_method(plan.pack),
            notified_at=None,  # the call comes later, if at all; settlement adjusts then
            known_at=now,
            event_starts_at=invitation.starts_at,
        )
    except BaselineUnavailable as refused:
        _decline(plan, invitation, refused.code, now)
        return None
    baseline_kw = baseline.injection_kwh / plan.grid.hours
    ask = _ask(plan, run, invitation, window, baseline_kw, policy, capability)
    offer = demand_response_offer(gathered.problem, ask, assets=gathered.facts, deadline_s=policy.deadline_s)
    if offer.injection_change_kw == 0:
        _decline(plan, invitation, offer.limit, now)
        return None
    size_kw = abs(float(offer.injection_change_kw))
    price = float(offer.price_cny_per_mwh) / 1000
    block = FirmBlock(window, baseline_kw[window], price, size_kw, size_kw, ask.direction)
    adjustment = sorted(member.adjustment for member in baseline.members.values())[0]
    penalty = float(figure(pack=plan.pack, path="demand_response.deficiency_penalty_factor"))
    promise = Promise(block, shortfall_cny_per_kwh=price * (1 + penalty))  # what is lost, and the penalty
    return Demand(invitation, offer, promise, baseline_kw, adjustment, capability)


def _ask(
    plan: PlanningDay,
    run: RunFacts,
    invitation: InvitationFacts,
    window: slice,
    baseline_kw: np.ndarray,
    policy: BidPolicy,
    capability: Capability,
) -> DemandResponseAsk:
    """What is asked, with the firm envelope and the weather margin in the direction asked for."""
    firm = envelopes(run_id=run.id, level="firm", grid=plan.grid)[None]
    own = quantiles(run_id=run.id, grid=plan.grid)[None]
    up = invitation.direction == "shave"
    sign = 1 if up else -1
    low = own.p10 if up else own.p90
    return DemandResponseAsk(
        window=window,
        direction=sign,
        baseline_kw=baseline_kw[window],
        firm_move_kw=np.maximum(0.0, (firm.up_kw if up else firm.down_kw)[window]),
        margin_kw=margin_kw(expected_kw=sign * own.mean[window], p10_kw=sign * low[window], confidence=policy.confidence),
        max_kw=invitation.max_kw,
        certified_kw=capability.of(sign),
        min_kw=float(figure(pack=plan.pack, path="demand_response.min_kw")),
        price_floor_cny_per_mwh=figure(pack=plan.pack, path="demand_response.price_floor_cny_per_mwh"),
        price_cap_cny_per_mwh=min(invitation.price_cap_cny_per_mwh, figure(pack=plan.pack, path="demand_response.price_cap_cny_per_mwh")),
        price_step_cny_per_mwh=figure(pack=plan.pack, path="demand_response.price_step_cny_per_mwh"),
        quantity_step_kw=figure(pack=plan.pack, path="demand_response.quantity_step_kw"),
        markup_ratio=policy.markup_ratio,
    )


def _decline(plan: PlanningDay, invitation: InvitationFacts, reason: str, now: datetime) -> None:
    raise_alarm(
        kind="bid.invitation_not_answered",
        key=f"{plan.portfolio.id}/{invitation.reference}",
        severity="info",
        at=now,
        reference=invitation.reference,
        reason=reason,
    )


def demand_draft(plan: PlanningDay, demand: Demand) -> tuple[dict[str, Any], dict[datetime, tuple[Step, ...]]]:
    """One step per period of the window. The expected value is the revenue at our own price."""
    window, offer = demand.block.window, demand.offer
    starts = plan.grid.starts[window]
    held_kw = np.full(len(plan.grid), np.nan)
    held_kw[window] = demand.block.baseline_kw + float(offer.injection_change_kw)
    up = offer.injection_change_kw > 0
    declared = {"declared_up_kw": abs(offer.firm_kw) * up, "declared_down_kw": abs(offer.firm_kw) * (not up)}
    energy_mwh = abs(float(offer.injection_change_kw)) / 1000 * plan.grid.hours * len(starts)
    fields = {
        "product": "demand_response",
        "platform_id": demand.invitation.platform_id,
        "invitation_id": demand.invitation.id,
        "gate_closes_at": min(plan.times.gate_closes_at, demand.invitation.reply_by),
        "baseline_kw": pack_f4(demand.baseline_kw),
        "expected_kw": pack_f4(held_kw),
        "explanations": explain_firm(starts, offer, adjustment=demand.adjustment),
        "solver_status": offer.solver_status,
        "capability": bound_rows(demand.capability, **declared),
        "expected_value_cny": float(offer.price_cny_per_mwh) * energy_mwh,
    }
    return fields, {at: (Step(offer.price_cny_per_mwh, offer.injection_change_kw),) for at in starts}
