"""What one enterprise may know about itself. Every function starts from its enterprise."""

from dataclasses import dataclass
from datetime import date, datetime

from aggregator.assets.models import Asset
from aggregator.dispatch.models import Setpoint
from aggregator.enterprises.models import Enterprise
from aggregator.telemetry.queries import Latest, latest
from market.green.queries import GreenShare, green_share
from market.instructions.models import DispatchInstruction
from market.settlement.models import Statement


@dataclass(frozen=True)
class AssetNow:
    asset: Asset
    latest: Latest | None
    setpoint: Setpoint | None


@dataclass(frozen=True)
class OwnEvent:
    """One instruction as it concerned this enterprise's assets."""

    instruction: DispatchInstruction
    setpoints: list[Setpoint]


def own_assets(*, enterprise: Enterprise, now: datetime) -> list[AssetNow]:
    assets = list(Asset.objects.filter(site__enterprise=enterprise).select_related("site").order_by("code"))
    heard = latest(asset_ids=[asset.pk for asset in assets], at=now)
    ruling = Setpoint.objects.filter(asset__in=assets, starts_at__lte=now, ends_at__gt=now).exclude(state__in=("superseded", "expired"))
    current = {setpoint.asset_id: setpoint for setpoint in ruling.order_by("plan__sequence")}
    return [AssetNow(asset, heard.get(asset.pk), current.get(asset.pk)) for asset in assets]


def own_events(*, enterprise: Enterprise) -> list[OwnEvent]:
    """Instructions that asked something of this enterprise's assets, newest first."""
    events = []
    for instruction in DispatchInstruction.objects.order_by("-starts_at")[:100]:
        setpoints = Setpoint.objects.filter(
            asset__site__enterprise=enterprise,
            plan__portfolio_id=instruction.portfolio_id,
            plan__purpose__in=("instruction", "redispatch"),
            starts_at__lt=instruction.ends_at,
            ends_at__gt=instruction.starts_at,
        )
        rows = list(setpoints.exclude(state="superseded").select_related("asset").order_by("starts_at", "asset__code"))
        if rows:
            events.append(OwnEvent(instruction, rows))
    return events


def own_statements(*, enterprise: Enterprise) -> list[Statement]:
    return list(
        Statement.objects.filter(enterprise=enterprise).select_related("run", "contract").order_by("-run__delivery_day", "-run__version")
    )


def own_statement(*, enterprise: Enterprise, public_id: str) -> Statement | None:
    rows = Statement.objects.filter(enterprise=enterprise, public_id=public_id)
    return rows.select_related("run", "contract").prefetch_related("lines").first()


def settled_days(*, enterprise: Enterprise) -> list[date]:
    days = Statement.objects.filter(enterprise=enterprise).values_list("run__delivery_day", flat=True)
    return sorted(set(days), reverse=True)


def own_green(*, enterprise: Enterprise, day: date) -> GreenShare | None:
    return green_share(enterprise_id=enterprise.pk, day=day)


def green_rows(share: GreenShare | None) -> list[dict[str, object]]:
    """The hours as table rows."""
    if share is None:
        return []
    names = ("load_kwh", "on_site_kwh", "neighbour_kwh", "share_ratio")
    return [{"at": at, **{name: getattr(share, name)[k] for name in names}} for k, at in enumerate(share.starts)]
