"""summary.json of a played day: read from rows, the same however often it is asked."""

import json
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from django.db.models import QuerySet, Sum

from aggregator.assets.domain import KINDS, kind_of
from aggregator.assets.models import Asset
from aggregator.dispatch.models import DispatchPlan, Setpoint
from aggregator.enterprises.models import Park
from aggregator.forecasts.queries import scores
from aggregator.kernel.errors import NotFound
from aggregator.kernel.periods import Grid, day_of, delivery_day
from aggregator.support.arrays import unpack_f4
from market.bids.models import Award, Bid
from market.platforms.models import InboundMessage, OutboundMessage
from market.settlement.models import SettlementRun, Statement
from vpp.comparison import captured_value_ratio
from vpp.twin.connect import ParkPlaces, places
from vpp.twin.models import ReplayedDay

NO_EVENT = "no demand response was called on this day"
KWH_PER_MWH = 1000
CUT_SHORT = ("timeout", "fallback")
OWNER_FIRST = tuple(sorted(code for code in KINDS if kind_of(code).owner_first))


@dataclass
class Summary:
    """Values by name; where one is not known, None and a sentence under `{name}_reason`."""

    values: dict[str, Any] = field(default_factory=dict)

    def put(self, name: str, value: Any, reason: str = "") -> None:
        self.values[name] = value
        if value is None:
            self.values[f"{name}_reason"] = reason or "not computed"


def summary_of(*, park_code: str, day: date) -> dict[str, Any]:
    """Everything that `manage.py run_day --json` prints. Raises NotFound where the day was not played."""
    played = ReplayedDay.objects.filter(park__code=park_code, day=day).first()
    if played is None:
        raise NotFound(what="played day")
    park, where = Park.objects.get(code=park_code), places(park_code=park_code)
    grid = delivery_day(day, resolution=timedelta(seconds=park.resolution_s))
    found = Summary()
    found.put("park", park.code)
    found.put("delivery_day", day.isoformat())
    found.put("synthetic", park.synthetic)
    found.put("assets", len(where.assets))
    found.put("periods", len(grid))
    _forecast(found, where, day)
    _costs(found, played)
    _market(found, where, day)
    _setpoints(found, where, grid)
    _solvers(found, where, day, grid)
    _money(found, where, day)
    found.put("limit_violations", len(played.violations))
    if played.violations:
        found.put("violations", played.violations)
    _messages(found, where, day)
    found.put("steps", played.steps)
    found.put("peak_memory_mib", played.peak_memory_mib)
    found.put("start_memory_mib", played.start_memory_mib)
    return found.values


def _forecast(found: Summary, where: ParkPlaces, day: date) -> None:
    run_id = _bids(where, day, "spot").values_list("forecast_run_id", flat=True).first()
    rows = scores(run_id=run_id) if run_id is not None else {}
    kinds = {}
    for kind, score in sorted(rows.items()):
        one = Summary()
        one.put("nmae", score.nmae_ratio, score.reason)
        one.put("nmae_persistence", score.nmae_persistence_ratio, score.reason)
        one.put("coverage_p10_p90", score.coverage_p10_p90_ratio, score.reason)
        kinds[kind] = one.values
    missing = set(Asset.objects.filter(site__enterprise__park_id=where.park_id).values_list("kind", flat=True)) - set(kinds) - {"storage"}
    found.put("forecast", kinds or None, "the day-ahead forecast was not scored")
    if kinds and missing:
        found.values["forecast_reason"] = f"not scored: {', '.join(sorted(missing))}"


