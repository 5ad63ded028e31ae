"""Hard days for a park: each takes a park and returns it with one thing changed, still with a plan that keeps every limit."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from aggregator.dispatch.domain.fleet.problem import NO_PROFILE, FleetProblem
from vpp.bench.fleet_park import BenchPark
from vpp.bench.fleet_prices import MARKET_PART, STEPS
from vpp.bench.natural_course import natural_course

Variation = Callable[[BenchPark], BenchPark]
MIDDAY = slice(44, 60)
DARK = slice(16, 80)  # sixteen hours
NEGATIVE_SPOT = -0.08


def _with(park: BenchPark, **parts: Any) -> BenchPark:
    """`parts`: a whole part, or a dict of its columns to replace."""
    problem = park.problem
    changed = {name: replace(getattr(problem, name), **part) if isinstance(part, dict) else part for name, part in parts.items()}
    return replace(park, problem=replace(problem, **changed))


def _natural_injection_kw(problem: FleetProblem) -> np.ndarray:
    """(E, n) in the natural course, what may not be exported curtailed."""
    sites = problem.sites
    natural = natural_course(
        stores=problem.stores, fills=problem.fills, profiles=problem.profiles, hours=problem.hours, periods=problem.periods
    )
    allowed = np.where(sites.export_share_ratio > 0, sites.export_limit_kw, 0.0)
    net = sites.fixed_injection_kw - natural.by_site(len(sites)) + sites.generation_kw
    return np.minimum(net, allowed[:, None])


def negative_midday(park: BenchPark) -> BenchPark:
    """Four hours in which exporting costs, and consuming more than the baseline is paid for."""
    market, sell = park.problem.market, park.problem.sites.sell_cny_per_kwh.copy()
    sell[:, MIDDAY] = NEGATIVE_SPOT - 0.03
    up, down, under = market.up_price_cny_per_kwh.copy(), market.down_price_cny_per_kwh.copy(), market.under_price_cny_per_kwh.copy()
    share = 0.12 * np.arange(1, STEPS + 1)
    up[MIDDAY] = MARKET_PART * NEGATIVE_SPOT * (1 + share)
    down[MIDDAY] = MARKET_PART * NEGATIVE_SPOT * (1 - share)
    under[MIDDAY] = 0.1
    return _with(
        park,
        sites={"sell_cny_per_kwh": sell},
        market={"up_price_cny_per_kwh": up, "down_price_cny_per_kwh": down, "under_price_cny_per_kwh": under},
    )


def no_export(park: BenchPark) -> BenchPark:
    return _with(park, sites={"export_share_ratio": np.zeros(len(park.problem.sites))})


def no_flexibility(park: BenchPark) -> BenchPark:
    """Nothing can move: no power, and so no need either; rooms drift."""
    problem = park.problem
    stores, profiles = problem.stores, problem.profiles
    room = np.flatnonzero(stores.profile != NO_PROFILE)
    row, energy = stores.profile[room], stores.initial_kwh[room]
    lowest, highest = profiles.min_kwh.copy(), profiles.max_kwh.copy()
    end_kwh = np.minimum(stores.end_kwh, stores.initial_kwh)
    for t in range(problem.periods):
        energy = stores.keep_ratio[room] * energy + profiles.drift_kwh[row, t]
        lowest[row, t] = np.minimum(lowest[row, t], energy)
        highest[row, t] = np.maximum(highest[row, t], energy)
    end_kwh[room] = np.minimum(end_kwh[room], energy)
    none = np.zeros_like(profiles.charge_kw)
    return _with(
        park,
        stores={"charge_kw": 0 * stores.charge_kw, "discharge_kw": 0 * stores.discharge_kw, "end_kwh": end_kwh},
        profiles={"charge_kw": none, "discharge_kw": none, "min_kwh": lowest, "max_kwh": highest},
        fills={"charge_kw": 0 * problem.fills.charge_kw, "need_kwh": 0 * problem.fills.need_kwh},
        calls={"shed_kw": 0 * problem.calls.shed_kw},
    )


def tight_connection(park: BenchPark) -> BenchPark:
    limit = np.maximum(0.92 * park.problem.sites.import_limit_kw, -1.01 * _natural_injection_kw(park.problem).min(axis=1))
    return _with(park, sites={"import_limit_kw": limit})


def dark(park: BenchPark) -> BenchPark:
    """Sixteen hours without sun and wind; the baseline falls with them, and the connections are as wide as that takes."""
    problem = park.problem
    generation = problem.sites.generation_kw.copy()
    generation[:, DARK] = 0
    without = _with(park, sites={"generation_kw": generation})
    before, after = _natural_injection_kw(problem), _natural_injection_kw(without.problem)
    limit = np.maximum(problem.sites.import_limit_kw, -1.03 * after.min(axis=1))
    reference = problem.market.reference_injection_kw + (after - before).sum(axis=0)
    return _with(without, sites={"import_limit_kw": limit}, market={"reference_injection_kw": reference})


def penalties_x5(park: BenchPark) -> BenchPark:
    market = park.problem.market
    return _with(
        park,
        market={
            "over_price_cny_per_kwh": 5 * market.over_price_cny_per_kwh,
            "under_price_cny_per_kwh": 5 * market.under_price_cny_per_kwh,
        },
    )


def thin_market(park: BenchPark) -> BenchPark:
    market = park.problem.market
    return _with(park, market={"up_kw": 0.2 * market.up_kw, "down_kw": 0.2 * market.down_kw})


def flat_tariff(park: BenchPark) -> BenchPark:
    return _bought_at(park, np.full_like(park.problem.sites.buy_cny_per_kwh, 0.7))


def volatile_tariff(park: BenchPark) -> BenchPark:
    course = np.random.default_rng(1).uniform(0.6, 1.5, park.problem.periods)
    return _bought_at(park, park.problem.sites.buy_cny_per_kwh * course)


def _bought_at(park: BenchPark, buy: np.ndarray) -> BenchPark:
    sell = np.minimum(park.problem.sites.sell_cny_per_kwh, buy - 0.02)
    return _with(park, sites={"buy_cny_per_kwh": buy, "sell_cny_per_kwh": sell})


VARIATIONS: dict[str, Variation] = {
    variation.__name__: variation
    for variation in (
        negative_midday,
        no_export,
        no_flexibility,
        tight_connection,
        dark,
        penalties_x5,
        thin_market,
        flat_tariff,
        volatile_tariff,
    )
}
