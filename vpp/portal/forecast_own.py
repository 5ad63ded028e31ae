"""Forecasts of own assets: which issues hold them, one asset or several added up, and how good they were."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from aggregator.assets.models import Asset, PortfolioMember
from aggregator.enterprises.models import Enterprise, Site
from aggregator.forecasts.domain import Score
from aggregator.forecasts.models import QuantileForecast
from aggregator.forecasts.queries import RunFacts, asset_scores
from vpp.staff.access import ChosenDay
from vpp.staff.forecast_known import KnownThen, forecast_day, known_then, runs_on
from vpp.staff.forecast_picture import ForecastPicture, asset_picture, group_picture


@dataclass(frozen=True)
class Subject:
    """What the page is about: one own asset, the assets of one own site, or all."""

    assets: list[Asset]
    asset: Asset | None = None
    site: Site | None = None


@dataclass(frozen=True)
class OwnForecast:
    picture: ForecastPicture
    known: KnownThen
    scores: list[tuple[Asset, Score | None]]


def own_assets(enterprise: Enterprise) -> list[Asset]:
    return list(Asset.objects.filter(site__enterprise=enterprise).select_related("site").order_by("site__code", "code"))


def subject_of(assets: Sequence[Asset], wanted: str) -> Subject | None:
    """`wanted`: the public id of an own asset or site, or "" for all; None where it is neither."""
    if not wanted:
        return Subject(list(assets))
    asset = next((one for one in assets if str(one.public_id) == wanted), None)
    if asset is not None:
        return Subject([asset], asset=asset)
    on_site = [one for one in assets if str(one.site.public_id) == wanted]
    return Subject(on_site, site=on_site[0].site) if on_site else None


def own_days(*, assets: Sequence[Asset], wanted: date | None, now: datetime) -> tuple[ChosenDay, list[RunFacts]]:
    """The day, and the issues that cover it and hold one of these assets."""
    mine = sorted(set(PortfolioMember.objects.filter(asset__in=assets).values_list("portfolio_id", flat=True)))
    days = forecast_day(wanted=wanted, portfolio_ids=mine, now=now)
    runs = runs_on(portfolio_ids=mine, day=days.day, now=now)
    held = QuantileForecast.objects.filter(run_id__in=[run.id for run in runs], asset__in=assets).values_list("run_id", flat=True)
    holding = set(held)
    return days, [run for run in runs if run.id in holding]


def own_forecast(*, subject: Subject, run: RunFacts, day: date, park_id: int, now: datetime) -> OwnForecast | None:
    """None where the issue holds none of these assets."""
    wanted = {asset.pk: asset for asset in subject.assets}
    held = QuantileForecast.objects.filter(run_id=run.id, asset_id__in=wanted).values_list("asset_id", flat=True)
    ids = sorted(pk for pk in held if pk is not None)
    if not ids:
        return None
    if subject.asset is not None:
        picture = asset_picture(run=run, day=day, asset_id=subject.asset.pk, now=now)
    else:
        picture = group_picture(run=run, day=day, asset_ids=ids, now=now)
    scores = asset_scores(portfolio_id=run.portfolio_id, asset_ids=ids, known_at=now)
    return OwnForecast(
        picture=picture,
        known=known_then(run=run, park_id=park_id, day=day, asset_ids=ids, codes=_own_codes(run, ids)),
        scores=[(wanted[pk], scores.get(pk)) for pk in sorted(ids, key=lambda pk: wanted[pk].code)],
    )


def _own_codes(run: RunFacts, ids: Sequence[int]) -> list[str]:
    """Codes of these assets by which a note of the run can mean nobody else's asset."""
    rows = QuantileForecast.objects.filter(run_id=run.id, asset_id__isnull=False).values_list("asset_id", "asset__code")
    codes = dict(rows)
    used = Counter(codes.values())
    return [codes[pk] for pk in ids if used[codes[pk]] == 1]