def _costs(found: Summary, played: ReplayedDay) -> None:
    fen: dict[str, int | None] = {}
    for way, name in (("without", "cost_without_vpp_fen"), ("with", "cost_with_vpp_fen"), ("perfect", "cost_perfect_foresight_fen")):
        costs = played.ways.get(way)
        fen[way] = costs["cost_fen"] if costs else None
        found.put(name, fen[way], played.ways.get(f"{way}_reason", ""))
    without, with_vpp, perfect = fen["without"], fen["with"], fen["perfect"]
    ratio = None
    if without is not None and with_vpp is not None and perfect is not None:
        ratio = captured_value_ratio(without_fen=without, with_fen=with_vpp, perfect_fen=perfect)
    found.put("captured_value_ratio", ratio, "a cost is not known, or perfect foresight gains nothing")
    for way in ("without", "with"):
        share = played.ways.get(f"self_consumption_{way}")
        found.put(f"renewable_self_consumption_ratio_{way}", share, "no renewable energy was available")
    curtailed = played.ways.get("curtailed_kwh_with")
    found.put("curtailed_mwh_with", None if curtailed is None else curtailed / KWH_PER_MWH, "the day was played before this was counted")
    found.put("cost_parts_fen", {way: played.ways[way] for way in ("without", "with", "perfect") if way in played.ways})


def _bids(where: ParkPlaces, day: date, product: str) -> QuerySet[Bid]:
    return Bid.objects.filter(portfolio_id=where.portfolio_id, delivery_day=day, product=product).exclude(state="withdrawn")


def _market(found: Summary, where: ParkPlaces, day: date) -> None:
    """Demand response: bid, award, instruction, delivered, deficiency; the spot position, bid and awarded, beside it."""
    bid = (
        Bid.objects.filter(portfolio_id=where.portfolio_id, delivery_day=day, product="demand_response").exclude(state="withdrawn").first()
    )
    found.put("bid_mwh", _offered_mwh(bid) if bid else None, "no demand response was bid")
    award = Award.objects.filter(bid=bid).first() if bid else None
    found.put("award_mwh", _awarded_mwh(award) if award else None, "no demand response was awarded")
    run = _newest_run(where, day)
    totals = (run.delivery or {}).get("totals", {}) if run else {}
    called = bool(run and run.delivery.get("events"))
    for name, key in (("instruction_mwh", "ordered_kwh"), ("delivered_mwh", "delivered_kwh"), ("deficiency_mwh", "deficiency_kwh")):
        found.put(name, float(Decimal(totals[key]) / KWH_PER_MWH) if called else None, NO_EVENT)
    if called and totals["unverified_periods"]:
        found.put("unverified_mwh", float((Decimal(totals["ordered_kwh"]) - Decimal(totals["verified_ordered_kwh"])) / KWH_PER_MWH))
    offered = _bids(where, day, "spot").first()
    expected = None if offered is None else _expected_mwh(offered)
    found.put("spot_bid_mwh", expected, "no day-ahead energy was bid")
    spot = Award.objects.filter(bid__in=_bids(where, day, "spot")).first()
    found.put("spot_award_mwh", _awarded_mwh(spot, signed=True) if spot else None, "no day-ahead energy was awarded")


def _hours(bid: Bid) -> Decimal:
    return Decimal(bid.resolution_s) / 3600


def _offered_mwh(bid: Bid) -> float:
    """The most that was offered in each period."""
    most: dict[Any, Decimal] = {}
    for step in bid.steps.all():
        most[step.starts_at] = max(most.get(step.starts_at, Decimal(0)), abs(step.injection_kw))
    return float(sum(most.values()) * _hours(bid) / KWH_PER_MWH)


def _expected_mwh(bid: Bid) -> float | None:
    """What the bid's own plan injects over the day; negative where the portfolio draws more than it feeds in."""
    expected_kw = unpack_f4(bid.expected_kw)
    return float(expected_kw.sum()) * float(_hours(bid)) / KWH_PER_MWH if len(expected_kw) and np.isfinite(expected_kw).all() else None


def _awarded_mwh(award: Award, *, signed: bool = False) -> float:
    quantities = award.periods.values_list("injection_kw", flat=True)
    return float(sum(kw if signed else abs(kw) for kw in quantities) * _hours(award.bid) / KWH_PER_MWH)


