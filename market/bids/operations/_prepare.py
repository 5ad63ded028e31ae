"""Compute the day's bids: demand response where somebody asks for it, spot around it."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
from django.db import IntegrityError, transaction

from aggregator.dispatch.domain import FirmBlock
from aggregator.dispatch.operations import Gathered, gather
from aggregator.forecasts.queries import RunFacts, envelopes, latest_run, quantiles
from aggregator.kernel.errors import Anticipated
from aggregator.kernel.fingerprint import fingerprint
from aggregator.metering.domain import BaselineUnavailable
from aggregator.metering.queries import portfolio_baseline
from aggregator.support.alarms import raise_alarm
from aggregator.support.arrays import pack_f4
from market.bids.domain import (
    POLICY,
    BidPolicy,
    DemandResponseAsk,
    FirmOffer,
    JointScenarios,
    Promise,
    SpotOffer,
    Step,
    approval_problem,
    demand_response_offer,
    explain_firm,
    explain_spot,
    margin_kw,
    offer_form,
    spot_offer,
)
from market.bids.models import Bid, BidStep
from market.bids.operations._planning import PlanningDay, planning_day, planning_prices
from market.bids.operations._risk import store_risk
from market.bids.operations._scenarios import scenarios_of
from market.bids.operations._send import UnableToSubmitBid, alarm_missed, enqueue_submission
from market.bids.queries import InvitationFacts, bids_on, open_invitation
from market.platforms.models import Platform
from market.rules.domain import baseline_method, figure


class ForecastMissing(Anticipated):
    code = "bid.forecast_missing"
    text = "There is no complete availability forecast for %(day)s; no bid is computed from invented numbers."
    status = 409


class NoPlatform(Anticipated):
    code = "bid.no_platform"
    text = "The portfolio %(portfolio)s has no market platform to bid on."
    status = 409


class PortfolioTooSmall(Anticipated):
    code = "bid.portfolio_too_small"
    text = "The portfolio can move %(movable_kw)s kW; the market takes %(least_kw)s kW or more."
    status = 409


@dataclass(frozen=True)
class _Demand:
    """An invitation that is answered. `adjustment`: what was done to the baseline, one code for all sites."""

    invitation: InvitationFacts
    offer: FirmOffer
    promise: Promise
    baseline_kw: np.ndarray
    adjustment: str

    @property
    def block(self) -> FirmBlock:
        return self.promise.block


def prepare_bids(*, portfolio_id: int, delivery_day: date, now: datetime, policy: BidPolicy = POLICY) -> list[int]:
    """Write the bids of a delivery day, once. Those inside the pack's limits are approved and on their way.

    Raises UnableToSubmitBid after the gate, ForecastMissing, PriceHistoryMissing, NoPlatform,
    PortfolioTooSmall, and what the rules refuse: nothing is bid on invented input.
    """
    known = [bid.id for bid in bids_on(portfolio_id=portfolio_id, day=delivery_day)]
    if known:
        return known
    plan = planning_day(portfolio_id=portfolio_id, day=delivery_day)
    if now >= plan.times.gate_closes_at:
        alarm_missed(portfolio_id=portfolio_id, day=delivery_day.isoformat(), product="spot", at=now)
        raise UnableToSubmitBid(product="spot", day=delivery_day.isoformat(), gate=plan.times.gate_closes_at.isoformat())
    platform = Platform.objects.filter(portfolio_id=portfolio_id, enabled=True).order_by("code").first()
    if platform is None:
        raise NoPlatform(portfolio=plan.portfolio.code)
    run, expected_kw = _forecast(plan, now)
    scenarios = scenarios_of(plan, run, now=now, policy=policy)
    gathered = gather(
        portfolio_id=portfolio_id,
        grid=plan.grid,
        run_id=run.id,
        prices=planning_prices(plan, value_cny_per_mwh=scenarios.expected_cny_per_mwh),
        issued_at=now,
    )
    demand = _demand(plan, run, gathered, now, policy)
    reference_kw = expected_kw.copy()
    if demand is not None:
        reference_kw[demand.block.window] = demand.block.baseline_kw
    offer = spot_offer(
        gathered.problem,
        assets=gathered.facts,
        scenarios=scenarios,
        baseline_kw=reference_kw,
        form=offer_form(plan.pack),
        policy=policy,
        promise=demand.promise if demand else None,
    )
    digest = _digest(plan, run, scenarios, gathered, demand, reference_kw, policy)
    common = {
        "portfolio_id": portfolio_id,
        "delivery_day": delivery_day,
        "computed_at": now,
        "forecast_run_id": run.id,
        "resolution_s": int(plan.grid.resolution.total_seconds()),
        "inputs_hash": digest,
    }
    drafts = [_spot_draft(plan, offer, gathered, reference_kw, platform.pk)]
    if demand is not None:
        drafts.append(_demand_draft(plan, demand))
    try:
        with transaction.atomic():
            risk = store_risk(plan, offer, scenarios, gathered.problem, digest=digest, now=now)
            drafts[0][0].update(risk)
            return [_write(plan, {**common, **fields}, steps) for fields, steps in drafts]
    except IntegrityError:  # another worker was first
        return [bid.id for bid in bids_on(portfolio_id=portfolio_id, day=delivery_day)]


def _forecast(plan: PlanningDay, now: datetime) -> tuple[RunFacts, np.ndarray]:
    """The newest run and the portfolio's expected injection [kW]; the portfolio has to be large enough to trade."""
    run = latest_run(portfolio_id=plan.portfolio.id, grid=plan.grid, known_at=now)
    mean = quantiles(run_id=run.id, grid=plan.grid)[None].mean if run is not None else np.array([np.nan])
    if run is None or not np.isfinite(mean).all():
        raise ForecastMissing(day=plan.day.isoformat())
    whole = envelopes(run_id=run.id, level="expected", grid=plan.grid)[None]
    movable_kw = float(np.max(whole.up_kw + whole.down_kw, initial=0.0))
    least_kw = float(figure(pack=plan.pack, path="spot.min_portfolio_kw"))
    if movable_kw < least_kw:
        raise PortfolioTooSmall(movable_kw=round(movable_kw), least_kw=round(least_kw))
    return run, mean


