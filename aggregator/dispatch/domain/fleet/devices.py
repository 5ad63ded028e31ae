"""From devices and sites to the fleet's columns, and back from moves to devices.

One kind of device, one shape: a store is a row of `stores`, a two-way car one row for each of its stays, an interruptible load
a row of `calls`, what can only be curtailed becomes generation of its site, all else is fixed injection. Generation behind a
group that can reach a limit is curtailed there: as a store of that group which takes it in and gives nothing back.
"""

from dataclasses import dataclass, fields, replace
from typing import TypeVar

import numpy as np

from aggregator.assets.domain import Device, Stay, Store, within_reach
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
    no_market,
    no_profiles,
)
from aggregator.dispatch.domain.fleet.result import FleetPlan, Moves
from aggregator.dispatch.domain.problem import ScheduleProblem

Table = TypeVar("Table", Stores, CallLoads)

DUST_KW = 1e-7


@dataclass(frozen=True)
class Layout:
    """The columns of a problem and whose they are: keys by row of `stores`, `calls` and `groups`, by site what can be curtailed."""

    fleet: FleetProblem
    store_keys: list[str]
    call_keys: list[str]
    group_keys: list[str]
    curtailable: list[list[str]]


@dataclass(frozen=True)
class DeviceMoves:
    """Per asset key, arrays (n_periods,): up_kw and down_kw >= 0 from what is fixed; on: interruptions in force."""

    up_kw: dict[str, np.ndarray]
    down_kw: dict[str, np.ndarray]
    on: dict[str, np.ndarray]


def columns_of(problem: ScheduleProblem) -> FleetProblem:
    """The fleet's columns alone, see `layout_of`."""
    return layout_of(problem).fleet


def layout_of(problem: ScheduleProblem) -> Layout:
    """Columns in the order of sites and asset keys, whatever the order of the mappings. A firm block counts when it is fixed."""
    return _Columns(problem).layout()


