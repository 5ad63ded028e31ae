"""Assets of the benchmark parks, drawn a kind at a time and in columns. Rows are sorted by site.

Every function takes the generator first; powers [kW], energies [kWh], prices [CNY/kWh], quarter hours.
"""

from typing import Any

import numpy as np

from aggregator.dispatch.domain.fleet.problem import NO_GROUP, NO_PROFILE, CallLoads, Fills, Stores

PERIODS = 96
HOURS = 0.25
CHUNK = 20_000  # plants whose courses are held at once


def spread(count: int, n_sites: int) -> np.ndarray:
    """(count,) sites of assets dealt out evenly, sorted."""
    return np.sort(np.arange(count, dtype=np.int64) % n_sites)


def dealt(rng: np.random.Generator, count: int, shares: tuple[float, ...]) -> np.ndarray:
    """(count,) a class each, 0, 1, .., in these shares as exactly as the number allows."""
    return np.searchsorted(np.cumsum(shares)[:-1], (rng.permutation(count) + 0.5) / count)


def whole(value: int, count: int) -> np.ndarray:
    return np.full(count, value, dtype=np.int64)


def stores(site: np.ndarray, **columns: Any) -> Stores:
    """Stores that are there all day, ungrouped, without leakage or terminal value, unless a column says otherwise."""
    n = len(site)
    plain = {
        "group": whole(NO_GROUP, n),
        "first": whole(0, n),
        "end": whole(PERIODS, n),
        "end_value_cny_per_kwh": np.zeros(n),
        "keep_ratio": np.ones(n),
        "profile": whole(NO_PROFILE, n),
    }
    return Stores(site=site, **(plain | columns))


def storage(rng: np.random.Generator, count: int, n_sites: int) -> Stores:
    """Batteries of 1, 2 or 4 hours; what they must hold in the end is within reach without moving."""
    charge_kw = rng.choice([30.0, 50.0, 100.0, 125.0, 250.0], count) * rng.uniform(0.8, 1.2, count)
    energy_kwh = charge_kw * rng.choice([1.0, 2.0, 2.0, 2.0, 4.0], count) * rng.uniform(0.9, 1.1, count)
    initial_kwh = energy_kwh * rng.uniform(0.15, 0.7, count)
    return stores(
        spread(count, n_sites),
        charge_kw=charge_kw,
        discharge_kw=charge_kw * rng.uniform(0.85, 1.0, count),
        min_kwh=0.05 * energy_kwh,
        max_kwh=0.95 * energy_kwh,
        initial_kwh=initial_kwh,
        end_kwh=np.minimum(initial_kwh, energy_kwh * rng.uniform(0.1, 0.5, count)),
        eta_in=rng.uniform(0.92, 0.97, count),
        eta_out=rng.uniform(0.92, 0.97, count),
        wear_cny_per_kwh=rng.uniform(0.02, 0.08, count),
    )


def stays(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(first, end) of cars: six in ten by day at work, the others over night."""
    by_day = rng.random(count) < 0.6
    arrival = np.where(by_day, rng.normal(32, 4, count), rng.normal(70, 5, count)).astype(np.int64)
    length = np.where(by_day, rng.normal(34, 6, count), rng.normal(40, 8, count)).astype(np.int64)
    first = np.clip(arrival, 0, PERIODS - 6)
    return first, np.clip(first + np.maximum(length, 4), first + 4, PERIODS)


def one_way_cars(rng: np.random.Generator, count: int, n_sites: int) -> Fills:
    charge_kw = rng.choice([7.0, 11.0, 22.0, 60.0], count, p=[0.45, 0.25, 0.2, 0.1])
    first, end = stays(rng, count)
    eta_in = rng.uniform(0.88, 0.95, count)
    within_reach = 0.85 * eta_in * charge_kw * (end - first) * HOURS
    need_kwh = np.minimum(rng.uniform(6, 45, count), within_reach)
    return Fills(spread(count, n_sites), whole(NO_GROUP, count), first, end, charge_kw, eta_in, need_kwh)


def two_way_cars(rng: np.random.Generator, count: int, n_sites: int) -> Stores:
    """Cars that may give back what they hold, and leave with what their drivers need."""
    charge_kw = rng.choice([7.0, 11.0, 22.0, 60.0], count, p=[0.3, 0.3, 0.25, 0.15])
    first, end = stays(rng, count)
    battery_kwh = rng.uniform(40, 100, count)
    eta_in = rng.uniform(0.9, 0.96, count)
    initial_kwh = battery_kwh * rng.uniform(0.2, 0.6, count)
    within_reach = initial_kwh + 0.85 * eta_in * charge_kw * (end - first) * HOURS
    return stores(
        spread(count, n_sites),
        first=first,
        end=end,
        charge_kw=charge_kw,
        discharge_kw=charge_kw.copy(),
        min_kwh=0.15 * battery_kwh,
        max_kwh=0.95 * battery_kwh,
        initial_kwh=initial_kwh,
        end_kwh=np.minimum(battery_kwh * rng.uniform(0.5, 0.9, count), within_reach),
        eta_in=eta_in,
        eta_out=rng.uniform(0.9, 0.96, count),
        wear_cny_per_kwh=rng.uniform(0.05, 0.15, count),
    )


def loads(rng: np.random.Generator, count: int, n_sites: int) -> CallLoads:
    """Loads that are interrupted between 8 and 22 h, at once and without an after-effect."""
    max_calls = rng.integers(1, 4, count)
    max_periods = max_calls * rng.integers(3, 7, count)
    nothing = whole(0, count)
    return CallLoads(
        site=spread(count, n_sites),
        group=whole(NO_GROUP, count),
        first=whole(32, count),
        end=whole(88, count),
        shed_kw=rng.uniform(20, 160, count),
        cost_cny_per_kwh=rng.uniform(0.35, 1.6, count),
        max_calls=max_calls,
        max_periods=max_periods,
        max_on=max_periods.copy(),
        rest=nothing,
        ramp=nothing.copy(),
        rebound=nothing.copy(),
        rebound_ratio=np.zeros(count),
        whole=np.ones(count, dtype=bool),
        running=nothing.copy(),
        profile=whole(NO_PROFILE, count),
    )


def sun() -> np.ndarray:
    """(n,) clear sky, 1 at most."""
    hour = (np.arange(PERIODS) + 0.5) * HOURS
    height = np.clip(np.sin((hour - 6) / 12.5 * np.pi), 0, None)
    return np.where((hour > 6) & (hour < 18.5), height**1.3, 0.0)


def wind(rng: np.random.Generator) -> np.ndarray:
    """(n,) a day's wind, 1 at most: slow swings."""
    steps = np.convolve(rng.normal(0, 1, PERIODS + 31), np.hanning(32), mode="valid")
    return np.clip(0.4 + 0.1 * steps, 0.02, 1.0)


def generation_kw(rng: np.random.Generator, *, peak_kw: np.ndarray, course: np.ndarray, site: np.ndarray, n_sites: int) -> np.ndarray:
    """(E, n) sums of plants that follow one course, each with its own quality and clouds; in chunks, for memory."""
    total = np.zeros((n_sites, PERIODS))
    for begin in range(0, len(site), CHUNK):
        part = slice(begin, begin + CHUNK)
        scale = peak_kw[part, None] * rng.uniform(0.75, 0.95, (len(site[part]), 1))
        kw = scale * course * rng.uniform(0.9, 1.0, (len(site[part]), PERIODS))
        present, starts = np.unique(site[part], return_index=True)
        total[present] += np.add.reduceat(kw, starts)
    return total
