"""Gather one portfolio's day as it was known at `as_of`: rows to the frozen inputs of the domain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from aggregator.assets.queries import PortfolioFacts, SiteFacts, assets_by_id, portfolio, sites_on
from aggregator.enterprises.domain import ContractTerms
from aggregator.enterprises.queries import contracts_on, park
from aggregator.kernel.errors import Anticipated
from aggregator.kernel.fingerprint import fingerprint
from aggregator.kernel.periods import Grid, delivery_day, midnight
from market.bids.queries import AwardFacts, awards_on, nominations
from market.green.queries import latest_run, neighbour_matches
from market.prices.queries import PriceDay, curve
from market.rules.domain import Pack, figure
from market.rules.queries import pack_on
from market.settlement.domain import (
    DayInputs,
    GreenDelivery,
    PaymentRule,
    SiteDay,
    contract_curve_wh,
    needs_history,
)
from market.settlement.domain.contract_curve import SEARCH_DAYS
from market.settlement.domain.demand_response import TIERS
from market.settlement.queries._events import gather_events
from market.settlement.queries._metered import metered_days

MARKETS = ("day_ahead", "real_time")


class PricesMissing(Anticipated):
    code = "settlement.prices_missing"
    text = "The %(market)s prices of %(day)s are missing in %(periods)s periods: the day cannot be settled."
    status = 409


class ReadingsMissing(Anticipated):
    code = "settlement.readings_missing"
    text = "No site of the portfolio has a meter reading of %(day)s: the day cannot be settled."
    status = 409


class SiteWithoutContract(Anticipated):
    code = "settlement.site_without_contract"
    text = "Site %(site)s has no agency contract on %(day)s: its money would belong to nobody."
    status = 409


class NominationMissing(Anticipated):
    code = "settlement.nomination_missing"
    text = "Site %(site)s has no nomination of the award %(award)s: its position is not known."
    status = 409


class ResolutionsDiffer(Anticipated):
    code = "settlement.resolutions_differ"
    text = "The %(what)s of %(day)s does not fit settlement periods of %(resolution_s)s s."
    status = 409


@dataclass(frozen=True)
class Gathered:
    """The inputs and who the keys in them are."""

    portfolio: PortfolioFacts
    day: date
    grid: Grid
    pack: Pack
    inputs: DayInputs
    sites: dict[str, SiteFacts]
    contracts: dict[str, ContractTerms]
    spot_award: AwardFacts | None
    event_notes: tuple[dict[str, Any], ...]
    notes: tuple[str, ...]
    inputs_hash: str


def site_key(site: SiteFacts) -> str:
    """The natural key of a site, unique in its park."""
    return f"{site.enterprise_code}/{site.code}"


def gather(*, portfolio_id: int, day: date, as_of: datetime) -> Gathered:
    """Everything that decides the day's money.

    Raises PricesMissing, ReadingsMissing, SiteWithoutContract, NominationMissing, ResolutionsDiffer,
    ContractCurveHistoryShort, ContractCurveMethodUnknown, FigureUnknown, NoRulePack: nothing is invented.
    """
    facts = portfolio(portfolio_id=portfolio_id)
    pack = pack_on(park_id=facts.park_id, day=day)
    prices, resolution = _prices(facts.park_id, day, as_of)
    tz = ZoneInfo(park(park_id=facts.park_id).time_zone)
    grid = delivery_day(day, resolution=resolution, tz=tz)
    sites = {site_key(site): site for site in sites_on(portfolio_id=portfolio_id, day=day)}
    contracts = {contract.number: contract for contract in contracts_on(park_id=facts.park_id, day=day)}
    contract_of = _contract_of(sites, contracts, day)
    meters = metered_days(site_ids=[site.site_id for site in sites.values()], days=[day], resolution=resolution, tz=tz, known_at=as_of)
    metered = {key: meters[site.site_id][day] for key, site in sites.items()}
    if all(wh is None for values in metered.values() for wh in values):
        raise ReadingsMissing(day=day.isoformat())
    curves = contract_curves(portfolio_id=portfolio_id, day=day, resolution=resolution)
    awards = awards_on(portfolio_id=portfolio_id, day=day, known_at=as_of)
    spot_award = awards.get("spot")
    position, award_wh = _position(sites, curves, spot_award, grid, day)
    events, event_notes = gather_events(
        award=awards.get("demand_response"), sites=sites, metered_wh=metered, day=day, grid=grid, pack=pack, as_of=as_of
    )
    green, premium, green_version = _green(facts.park_id, portfolio_id, day, grid, pack, contracts)
    inputs = DayInputs(
        slots_per_hour=max(1, int(timedelta(hours=1) / resolution)),
        day_ahead_prices=prices["day_ahead"],
        real_time_prices=prices["real_time"],
        award_wh=award_wh,
        sites=tuple(
            SiteDay(key, contract_of[key], metered[key], curves[site.site_id], position[key]) for key, site in sorted(sites.items())
        ),
        events=events,
        rule=payment_rule(pack) if events else None,
        green=green,
        premium_cny_per_mwh=premium,
    )
    ratios = {number: terms.operator_ratio for number, terms in contracts.items() if number in set(contract_of.values()) | _parties(green)}
    return Gathered(
        portfolio=facts,
        day=day,
        grid=grid,
        pack=pack,
        inputs=inputs,
        sites=sites,
        contracts=contracts,
        spot_award=spot_award,
        event_notes=event_notes,
        notes=_notes(spot_award, prices["day_ahead"], green_version),
        inputs_hash=fingerprint([pack.label, _plain(inputs), {k: {p: str(r) for p, r in v.items()} for k, v in ratios.items()}]),
    )


def _plain(inputs: DayInputs) -> Any:
    """Integer keys and tuples as JSON has them, so that the fingerprint is defined."""
    events = [
        [
            event.key,
            event.direction,
            sorted(event.ordered_wh.items()),
            sorted(event.price_cny_per_mwh.items()),
            sorted((site, sorted(values.items())) for site, values in event.baseline_wh.items()),
            sorted((site, sorted(values.items())) for site, values in event.planned_wh.items()),
        ]
        for event in inputs.events
    ]
    rest = [
        inputs.slots_per_hour,
        inputs.day_ahead_prices,
        inputs.real_time_prices,
        inputs.award_wh,
        inputs.sites,
        inputs.rule,
        inputs.green,
    ]
    return [*rest, inputs.premium_cny_per_mwh, events]


def _parties(green: Sequence[GreenDelivery]) -> set[str]:
    return {delivery.producer for delivery in green} | {delivery.consumer for delivery in green}


def _prices(park_id: int, day: date, as_of: datetime) -> tuple[dict[str, tuple[Decimal, ...]], timedelta]:
    """Both markets on the day-ahead market's periods; a coarser real-time price holds in each of them."""
    found: dict[str, PriceDay] = {}
    for market in MARKETS:
        price_day = curve(park_id=park_id, market=market, day=day, known_at=as_of)
        gaps = "all" if price_day is None else sum(price is None for price in price_day.decimals)
        if price_day is None or gaps:
            raise PricesMissing(market=market, day=day.isoformat(), periods=gaps)
        found[market] = price_day
    resolution = found["day_ahead"].resolution
    times = found["real_time"].resolution / resolution
    if times != int(times):
        raise ResolutionsDiffer(what="real-time price", day=day.isoformat(), resolution_s=int(resolution.total_seconds()))
    real_time = tuple(price for price in found["real_time"].decimals for _ in range(int(times)) if price is not None)
    return {"day_ahead": tuple(p for p in found["day_ahead"].decimals if p is not None), "real_time": real_time}, resolution