class _Columns:
    def __init__(self, problem: ScheduleProblem) -> None:
        self.problem, self.n = problem, len(problem.grid)
        self.site = {key: k for k, key in enumerate(problem.site_keys)}
        groups = problem.groups
        self.group_keys = sorted(groups, key=lambda g: (groups[g].parent is not None, str(g)))
        self.group = {key: k for k, key in enumerate(self.group_keys)}
        self.keys = sorted(problem.devices, key=lambda key: (self.site[problem.devices[key][0]], str(key)))
        shape = (len(self.site), self.n)
        self.fixed, self.generation = np.zeros(shape), np.zeros(shape)
        self.group_fixed = np.zeros((len(groups), self.n))
        self.curtailable: list[list[str]] = [[] for _ in self.site]
        self.stores: list[tuple] = []
        self.calls: list[tuple] = []
        self.courses: list[tuple[np.ndarray, ...]] = []
        self.sheds: list[np.ndarray] = []
        self.store_keys: list[str] = []
        self.call_keys: list[str] = []
        self.tight = _tight_groups(problem)

    def layout(self) -> Layout:
        for key in self.keys:
            self._device(key)
        problem, none = self.problem, np.zeros(0)
        whole = np.zeros(0, dtype=np.int64)
        sites = [problem.sites[key] for key in problem.site_keys]
        value = problem.injection_value_cny_per_kwh

        def column(name: str) -> np.ndarray:
            return np.array([getattr(site, name) for site in sites], dtype=float)

        fleet = FleetProblem(
            hours=problem.grid.hours,
            sites=Sites(
                fixed_injection_kw=self.fixed,
                generation_kw=self.generation,
                buy_cny_per_kwh=np.array([value + site.import_adder_cny_per_kwh for site in sites]).reshape(len(sites), self.n),
                sell_cny_per_kwh=np.tile(value, (len(sites), 1)),
                import_limit_kw=column("import_limit_kw"),
                export_limit_kw=column("export_limit_kw"),
                export_share_ratio=column("export_share_ratio"),
                demand_price_cny_per_kw=column("demand_price_cny_per_kw"),
                peak_so_far_kw=column("peak_so_far_kw"),
            ),
            stores=_table(Stores, self.stores),
            fills=Fills(whole, whole, whole, whole, none, none, none),
            calls=_table(CallLoads, self.calls),
            market=_market(problem),
            groups=self._groups(),
            profiles=Profiles(*(np.array(course) for course in zip(*self.courses, strict=True))) if self.courses else no_profiles(self.n),
            shed_profiles_kw=np.array(self.sheds).reshape(len(self.sheds), self.n),
        )
        return Layout(fleet, self.store_keys, self.call_keys, self.group_keys, self.curtailable)

    def _groups(self) -> Groups:
        rows = [self.problem.groups[key] for key in self.group_keys]
        return Groups(
            site=np.array([self.site[row.site] for row in rows], dtype=np.int64),
            parent=np.array([NO_GROUP if row.parent is None else self.group[row.parent] for row in rows], dtype=np.int64),
            import_limit_kw=np.array([row.import_limit_kw for row in rows], dtype=float),
            export_limit_kw=np.array([row.export_limit_kw for row in rows], dtype=float),
            fixed_injection_kw=self.group_fixed,
        )

    def _device(self, key: str) -> None:
        site_key, device = self.problem.devices[key]
        site = self.site[site_key]
        group = self.group.get(self.problem.group_of.get(key, ""), NO_GROUP)
        fixed = device.fixed_kw
        if device.store is not None:
            self._store(key, site, group, device, device.store)
        elif device.stays:
            for stay in device.stays:
                self._stay(key, site, group, device, stay)
        elif device.calls is not None:
            self._calls(key, site, group, device)
        elif device.down_kw.any() and self._curtailed_in_group(key):
            self._sink(key, site, group, device)
        elif device.down_kw.any():
            # Groups count it as if nothing were curtailed: none of them can reach a limit, or the site's share has to know of it.
            fixed = fixed - device.down_kw
            self.generation[site] += device.down_kw
            self.curtailable[site].append(key)
        self.fixed[site] += fixed
        while group != NO_GROUP:
            self.group_fixed[group] += device.fixed_kw
            parent = self.problem.groups[self.group_keys[group]].parent
            group = NO_GROUP if parent is None else self.group[parent]

    def _store(self, key: str, site: int, group: int, device: Device, store: Store) -> None:
        drift = np.zeros(self.n) if store.drift_kwh is None else store.drift_kwh
        bounds = within_reach(store, up_kw=device.up_kw, down_kw=device.down_kw, hours=self.problem.grid.hours)
        courses = (device.down_kw, device.up_kw, bounds.min_kwh, bounds.max_kwh, drift)
        profile = self._profile(courses)
        value = self.problem.terminal_price_cny_per_kwh * device.terminal_value_ratio
        scalars = [float(course[0]) if self.n else 0.0 for course in courses[:4]]
        last = float(courses[2][-1]) if self.n else store.initial_kwh
        efficiencies, wear = (store.eta_in, store.eta_out), device.up_cost_cny_per_kwh
        self.stores.append(
            (site, group, 0, self.n, *scalars, store.initial_kwh, last, *efficiencies, *(wear, value, store.keep_ratio, profile))
        )
        self.store_keys.append(key)

    def _curtailed_in_group(self, key: str) -> bool:
        """Where an export share is ruled, what is generated has to be known as such, and is curtailed for the site as a whole."""
        tight = any(name in self.tight for name in _around(self.problem, key))
        return tight and bool(np.isinf(self.problem.sites[self.problem.devices[key][0]].export_share_ratio))

    def _sink(self, key: str, site: int, group: int, device: Device) -> None:
        """Takes in what is curtailed: all of it, for nothing."""
        none = np.zeros(self.n)
        most_kwh = self.problem.grid.hours * float(device.down_kw.sum())
        profile = self._profile((device.down_kw, none, none, np.full(self.n, most_kwh), none))
        powers = (float(device.down_kw[0]), 0.0)
        energy = (0.0, most_kwh, 0.0, 0.0)
        self.stores.append((site, group, 0, self.n, *powers, *energy, 1.0, 1.0, 0.0, 0.0, 1.0, profile))
        self.store_keys.append(key)

    def _stay(self, key: str, site: int, group: int, device: Device, stay: Stay) -> None:
        one = np.ones(self.n)
        courses = (device.down_kw, device.up_kw, stay.min_kwh * one, stay.max_kwh * one, np.zeros(self.n))
        inside = slice(stay.first, stay.end)
        steady = all((course[inside] == course[stay.first]).all() for course in courses[:2])
        profile = NO_PROFILE if steady else self._profile(courses)
        power = (float(device.down_kw[stay.first]), float(device.up_kw[stay.first]))
        value = self.problem.terminal_price_cny_per_kwh * device.terminal_value_ratio if stay.end == self.n else 0.0
        energy = (stay.min_kwh, stay.max_kwh, stay.initial_kwh, stay.end_kwh)
        terms = (stay.eta_in, stay.eta_out, device.up_cost_cny_per_kwh, value, 1.0, profile)
        self.stores.append((site, group, stay.first, stay.end, *power, *energy, *terms))
        self.store_keys.append(key)

    def _profile(self, courses: tuple[np.ndarray, ...]) -> int:
        """The row of these courses in the profiles; none where they are constant and nothing drifts."""
        if self.n and all((course == course[0]).all() for course in courses) and not courses[-1][0]:
            return NO_PROFILE
        self.courses.append(courses)
        return len(self.courses) - 1

    def _calls(self, key: str, site: int, group: int, device: Device) -> None:
        calls = device.calls
        assert calls is not None
        running = self.problem.running_calls.get(key, 0)
        profile, shed = NO_PROFILE, float(device.up_kw.max(initial=0.0))
        if (device.up_kw != shed).any():
            self.sheds.append(device.up_kw)
            profile = len(self.sheds) - 1
        lengths = (calls.max_on_periods, calls.rest_periods, calls.ramp_periods, calls.rebound_periods)
        most = (calls.max_calls, calls.max_calls * calls.max_on_periods)
        terms = (calls.rebound_ratio, calls.all_or_nothing, running, profile)
        self.calls.append((site, group, calls.first_period, self.n, shed, device.up_cost_cny_per_kwh, *most, *lengths, *terms))
        self.call_keys.append(key)


