"""One plan: the portfolio and its sites over its periods, what gave way, what was left out, and every asset with its reasons."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.core.paginator import Page, Paginator

from aggregator.assets.models import Asset
from aggregator.assets.queries import Member, members_on
from aggregator.dispatch.queries import PlanFacts
from aggregator.enterprises.models import Enterprise, Site
from aggregator.kernel.periods import day_of
from vpp.asset_plan import Moved, moves, price_cny_per_mwh
from vpp.charting import edges, nullable

LARGEST_SITES = 7  # that have a colour of their own in the picture; the others are one area
PAGE_ASSETS = 50
NAMES = ("planned_kw", "target_kw", "shortfall_kw", "price_cny_per_mwh")


@dataclass(frozen=True)
class SiteInPlan:
    """`hidden`: the picture shows it together with others. Peaks [kW >= 0] and where they stand against the limits (ratio)."""

    site: Site
    injection_kw: np.ndarray
    drawn_kwh: float
    fed_in_kwh: float
    import_peak_kw: float
    export_peak_kw: float
    hidden: bool

    @property
    def import_ratio(self) -> float | None:
        return self.import_peak_kw / self.site.import_limit_kw if self.site.import_limit_kw else None

    @property
    def export_ratio(self) -> float | None:
        return self.export_peak_kw / self.site.export_limit_kw if self.site.export_limit_kw else None


@dataclass(frozen=True)
class RelaxedLimit:
    """An owner's limit that gave way, over all of its periods; `by_kw`: the most. A group of assets has a name and no site."""

    subject: str
    owner: Enterprise | None
    site: Site | None
    limit: str
    by_kw: float
    starts_at: datetime
    ends_at: datetime
    n_periods: int


@dataclass(frozen=True)
class AssetRow:
    asset: Asset
    moved: Moved


@dataclass(frozen=True)
class PlanPicture:
    """JSON for the chart, the same as rows of a table, and what stands below."""

    as_json: dict[str, Any]
    rows: list[dict[str, Any]]
    sites: list[SiteInPlan]
    relaxed: list[RelaxedLimit]
    notes: list[tuple[str, list[Asset]]]
    has_target: bool


def plan_picture(plan: PlanFacts, *, name_of: Any, others: str) -> PlanPicture:
    """`name_of`: a row's name in the reader's language; `others`: what the small sites are called together."""
    sites = _sites(plan, _known(plan))
    columns = {
        "planned_kw": nullable(plan.planned_kw),
        "target_kw": nullable(plan.target_kw),
        "shortfall_kw": nullable(np.where(np.isfinite(plan.target_kw), plan.shortfall_kw, np.nan)),
        "price_cny_per_mwh": nullable(price_cny_per_mwh(plan)),
    }
    drawn = [{"name": _label(row.site, name_of, sites), "kw": nullable(row.injection_kw)} for row in sites if not row.hidden]
    rest = [row.injection_kw for row in sites if row.hidden]
    if rest:
        drawn.append({"name": f"{others} ({len(rest)})", "kw": nullable(np.sum(rest, axis=0))})
    return PlanPicture(
        as_json={"edges": edges(plan.grid), **columns, "sites": drawn},
        rows=[{"at": at, **{name: columns[name][k] for name in NAMES}} for k, at in enumerate(plan.grid.starts)],
        sites=sites,
        relaxed=relaxed_limits(plan),
        notes=_notes(plan),
        has_target=bool(np.isfinite(plan.target_kw).any()),
    )


def _sites(plan: PlanFacts, known: dict[str, Site]) -> list[SiteInPlan]:
    """By what they move, the largest first."""
    hours, found = plan.grid.hours, []
    for public_id, values in plan.site_kw.items():
        if public_id not in known:
            continue
        kw = np.array(values, dtype=float)
        drawn, fed = np.maximum(-kw, 0.0), np.maximum(kw, 0.0)
        found.append((known[public_id], kw, hours * float(drawn.sum()), hours * float(fed.sum()), float(drawn.max()), float(fed.max())))
    found.sort(key=lambda row: (-(row[2] + row[3]), row[0].enterprise.code, row[0].code))
    most = LARGEST_SITES if len(found) > LARGEST_SITES + 1 else len(found)
    return [SiteInPlan(*row, hidden=k >= most) for k, row in enumerate(found)]


def _label(site: Site, name_of: Any, sites: list[SiteInPlan]) -> str:
    """The enterprise's name; its site's too where it has several."""
    several = sum(row.site.enterprise_id == site.enterprise_id for row in sites) > 1
    return f"{name_of(site.enterprise)} {name_of(site)}" if several else str(name_of(site.enterprise))


def _known(plan: PlanFacts) -> dict[str, Site]:
    rows = Site.objects.filter(public_id__in=plan.site_kw).select_related("enterprise")
    return {str(site.public_id): site for site in rows}


def relaxed_limits(plan: PlanFacts) -> list[RelaxedLimit]:
    """One row per site and limit, the largest first."""
    known = _known(plan) if plan.relaxed_limits else {}
    rows: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in plan.relaxed_limits:
        rows.setdefault((row["site"], row["limit"]), []).append(row)
    found = []
    for (public_id, limit), group in rows.items():
        site = known.get(public_id)
        starts = sorted(datetime.fromisoformat(row["starts_at"]) for row in group)
        by_kw = max(float(row["by_kw"]) for row in group)
        owner = site.enterprise if site else None
        found.append(RelaxedLimit(public_id, owner, site, limit, by_kw, starts[0], starts[-1] + plan.grid.resolution, len(starts)))
    return sorted(found, key=lambda row: -row.by_kw)


def _notes(plan: PlanFacts) -> list[tuple[str, list[Asset]]]:
    """Note code and the assets that it is about."""
    assets = {str(row.public_id): row for row in Asset.objects.filter(public_id__in=[row["asset"] for row in plan.notes])}
    found: dict[str, list[Asset]] = {}
    for row in plan.notes:
        if row["asset"] in assets:
            found.setdefault(row["note"], []).append(assets[row["asset"]])
    return sorted(found.items())


@dataclass(frozen=True)
class AssetsOfPlan:
    """One page of the plan's assets. `enterprises`: the owners to choose from; `chosen`: the code of the one that was, or ""."""

    page: Page
    rows: list[AssetRow]
    enterprises: list[Enterprise]
    chosen: str


def assets_of(plan: PlanFacts, *, enterprise: str, number: str | None) -> AssetsOfPlan:
    """The page that the address asks for, by enterprise and asset code."""
    members = plan_members(plan)
    codes = {member.enterprise_id: member.enterprise_code for member in members}
    chosen = enterprise if enterprise in codes.values() else ""
    mine = [member for member in members if not chosen or member.enterprise_code == chosen]
    found = Paginator(sorted(mine, key=lambda m: (m.enterprise_code, m.site_code, m.code)), PAGE_ASSETS).get_page(number)
    assets = Asset.objects.select_related("site__enterprise").in_bulk([member.asset_id for member in found])
    rows = [AssetRow(assets[row.member.asset_id], row) for row in moves(plan=plan, members=list(found))]
    return AssetsOfPlan(found, rows, list(Enterprise.objects.filter(pk__in=codes).order_by("code")), chosen)


def plan_members(plan: PlanFacts) -> list[Member]:
    """The portfolio's assets on the plan's first day."""
    return members_on(portfolio_id=plan.portfolio_id, day=day_of(plan.grid.starts_at))


def ends_next_day(plan: PlanFacts) -> bool:
    """Its times need their days as well."""
    return day_of(plan.grid.starts_at) != day_of(plan.grid.ends_at - timedelta(seconds=1))
