"""Given an award: everything that followed from it, and whether it adds up."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from aggregator.assets.domain import kind_of
from aggregator.assets.queries import Member, assets_by_id
from aggregator.dispatch.queries import PlanFacts, SetpointFacts, plans, setpoints_of
from aggregator.enterprises.queries import enterprises_visible_to, staff_roles
from aggregator.kernel.errors import NotFound
from aggregator.kernel.periods import midnight
from aggregator.kernel.quantities import KWH
from market.bids.queries import AwardFacts, award, steps_of
from market.instructions.queries import InstructionFacts, instructions_of
from market.settlement.models import SettlementLine, SettlementRun
from market.settlement.queries._trace_checks import checks_of
from market.settlement.queries._trace_plans import Ruling, planned_of_sites, rulings, targets
from market.settlement.queries._trace_types import (
    Trace,
    TraceAcknowledgement,
    TraceAsset,
    TraceAward,
    TraceBid,
    TraceInstruction,
    TraceMoney,
    TracePeriod,
    TracePlan,
    TraceRun,
    TraceSetpoint,
    TraceSite,
    TraceTotals,
    TraceViolation,
)

IN_FORCE = ("sent", "accepted", "rejected")


def trace(*, award_public_id: UUID, user: Any) -> Trace:
    """The award with every setpoint, acknowledgement, delivered kWh, shortfall and fen.

    Staff see the portfolio; a member sees the part of the own enterprises, or NotFound where there is none.
    """
    facts = award(public_id=award_public_id)
    everything = bool(staff_roles(user))
    codes = set(enterprises_visible_to(user).values_list("code", flat=True)) if not everything else None
    found = _collect(facts, codes)
    if codes is not None and not (found.setpoints or found.sites or found.money):
        raise NotFound(what="award")
    return found


def _collect(facts: AwardFacts, codes: set[str] | None) -> Trace:
    orders = instructions_of(award_id=facts.id)
    chosen = _plans(facts, orders)
    setpoints = _setpoints(facts, orders, chosen)
    assets = assets_by_id(asset_ids={setpoint.asset_id for setpoint in setpoints})
    if codes is not None:
        setpoints = [setpoint for setpoint in setpoints if assets[setpoint.asset_id].enterprise_code in codes]
    runs = SettlementRun.objects.filter(portfolio_id=facts.bid.portfolio_id, delivery_day=facts.bid.delivery_day)
    run = runs.order_by("-version").first()
    evidence = _evidence(run, facts)
    ruling = rulings(orders, chosen) if facts.bid.product == "demand_response" else []
    sites, periods = _sites(evidence, codes, ruling), _periods(evidence)
    lines = _lines(run, facts, codes)
    money = tuple(_money(line) for line in lines)
    whole = codes is None
    aims = targets(ruling, setpoints) if whole else ()
    return Trace(
        scope="portfolio" if whole else "enterprise",
        award=_award(facts, whole),
        bid=_bid(facts) if whole else None,
        instructions=tuple(_instruction(order, whole) for order in orders),
        plans=tuple(_plan(plan) for plan in chosen) if whole else (),
        targets=aims,
        setpoints=tuple(_setpoint(setpoint, chosen, assets[setpoint.asset_id]) for setpoint in setpoints),
        assets=_assets(setpoints, chosen, assets),
        run=_run(run) if run is not None and whole else None,
        sites=sites,
        periods=periods if whole else (),
        money=money,
        totals=_totals(periods if whole else (), money, sites),
        checks=checks_of(
            facts=facts, run=run, lines=lines, periods=periods, sites=sites, evidence=evidence, ruling=ruling, targets=aims, whole=whole
        ),
    )


def _plans(facts: AwardFacts, orders: Sequence[InstructionFacts]) -> list[PlanFacts]:
    """The plans that serve the award: those of its orders, or the day's schedule; re-dispatches included."""
    if not facts.starts or facts.ends_at is None:
        return []
    near = plans(portfolio_id=facts.bid.portfolio_id, starts_before=facts.ends_at, ends_after=facts.starts[0])
    if facts.bid.product == "demand_response":
        return [plan for plan in near if any(str(order.public_id) in plan.reference for order in orders)]
    roots = tuple(plan.reference for plan in near if plan.purpose == "schedule" and plan.grid.ends_at > midnight(facts.bid.delivery_day))
    return [plan for plan in near if roots and plan.reference.startswith(roots)]


def _setpoints(facts: AwardFacts, orders: Sequence[InstructionFacts], chosen: Sequence[PlanFacts]) -> list[SetpointFacts]:
    """Of demand response only the called windows: the rest of such a plan belongs to the day's schedule."""
    found = setpoints_of(plan_ids=[plan.id for plan in chosen])
    if facts.bid.product != "demand_response":
        return found
    return [s for s in found if any(s.starts_at < order.ends_at and s.ends_at > order.starts_at for order in orders)]