def _around(problem: ScheduleProblem, key: str) -> list[str]:
    """The groups that an asset is in, the innermost first."""
    names, name = [], problem.group_of.get(key)
    while name is not None:
        names.append(name)
        name = problem.groups[name].parent
    return names


def _tight_groups(problem: ScheduleProblem) -> set[str]:
    """Groups that could go beyond a limit if all behind them moved the same way at once."""
    n = len(problem.grid)
    high = {name: np.zeros(n) for name in problem.groups}
    low = {name: np.zeros(n) for name in problem.groups}
    for key in problem.group_of:
        device = problem.devices[key][1]
        rebound_kw = 0.0 if device.calls is None else device.calls.rebound_ratio * float(device.up_kw.max(initial=0.0))
        for name in _around(problem, key):
            high[name] += device.fixed_kw + device.up_kw
            low[name] += device.fixed_kw - device.down_kw - rebound_kw
    return {
        name
        for name, group in problem.groups.items()
        if (high[name] > group.export_limit_kw).any() or (-low[name] > group.import_limit_kw).any()
    }


WHOLE = {"site", "group", "first", "end", "profile", "max_calls", "max_periods", "max_on", "rest", "ramp", "rebound", "running"}


def _table(table: type[Table], rows: list[tuple]) -> Table:
    """Columns of a table from its rows, each with the type that the kernels read."""
    names = [column.name for column in fields(table)]
    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    types = {name: np.int64 if name in WHOLE else bool if name == "whole" else float for name in names}
    return table(**{name: np.array(values, dtype=types[name]) for name, values in zip(names, columns, strict=True)})