def _setpoints(found: Summary, where: ParkPlaces, grid: Grid) -> None:
    rows = Setpoint.objects.filter(plan__portfolio_id=where.portfolio_id, starts_at__gte=grid.starts_at, starts_at__lt=grid.ends_at)
    found.put("setpoints", rows.count())
    found.put("acknowledged", rows.filter(acknowledgements__state="accepted").distinct().count())
    # Each setpoint is in exactly one of the six: taken back before its time, or judged (or not yet) by telemetry.
    ruling = rows.exclude(state="superseded")
    unlike = ruling.filter(outcome="contradicted")
    disobeyed = unlike.exclude(asset__kind__in=OWNER_FIRST)
    found.put("followed", ruling.filter(outcome="followed").count())
    found.put("contradicted", disobeyed.count())
    found.put("owner_need", unlike.filter(asset__kind__in=OWNER_FIRST).count())
    found.put("unverified", ruling.filter(outcome="unverified").count())
    found.put("superseded", rows.filter(state="superseded").count())
    found.put("pending", ruling.filter(outcome="pending").count())
    found.put("contradicted_assets", sorted(set(disobeyed.values_list("asset__code", flat=True))))
    plans = DispatchPlan.objects.filter(portfolio_id=where.portfolio_id, starts_at__gte=grid.starts_at, starts_at__lt=grid.ends_at)
    found.put("redispatched", plans.filter(purpose="redispatch", violations=[]).count())
    found.put("plans_withheld", plans.exclude(violations=[]).count())


def _solvers(found: Summary, where: ParkPlaces, day: date, grid: Grid) -> None:
    """Solutions that wall time cut short: valid, but another machine, or a busier one, may find others."""
    bids = Bid.objects.filter(portfolio_id=where.portfolio_id, delivery_day=day, solver_status__in=CUT_SHORT)
    plans = DispatchPlan.objects.filter(
        portfolio_id=where.portfolio_id, solver_status__in=CUT_SHORT, starts_at__gte=grid.starts_at, starts_at__lt=grid.ends_at
    )
    found.put("solver_timeouts", bids.count() + plans.count())


def _newest_run(where: ParkPlaces, day: date) -> SettlementRun | None:
    return SettlementRun.objects.filter(portfolio_id=where.portfolio_id, delivery_day=day).order_by("-version").first()


def _money(found: Summary, where: ParkPlaces, day: date) -> None:
    run = _newest_run(where, day)
    if run is None:
        for name in ("revenue_fen", "statements_total_fen", "operator_fen", "unallocated_fen"):
            found.put(name, None, "the day was not settled")
        return
    statements = Statement.objects.filter(run=run).aggregate(total=Sum("total_fen"))["total"] or 0
    found.put("revenue_fen", run.market_total_fen)
    found.put("statements_total_fen", statements)
    found.put("operator_fen", run.operator_total_fen)
    found.put("unallocated_fen", run.market_total_fen - statements - run.operator_total_fen)
    found.put("settlement_version", run.version)


def _messages(found: Summary, where: ParkPlaces, day: date) -> None:
    """Messages of the market platform that belong to this delivery day."""
    prefix = f"{where.platform}-{day:%Y%m%d}-"
    heard = InboundMessage.objects.filter(platform_id=where.platform_id, message_id__startswith=prefix)
    said = [
        json.loads(bytes(body)) for body in OutboundMessage.objects.filter(platform_id=where.platform_id).values_list("body", flat=True)
    ]
    found.put("messages_in", heard.count())
    found.put("messages_out", sum(_delivery_day(message) == day for message in said))
    found.put("duplicates_ignored", heard.aggregate(total=Sum("duplicates"))["total"] or 0)


def _delivery_day(message: dict[str, Any]) -> date:
    """A bid names its day; an answer to an instruction is sent on it."""
    if "delivery_day" in message["data"]:
        return date.fromisoformat(message["data"]["delivery_day"])
    return day_of(datetime.fromisoformat(message["timestamp"]))