def _contract_of(sites: Mapping[str, SiteFacts], contracts: Mapping[str, ContractTerms], day: date) -> dict[str, str]:
    number_of = {site_id: contract.number for contract in contracts.values() for site_id in contract.site_ids}
    for key, site in sorted(sites.items()):
        if site.site_id not in number_of:
            raise SiteWithoutContract(site=key, day=day.isoformat())
    return {key: number_of[site.site_id] for key, site in sites.items()}


def contract_curves(*, portfolio_id: int, day: date, resolution: timedelta) -> dict[int, tuple[int, ...]]:
    """site_id -> contracted injection [Wh] per period, from readings known at the start of the day before.

    Raises ContractCurveHistoryShort, ContractCurveMethodUnknown, SiteWithoutContract.
    """
    park_id = portfolio(portfolio_id=portfolio_id).park_id
    tz = ZoneInfo(park(park_id=park_id).time_zone)
    sites = {site_key(site): site for site in sites_on(portfolio_id=portfolio_id, day=day)}
    contracts = {contract.number: contract for contract in contracts_on(park_id=park_id, day=day)}
    contract_of = _contract_of(sites, contracts, day)
    rule_of = {key: contracts[contract_of[key]].contract_curve for key in sites}
    past = [sites[key].site_id for key in sites if needs_history(rule_of[key])]
    days = [day - timedelta(days=back) for back in range(1, SEARCH_DAYS + 1)]
    known_at = midnight(day - timedelta(days=1), tz=tz)
    history = metered_days(site_ids=past, days=days, resolution=resolution, tz=tz, known_at=known_at)
    grid = delivery_day(day, resolution=resolution, tz=tz)
    hours = Fraction(int(resolution.total_seconds()), 3600)
    curves = {}
    for key, site in sorted(sites.items()):
        curves[site.site_id] = contract_curve_wh(
            site=key, rule=rule_of[key], day=day, n_periods=len(grid), hours=hours, history=history.get(site.site_id, {})
        )
    return curves