def _evidence(run: SettlementRun | None, facts: AwardFacts) -> list[dict[str, Any]]:
    if run is None:
        return []
    return [event for event in run.delivery.get("events", []) if event["award"] == str(facts.public_id)]


def _lines(run: SettlementRun | None, facts: AwardFacts, codes: set[str] | None) -> list[SettlementLine]:
    if run is None:
        return []
    rows = SettlementLine.objects.filter(run=run, component__startswith=f"{facts.bid.product}.")
    if codes is not None:
        rows = rows.filter(contract__enterprise__code__in=codes)
    found = list(rows.select_related("contract__enterprise"))
    return sorted(found, key=lambda line: (line.contract is None, line.contract.number if line.contract else "", line.component))


def _award(facts: AwardFacts, whole: bool) -> TraceAward:
    hours = Decimal(int(facts.bid.resolution.total_seconds())) / 3600
    energy = (sum(facts.injection_kw, Decimal(0)) * hours).quantize(KWH) if whole else None
    return TraceAward(facts.public_id, facts.reference, facts.bid.product, facts.bid.delivery_day, facts.available_at, energy)


def _bid(facts: AwardFacts) -> TraceBid:
    bid = facts.bid
    steps = sum(len(steps) for steps in steps_of(bid_id=bid.id).values())
    return TraceBid(bid.public_id, bid.state, bid.computed_at, bid.gate_closes_at, steps)


def _instruction(order: InstructionFacts, whole: bool) -> TraceInstruction:
    return TraceInstruction(
        public_id=order.public_id,
        reference=order.reference,
        state=order.state,
        state_reason=order.state_reason,
        issued_at=order.issued_at,
        received_at=order.received_at,
        starts_at=order.starts_at,
        ends_at=order.ends_at,
        injection_change_kw=order.injection_change_kw if whole else None,
    )


def _plan(plan: PlanFacts) -> TracePlan:
    shortfall_kwh = float(plan.shortfall_kw.sum()) * plan.grid.hours
    return TracePlan(
        public_id=plan.public_id,
        purpose=plan.purpose,
        reference=plan.reference,
        sequence=plan.sequence,
        issued_at=plan.issued_at,
        solver_status=plan.solver_status,
        planned_shortfall_kwh=shortfall_kwh,
        withheld=bool(plan.violations),
        violations=tuple(
            TraceViolation(found["subject"], found["limit"], datetime.fromisoformat(found["starts_at"]), found["by"])
            for found in plan.violations
        ),
    )


def _setpoint(setpoint: SetpointFacts, chosen: Sequence[PlanFacts], asset: Member) -> TraceSetpoint:
    plan = next(plan for plan in chosen if plan.id == setpoint.plan_id)
    return TraceSetpoint(
        public_id=setpoint.public_id,
        plan=plan.public_id,
        plan_sequence=plan.sequence,
        asset=asset.public_id,
        asset_code=asset.code,
        site_code=asset.site_code,
        enterprise_code=asset.enterprise_code,
        kind=setpoint.kind,
        starts_at=setpoint.starts_at,
        ends_at=setpoint.ends_at,
        value_kw=setpoint.value_kw,
        planned_kw=setpoint.planned_kw,
        fallback_kw=setpoint.fallback_kw,
        reason=setpoint.reason,
        state=setpoint.state,
        acknowledge_by=setpoint.acknowledge_by,
        acknowledgements=tuple(TraceAcknowledgement(a.state, a.reason, a.at, a.received_at) for a in setpoint.acknowledgements),
        outcome=setpoint.outcome,
        measured_kw=setpoint.measured_kw,
        tolerance_kw=setpoint.tolerance_kw,
        checked_at=setpoint.checked_at,
    )


def _assets(setpoints: Sequence[SetpointFacts], chosen: Sequence[PlanFacts], assets: dict[int, Member]) -> tuple[TraceAsset, ...]:
    """Per asset the setpoints that were in force: the newest plan's, where several were sent for one period."""
    sequence = {plan.id: plan.sequence for plan in chosen}
    ruling: dict[tuple[int, datetime], SetpointFacts] = {}
    for setpoint in sorted(setpoints, key=lambda one: sequence[one.plan_id]):
        if setpoint.state in IN_FORCE:
            ruling[setpoint.asset_id, setpoint.starts_at] = setpoint
    rows = []
    for asset_id, asset in sorted(assets.items(), key=lambda item: (item[1].enterprise_code, item[1].site_code, item[1].code)):
        mine = [setpoint for (of, _), setpoint in sorted(ruling.items()) if of == asset_id]
        if not mine:
            continue
        unlike = sum(s.outcome == "contradicted" for s in mine)
        owner_first = kind_of(asset.kind).owner_first
        checked = [s for s in mine if s.measured_kw is not None and s.planned_kw is not None]
        rows.append(
            TraceAsset(
                asset=asset.public_id,
                asset_code=asset.code,
                kind=asset.kind,
                site_code=asset.site_code,
                enterprise_code=asset.enterprise_code,
                setpoints=len(mine),
                acknowledged=sum(s.state == "accepted" for s in mine),
                followed=sum(s.outcome == "followed" for s in mine),
                contradicted=0 if owner_first else unlike,
                owner_need=unlike if owner_first else 0,
                unverified=sum(s.outcome == "unverified" for s in mine),
                pending=sum(s.outcome == "pending" for s in mine),
                planned_kwh=sum((s.planned_kw or 0.0) * _hours(s) for s in checked) if checked else None,
                telemetry_kwh=sum((s.measured_kw or 0.0) * _hours(s) for s in checked) if checked else None,
            )
        )
    return tuple(rows)


