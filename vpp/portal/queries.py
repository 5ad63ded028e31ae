"""What one enterprise may know about itself. Every function starts from its enterprise."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet

from aggregator.assets.models import Asset
from aggregator.dispatch.models import Setpoint
from aggregator.enterprises.models import Enterprise
from aggregator.telemetry.queries import Latest, latest
from market.green.queries import GreenShare, green_share
from market.settlement.models import Statement

STALE = timedelta(minutes=20)


@dataclass(frozen=True)
class AssetNow:
    """`stale`: what was heard last is too old to be called now."""

    asset: Asset
    latest: Latest | None
    setpoint: Setpoint | None
    stale: bool


def own_assets(*, enterprise: Enterprise, now: datetime) -> list[AssetNow]:
    assets = list(Asset.objects.filter(site__enterprise=enterprise).select_related("site").order_by("code"))
    heard = latest(asset_ids=[asset.pk for asset in assets], at=now)
    ruling = Setpoint.objects.filter(asset__in=assets, starts_at__lte=now, ends_at__gt=now).exclude(state__in=("superseded", "expired"))
    current = {setpoint.asset_id: setpoint for setpoint in ruling.order_by("plan__sequence")}
    found = [(asset, heard.get(asset.pk), current.get(asset.pk)) for asset in assets]
    return [AssetNow(asset, last, setpoint, last is not None and now - last.at > STALE) for asset, last, setpoint in found]


def own_statements(*, enterprise: Enterprise) -> QuerySet[Statement]:
    rows = Statement.objects.filter(enterprise=enterprise).select_related("run", "contract", "replaced_by")
    return rows.order_by("-run__delivery_day", "-run__version", "contract__number")


def own_statement(*, enterprise: Enterprise, public_id: UUID) -> Statement | None:
    rows = Statement.objects.filter(enterprise=enterprise, public_id=public_id)
    related = ("run", "contract", "replaces__run", "replaced_by__run")
    return rows.select_related(*related).prefetch_related("lines").first()


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