def _position(
    sites: Mapping[str, SiteFacts], curves: Mapping[int, tuple[int, ...]], award: AwardFacts | None, grid: Grid, day: date
) -> tuple[dict[str, tuple[int, ...]], tuple[int, ...] | None]:
    """(Q_da per site, award) [Wh]. Nothing cleared day-ahead = no trade: Q_da is the contract curve."""
    if award is None or not award.starts:
        return {key: curves[site.site_id] for key, site in sites.items()}, None
    if award.bid.resolution != grid.resolution or len(award.starts) != len(grid):
        raise ResolutionsDiffer(what="award", day=day.isoformat(), resolution_s=int(grid.resolution.total_seconds()))
    parts = nominations(award_id=award.id)
    position = {}
    for key, site in sorted(sites.items()):
        part = parts.get(site.site_id)
        if part is None or len(part) != len(grid):
            raise NominationMissing(site=key, award=award.reference)
        position[key] = tuple(int(wh) for wh in part)
    return position, tuple(wh_of(kw, grid) for kw in award.injection_kw)


def wh_of(kw: Decimal, grid: Grid) -> int:
    """Energy of one period [Wh], half up away from zero."""
    seconds = int(grid.resolution.total_seconds())
    return int((kw * 1000 * seconds / 3600).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def payment_rule(pack: Pack) -> PaymentRule:
    """The pack's tier with its own figures. Raises FigureUnknown, PaymentRuleRefused."""
    tier = TIERS[figure(pack=pack, path="demand_response.tier")]
    return PaymentRule(
        name=tier.name,
        low_ratio=figure(pack=pack, path="demand_response.tier_low_ratio"),
        high_ratio=figure(pack=pack, path="demand_response.tier_cap_ratio"),
        over_ratio=tier.over_ratio,
        penalty_ratio=figure(pack=pack, path="demand_response.deficiency_threshold_ratio"),
        penalty_factor=figure(pack=pack, path="demand_response.deficiency_penalty_factor"),
        span=tier.span,
        missing_slot=figure(pack=pack, path="demand_response.missing_slot"),
    )


def _green(
    park_id: int, portfolio_id: int, day: date, grid: Grid, pack: Pack, contracts: Mapping[str, ContractTerms]
) -> tuple[tuple[GreenDelivery, ...], Decimal, int | None]:
    """Neighbour matches of this portfolio's generation between contracts, on the settlement's periods."""
    run = latest_run(park_id=park_id, day=day)
    if run is None or pack.green is None:
        return (), Decimal(0), None
    number_of = {contract.enterprise_id: contract.number for contract in contracts.values()}
    matches = neighbour_matches(run_id=run.id)
    assets = assets_by_id(asset_ids=[match.asset_id for match in matches])
    mine = {site.site_id for site in sites_on(portfolio_id=portfolio_id, day=day)}
    deliveries = [
        GreenDelivery(number_of[match.producer_id], number_of[match.consumer_id], index, int(wh))
        for match in matches
        if assets[match.asset_id].site_id in mine and {match.producer_id, match.consumer_id} <= set(number_of)
        for index, wh in enumerate(_on_periods(match.wh, run.resolution, grid, day))
        if wh
    ]
    if not deliveries:
        return (), Decimal(0), run.version
    premium: Decimal = figure(pack=pack, path="green.environmental_premium_cny_per_mwh")
    ordered = sorted(deliveries, key=lambda d: (d.producer, d.consumer, d.index, d.wh))
    return tuple(ordered), premium, run.version


def _on_periods(wh: np.ndarray, resolution: timedelta, grid: Grid, day: date) -> np.ndarray:
    times = grid.resolution / resolution
    if times != int(times) or len(wh) != len(grid) * int(times):
        raise ResolutionsDiffer(what="green matching", day=day.isoformat(), resolution_s=int(grid.resolution.total_seconds()))
    return wh.reshape(len(grid), int(times)).sum(axis=1)


def _notes(award: AwardFacts | None, day_ahead: Sequence[Decimal], green_version: int | None) -> tuple[str, ...]:
    """What a reader of the run should know; codes, translated on screen."""
    notes = []
    if award is None:
        notes.append("no_day_ahead_trade")
    elif any(mine != published for mine, published in zip(award.price_cny_per_mwh, day_ahead, strict=True)):
        notes.append("award_price_differs_from_published")
    if green_version is None:
        notes.append("green_not_matched")
    return tuple(notes)
