"""Sums of a fleet's stores, fills and calls over clusters, in columns: no loop over assets."""

from dataclasses import fields, replace

import numpy as np

from aggregator.dispatch.domain.fleet.problem import NO_PROFILE, CallLoads, FleetProblem, Stores
from market.bids.domain.risk import VirtualFill, VirtualLoad, VirtualStore


class Sums:
    """Sums of rows by their cluster: of plain values (C,), or (C, n) of what lasts for a window [first, end) or happens once."""

    def __init__(self, label: np.ndarray, count: int, periods: int) -> None:
        self.label, self.count, self.n = label, count, periods

    def total(self, values: np.ndarray) -> np.ndarray:
        return np.bincount(self.label, values, minlength=self.count)

    def mean(self, values: np.ndarray, weight: np.ndarray, default: float) -> np.ndarray:
        """Weighted mean, `default` where nothing has a weight."""
        whole = self.total(weight)
        return np.where(whole > 0, self.total(values * weight) / np.maximum(whole, 1e-12), default)

    def once(self, at: np.ndarray, values: np.ndarray) -> np.ndarray:
        """`values` in period `at`; what is past the last period is left out."""
        slots = self.n + 1
        place = self.label * slots + np.minimum(at, self.n)
        return np.bincount(place, values, minlength=self.count * slots).reshape(self.count, slots)[:, :-1]

    def during(self, first: np.ndarray, end: np.ndarray, values: np.ndarray) -> np.ndarray:
        return np.cumsum(self.once(first, values) - self.once(end, values), axis=1)

    def courses(self, courses: np.ndarray) -> np.ndarray:
        """Of whole courses (N, n)."""
        out = np.zeros((self.count, self.n))
        np.add.at(out, self.label, courses)
        return out


def store_kinds(problem: FleetProblem) -> list[np.ndarray]:
    """(N,) masks: standing, coming and going, with a profile. Only like with like is summed."""
    stores = problem.stores
    with_profile = stores.profile != NO_PROFILE
    standing = ~with_profile & (stores.first == 0) & (stores.end == problem.periods)
    return [standing, ~with_profile & ~standing, with_profile]


def stores_of(
    problem: FleetProblem, label: np.ndarray, count: int, *, reserve_kw: tuple[np.ndarray, np.ndarray] | None = None
) -> list[tuple[VirtualStore, ...]]:
    """Per cluster a store for each kind it has; those that may hold reserve, `reserve_kw` (up, down) (N,), apart from the others."""
    up, down = reserve_kw if reserve_kw is not None else (np.zeros(len(problem.stores)), np.zeros(len(problem.stores)))
    holds = (up > 0) | (down > 0)
    kinds = [kind & part for kind in store_kinds(problem) for part in (~holds, holds)]
    summed = [
        [
            replace(store, reserve_up_kw=float(up_kw), reserve_down_kw=float(down_kw))
            for store, up_kw, down_kw in zip(
                _stores_of_kind(problem, kind, label[problem.stores.site[kind]], count),
                *(np.bincount(label[problem.stores.site[kind]], kw[kind], minlength=count) for kw in (up, down)),
                strict=True,
            )
        ]
        for kind in kinds
        if kind.any()
    ]
    return [tuple(kind[c] for kind in summed if kind[c].max_kwh.any()) for c in range(count)]


