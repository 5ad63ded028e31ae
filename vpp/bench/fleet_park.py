"""The parks that the optimiser is measured on: seeded, heterogeneous, quarter hours of one day, some 50 assets a site.

simple_park  40 % storage, 25 % one-way cars, 20 % loads, 15 % PV; one tariff, one shed window, export share 0.2.
full_park    33 % storage, 12 % two-way and 15 % one-way cars, 20 % loads, 5 % rooms, 13 % PV and 2 % wind; own tariffs and
             shed windows, rooms with comfort bands, nested groups, demand charges, export shares, reserves held back.

In both the first eight hours are cleared, and the natural course (see there) keeps every limit: a plan exists.
"""

from dataclasses import dataclass, fields, replace
from typing import TypeVar

import numpy as np

from aggregator.dispatch.domain.fleet.problem import (
    CallLoads,
    Fills,
    FleetProblem,
    Groups,
    Profiles,
    Sites,
    Stores,
    no_groups,
    no_profiles,
)
from vpp.bench import fleet_draws as draw
from vpp.bench import fleet_features as feature
from vpp.bench import fleet_prices as price
from vpp.bench.natural_course import NaturalCourse, natural_course

SEED = 7
PER_SITE = 50
LOAD_KW_PER_ASSET = 24.0
Part = TypeVar("Part", Stores, Fills, CallLoads)


@dataclass(frozen=True)
class BenchPark:
    """A problem, and how many assets it stands for: `pv` plants are in `assets`, but in the problem as their sites' generation."""

    problem: FleetProblem
    assets: int
    pv: int


@dataclass(frozen=True)
class _Parts:
    """What stands at the sites, before anything is limited."""

    stores: Stores
    fills: Fills
    calls: CallLoads
    profiles: Profiles
    load_kw: np.ndarray
    generation_kw: np.ndarray
    storage_kw: float  # of the batteries alone

    @property
    def natural(self) -> NaturalCourse:
        return natural_course(stores=self.stores, fills=self.fills, profiles=self.profiles, hours=draw.HOURS, periods=draw.PERIODS)

    @property
    def shed_kw(self) -> np.ndarray:
        """(E, 1) what the sites' interruptible loads consume in their natural course."""
        return np.bincount(self.calls.site, self.calls.shed_kw, minlength=len(self.load_kw))[:, None]


