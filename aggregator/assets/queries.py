"""Which assets a portfolio has on a day, the sites they stand on, and what is promised of them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from aggregator.assets.domain import Certificate, Reserve, Spec, parse_spec
from aggregator.assets.models import Asset, CapabilityCertificate, Commitment, Portfolio, PortfolioMember
from aggregator.enterprises.models import Feeder
from aggregator.kernel.errors import NotFound

FAR = datetime(9000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Member:
    """One asset of a portfolio, with its validated spec."""

    asset_id: int
    public_id: UUID
    code: str
    kind: str
    spec: Spec
    site_id: int
    site_code: str
    enterprise_id: int
    enterprise_code: str


@dataclass(frozen=True)
class SiteFacts:
    """A site's grid connection [kW, >= 0] and tariff class; its rules of export and of being called, None = no such rule."""

    site_id: int
    code: str
    public_id: UUID
    enterprise_id: int
    enterprise_code: str
    import_limit_kw: float
    export_limit_kw: float
    tariff_class: str
    export_share_ratio: float | None = None
    least_call_ratio: float | None = None


@dataclass(frozen=True)
class FeederFacts:
    """A feeder or transformer behind a connection [kW, >= 0] and the assets that hang on it directly."""

    feeder_id: int
    code: str
    site_id: int
    parent_id: int | None
    import_limit_kw: float
    export_limit_kw: float
    asset_ids: frozenset[int]


@dataclass(frozen=True)
class PortfolioFacts:
    id: int
    public_id: UUID
    code: str
    name_zh: str
    name_en: str
    park_id: int
    park_code: str
    synthetic: bool
    resolution_s: int
    split_rule: str = "cost"


@dataclass(frozen=True)
class CommitmentWindow:
    """A fact about one asset in [starts_at, ends_at): intervened, reserved, event_day, outage, opt_out (what is left of it)."""

    asset_id: int
    kind: str
    starts_at: datetime
    ends_at: datetime
    available_at: datetime
    reference: str
    reserve: Reserve | None = None  # what of it is reserved; None = all of it


def _portfolio_facts(row: Portfolio) -> PortfolioFacts:
    park = row.park
    names = (row.code, row.name_zh, row.name_en)
    return PortfolioFacts(row.pk, row.public_id, *names, park.pk, park.code, park.synthetic, park.resolution_s, row.split_rule)


def portfolio(*, portfolio_id: int) -> PortfolioFacts:
    """Raises NotFound."""
    row = Portfolio.objects.select_related("park").filter(pk=portfolio_id).first()
    if row is None:
        raise NotFound(what="portfolio")
    return _portfolio_facts(row)


def portfolios(*, park_id: int | None = None) -> list[PortfolioFacts]:
    """All portfolios, or those of one park, by park and code."""
    rows = Portfolio.objects.select_related("park").order_by("park__code", "code")
    return [_portfolio_facts(row) for row in (rows if park_id is None else rows.filter(park_id=park_id))]


def _members(rows: QuerySet[Asset]) -> list[Member]:
    ordered = rows.select_related("site__enterprise").order_by("code", "site__code", "site__enterprise__code")
    return [
        Member(
            asset_id=asset.pk,
            public_id=asset.public_id,
            code=asset.code,
            kind=asset.kind,
            spec=parse_spec(asset.kind, asset.spec),
            site_id=asset.site_id,
            site_code=asset.site.code,
            enterprise_id=asset.site.enterprise_id,
            enterprise_code=asset.site.enterprise.code,
        )
        for asset in ordered
    ]


def members_on(*, portfolio_id: int, day: date) -> list[Member]:
    """Assets of the portfolio on `day`, by code."""
    open_end = Q(valid_to=None) | Q(valid_to__gt=day)
    valid = PortfolioMember.objects.filter(open_end, portfolio_id=portfolio_id, valid_from__lte=day)
    return _members(Asset.objects.filter(pk__in=valid.values("asset")))


def assets_by_id(*, asset_ids: Collection[int]) -> dict[int, Member]:
    """The same facts for given assets, whatever portfolio they are in."""
    return {member.asset_id: member for member in _members(Asset.objects.filter(pk__in=asset_ids))}