def _stores_of_kind(problem: FleetProblem, kind: np.ndarray, label: np.ndarray, count: int) -> list[VirtualStore]:
    """A car brings its energy when it comes and takes the least it may leave with: both are drift of the sum."""
    h, n = problem.hours, problem.periods
    part = Stores(**{column.name: getattr(problem.stores, column.name)[kind] for column in fields(Stores)})
    sums = Sums(label, count, n)
    charge, discharge, low, high, drift, low_at_end = _courses(problem, part, sums)
    drained = part.initial_kwh - h * part.discharge_kw * (part.end - part.first) / part.eta_out
    leaving = np.maximum(np.maximum(part.end_kwh, low_at_end), np.where(part.profile == NO_PROFILE, drained, 0.0))
    low = low + sums.once(part.end - 1, leaving - low_at_end)
    late = part.first > 0
    drift = drift + sums.once(part.first, np.where(late, part.initial_kwh, 0.0)) - sums.once(part.end, leaving)
    initial, end = sums.total(np.where(late, 0.0, part.initial_kwh)), sums.total(np.where(part.end == n, leaving, 0.0))
    eta_in, eta_out = sums.mean(part.eta_in, part.charge_kw, 1.0), sums.mean(part.eta_out, part.discharge_kw, 1.0)
    keep = sums.mean(part.keep_ratio, part.max_kwh, 1.0)
    low, high, end = _reachable(low, high, end, initial, keep, drift, h * eta_in[:, None] * charge, h / eta_out[:, None] * discharge)
    wear = sums.mean(part.wear_cny_per_kwh, part.discharge_kw, 0.0)
    value = sums.mean(part.end_value_cny_per_kwh, part.max_kwh * (part.end == n), 0.0)
    return [
        VirtualStore(
            charge_kw=charge[c],
            discharge_kw=discharge[c],
            min_kwh=low[c],
            max_kwh=high[c],
            drift_kwh=drift[c],
            initial_kwh=float(initial[c]),
            end_kwh=float(end[c]),
            eta_in=float(eta_in[c]),
            eta_out=float(eta_out[c]),
            wear_cny_per_kwh=float(wear[c]),
            end_value_cny_per_kwh=float(value[c]),
            keep_ratio=float(keep[c]),
        )
        for c in range(count)
    ]


def _courses(problem: FleetProblem, part: Stores, sums: Sums) -> tuple[np.ndarray, ...]:
    """(C, n) charge, discharge, least and most energy, drift; (N,) each store's least energy in its last period."""
    if (part.profile == NO_PROFILE).all():
        names = ("charge_kw", "discharge_kw", "min_kwh", "max_kwh")
        charge, discharge, low, high = (sums.during(part.first, part.end, getattr(part, name)) for name in names)
        return charge, discharge, low, high, np.zeros_like(low), part.min_kwh
    t = np.arange(sums.n)
    there = (t >= part.first[:, None]) & (t < part.end[:, None])
    own = problem.profiles
    columns = (own.charge_kw, own.discharge_kw, own.min_kwh, own.max_kwh, own.drift_kwh)
    rows = [np.where(there, column[part.profile], 0.0) for column in columns]
    charge, discharge, low, high, drift = (sums.courses(row) for row in rows)
    return charge, discharge, low, high, drift, rows[2][np.arange(len(part)), part.end - 1]