def simple_park(assets: int, *, seed: int = SEED, per_site: int = PER_SITE) -> BenchPark:
    rng = np.random.default_rng(seed)
    n_sites = max(1, assets // per_site)
    storages, cars, loads = round(0.40 * assets), round(0.25 * assets), round(0.20 * assets)
    pv = assets - storages - cars - loads
    batteries = draw.storage(rng, storages, n_sites)
    parts = _Parts(
        stores=batteries,
        fills=draw.one_way_cars(rng, cars, n_sites),
        calls=draw.loads(rng, loads, n_sites),
        profiles=no_profiles(draw.PERIODS),
        load_kw=_load_kw(rng, n_sites, min(assets, per_site)),
        generation_kw=_sun_kw(rng, pv, n_sites),
        storage_kw=batteries.charge_kw.sum(),
    )
    natural_kw = -parts.load_kw - parts.shed_kw - parts.natural.by_site(n_sites)
    baseline = natural_kw + parts.generation_kw
    spot = price.spot(rng)
    buy = price.time_of_use()
    sites = Sites(
        fixed_injection_kw=-parts.load_kw - parts.shed_kw,
        generation_kw=parts.generation_kw,
        buy_cny_per_kwh=np.tile(buy, (n_sites, 1)),
        sell_cny_per_kwh=np.tile(price.feed_in(spot, buy), (n_sites, 1)),
        import_limit_kw=1.12 * np.maximum((-baseline).max(axis=1), 10),
        export_limit_kw=0.45 * parts.generation_kw.max(axis=1) + 5,
        export_share_ratio=np.full(n_sites, 0.2),
        demand_price_cny_per_kw=np.zeros(n_sites),
        peak_so_far_kw=np.zeros(n_sites),
        export_credit_kwh=np.zeros(n_sites),
    )
    return _park(parts, sites, no_groups(draw.PERIODS), rng, spot, baseline.sum(axis=0), assets, pv)


def full_park(assets: int, *, seed: int = SEED, per_site: int = PER_SITE) -> BenchPark:
    rng = np.random.default_rng(seed)
    n_sites = max(1, assets // per_site)
    counts = [int(np.ceil(share * assets)) for share in (0.12, 0.15, 0.20, 0.05, 0.13, 0.02)]
    two_way, one_way, loads, rooms, pv, turbines = counts
    if sum(counts) > assets:
        raise ValueError(f"{assets} assets are too few for one of each kind")
    batteries = feature.reserved(rng, draw.storage(rng, assets - sum(counts), n_sites))
    houses, profiles = feature.rooms(rng, rooms, n_sites)
    parts = _Parts(
        stores=_grouped(rng, _merged(batteries, draw.two_way_cars(rng, two_way, n_sites), houses)),
        fills=_grouped(rng, draw.one_way_cars(rng, one_way, n_sites)),
        calls=_grouped(rng, feature.with_own_windows(rng, draw.loads(rng, loads, n_sites))),
        profiles=profiles,
        load_kw=_load_kw(rng, n_sites, min(assets, per_site)),
        generation_kw=_sun_kw(rng, pv, n_sites) + _wind_kw(rng, turbines, n_sites),
        storage_kw=batteries.charge_kw.sum(),
    )
    natural = parts.natural
    natural_kw = -parts.load_kw - parts.shed_kw - natural.by_site(n_sites)
    export_limit = 0.45 * parts.generation_kw.max(axis=1) + 5
    share = np.array([0.0, 0.2, np.inf])[draw.dealt(rng, n_sites, (0.15, 0.65, 0.20))]
    allowed = np.where(share > 0, export_limit, 0.0)[:, None]
    baseline = np.minimum(natural_kw + parts.generation_kw, allowed)
    largest_import = np.maximum((-baseline).max(axis=1), 10)
    spot = price.spot(rng)
    buy = price.tariffs(rng, n_sites)
    sites = Sites(
        fixed_injection_kw=-parts.load_kw - parts.shed_kw,
        generation_kw=parts.generation_kw,
        buy_cny_per_kwh=buy,
        sell_cny_per_kwh=price.feed_in(spot, buy),
        import_limit_kw=rng.uniform(1.12, 1.4, n_sites) * largest_import,
        export_limit_kw=export_limit,
        export_share_ratio=share,
        demand_price_cny_per_kw=draw.dealt(rng, n_sites, (0.5, 0.5)) * rng.uniform(28, 42, n_sites),
        peak_so_far_kw=rng.uniform(0.85, 1.05, n_sites) * largest_import,
        export_credit_kwh=np.zeros(n_sites),
    )
    groups = feature.nested_groups(rng, natural=natural, calls=parts.calls, load_kw=parts.load_kw)
    return _park(parts, sites, groups, rng, spot, baseline.sum(axis=0), assets, pv + turbines)


def _park(
    parts: _Parts,
    sites: Sites,
    groups: Groups,
    rng: np.random.Generator,
    spot: np.ndarray,
    baseline_kw: np.ndarray,
    assets: int,
    pv: int,
) -> BenchPark:
    market = price.market(
        rng,
        spot_price=spot,
        baseline_kw=baseline_kw,
        movable_kw=parts.stores.discharge_kw.sum() + parts.calls.shed_kw.sum() + 1,
        storage_kw=parts.storage_kw,
    )
    problem = FleetProblem(
        hours=draw.HOURS,
        sites=sites,
        stores=parts.stores,
        fills=parts.fills,
        calls=parts.calls,
        market=market,
        groups=groups,
        profiles=parts.profiles,
    )
    return BenchPark(problem, assets, pv)


def _load_kw(rng: np.random.Generator, n_sites: int, assets_each: int) -> np.ndarray:
    """(E, n) what nobody can interrupt: working days of factories and offices."""
    hour = price.hours_of_day()
    day = np.clip(np.sin((hour - 5.5) / 14 * np.pi), 0, 1) ** 0.8 * ((hour > 5.5) & (hour < 19.5))
    scale = rng.uniform(0.6, 1.5, (n_sites, 1)) * LOAD_KW_PER_ASSET * assets_each
    return scale * (0.45 + 0.55 * day) * rng.uniform(0.93, 1.07, (n_sites, draw.PERIODS))


def _sun_kw(rng: np.random.Generator, plants: int, n_sites: int) -> np.ndarray:
    """(E, n) some sites have far more roof than the others: there the export share binds."""
    site = draw.spread(plants, n_sites)
    richness = rng.choice([0.5, 1.0, 1.5, 3.5], n_sites, p=[0.25, 0.35, 0.2, 0.2])
    peak_kw = rng.uniform(80, 500, plants) * richness[site]
    return draw.generation_kw(rng, peak_kw=peak_kw, course=draw.sun(), site=site, n_sites=n_sites)


def _wind_kw(rng: np.random.Generator, turbines: int, n_sites: int) -> np.ndarray:
    site = draw.spread(turbines, n_sites)
    peak_kw = rng.uniform(100, 600, turbines)
    return draw.generation_kw(rng, peak_kw=peak_kw, course=draw.wind(rng), site=site, n_sites=n_sites)


def _merged(*parts: Stores) -> Stores:
    order = np.argsort(np.concatenate([part.site for part in parts]), kind="stable")
    columns = {field.name: np.concatenate([getattr(part, field.name) for part in parts])[order] for field in fields(Stores)}
    return Stores(**columns)


def _grouped(rng: np.random.Generator, part: Part) -> Part:
    return replace(part, group=feature.members(rng, part.site))
