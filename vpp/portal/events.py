"""One instruction as it concerned one enterprise: asked and measured, baseline, and what it earned."""

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from aggregator.assets.models import Asset
from aggregator.dispatch.queries import SetpointFacts, plans, setpoints_of
from aggregator.enterprises.models import Enterprise
from aggregator.kernel.periods import day_of
from market.instructions.models import DispatchInstruction
from market.settlement.models import SettlementRun, Statement

PURPOSES = ("instruction", "redispatch")
NEWEST_EVENTS = 30


@dataclass(frozen=True)
class AssetInEvent:
    """Means over the same periods: those that were asked and measured [kW injection]; None where none was."""

    asset: Asset
    setpoints: list[SetpointFacts]
    outcomes: dict[str, int]
    planned_kw: float | None
    measured_kw: float | None


@dataclass(frozen=True)
class SiteBaseline:
    """What would have been metered without us, as the settlement made it; `refused` where it could not."""

    site: str
    method: str
    refused: str
    adjustment: str
    factor: float
    days_used: list[str]
    days_excluded: list[tuple[str, str]]
    delivered_kwh: Decimal | None


@dataclass(frozen=True)
class OwnEvent:
    """`earned_fen`: this enterprise's demand-response lines of the day; None while nothing is settled."""

    instruction: DispatchInstruction
    assets: list[AssetInEvent]
    baselines: list[SiteBaseline]
    statement: Statement | None
    earned_fen: int | None


def own_events(*, enterprise: Enterprise) -> list[OwnEvent]:
    """Instructions that asked something of this enterprise's assets, newest first."""
    assets = {asset.pk: asset for asset in Asset.objects.filter(site__enterprise=enterprise)}
    rows = DispatchInstruction.objects.filter(portfolio__park_id=enterprise.park_id).order_by("-starts_at", "reference")
    found = [_event(row, enterprise, assets) for row in rows[:NEWEST_EVENTS]]
    return [event for event in found if event is not None]


def _event(row: DispatchInstruction, enterprise: Enterprise, assets: dict[int, Asset]) -> OwnEvent | None:
    mine = [plan.id for plan in plans(portfolio_id=row.portfolio_id, reference_prefix=str(row.public_id)) if plan.purpose in PURPOSES]
    setpoints = [one for one in setpoints_of(plan_ids=mine, asset_ids=list(assets)) if _stood(one, row)]
    if not setpoints:
        return None
    statement = _statement(enterprise, row)
    return OwnEvent(
        instruction=row,
        assets=[_asset(asset, [one for one in setpoints if one.asset_id == key]) for key, asset in assets.items() if _has(setpoints, key)],
        baselines=_baselines(enterprise, row),
        statement=statement,
        earned_fen=_earned(statement) if statement else None,
    )


def _has(setpoints: list[SetpointFacts], asset_id: int) -> bool:
    return any(one.asset_id == asset_id for one in setpoints)


def _stood(one: SetpointFacts, row: DispatchInstruction) -> bool:
    return one.starts_at < row.ends_at and one.ends_at > row.starts_at and one.state != "superseded"


def _asset(asset: Asset, setpoints: list[SetpointFacts]) -> AssetInEvent:
    asked = [one for one in setpoints if one.reason != "released"]
    both = [one for one in asked if one.planned_kw is not None and one.measured_kw is not None]
    hours = sum(_hours(one) for one in both)
    return AssetInEvent(
        asset=asset,
        setpoints=setpoints,
        outcomes=dict(sorted(Counter(one.outcome for one in asked).items())),
        planned_kw=sum((one.planned_kw or 0) * _hours(one) for one in both) / hours if hours else None,
        measured_kw=sum((one.measured_kw or 0) * _hours(one) for one in both) / hours if hours else None,
    )


def _hours(one: SetpointFacts) -> float:
    return (one.ends_at - one.starts_at).total_seconds() / 3600


def _newest_run(row: DispatchInstruction) -> SettlementRun | None:
    runs = SettlementRun.objects.filter(portfolio_id=row.portfolio_id, delivery_day=day_of(row.starts_at))
    return runs.order_by("-version").first()


def _statement(enterprise: Enterprise, row: DispatchInstruction) -> Statement | None:
    rows = Statement.objects.filter(enterprise=enterprise, run__portfolio_id=row.portfolio_id, run__delivery_day=day_of(row.starts_at))
    return rows.select_related("run").prefetch_related("lines").order_by("-run__version").first()


def _earned(statement: Statement) -> int:
    return sum(line.amount_fen for line in statement.lines.all() if line.component.startswith("demand_response."))


def _baselines(enterprise: Enterprise, row: DispatchInstruction) -> list[SiteBaseline]:
    """Only of this enterprise's sites; a settlement keeps those of the whole portfolio."""
    run = _newest_run(row)
    if run is None:
        return []
    events = [event for event in run.delivery.get("events", []) if event["instruction"] == str(row.public_id)]
    own = f"{enterprise.code}/"
    return [
        _baseline(site, made, next((one for one in event.get("sites", []) if one["code"] == site), None))
        for event in events
        for site, made in sorted(event["baselines"].items())
        if site.startswith(own)
    ]


def _baseline(site: str, made: dict[str, Any], evidence: dict[str, Any] | None) -> SiteBaseline:
    delivered = evidence.get("delivered_kwh") if evidence else None
    return SiteBaseline(
        site=site.partition("/")[2],
        method=made.get("method", ""),
        refused=made.get("refused", ""),
        adjustment=made.get("adjustment", ""),
        factor=made.get("factor", 1.0),
        days_used=made.get("days_used", []),
        days_excluded=[(day, why) for day, why in made.get("days_excluded", [])],
        delivered_kwh=None if delivered is None else Decimal(delivered),
    )
