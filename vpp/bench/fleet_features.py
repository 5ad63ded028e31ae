"""What the full park has and the simple one has not: rooms, reserves, loads with an after-effect, nested groups."""

from dataclasses import replace

import numpy as np

from aggregator.dispatch.domain.fleet.problem import NO_GROUP, CallLoads, Groups, Profiles, Stores
from vpp.bench.fleet_draws import HOURS, PERIODS, dealt, spread, stores
from vpp.bench.natural_course import NaturalCourse

WITH_AFTER_EFFECT = 0.2  # of the loads
RESERVED = 0.25  # of the storages
OUTSIDE_PEAK_C, HELD_C, WARMEST_C = 34.0, 25.0, 30.0
TRANSFORMER_PART, FEEDER_PART = 0.6, 0.25  # of a site's consumption that nobody moves


def rooms(rng: np.random.Generator, count: int, n_sites: int) -> tuple[Stores, Profiles]:
    """Air-conditioned buildings as stores of cold, above what they hold at 30 °C.

    dT/dt = (outside - T)/(R C) + gains/C - cop power/C. From opening to closing 22 to 26 °C, else 20 to 30 °C; what the night
    cools further is nobody's fault. Half of the heat to be removed at the peak comes from outside, half from people and machines.
    """
    charge_kw = rng.uniform(8, 60, count)
    cop = rng.uniform(2.6, 3.6, count)
    heat_kw = 0.65 * cop * charge_kw
    leak_kw_per_k = 0.5 * heat_kw / (OUTSIDE_PEAK_C - HELD_C)
    constant_h = rng.uniform(8, 30, count)
    keep = np.exp(-HOURS / constant_h)
    kwh_per_k = leak_kw_per_k * constant_h

    hour = (np.arange(PERIODS) + 0.5) * HOURS
    opened = (hour >= rng.uniform(6.5, 9, (count, 1))) & (hour < rng.uniform(17, 21, (count, 1)))
    outside_c = OUTSIDE_PEAK_C - 6 + 6 * np.cos((hour - 15) / 24 * 2 * np.pi) - rng.uniform(0, 2, (count, 1))
    gains_kw = 0.5 * heat_kw[:, None] * np.where(opened, 1.0, 0.2)
    drift = -((1 - keep) * constant_h)[:, None] * (leak_kw_per_k[:, None] * (outside_c - WARMEST_C) + gains_kw)
    lowest = kwh_per_k[:, None] * np.where(opened, WARMEST_C - 26, 0.0)
    highest = kwh_per_k[:, None] * np.where(opened, WARMEST_C - 22, WARMEST_C - 20)
    initial = kwh_per_k * (WARMEST_C - HELD_C)
    passive = initial.copy()
    for t in range(PERIODS):
        passive = keep * passive + drift[:, t]
        highest[:, t] = np.maximum(highest[:, t], passive)

    power = np.repeat(charge_kw[:, None], PERIODS, axis=1)
    columns = stores(
        spread(count, n_sites),
        charge_kw=charge_kw,
        discharge_kw=np.zeros(count),
        min_kwh=np.zeros(count),
        max_kwh=highest.max(axis=1),
        initial_kwh=initial,
        end_kwh=0.8 * initial,
        eta_in=cop,
        eta_out=np.ones(count),
        wear_cny_per_kwh=np.zeros(count),
        keep_ratio=keep,
        profile=np.arange(count, dtype=np.int64),
    )
    return columns, Profiles(power, np.zeros((count, PERIODS)), lowest, highest, drift)


def reserved(rng: np.random.Generator, batteries: Stores) -> Stores:
    """Some hold power back for a reserve that no other product sells, with an hour of its energy; half are paid for what they keep."""
    n = len(batteries)
    part = np.where(dealt(rng, n, (1 - RESERVED, RESERVED)), rng.uniform(0.1, 0.3, n), 0.0)
    width = batteries.max_kwh - batteries.min_kwh
    up_kwh = np.minimum(part * batteries.discharge_kw, 0.2 * width)
    down_kwh = np.minimum(part * batteries.charge_kw, 0.2 * width)
    lowest, highest = batteries.min_kwh + up_kwh, batteries.max_kwh - down_kwh
    initial = np.clip(batteries.initial_kwh, lowest, highest)
    paid = rng.random(n) < 0.5
    return replace(
        batteries,
        charge_kw=batteries.charge_kw * (1 - part),
        discharge_kw=batteries.discharge_kw * (1 - part),
        min_kwh=lowest,
        max_kwh=highest,
        initial_kwh=initial,
        end_kwh=np.where(paid, lowest, np.clip(batteries.end_kwh, lowest, initial)),
        end_value_cny_per_kwh=np.where(paid, rng.uniform(0.2, 0.5, n), 0.0),
    )


def with_own_windows(rng: np.random.Generator, calls: CallLoads) -> CallLoads:
    """Every load its own window and longest call; one in five starts slowly, makes up for it and rests."""
    n = len(calls)
    first = rng.integers(0, 57, n)
    after = rng.permutation(n) < np.ceil(WITH_AFTER_EFFECT * n)
    return replace(
        calls,
        first=first,
        end=np.minimum(first + rng.integers(16, 57, n), PERIODS),
        max_on=np.minimum(rng.integers(3, 13, n), calls.max_periods),
        rest=np.where(after, rng.integers(4, 13, n), 0),
        ramp=np.where(after, rng.integers(1, 4, n), 0),
        rebound=np.where(after, rng.integers(1, 5, n), 0),
        rebound_ratio=np.where(after, rng.uniform(0.15, 0.6, n), 0.0),
    )


def members(rng: np.random.Generator, site: np.ndarray) -> np.ndarray:
    """(N,) group of every asset: four in ten behind the feeder, four behind the transformer only, two at the connection."""
    place = rng.random(len(site))
    return np.where(place < 0.4, 2 * site + 1, np.where(place < 0.8, 2 * site, NO_GROUP))


def nested_groups(rng: np.random.Generator, *, natural: NaturalCourse, calls: CallLoads, load_kw: np.ndarray) -> Groups:
    """A feeder inside a transformer at every site; at one site in three there is little room above the natural course.

    `load_kw` (E, n): consumption of the sites without their interruptible loads, which are counted where they stand.
    """
    n_sites = len(load_kw)
    parent = np.where(np.arange(2 * n_sites) % 2, np.arange(2 * n_sites) - 1, NO_GROUP)
    fixed = -np.repeat(load_kw, 2, axis=0) * np.tile([TRANSFORMER_PART, FEEDER_PART], n_sites)[:, None]
    shed_kw = np.bincount(calls.group[calls.group >= 0], calls.shed_kw[calls.group >= 0], minlength=2 * n_sites)
    shed_kw[0::2] += shed_kw[1::2]
    fixed -= shed_kw[:, None]
    groups = Groups(np.repeat(np.arange(n_sites), 2), parent, np.zeros(2 * n_sites), np.zeros(2 * n_sites), fixed)
    largest_kw = (natural.by_group(groups) - fixed).max(axis=1)
    tight = np.repeat(dealt(rng, n_sites, (2 / 3, 1 / 3)) == 1, 2)
    room = np.where(tight, rng.uniform(1.02, 1.08, 2 * n_sites), rng.uniform(1.2, 1.6, 2 * n_sites))
    return replace(groups, import_limit_kw=room * largest_kw, export_limit_kw=0.3 * largest_kw)
