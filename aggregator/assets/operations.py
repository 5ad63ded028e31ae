"""Register assets, put them into portfolios for dated terms, and write down what is promised of them."""

from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from aggregator.assets.domain import Certificate, Reserve, parse_spec
from aggregator.assets.models import Asset, CapabilityCertificate, Commitment, Portfolio, PortfolioMember
from aggregator.assets.queries import opt_outs
from aggregator.enterprises.domain import Term
from aggregator.kernel.errors import Anticipated, NotFound
from aggregator.support import audit
from aggregator.support.ids import uuid7

LONGEST_OPT_OUT = timedelta(days=31)


class MembershipOverlaps(Anticipated):
    code = "assets.membership_overlaps"
    text = "The asset %(asset)s is already in the portfolio %(portfolio)s from %(valid_from)s to %(valid_to)s."
    status = 409


class MembershipDatesRefused(Anticipated):
    code = "assets.membership_dates_refused"
    text = "The membership of %(asset)s ends on %(valid_to)s, which is not after its start on %(valid_from)s."
    status = 422


class KindIsFixed(Anticipated):
    code = "assets.kind_is_fixed"
    text = "The asset %(asset)s is a %(current)s and cannot become a %(wanted)s; register it under a new code."
    status = 409


class OptOutRefused(Anticipated):
    code = "assets.opt_out_refused"
    text = "An asset can be kept out from now on at the earliest, for %(days)s days at most, and its end lies after its start."
    status = 422


class OptOutOverlaps(Anticipated):
    code = "assets.opt_out_overlaps"
    text = "The asset %(asset)s is kept out already in a part of this time."
    status = 409


class OptOutOver(Anticipated):
    code = "assets.opt_out_over"
    text = "This time is over or was given up already."
    status = 409


def write_commitment(
    *,
    asset_id: int,
    kind: str,
    starts_at: datetime,
    ends_at: datetime,
    available_at: datetime,
    reference: str = "",
    reserve: Reserve | None = None,
) -> None:
    """Write down a fact about an asset for [starts_at, ends_at); the same fact twice is one row.

    `reserve`: of a `reserved` window, what is held back of the asset; without it all of the asset is.
    """
    held = {} if reserve is None else {"up_kw": reserve.up_kw, "down_kw": reserve.down_kw, "lasting_hours": reserve.lasting_hours}
    Commitment.objects.get_or_create(
        asset_id=asset_id,
        kind=kind,
        starts_at=starts_at,
        ends_at=ends_at,
        reference=reference,
        defaults={"available_at": available_at, **held},
    )


def register_asset(
    *, site_id: int, code: str, kind: str, name_zh: str, name_en: str, spec: dict[str, Any], source: str = "", feeder_id: int | None = None
) -> int:
    """Create the asset, or bring its names, spec, source and feeder up to date. Returns its id.

    The stored spec is complete: defaults of today do not change it tomorrow.
    Raises UnknownKind, SpecRefused, KindIsFixed.
    """
    complete = parse_spec(kind, spec).model_dump(mode="json")
    values = {"name_zh": name_zh, "name_en": name_en, "spec": complete, "source": source, "feeder_id": feeder_id}
    asset, created = Asset.objects.get_or_create(site_id=site_id, code=code, defaults={"kind": kind, **values})
    if asset.kind != kind:
        raise KindIsFixed(asset=code, current=asset.kind, wanted=kind)
    if not created:
        Asset.objects.filter(pk=asset.pk).update(**values)
    return asset.pk


def register_portfolio(*, park_id: int, code: str, name_zh: str, name_en: str, split_rule: str = "cost") -> int:
    """Create the portfolio or bring its names and its rule up to date. Returns its id."""
    values = {"name_zh": name_zh, "name_en": name_en, "split_rule": split_rule}
    row, _ = Portfolio.objects.update_or_create(park_id=park_id, code=code, defaults=values)
    return row.pk


def register_certificate(*, portfolio_id: int, certificate: Certificate) -> None:
    """Write down a certificate of the portfolio, or of an asset; the same document again brings its figures up to date."""
    of_asset = certificate.asset_id is not None
    CapabilityCertificate.objects.update_or_create(
        portfolio_id=None if of_asset else portfolio_id,
        asset_id=certificate.asset_id,
        direction=certificate.direction,
        issued_on=certificate.issued_on,
        document=certificate.document,
        defaults={"kw": certificate.kw, "valid_until": certificate.valid_until, "source": certificate.source},
    )