def _reachable(
    low: np.ndarray,
    high: np.ndarray,
    end: np.ndarray,
    initial: np.ndarray,
    keep: np.ndarray,
    drift: np.ndarray,
    most_in: np.ndarray,
    most_out: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Energy bounds (C, n) and end (C,) that never ask for more than power allows from the start: means are not exact."""
    low, high, full, empty = low.copy(), high.copy(), initial, initial
    for t in range(low.shape[1]):
        full = keep * full + drift[:, t] + most_in[:, t]
        empty = keep * empty + drift[:, t] - most_out[:, t]
        high[:, t] = np.maximum(high[:, t], empty)
        full = np.minimum(full, high[:, t])
        low[:, t] = np.minimum(low[:, t], full)
        empty = np.maximum(empty, low[:, t])
    return low, high, np.minimum(end, full)


def fills_of(problem: FleetProblem, label: np.ndarray, count: int) -> list[tuple[VirtualFill, ...]]:
    """Needs at the grid's side: charged as soon as possible is the upper bound of the sum, as late as possible the lower one."""
    fills, h, n = problem.fills, problem.hours, problem.periods
    sums = Sums(label[fills.site], count, n)
    each = h * fills.charge_kw
    need = np.minimum(fills.need_kwh / fills.eta_in, each * (fills.end - fills.first))
    whole = np.floor(need / np.maximum(each, 1e-12) + 1e-9).astype(np.int64)
    rest = np.maximum(need - whole * each, 0.0)
    soonest = sums.during(fills.first, fills.first + whole, each) + sums.once(fills.first + whole, rest)
    latest = sums.during(fills.end - whole, fills.end, each) + sums.once(np.maximum(fills.end - whole - 1, fills.first), rest)
    power = sums.during(fills.first, fills.end, fills.charge_kw)
    most = np.cumsum(soonest, axis=1)
    least = np.minimum(np.cumsum(latest, axis=1), most)
    return [(VirtualFill(power[c], least[c], most[c]),) if power[c].any() else () for c in range(count)]


def loads_of(problem: FleetProblem, label: np.ndarray, count: int, *, classes: int = 1) -> list[tuple[VirtualLoad, ...]]:
    """Loads by what they can shed in a day: all calls and periods used, ramps taken off, rebounds paid back.

    `classes` of cost, the same for all clusters: a sum has one cost, and cheap loads are called long before dear ones.
    """
    edges = np.quantile(problem.calls.cost_cny_per_kwh, np.linspace(0, 1, classes + 1)[1:-1]) if len(problem.calls) else []
    kind = np.searchsorted(edges, problem.calls.cost_cny_per_kwh)
    summed = [_loads_of_class(problem, kind == k, label, count) for k in np.unique(kind)]
    return [tuple(load for of_class in summed for load in of_class[c]) for c in range(count)]


def _loads_of_class(problem: FleetProblem, part: np.ndarray, label: np.ndarray, count: int) -> list[tuple[VirtualLoad, ...]]:
    calls = CallLoads(**{column.name: getattr(problem.calls, column.name)[part] for column in fields(CallLoads)})
    h, sums = problem.hours, Sums(label[calls.site], count, problem.periods)
    longest = np.maximum(np.minimum(np.minimum(calls.max_on, calls.max_periods), calls.end - calls.first), 1)
    short = longest <= calls.ramp
    full_ratio = np.where(short, (longest + 1) / (2 * (calls.ramp + 1)), 1 - calls.ramp / (2 * longest))
    periods = np.minimum(np.minimum(calls.max_periods, calls.max_calls * longest), calls.end - calls.first)
    shed, largest_kw = _sheds(problem, calls, sums, periods)
    energy = h * largest_kw * full_ratio
    most = sums.total(energy)
    cost = sums.mean(calls.cost_cny_per_kwh, energy, 0.0)
    payback = sums.mean(calls.rebound_ratio * calls.rebound / (longest * full_ratio), energy, 0.0)
    return [(VirtualLoad(shed[c], float(most[c]), float(cost[c]), float(payback[c])),) if shed[c].any() else () for c in range(count)]


def _sheds(problem: FleetProblem, calls: CallLoads, sums: Sums, periods: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(C, n) what can be shed, and (N,) each load's power added up over as many of its largest `periods` as it may use."""
    constant = calls.profile == NO_PROFILE
    if constant.all():
        return sums.during(calls.first, calls.end, calls.shed_kw), calls.shed_kw * periods
    t = np.arange(sums.n)
    there = (t >= calls.first[:, None]) & (t < calls.end[:, None])
    own = problem.shed_profiles_kw[np.maximum(calls.profile, 0)]
    caps = np.where(there, np.where(constant[:, None], calls.shed_kw[:, None], own), 0.0)
    ranked = np.cumsum(np.sort(caps, axis=1)[:, ::-1], axis=1)
    largest = np.where(periods > 0, ranked[np.arange(len(calls)), np.maximum(periods, 1) - 1], 0.0)
    return sums.courses(caps), largest
