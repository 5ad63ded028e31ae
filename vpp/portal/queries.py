"""What one enterprise may know about itself. Every function starts from its enterprise."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import QuerySet

from aggregator.assets.models import Asset
from aggregator.assets.queries import CommitmentWindow, opt_outs
from aggregator.dispatch.models import Setpoint
from aggregator.enterprises.models import Enterprise
from aggregator.telemetry.queries import Latest
from market.green.queries import GreenShare, green_share
from market.settlement.models import Statement
from vpp.last_data import heard


@dataclass(frozen=True)
class AssetNow:
    """`stale`: what was heard last is too old for the moment that is shown."""

    asset: Asset
    latest: Latest | None
    setpoint: Setpoint | None
    stale: bool
    kept_out: list[CommitmentWindow]


@dataclass(frozen=True)
class AssetsNow:
    """`last_day`: the last day with data, where all data is older than a day and its last moment is shown; else None."""

    as_of: datetime
    last_day: date | None
    rows: list[AssetNow]


def own_assets(*, enterprise: Enterprise, now: datetime, public_id: UUID | None = None) -> AssetsNow:
    """All assets of the enterprise, or the one of this identity if it is theirs."""
    mine = Asset.objects.filter(site__enterprise=enterprise).select_related("site").order_by("code")
    assets = list(mine if public_id is None else mine.filter(public_id=public_id))
    ids = [asset.pk for asset in assets]
    found = heard(asset_ids=ids, now=now)
    ruling = Setpoint.objects.filter(asset__in=assets, starts_at__lte=found.at, ends_at__gt=found.at)
    current = {setpoint.asset_id: setpoint for setpoint in ruling.exclude(state__in=("superseded", "expired")).order_by("plan__sequence")}
    windows = opt_outs(asset_ids=ids, now=now)
    rows = [
        AssetNow(
            asset=asset,
            latest=found.rows.get(asset.pk),
            setpoint=current.get(asset.pk),
            stale=found.stale(asset.pk),
            kept_out=[window for window in windows if window.asset_id == asset.pk],
        )
        for asset in assets
    ]
    return AssetsNow(found.at, found.last_day, rows)


def own_opt_out(*, enterprise: Enterprise, reference: UUID, now: datetime) -> tuple[Asset, CommitmentWindow] | None:
    """An opt-out of an own asset that is not over yet."""
    assets = Asset.objects.filter(site__enterprise=enterprise).in_bulk()
    windows = opt_outs(asset_ids=list(assets), now=now)
    return next(((assets[window.asset_id], window) for window in windows if window.reference == str(reference)), None)


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