def sites_on(*, portfolio_id: int, day: date) -> list[SiteFacts]:
    """Sites on which the portfolio has an asset on `day`, by enterprise and site code."""
    open_end = Q(valid_to=None) | Q(valid_to__gt=day)
    valid = PortfolioMember.objects.filter(open_end, portfolio_id=portfolio_id, valid_from__lte=day)
    assets = Asset.objects.filter(pk__in=valid.values("asset")).select_related("site__enterprise")
    sites = {asset.site_id: asset.site for asset in assets}
    facts = [
        SiteFacts(
            site_id=site.pk,
            code=site.code,
            public_id=site.public_id,
            enterprise_id=site.enterprise_id,
            enterprise_code=site.enterprise.code,
            import_limit_kw=site.import_limit_kw,
            export_limit_kw=site.export_limit_kw,
            tariff_class=site.tariff_class,
            export_share_ratio=site.export_share_ratio,
            least_call_ratio=site.least_call_ratio,
        )
        for site in sites.values()
    ]
    return sorted(facts, key=lambda site: (site.enterprise_code, site.code))


def feeders_of(*, site_ids: Collection[int], asset_ids: Collection[int]) -> list[FeederFacts]:
    """Feeders of the sites, outer ones first, with those of the assets that hang on them."""
    behind: dict[int, set[int]] = {}
    for asset_id, feeder_id in Asset.objects.filter(pk__in=asset_ids).exclude(feeder=None).values_list("pk", "feeder_id"):
        behind.setdefault(feeder_id, set()).add(asset_id)
    rows = Feeder.objects.filter(site_id__in=site_ids).order_by("site__code", "parent__code", "code")
    facts = [
        FeederFacts(
            row.pk, row.code, row.site_id, row.parent_id, row.import_limit_kw, row.export_limit_kw, frozenset(behind.get(row.pk, ()))
        )
        for row in rows
    ]
    return sorted(facts, key=lambda feeder: feeder.parent_id is not None)


def certificates_of(*, portfolio_id: int, asset_ids: Collection[int]) -> list[Certificate]:
    """Capability certificates of the portfolio and of these assets, the oldest first, whether they are still valid or not."""
    rows = CapabilityCertificate.objects.filter(Q(portfolio_id=portfolio_id) | Q(asset_id__in=asset_ids))
    return [
        Certificate(row.asset_id, row.direction, row.kw, row.issued_on, row.valid_until, row.document, row.source)
        for row in rows.order_by("issued_on", "document", "asset__code", "direction")
    ]


def commitments(
    *, asset_ids: Collection[int], starts_at: datetime, ends_at: datetime, known_at: datetime, kinds: Iterable[str] | None = None
) -> list[CommitmentWindow]:
    """Windows that overlap [starts_at, ends_at) and were known at `known_at`; all kinds unless named.

    An opt-out that was given up by then ends where it was given up.
    """
    known = Commitment.objects.filter(asset_id__in=asset_ids, available_at__lte=known_at)
    rows = known.filter(starts_at__lt=ends_at, ends_at__gt=starts_at).exclude(kind="opt_in")
    if kinds is not None:
        rows = rows.filter(kind__in=list(kinds))
    ordered = list(rows.order_by("starts_at", "asset__code", "kind", "ends_at", "reference"))
    ended = _given_up(known) if any(row.kind == "opt_out" for row in ordered) else {}
    windows = [
        CommitmentWindow(row.asset_id, row.kind, row.starts_at, _end(row, ended), row.available_at, row.reference, _reserve(row))
        for row in ordered
    ]
    return [window for window in windows if window.ends_at > max(window.starts_at, starts_at)]


def _reserve(row: Commitment) -> Reserve | None:
    if row.up_kw is None or row.down_kw is None or row.lasting_hours is None:
        return None
    return Reserve(row.up_kw, row.down_kw, row.lasting_hours)


def _given_up(known: QuerySet[Commitment]) -> dict[tuple[int, str], datetime]:
    rows = known.filter(kind="opt_in").values_list("asset_id", "reference", "starts_at")
    return {(asset_id, reference): at for asset_id, reference, at in rows}


def _end(row: Commitment, ended: dict[tuple[int, str], datetime]) -> datetime:
    return min(row.ends_at, ended.get((row.asset_id, row.reference), row.ends_at)) if row.kind == "opt_out" else row.ends_at


def opt_outs(*, asset_ids: Collection[int], now: datetime) -> list[CommitmentWindow]:
    """Opt-outs that run at `now` or are still to come, by start."""
    return commitments(asset_ids=asset_ids, starts_at=now, ends_at=FAR, known_at=now, kinds=("opt_out",))