def _hours(setpoint: SetpointFacts) -> float:
    return (setpoint.ends_at - setpoint.starts_at).total_seconds() / 3600


def _run(run: SettlementRun) -> TraceRun:
    totals = (run.market_total_fen, run.enterprises_total_fen, run.operator_total_fen)
    return TraceRun(run.public_id, run.version, run.state, run.as_of, *totals)


def _sites(evidence: Sequence[dict[str, Any]], codes: set[str] | None, ruling: Sequence[Ruling]) -> tuple[TraceSite, ...]:
    """Sites over all events of the award, with what the plans in force expected of them."""
    baselines = {
        (UUID(site["site"]), datetime.fromisoformat(period["starts_at"])): Decimal(period["baseline_kwh"])
        for event in evidence
        for site in event["sites"]
        for period in site["periods"]
        if period["baseline_kwh"] is not None
    }
    planned = planned_of_sites(ruling, baselines)
    rows: dict[str, list[dict[str, Any]]] = {}
    for event in evidence:
        for site in event["sites"]:
            if codes is None or site["enterprise"] in codes:
                rows.setdefault(site["code"], []).append(site)

    def total(parts: list[dict[str, Any]], name: str) -> Decimal:
        return sum((Decimal(part[name]) for part in parts), Decimal(0))

    return tuple(
        TraceSite(
            site=UUID(parts[0]["site"]),
            site_code=code,
            enterprise_code=parts[0]["enterprise"],
            contract=parts[0]["contract"],
            planned_kwh=planned.get(UUID(parts[0]["site"]), (None, None))[0],
            planned_toward_order_kwh=planned.get(UUID(parts[0]["site"]), (None, None))[1],
            asked_kwh=total(parts, "planned_kwh"),
            realised_kwh=None if any(part["realised_kwh"] is None for part in parts) else total(parts, "realised_kwh"),
            delivered_kwh=total(parts, "delivered_kwh"),
            credited_kwh=total(parts, "credited_kwh"),
            penalised_kwh=total(parts, "penalised_kwh"),
        )
        for code, parts in sorted(rows.items())
    )


def _periods(evidence: Sequence[dict[str, Any]]) -> tuple[TracePeriod, ...]:
    def kwh(text: str | None) -> Decimal | None:
        return None if text is None else Decimal(text)

    return tuple(
        TracePeriod(
            starts_at=datetime.fromisoformat(period["starts_at"]),
            ordered_kwh=Decimal(period["ordered_kwh"]),
            realised_kwh=kwh(period["realised_kwh"]),
            delivered_kwh=kwh(period["delivered_kwh"]),
            shortfall_kwh=kwh(period["deficiency_kwh"]),
            credited_kwh=Decimal(period["credited_kwh"]),
            penalised_kwh=Decimal(period["penalised_kwh"]),
        )
        for event in evidence
        for period in event["periods"]
    )


def _money(line: SettlementLine) -> TraceMoney:
    return TraceMoney(
        contract=line.contract.number if line.contract else "",
        enterprise_code=line.contract.enterprise.code if line.contract else "",
        component=line.component,
        quantity_kwh=line.quantity_kwh,
        amount_cny=line.amount_cny,
        gross_fen=line.gross_fen,
        enterprise_fen=line.enterprise_fen,
        operator_fen=line.operator_fen,
    )


def _totals(periods: Sequence[TracePeriod], money: Sequence[TraceMoney], sites: Sequence[TraceSite]) -> TraceTotals:
    verified = [period for period in periods if period.delivered_kwh is not None]
    own = sum((site.delivered_kwh for site in sites), Decimal(0)) if sites else None
    return TraceTotals(
        ordered_kwh=sum((p.ordered_kwh for p in verified), Decimal(0)) if periods else None,
        delivered_kwh=sum((p.delivered_kwh or Decimal(0) for p in verified), Decimal(0)) if periods else own,
        shortfall_kwh=sum((p.shortfall_kwh or Decimal(0) for p in verified), Decimal(0)) if periods else None,
        unverified_periods=len(periods) - len(verified),
        gross_fen=sum(line.gross_fen for line in money),
        enterprises_fen=sum(line.enterprise_fen for line in money),
        operator_fen=sum(line.operator_fen for line in money),
    )
