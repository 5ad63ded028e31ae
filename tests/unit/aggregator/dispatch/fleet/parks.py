"""Small fleets for tests: hand-made ones from keywords, and seeded ones that have everything a FleetProblem can have.

Every seeded fleet has a plan that keeps all limits: `tiny` draws a course for each asset first and bounds around it.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from aggregator.dispatch.domain.fleet.problem import (
    NO_GROUP,
    NO_PROFILE,
    CallLoads,
    Fills,
    FleetProblem,
    Groups,
    Market,
    Profiles,
    Sites,
    Stores,
    no_groups,
    no_market,
    no_profiles,
)

WHOLE = np.int64


# -- by hand: scalars or sequences, missing ones have a plain default


def _columns(kind: type, count: int, whole: tuple[str, ...], values: dict[str, Any]) -> Any:
    return kind(**{k: np.array(np.broadcast_to(np.asarray(v, dtype=WHOLE if k in whole else float), (count,))) for k, v in values.items()})


def _count(values: dict[str, Any]) -> int:
    return max((len(v) for v in values.values() if np.ndim(v)), default=1)


def make_sites(n: int, **given: Any) -> Sites:
    """Sites without load, 1 CNY/kWh to buy, 0.4 to sell (never dearer than buying), wide limits.

    (E, n) columns broadcast from scalars, (n,) or (E, n).
    """
    wide: dict[str, Any] = {"fixed_injection_kw": 0.0, "generation_kw": 0.0, "buy_cny_per_kwh": 1.0}
    wide["sell_cny_per_kwh"] = np.minimum(0.4, given.get("buy_cny_per_kwh", 1.0))
    single = {
        "import_limit_kw": 1e4,
        "export_limit_kw": 1e4,
        "export_share_ratio": np.inf,
        "demand_price_cny_per_kw": 0.0,
        "peak_so_far_kw": 0.0,
        "export_credit_kwh": 0.0,
    }
    count = max(
        [1, *(len(given[k]) for k in single if np.ndim(given.get(k, 0))), *(len(given[k]) for k in wide if np.ndim(given.get(k, 0)) == 2)]
    )
    columns = {k: np.array(np.broadcast_to(np.asarray(given.get(k, v), dtype=float), (count, n))) for k, v in wide.items()}
    return Sites(**columns, **{k: np.array(np.broadcast_to(np.asarray(given.get(k, v), dtype=float), (count,))) for k, v in single.items()})


def make_stores(n: int, **given: Any) -> Stores:
    """10 kW, 20 kWh, half full, 90 % each way, no wear, nothing asked at the end."""
    values: dict[str, Any] = {
        "site": 0,
        "group": NO_GROUP,
        "first": 0,
        "end": n,
        "charge_kw": 10.0,
        "discharge_kw": 10.0,
        "min_kwh": 0.0,
        "max_kwh": 20.0,
        "initial_kwh": 10.0,
        "end_kwh": 0.0,
        "eta_in": 0.9,
        "eta_out": 0.9,
        "wear_cny_per_kwh": 0.0,
        "end_value_cny_per_kwh": 0.0,
        "keep_ratio": 1.0,
        "profile": NO_PROFILE,
        **given,
    }
    return _columns(Stores, _count(given), ("site", "group", "first", "end", "profile"), values)


def make_fills(n: int, **given: Any) -> Fills:
    values = {"site": 0, "group": NO_GROUP, "first": 0, "end": n, "charge_kw": 7.0, "eta_in": 0.9, "need_kwh": 10.0, **given}
    return _columns(Fills, _count(given), ("site", "group", "first", "end"), values)


def make_calls(n: int, **given: Any) -> CallLoads:
    """20 kW at 0.1 CNY/kWh, once, at most 4 periods, without ramp, rest and rebound."""
    values: dict[str, Any] = {
        "site": 0,
        "group": NO_GROUP,
        "first": 0,
        "end": n,
        "shed_kw": 20.0,
        "cost_cny_per_kwh": 0.1,
        "max_calls": 1,
        "max_periods": 4,
        "max_on": 4,
        "rest": 0,
        "ramp": 0,
        "rebound": 0,
        "rebound_ratio": 0.0,
        "whole": True,
        "running": 0,
        "profile": NO_PROFILE,
        **given,
    }
    whole = ("site", "group", "first", "end", "max_calls", "max_periods", "max_on", "rest", "ramp", "rebound", "running", "profile")
    calls = _columns(CallLoads, _count(given), whole, values)
    return replace(calls, whole=calls.whole.astype(bool))


def make_groups(n: int, **given: Any) -> Groups:
    values = {"site": 0, "parent": NO_GROUP, "import_limit_kw": 1e4, "export_limit_kw": 1e4, **given}
    fixed = values.pop("fixed_injection_kw", 0.0)
    count = max(_count(given), len(fixed) if np.ndim(fixed) == 2 else 1)
    columns = {
        k: np.array(np.broadcast_to(np.asarray(v, dtype=WHOLE if k in ("site", "parent") else float), (count,))) for k, v in values.items()
    }
    return Groups(**columns, fixed_injection_kw=np.array(np.broadcast_to(np.asarray(fixed, dtype=float), (count, n))))


def make_market(n: int, reference_injection_kw: Any, up: Any = (), down: Any = (), over: Any = 0.0, under: Any = 0.0) -> Market:
    """`up`, `down`: sequences of (kW, CNY/kWh), the same in every period."""

    def steps(pairs: Any, column: int) -> np.ndarray:
        return np.tile(np.array([p[column] for p in pairs], dtype=float), (n, 1)) if len(pairs) else np.zeros((n, 0))

    row = [np.array(np.broadcast_to(np.asarray(v, dtype=float), (n,))) for v in (reference_injection_kw, over, under)]
    return Market(row[0], steps(up, 0), steps(up, 1), steps(down, 0), steps(down, 1), row[1], row[2])


def no_stores() -> Stores:
    return make_stores(1, site=())


def no_fills() -> Fills:
    return make_fills(1, site=())


def no_calls() -> CallLoads:
    return make_calls(1, site=())


def make_problem(n: int, hours: float = 0.25, **parts: Any) -> FleetProblem:
    """What is not given is absent; one site without load."""
    return FleetProblem(
        hours=hours,
        sites=parts.get("sites", make_sites(n)),
        stores=parts.get("stores", no_stores()),
        fills=parts.get("fills", no_fills()),
        calls=parts.get("calls", no_calls()),
        market=parts.get("market", no_market(n)),
        groups=parts.get("groups", no_groups(n)),
        profiles=parts.get("profiles", no_profiles(n)),
        shed_profiles_kw=parts.get("shed_profiles_kw", np.zeros((0, n))),
    )


# -- by seed


def tiny(
    seed: int,
    periods: int | None = None,
    *,
    n_sites: int = 3,
    n_stores: int = 5,
    n_fills: int = 3,
    n_calls: int = 3,
    hours: float = 0.25,
    market: bool = True,
    groups: bool = True,
    negative_prices: bool | None = None,
) -> FleetProblem:
    """A fleet with every feature: 8 to 12 periods, few assets; counts are of the whole fleet and may be made large.

    Stores: windows, wear, end value, keep < 1, profiles with drift. Calls: ramp, rest, rebound. Two levels of groups.
    Sites: generation, demand charge, export share finite, zero or none. About every third seed has negative prices.
    """
    rng = np.random.default_rng(seed)
    n = periods or int(rng.integers(8, 13))
    negative = bool(rng.random() < 1 / 3) if negative_prices is None else negative_prices
    tree = _Tree(rng, n_sites, groups)
    stores, profiles, store_course = _stores(rng, n, hours, tree, n_stores)
    fills, fill_course = _fills(rng, n, hours, tree, n_fills)
    calls = _calls(rng, n, tree, n_calls)
    sites, base = _sites(rng, n, n_sites, negative, [(stores, store_course), (fills, fill_course)], calls)
    branches = _groups(rng, n, tree, [(stores, store_course), (fills, fill_course)], calls) if groups else no_groups(n)
    return FleetProblem(hours, sites, stores, fills, calls, _market(rng, n, base) if market else no_market(n), branches, profiles)


def with_all_kinds_of_calls(problem: FleetProblem, seed: int) -> FleetProblem:
    """Loads that are shed in part, that follow a profile with gaps, whose call is in force; room at the limits for what they take back."""
    rng, calls, n = np.random.default_rng([seed, 1]), problem.calls, problem.periods
    count = len(calls)
    whole = rng.random(count) < 0.6
    running = np.where(rng.random(count) < 0.6, rng.integers(1, 1 + calls.max_on), 0)
    profile = np.where(rng.random(count) < 0.6, np.arange(count), NO_PROFILE)
    courses = calls.shed_kw[:, None] * rng.uniform(0.2, 1, (count, n)) * (rng.random((count, n)) < 0.85)
    calls = replace(
        calls,
        whole=whole,
        running=running,
        profile=profile,
        ramp=np.where(whole, calls.ramp, 0),
        rebound=np.where(whole, calls.rebound, 0),
    )
    back = np.where(running > 0, calls.rebound_ratio * calls.shed_kw, 0.0)
    sites, groups = problem.sites, problem.groups
    sites = replace(sites, import_limit_kw=sites.import_limit_kw + np.bincount(calls.site, back, len(sites)))
    groups = replace(groups, import_limit_kw=groups.import_limit_kw + back.sum())
    return replace(problem, calls=calls, sites=sites, groups=groups, shed_profiles_kw=courses)


def problems(**options: Any) -> st.SearchStrategy[FleetProblem]:
    """Hypothesis strategy over the seeded fleets."""
    return st.integers(0, 100_000).map(lambda seed: tiny(seed, **options))


class _Tree:
    """Per site an outer group, an inner one in it and one beside; assets hang anywhere."""

    def __init__(self, rng: np.random.Generator, n_sites: int, groups: bool) -> None:
        self.rng, self.n_sites, self.groups = rng, n_sites, groups
        first = 3 * np.arange(n_sites)
        self.site = np.repeat(np.arange(n_sites), 3)
        self.parent = np.stack([np.full(n_sites, NO_GROUP), first, np.full(n_sites, NO_GROUP)], axis=1).ravel()

    def places(self, count: int) -> dict[str, np.ndarray]:
        site = np.sort(self.rng.integers(0, self.n_sites, count))
        slot = self.rng.integers(-1, 3, count)
        return {"site": site, "group": np.where(slot < 0, NO_GROUP, 3 * site + slot) if self.groups else np.full(count, NO_GROUP)}


def _window(rng: np.random.Generator, n: int, count: int, least: int, often: float) -> dict[str, np.ndarray]:
    """Whole horizon or, with probability `often`, a part of at least `least` periods."""
    part = rng.random(count) < often
    first = np.where(part, rng.integers(0, n - least + 1, count), 0)
    end = np.where(part, np.minimum(n, first + rng.integers(least, n, count)), n)
    return {"first": first, "end": end}


def _stores(rng: np.random.Generator, n: int, h: float, tree: _Tree, count: int) -> tuple[Stores, Profiles, np.ndarray]:
    """Every course is a steady charge or nothing, so that the ends can be reached."""
    window = _window(rng, n, count, 4, 0.4)
    charge, discharge = rng.uniform(5, 40, count), rng.uniform(5, 40, count) * (rng.random(count) < 0.9)
    size = rng.uniform(0.5, 4, count) * charge
    low, high = rng.uniform(0, 0.2, count) * size, rng.uniform(0.85, 1, count) * size
    initial = low + rng.uniform(0.1, 0.9, count) * (high - low)
    keep = np.where(rng.random(count) < 0.3, rng.uniform(0.97, 1, count), 1.0)
    low = np.where(keep < 1, 0.0, low)
    eta_in, eta_out = rng.uniform(0.85, 1, count), rng.uniform(0.85, 1, count)
    shaped = (np.arange(count) % 4 == 3) | ((rng.random(count) < 0.1) & (np.arange(count) > 0))
    rows = np.flatnonzero(shaped)
    profile = np.full(count, NO_PROFILE)
    profile[rows] = np.arange(len(rows))
    profiles = Profiles(*(np.zeros((len(rows), n)) for _ in range(5)))
    course, end_kwh = np.zeros((count, n)), np.zeros(count)
    for i in range(count):
        inside = slice(int(window["first"][i]), int(window["end"][i]))
        steady = rng.uniform(0, 0.5) * charge[i] if rng.random() < 0.4 or shaped[i] else 0.0
        length = inside.stop - inside.start
        if not shaped[i] and steady:
            steady = min(steady, 0.9 * (high[i] - initial[i]) / (h * eta_in[i] * length))
        level, levels = initial[i], np.zeros(n)
        drift = -rng.uniform(0.6, 1.2, n) * steady * h * eta_in[i] if shaped[i] else np.zeros(n)
        for t in range(inside.start, inside.stop):
            level = keep[i] * level + drift[t] + h * eta_in[i] * steady
            levels[t] = level
        course[i, inside] = -steady
        end_kwh[i] = rng.uniform(0.7, 1) * level
        if shaped[i]:
            p = profile[i]
            profiles.charge_kw[p] = rng.uniform(1, 2, n) * steady
            profiles.discharge_kw[p] = discharge[i] * rng.integers(0, 2, n)
            profiles.min_kwh[p] = np.minimum(levels, initial[i]) * rng.uniform(0.3, 0.95, n)
            profiles.max_kwh[p] = levels + rng.uniform(0.05, 0.5, n) * size[i]
            profiles.drift_kwh[p] = drift
    stores = Stores(
        **tree.places(count),
        **window,
        charge_kw=charge,
        discharge_kw=discharge,
        min_kwh=low,
        max_kwh=high,
        initial_kwh=initial,
        end_kwh=end_kwh,
        eta_in=eta_in,
        eta_out=eta_out,
        wear_cny_per_kwh=rng.uniform(0, 0.1, count) * (rng.random(count) < 0.7),
        end_value_cny_per_kwh=rng.uniform(0, 0.6, count) * (rng.random(count) < 0.6),
        keep_ratio=keep,
        profile=profile,
    )
    return stores, profiles, course


def _fills(rng: np.random.Generator, n: int, h: float, tree: _Tree, count: int) -> tuple[Fills, np.ndarray]:
    window = _window(rng, n, count, 2, 0.7)
    charge, eta = rng.uniform(3, 25, count), rng.uniform(0.85, 1, count)
    length = window["end"] - window["first"]
    need = rng.uniform(0.1, 0.9, count) * h * eta * charge * length
    t = np.arange(n)
    inside = (t >= window["first"][:, None]) & (t < window["end"][:, None])
    course = -np.where(inside, (need / (h * eta * length))[:, None], 0.0)
    return Fills(**tree.places(count), **window, charge_kw=charge, eta_in=eta, need_kwh=need), course


def _calls(rng: np.random.Generator, n: int, tree: _Tree, count: int) -> CallLoads:
    max_calls = rng.integers(1, 4, count)
    rebound = rng.integers(0, 3, count) * (rng.random(count) < 0.6)
    max_on = rng.integers(1, 5, count)
    return CallLoads(
        **tree.places(count),
        **_window(rng, n, count, 3, 0.5),
        shed_kw=rng.uniform(5, 40, count),
        cost_cny_per_kwh=rng.uniform(0.05, 0.6, count),
        max_calls=max_calls,
        max_periods=np.minimum(max_calls * max_on, rng.integers(1, 8, count)),
        max_on=max_on,
        rest=rng.integers(0, 4, count),
        ramp=rng.integers(0, 3, count) * (rng.random(count) < 0.6),
        rebound=rebound,
        rebound_ratio=np.where(rebound > 0, rng.uniform(0.1, 0.9, count), 0.0),
        whole=np.ones(count, dtype=bool),
        running=np.zeros(count, dtype=np.int64),
        profile=np.full(count, NO_PROFILE),
    )


def _sites(rng: np.random.Generator, n: int, count: int, negative: bool, moved: list, calls: CallLoads) -> tuple[Sites, np.ndarray]:
    """Limits around the courses, with less room than all assets together would need. Second value: (n,) likely injection."""
    shed = np.bincount(calls.site, weights=calls.shed_kw, minlength=count)
    load = (shed + rng.uniform(10, 60, count))[:, None] * rng.uniform(1.0, 1.6, (count, n))
    net = -load
    for columns, course in moved:
        np.add.at(net, columns.site, course)
    generation = rng.uniform(0, 2.5, count)[:, None] * load.mean(axis=1, keepdims=True) * np.clip(rng.normal(0.5, 0.5, (count, n)), 0, None)
    buy = rng.choice([0.3, 0.6, 0.9, 1.3], n) + rng.uniform(-0.05, 0.05, (count, n))
    sell = np.minimum(rng.uniform(0.2, 0.5, (count, 1)), buy - 0.02)
    if negative:
        low = rng.random(n) < 0.3
        buy, sell = np.where(low, rng.uniform(-0.5, 0.05, n), buy), np.where(low, -0.6, sell)
    share = rng.choice([np.inf, 0.0, 0.2, 0.5], count)
    charged = rng.random(count) < 0.5
    sites = Sites(
        fixed_injection_kw=-load,
        generation_kw=generation,
        buy_cny_per_kwh=buy,
        sell_cny_per_kwh=sell,
        import_limit_kw=(-net).max(axis=1).clip(0) + rng.uniform(2, 40, count),
        export_limit_kw=rng.uniform(0, 60, count),
        export_share_ratio=share,
        demand_price_cny_per_kw=np.where(charged, rng.uniform(0.2, 3, count), 0.0),
        peak_so_far_kw=np.where(charged, rng.uniform(0.3, 1.05, count) * load.max(axis=1), 0.0),
        export_credit_kwh=np.where(np.isfinite(share) & charged, 0.05 * generation.sum(axis=1), 0.0),
    )
    return sites, (net + 0.5 * generation).sum(axis=0)


def _groups(rng: np.random.Generator, n: int, tree: _Tree, moved: list, calls: CallLoads) -> Groups:
    count = len(tree.site)
    shed = np.bincount(calls.group[calls.group != NO_GROUP], weights=calls.shed_kw[calls.group != NO_GROUP], minlength=count)
    fixed = -shed[:, None] * rng.uniform(1.0, 1.3, (count, n))
    child = tree.parent != NO_GROUP
    np.add.at(fixed, tree.parent[child], fixed[child])
    net = fixed.copy()
    for columns, course in moved:
        member = columns.group != NO_GROUP
        np.add.at(net, columns.group[member], course[member])
        outer = np.where(member, tree.parent[columns.group], NO_GROUP)
        np.add.at(net, outer[outer != NO_GROUP], course[outer != NO_GROUP])
    return Groups(
        site=tree.site,
        parent=tree.parent,
        import_limit_kw=(-net).max(axis=1).clip(0) + rng.uniform(1, 25, count),
        export_limit_kw=net.max(axis=1).clip(0) + rng.uniform(0, 25, count),
        fixed_injection_kw=fixed,
    )


def _market(rng: np.random.Generator, n: int, base: np.ndarray) -> Market:
    """Two steps each way around the likely injection; in some periods already cleared, without steps."""
    size = float(np.abs(base).mean()) + 1.0
    open_ = (rng.random(n) < 0.75)[:, None]
    steps = np.where(open_, rng.uniform(0.05, 0.25, (n, 2)) * size, 0.0)
    return Market(
        reference_injection_kw=base + rng.uniform(-0.1, 0.1, n) * size,
        up_kw=steps,
        up_price_cny_per_kwh=np.stack([rng.uniform(0.2, 0.3, n), rng.uniform(0.05, 0.2, n)], axis=1),
        down_kw=steps[:, ::-1],
        down_price_cny_per_kwh=np.stack([rng.uniform(0.3, 0.4, n), rng.uniform(0.4, 0.6, n)], axis=1),
        over_price_cny_per_kwh=rng.uniform(0.0, 0.4, n),
        under_price_cny_per_kwh=rng.uniform(0.6, 1.5, n),
    )
