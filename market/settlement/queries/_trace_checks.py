"""The equalities that must hold between what was ordered, planned, metered, credited, paid and stated.

All exact, but for the planned injections, which are stored rounded (_trace_plans.py)."""

from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db.models import Sum

from aggregator.kernel.money import fen_from_cny
from aggregator.kernel.quantities import KWH
from aggregator.support.arrays import unpack_i8
from market.bids.models import Nomination
from market.bids.queries import AwardFacts
from market.settlement.models import SettlementLine, SettlementRun, StatementLine
from market.settlement.queries._trace_plans import Ruling, kwh
from market.settlement.queries._trace_types import Check, TracePeriod, TraceSite, TraceTarget

ADJUSTED = ("ratio", "additive")


def checks_of(
    *,
    facts: AwardFacts,
    run: SettlementRun | None,
    lines: Sequence[SettlementLine],
    periods: Sequence[TracePeriod],
    sites: Sequence[TraceSite],
    evidence: Sequence[dict[str, Any]],
    ruling: Sequence[Ruling],
    targets: Sequence[TraceTarget],
    whole: bool,
) -> tuple[Check, ...]:
    """Equalities over the whole portfolio, or (not `whole`) those that concern the shown lines alone."""
    checks = _plan_checks(ruling, targets) if whole else []
    if run is None:
        return tuple(checks)
    checks += _line_checks(run, lines)
    if whole:
        checks += _run_checks(run, lines)
        checks += _order_checks(ruling, targets, periods, sites, evidence)
        checks += _energy_checks(lines, periods, sites, evidence) if facts.bid.product == "demand_response" else _spot_checks(facts, lines)
    return tuple(checks)


def _kwh(name: str, left: Decimal, right: Decimal) -> Check:
    return Check(name, left, right, "kWh")


def _fen(name: str, left: int, right: int) -> Check:
    return Check(name, Decimal(left), Decimal(right), "fen")


def _sum(values: Any) -> Decimal:
    return sum(values, Decimal(0))


def _each_period(name: str, ruling: Sequence[Ruling], sides: Sequence[tuple[float, float]]) -> Check:
    """Sums of both sides [kW each period], held against each other period by period."""
    apart = [(abs(left - right) * one.hours, one.tolerance_kwh) for one, (left, right) in zip(ruling, sides, strict=True)]
    worst, tolerance = max(apart, key=lambda pair: pair[0] - pair[1])
    left = sum(kwh(left * one.hours) for one, (left, _) in zip(ruling, sides, strict=True))
    right = sum(kwh(right * one.hours) for one, (_, right) in zip(ruling, sides, strict=True))
    return Check(name, Decimal(left), Decimal(right), "kWh", Decimal(str(round(tolerance, 6))), Decimal(str(round(worst, 6))))


def _plan_checks(ruling: Sequence[Ruling], targets: Sequence[TraceTarget]) -> list[Check]:
    """Period by period: the target is the order; the plan in force with its shortfall is the target; its sites are the plan."""
    if not ruling:
        return []
    target = [float(one.plan.target_kw[one.t]) for one in ruling]
    planned = [float(one.plan.planned_kw[one.t]) for one in ruling]
    wanted = [one.baseline_kw + one.order.injection_change_kw for one in ruling]
    made = [
        kw + one.direction * (float(one.plan.shortfall_kw[one.t]) - max(0.0, one.direction * (kw - aim)))
        for one, kw, aim in zip(ruling, planned, target, strict=True)
    ]
    sites = [sum(one.site_kw.values()) for one in ruling]
    return [
        _each_period("target_is_baseline_and_order", ruling, list(zip(target, wanted, strict=True))),
        _each_period("target_is_planned_and_shortfall", ruling, list(zip(target, made, strict=True))),
        _each_period("sites_plan_the_portfolio", ruling, list(zip(planned, sites, strict=True))),
    ]


def _order_checks(
    ruling: Sequence[Ruling],
    targets: Sequence[TraceTarget],
    periods: Sequence[TracePeriod],
    sites: Sequence[TraceSite],
    evidence: Sequence[dict[str, Any]],
) -> list[Check]:
    """What was planned for is what is settled as ordered; what the sites were planned to move is that order.

    The second only where settlement measures against the baseline of the bid: a same-day adjustment moves the
    baseline after the plan was made.
    """
    planned_for = {target.starts_at for target in targets}
    settled = [period for period in periods if period.starts_at in planned_for]
    if len(settled) != len(targets) or not targets:
        return []
    checks = [_kwh("ordered_is_planned_for", _sum(p.ordered_kwh for p in settled), _sum(t.ordered_kwh for t in targets))]
    baselines = [one for event in evidence for one in event["baselines"].values()]
    moved = [site.planned_toward_order_kwh for site in sites]
    if all(one.get("adjustment") and one["adjustment"] not in ADJUSTED for one in baselines) and None not in moved:
        order = _sum(t.ordered_kwh - t.planned_shortfall_kwh + t.planned_surplus_kwh for t in targets)
        # Each site's baseline and plan are rounded to a Wh in each period, besides the plans' own rounding.
        allowed = _sum(t.tolerance_kwh + KWH * (len(sites) + 3) for t in targets)
        checks.append(Check("sites_were_planned_the_order", _sum(m for m in moved if m is not None), order, "kWh", allowed))
    return checks


