"""What plans mean for one own asset."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from aggregator.assets.models import Asset, PortfolioMember
from aggregator.assets.queries import assets_by_id
from aggregator.dispatch.models import DispatchPlan
from aggregator.dispatch.queries import PlanFacts, plan_of
from aggregator.kernel.periods import day_of
from vpp.asset_plan import AssetPlan, asset_plan

NEWEST_PLANS = 50


@dataclass(frozen=True)
class OwnPlan:
    """`choice`: the newest plans that the asset is in; `plan`, `shown`: the one that was chosen."""

    choice: list[DispatchPlan]
    plan: PlanFacts
    shown: AssetPlan


def own_plan(*, asset: Asset, wanted: str, now: datetime) -> OwnPlan | None:
    """Of the plan whose public id is `wanted`, else as `_first`; None where there is none."""
    choice = _plans(asset, now)
    chosen = next((row for row in choice if str(row.public_id) == wanted), None) if wanted else _first(choice, now)
    if chosen is None:
        return None
    plan = plan_of(public_id=chosen.public_id)
    member = assets_by_id(asset_ids=[asset.pk])[asset.pk]
    return OwnPlan(choice, plan, asset_plan(plan=plan, member=member, now=now))


def _plans(asset: Asset, now: datetime) -> list[DispatchPlan]:
    """Sent, newest first: of the portfolios that the asset was in on the plan's first day."""
    members = list(PortfolioMember.objects.filter(asset=asset))
    portfolios = {row.portfolio_id for row in members}
    rows = DispatchPlan.objects.filter(portfolio_id__in=portfolios, violations=[], issued_at__lte=now).exclude(purpose="stop")
    light = rows.defer("explanations", "inputs", "site_kw", "planned_kw", "target_kw", "shortfall_kw")
    return [row for row in light.order_by("-issued_at", "-sequence")[:NEWEST_PLANS] if _covers(members, row)]


def _first(choice: list[DispatchPlan], now: datetime) -> DispatchPlan | None:
    """The newest that runs now; between days the newest of a whole day, for later ones may hold its last minutes only."""
    running = [row for row in choice if row.starts_at <= now < _end(row)]
    whole = [row for row in choice if row.purpose == "schedule"]
    return next(iter([*running, *whole, *choice]), None)


def _end(row: DispatchPlan) -> datetime:
    return row.starts_at + row.n_periods * timedelta(seconds=row.resolution_s)


def _covers(members: list[PortfolioMember], row: DispatchPlan) -> bool:
    day = day_of(row.starts_at)
    return any(
        one.portfolio_id == row.portfolio_id and one.valid_from <= day and (one.valid_to is None or day < one.valid_to) for one in members
    )