def _demand(plan: PlanningDay, run: RunFacts, gathered: Gathered, now: datetime, policy: BidPolicy) -> _Demand | None:
    """Our answer to the open invitation; None where there is none, or none that we can keep (said in an alarm)."""
    invitation = open_invitation(portfolio_id=plan.portfolio.id, day=plan.day, known_at=now)
    if invitation is None:
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
    ask = _ask(plan, run, invitation, window, baseline_kw, policy)
    offer = demand_response_offer(gathered.problem, ask, assets=gathered.facts, deadline_s=policy.deadline_s)
    if offer.injection_change_kw == 0:
        _decline(plan, invitation, offer.limit, now)
        return None
    size_kw = abs(float(offer.injection_change_kw))
    block = FirmBlock(window, baseline_kw[window], float(offer.price_cny_per_mwh) / 1000, size_kw, size_kw, ask.direction)
    adjustment = sorted(member.adjustment for member in baseline.members.values())[0]
    penalty = float(figure(pack=plan.pack, path="demand_response.deficiency_penalty_factor"))
    promise = Promise(block, shortfall_cny_per_kwh=block.price_cny_per_kwh * (1 + penalty))  # what is lost, and the penalty
    return _Demand(invitation, offer, promise, baseline_kw, adjustment)


def _ask(
    plan: PlanningDay, run: RunFacts, invitation: InvitationFacts, window: slice, baseline_kw: np.ndarray, policy: BidPolicy
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


def _spot_draft(
    plan: PlanningDay, offer: SpotOffer, gathered: Gathered, reference_kw: np.ndarray, platform_id: int
) -> tuple[dict[str, Any], dict[datetime, tuple[Step, ...]]]:
    fields = {
        "product": "spot",
        "platform_id": platform_id,
        "gate_closes_at": plan.times.gate_closes_at,
        "baseline_kw": pack_f4(reference_kw),
        "expected_kw": pack_f4(offer.expected_kw),
        "explanations": explain_spot(gathered.problem, offer),
        "solver_status": offer.solver_status,
        "expected_value_cny": offer.expected_value_cny,
    }
    return fields, dict(zip(plan.grid.starts, offer.steps, strict=True))


def _demand_draft(plan: PlanningDay, demand: _Demand) -> tuple[dict[str, Any], dict[datetime, tuple[Step, ...]]]:
    """One step per period of the window. The expected value is the revenue at our own price."""
    window, offer = demand.block.window, demand.offer
    starts = plan.grid.starts[window]
    held_kw = np.full(len(plan.grid), np.nan)
    held_kw[window] = demand.block.baseline_kw + float(offer.injection_change_kw)
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
        "expected_value_cny": float(offer.price_cny_per_mwh) * energy_mwh,
    }
    return fields, {at: (Step(offer.price_cny_per_mwh, offer.injection_change_kw),) for at in starts}


def _write(plan: PlanningDay, fields: dict[str, Any], steps: dict[datetime, tuple[Step, ...]]) -> int:
    why = approval_problem(steps=steps, **_automatic(plan))
    row = Bid.objects.create(state="draft" if why else "approved", state_reason=why, **fields)
    BidStep.objects.bulk_create(
        BidStep(bid=row, starts_at=at, number=k, price_cny_per_mwh=step.price_cny_per_mwh, injection_kw=step.injection_kw)
        for at, offered in steps.items()
        for k, step in enumerate(offered, start=1)
    )
    if why:
        key = f"{plan.portfolio.id}/{plan.day.isoformat()}/{row.product}"
        raise_alarm(
            kind="bid.needs_approval",
            key=key,
            severity="warning",
            at=row.computed_at,
            product=row.product,
            day=plan.day.isoformat(),
            reason=why,
        )
    else:
        enqueue_submission(row)
    return row.pk


def _automatic(plan: PlanningDay) -> dict[str, Decimal | None]:
    limits = plan.pack.approval
    return {
        "max_kw": limits.automatic_max_kw if limits else None,
        "max_price_cny_per_mwh": limits.automatic_max_price_cny_per_mwh if limits else None,
    }


def _digest(
    plan: PlanningDay,
    run: RunFacts,
    scenarios: JointScenarios,
    gathered: Gathered,
    demand: _Demand | None,
    reference_kw: np.ndarray,
    policy: BidPolicy,
) -> str:
    """One hash of everything the bids were computed from."""
    problem = replace(gathered.problem, sites={}, devices={}, groups={}, group_of={})
    return fingerprint(
        [
            plan.pack.label,
            run.inputs_hash,
            scenarios,
            problem,
            sorted(gathered.problem.sites.items()),
            sorted(gathered.problem.groups.items()),
            sorted(gathered.problem.group_of.items()),
            sorted((key, site, device) for key, (site, device) in gathered.problem.devices.items()),
            [demand.invitation.reference, demand.offer, demand.baseline_kw] if demand else None,
            reference_kw,
            policy,
        ]
    )