def _line_checks(run: SettlementRun, lines: Sequence[SettlementLine]) -> list[Check]:
    """Each line is its periods; each gross is its shares; the statements say the same."""
    amounts = [(_sum(Decimal(period[3]) for period in line.periods), line.amount_cny) for line in lines]
    energies = [(_sum(Decimal(period[1]) for period in line.periods), line.quantity_kwh) for line in lines]
    checks = [
        Check("line_amounts_are_their_periods", _sum(left for left, _ in amounts), _sum(right for _, right in amounts), "CNY"),
        _kwh("line_energies_are_their_periods", _sum(left for left, _ in energies), _sum(right for _, right in energies)),
        _fen("gross_is_shares", sum(line.gross_fen for line in lines), sum(line.enterprise_fen + line.operator_fen for line in lines)),
    ]
    mine = [line for line in lines if line.contract_id is not None]
    stated = StatementLine.objects.filter(
        statement__run=run,
        statement__contract_id__in={line.contract_id for line in mine},
        component__in={line.component for line in lines},
    )
    if run.statements.exists():
        total = stated.aggregate(total=Sum("amount_fen"))["total"] or 0
        checks.append(_fen("statements_state_the_shares", total, sum(line.enterprise_fen for line in mine)))
    return checks


def _run_checks(run: SettlementRun, lines: Sequence[SettlementLine]) -> list[Check]:
    """The market's fen are the exact sums rounded once; the run's totals are those of its lines."""
    components = sorted({line.component for line in lines})
    rounded = sum(fen_from_cny(_sum(line.amount_cny for line in lines if line.component == component)) for component in components)
    rows = SettlementLine.objects.filter(run=run)
    every = rows.aggregate(gross=Sum("gross_fen"), enterprises=Sum("enterprise_fen"), operator=Sum("operator_fen"))
    return [
        _fen("market_fen_are_rounded_once", rounded, sum(line.gross_fen for line in lines)),
        _fen("run_market_is_its_lines", run.market_total_fen, every["gross"] or 0),
        _fen("run_enterprises_are_its_lines", run.enterprises_total_fen, every["enterprises"] or 0),
        _fen("run_operator_is_its_lines", run.operator_total_fen, every["operator"] or 0),
        _fen("market_is_enterprises_and_operator", run.market_total_fen, run.enterprises_total_fen + run.operator_total_fen),
    ]


def _energy_checks(
    lines: Sequence[SettlementLine], periods: Sequence[TracePeriod], sites: Sequence[TraceSite], evidence: Sequence[dict[str, Any]]
) -> list[Check]:
    """ordered = delivered + shortfall; sites add up to the portfolio; what is credited is what is paid."""
    verified = [period for period in periods if period.delivered_kwh is not None]
    none = Decimal(0)
    delivered = _sum(period.delivered_kwh or none for period in verified)
    shortfall = _sum(period.shortfall_kwh or none for period in verified)
    operator = _sum(Decimal(event["operator_penalised_kwh"]) for event in evidence)

    def of(component: str) -> Decimal:
        return _sum(line.quantity_kwh for line in lines if line.component == component)

    def total(value: Callable[[TracePeriod], Decimal]) -> Decimal:
        return _sum(value(period) for period in periods)

    return [
        _kwh("ordered_is_delivered_and_shortfall", _sum(period.ordered_kwh for period in verified), delivered + shortfall),
        _kwh("sites_delivered_the_portfolio", _sum(site.delivered_kwh for site in sites), delivered),
        _kwh("sites_credited_the_portfolio", _sum(site.credited_kwh for site in sites), total(lambda p: p.credited_kwh)),
        _kwh("credited_is_paid", total(lambda p: p.credited_kwh), of("demand_response.energy")),
        _kwh("penalised_by_site_and_operator", _sum(site.penalised_kwh for site in sites) + operator, total(lambda p: p.penalised_kwh)),
        _kwh("penalised_is_charged", total(lambda p: p.penalised_kwh), -of("demand_response.penalty")),
    ]


def _spot_checks(facts: AwardFacts, lines: Sequence[SettlementLine]) -> list[Check]:
    """The award is the nominations and the operator's rest."""
    nominated_wh = sum(int(unpack_i8(row.injection_wh).sum()) for row in Nomination.objects.filter(award_id=facts.id))
    rest = _sum(line.quantity_kwh for line in lines if line.contract_id is None and line.component == "spot.day_ahead")
    hours = Decimal(int(facts.bid.resolution.total_seconds())) / 3600
    awarded = _sum((kw * hours).quantize(KWH, rounding=ROUND_HALF_UP) for kw in facts.injection_kw)
    return [_kwh("award_is_nominations_and_rest", awarded, Decimal(nominated_wh) / 1000 + rest)]