@transaction.atomic
def add_member(*, portfolio_id: int, asset_id: int, valid_from: date, valid_to: date | None) -> None:
    """Put the asset into the portfolio for [valid_from, valid_to); saying it again changes its end only.

    One resource is offered by one portfolio at a time: an overlap with another term raises
    MembershipOverlaps. Raises MembershipDatesRefused.
    """
    asset = Asset.objects.select_for_update().get(pk=asset_id)
    if valid_to is not None and valid_to <= valid_from:
        raise MembershipDatesRefused(asset=asset.code, valid_from=valid_from, valid_to=valid_to)
    wanted = Term(valid_from, valid_to)
    same = None
    for row in PortfolioMember.objects.filter(asset=asset).select_related("portfolio").order_by("valid_from"):
        if row.portfolio_id == portfolio_id and row.valid_from == valid_from:
            same = row
        elif wanted.overlaps(Term(row.valid_from, row.valid_to)):
            raise MembershipOverlaps(asset=asset.code, portfolio=row.portfolio.code, valid_from=row.valid_from, valid_to=row.valid_to)
    if same is None:
        PortfolioMember.objects.create(portfolio_id=portfolio_id, asset=asset, valid_from=valid_from, valid_to=valid_to)
    elif same.valid_to != valid_to:
        same.valid_to = valid_to
        same.save(update_fields=["valid_to"])


@transaction.atomic
def opt_out(*, asset_id: int, starts_at: datetime, ends_at: datetime, user: Any, reason_code: str, reason_text: str, now: datetime) -> str:
    """The owner keeps an asset for themselves in [starts_at, ends_at): forecasts and plans made from now on leave it alone.

    Returns the reference by which the window can be given up. Raises OptOutRefused, OptOutOverlaps, ReasonMissing.
    """
    asset = Asset.objects.select_for_update().get(pk=asset_id)
    if not now.replace(second=0, microsecond=0) <= starts_at < ends_at <= starts_at + LONGEST_OPT_OUT:
        raise OptOutRefused(days=LONGEST_OPT_OUT.days)
    if any(other.starts_at < ends_at and starts_at < other.ends_at for other in opt_outs(asset_ids=[asset_id], now=now)):
        raise OptOutOverlaps(asset=asset.code)
    reference = str(uuid7())
    write_commitment(asset_id=asset_id, kind="opt_out", starts_at=starts_at, ends_at=ends_at, available_at=now, reference=reference)
    _record(asset, "asset.opt_out", user, reason_code, reason_text, now, starts_at, ends_at)
    return reference


@transaction.atomic
def opt_in(*, asset_id: int, reference: str, user: Any, reason_code: str, reason_text: str, now: datetime) -> None:
    """The owner gives up what is left of an opt-out: a new fact, the old one stays.

    Raises NotFound, OptOutOver, ReasonMissing.
    """
    asset = Asset.objects.select_for_update().get(pk=asset_id)
    if not Commitment.objects.filter(asset_id=asset_id, kind="opt_out", reference=reference).exists():
        raise NotFound(what="opt-out")
    window = next((one for one in opt_outs(asset_ids=[asset_id], now=now) if one.reference == reference), None)
    if window is None:
        raise OptOutOver()
    starts_at = max(now, window.starts_at)
    write_commitment(asset_id=asset_id, kind="opt_in", starts_at=starts_at, ends_at=window.ends_at, available_at=now, reference=reference)
    _record(asset, "asset.opt_in", user, reason_code, reason_text, now, starts_at, window.ends_at)


def _record(
    asset: Asset, action: str, user: Any, reason_code: str, reason_text: str, now: datetime, starts_at: datetime, ends_at: datetime
) -> None:
    audit.record(
        at=now,
        actor=user.get_username(),
        action=action,
        subject=f"asset {asset.public_id}",
        reason_code=reason_code,
        reason_text=reason_text,
        data={"asset": asset.code, "starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat()},
    )
