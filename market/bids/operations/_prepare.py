"""Compute the day's bids: demand response where somebody asks for it, spot around it."""

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
from django.db import IntegrityError, transaction

from aggregator.dispatch.operations import Gathered, gather
from aggregator.forecasts.queries import RunFacts, envelopes, latest_run, quantiles
from aggregator.kernel.errors import Anticipated
from aggregator.kernel.fingerprint import fingerprint
from aggregator.support.alarms import raise_alarm
from aggregator.support.arrays import pack_f4
from market.bids.domain import (
    POLICY,
    BidPolicy,
    Capability,
    JointScenarios,
    SpotOffer,
    Step,
    approval_problem,
    bound_rows,
    declared_kw,
    explain_spot,
    offer_form,
    spot_offer,
)
from market.bids.models import Bid, BidStep
from market.bids.operations._capability import CertificateMissing, alarm_missing, capabilities
from market.bids.operations._demand import Demand, demand_draft, demand_of
from market.bids.operations._planning import PlanningDay, planning_day, planning_prices
from market.bids.operations._reserve import reserve_drafts, terms_of
from market.bids.operations._risk import store_risk
from market.bids.operations._scenarios import scenarios_of
from market.bids.operations._send import UnableToSubmitBid, alarm_missed, enqueue_submission
from market.bids.queries import bids_on
from market.platforms.models import Platform
from market.rules.domain import figure


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


def prepare_bids(*, portfolio_id: int, delivery_day: date, now: datetime, policy: BidPolicy = POLICY) -> list[int]:
    """Write the bids of a delivery day, once. Those inside the pack's limits are approved and on their way.

    Raises UnableToSubmitBid after the gate, ForecastMissing, PriceHistoryMissing, NoPlatform,
    PortfolioTooSmall, CertificateMissing, and what the rules refuse: nothing is bid on invented input.
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
    found = capabilities(plan)
    demand = demand_of(plan, run, gathered, now, policy, capability=found["demand_response"])
    reference_kw = expected_kw.copy()
    if demand is not None:
        reference_kw[demand.block.window] = demand.block.baseline_kw
    if found["spot"].missing(1) and found["spot"].missing(-1):
        return _without_spot(plan, demand, run, now=now)
    reserve = terms_of(plan, found, in_window=None if demand is None else demand.block.window, now=now)
    offer = spot_offer(
        gathered.problem,
        assets=gathered.facts,
        scenarios=scenarios,
        baseline_kw=reference_kw,
        form=offer_form(plan.pack),
        policy=policy,
        promise=demand.promise if demand else None,
        capability=found["spot"],
        reserve=reserve,
    )
    digest = _digest(plan, run, scenarios, gathered, demand, reference_kw, policy, [found, reserve])
    common = _common(plan, run, digest, now)
    drafts = [_spot_draft(plan, offer, gathered, reference_kw, platform.pk, found["spot"])]
    drafts += reserve_drafts(plan, offer, gathered, found, platform_id=platform.pk, now=now)
    if demand is not None:
        drafts.append(demand_draft(plan, demand))
    try:
        with transaction.atomic():
            risk = store_risk(plan, offer, scenarios, gathered.problem, digest=digest, now=now)
            drafts[0][0].update(risk)
            return [_write(plan, {**common, **fields}, steps) for fields, steps in drafts]
    except IntegrityError:  # another worker was first
        return [bid.id for bid in bids_on(portfolio_id=portfolio_id, day=delivery_day)]


def _common(plan: PlanningDay, run: RunFacts, digest: str, now: datetime) -> dict[str, Any]:
    return {
        "portfolio_id": plan.portfolio.id,
        "delivery_day": plan.day,
        "computed_at": now,
        "forecast_run_id": run.id,
        "resolution_s": int(plan.grid.resolution.total_seconds()),
        "inputs_hash": digest,
    }


def _without_spot(plan: PlanningDay, demand: Demand | None, run: RunFacts, *, now: datetime) -> list[int]:
    """The rules ask for a certificate of what is sold on the spot market and there is none: demand response alone, if anything."""
    alarm_missing(plan, "spot", at=now)
    if demand is None:
        raise CertificateMissing(product="spot", day=plan.day.isoformat())
    digest = fingerprint([plan.pack.label, run.inputs_hash, demand.invitation.reference, demand.offer, demand.baseline_kw])
    fields, steps = demand_draft(plan, demand)
    with transaction.atomic():
        return [_write(plan, {**_common(plan, run, digest, now), **fields}, steps)]


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


def _spot_draft(
    plan: PlanningDay, offer: SpotOffer, gathered: Gathered, reference_kw: np.ndarray, platform_id: int, certified: Capability
) -> tuple[dict[str, Any], dict[datetime, tuple[Step, ...]]]:
    least_kw, most_kw = declared_kw(gathered.problem, gathered.facts)
    up_kw, down_kw = np.maximum(most_kw - offer.position_kw, 0.0), np.maximum(offer.position_kw - least_kw, 0.0)
    fields = {
        "product": "spot",
        "platform_id": platform_id,
        "gate_closes_at": plan.times.gate_closes_at,
        "baseline_kw": pack_f4(reference_kw),
        "expected_kw": pack_f4(offer.expected_kw),
        "explanations": explain_spot(gathered.problem, offer),
        "solver_status": offer.solver_status,
        "expected_value_cny": offer.expected_value_cny,
        "capability": bound_rows(certified, declared_up_kw=float(up_kw.max()), declared_down_kw=float(down_kw.max())),
    }
    return fields, dict(zip(plan.grid.starts, offer.steps, strict=True))


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
    demand: Demand | None,
    reference_kw: np.ndarray,
    policy: BidPolicy,
    rest: list[Any],
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
            rest,
        ]
    )