def _market(problem: ScheduleProblem) -> Market:
    """A promise as prices around the injection that was promised; nothing elsewhere."""
    n, free = len(problem.grid), no_market(len(problem.grid))
    reference, over, under = np.zeros(n), np.zeros(n), np.zeros(n)
    firm, target = problem.firm, problem.target
    if firm is not None and firm.fixed_kw is not None:
        reference[firm.window] = firm.baseline_kw + firm.direction * firm.fixed_kw
        lost = firm.price_cny_per_kwh - firm.direction * problem.injection_value_cny_per_kwh[firm.window]
        short = under if firm.direction > 0 else over
        short[firm.window] = problem.shortfall_price_cny_per_kwh + np.maximum(0.0, lost)
    if target is not None:
        wanted = problem.wanted
        reference[wanted] = target.injection_kw[wanted]
        short, more = (under, over) if target.direction > 0 else (over, under)
        short[wanted] = problem.shortfall_price_cny_per_kwh
        more[wanted] = problem.overshoot_price_cny_per_kwh
    return replace(free, reference_injection_kw=reference, over_price_cny_per_kwh=over, under_price_cny_per_kwh=under)


def device_moves(problem: ScheduleProblem, layout: Layout, plan: FleetPlan) -> DeviceMoves:
    """What every device does; curtailment of a site is shared over its generators by what is available."""
    n = len(problem.grid)
    up = {key: np.zeros(n) for key in problem.devices}
    down = {key: np.zeros(n) for key in problem.devices}
    on = {key: np.zeros(n, dtype=bool) for key in layout.call_keys}
    for key, kw in zip(layout.store_keys, plan.moves.store_kw, strict=True):
        up[key] += _clean(kw, problem.devices[key][1].up_kw)
        down[key] += _clean(-kw, problem.devices[key][1].down_kw)
    for key, kw, active in zip(layout.call_keys, plan.moves.call_kw, plan.moves.call_on, strict=True):
        up[key], down[key] = np.where(kw > DUST_KW, kw, 0.0), np.where(kw < -DUST_KW, -kw, 0.0)
        calls = problem.devices[key][1].calls
        slow = calls is not None and (calls.ramp_periods > 0 or calls.rebound_periods > 0)  # it comes down, and catches up, by the clock
        on[key] = active.astype(bool) if slow else _without_idle_ends(active.astype(bool), up[key], problem.running_calls.get(key, 0) > 0)
    available = layout.fleet.sites.generation_kw
    unused = np.clip(available - plan.flows.generation_kw, 0.0, available)
    share = np.divide(unused, available, out=np.zeros_like(unused), where=unused > DUST_KW)
    for keys, ratio in zip(layout.curtailable, share, strict=True):
        for key in keys:
            down[key] = ratio * problem.devices[key][1].down_kw
    return DeviceMoves(up, down, on)


def plan_moves(layout: Layout, moves: DeviceMoves) -> Moves:
    """The way back: what devices do as moves of the fleet's columns."""
    fleet, n = layout.fleet, layout.fleet.periods
    t = np.arange(n)
    inside = (t >= fleet.stores.first[:, None]) & (t < fleet.stores.end[:, None])
    store_kw = np.array([moves.up_kw[key] - moves.down_kw[key] for key in layout.store_keys]).reshape(-1, n)
    call_kw = np.array([moves.up_kw[key] - moves.down_kw[key] for key in layout.call_keys]).reshape(-1, n)
    call_on = np.array([moves.on[key] for key in layout.call_keys], dtype=bool).reshape(-1, n)
    return Moves(np.where(inside, store_kw, 0.0), np.zeros((len(fleet.fills), n)), call_kw, call_on)


def used_generation_kw(layout: Layout, moves: DeviceMoves) -> np.ndarray:
    """(E, n) what is left of curtailable generation [kW]."""
    used = layout.fleet.sites.generation_kw.copy()
    for e, keys in enumerate(layout.curtailable):
        for key in keys:
            used[e] -= moves.down_kw[key]
    return np.maximum(used, 0.0)


def _clean(kw: np.ndarray, most_kw: np.ndarray) -> np.ndarray:
    return np.where(kw > DUST_KW, np.minimum(kw, most_kw), 0.0)


def _without_idle_ends(on: np.ndarray, shed_kw: np.ndarray, running: bool) -> np.ndarray:
    """A call begins and ends where something is shed; the one that runs already keeps its beginning."""
    keep = np.zeros_like(on)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], on.astype(int), [0]))))
    for first, end in zip(edges[::2], edges[1::2], strict=True):
        shed = np.flatnonzero(shed_kw[first:end] > 0)
        if len(shed):
            keep[first if running and first == 0 else first + shed[0] : first + shed[-1] + 1] = True
    return keep
