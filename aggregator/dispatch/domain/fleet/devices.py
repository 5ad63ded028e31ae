"""From devices and sites to the fleet's columns; device_moves.py has the way back.

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
from aggregator.dispatch.domain.problem import ScheduleProblem

Table = TypeVar("Table", Stores, CallLoads)


@dataclass(frozen=True)
class Layout:
    """The columns of a problem and whose they are: keys by row of `stores`, `calls` and `groups`, by site what can be curtailed."""

    fleet: FleetProblem
    store_keys: list[str]
    call_keys: list[str]
    group_keys: list[str]
    curtailable: list[list[str]]


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

        ratio, credit = self._export_shares()

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
                export_share_ratio=ratio,
                demand_price_cny_per_kw=column("demand_price_cny_per_kw"),
                peak_so_far_kw=column("peak_so_far_kw"),
                export_credit_kwh=credit,
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

    def _export_shares(self) -> tuple[np.ndarray, np.ndarray]:
        """(E,) share of curtailable generation, and what else counts [kWh, signed]: the day so far, and generation that is fixed.

        Where nothing that is left to generate would allow another kWh, the site exports nothing.
        """
        problem, h = self.problem, self.problem.grid.hours
        ratios, credits = np.full(len(self.site), np.inf), np.zeros(len(self.site))
        for key, e in self.site.items():
            site = problem.sites[key]
            if np.isinf(site.export_share_ratio):
                continue
            own = [k for k in sorted(problem.generators, key=str) if problem.devices[k][0] == key]
            fixed_kwh = h * (sum(float(problem.devices[k][1].fixed_kw.sum()) for k in own) - float(self.generation[e].sum()))
            spent = site.may_export_kwh(fixed_kwh + h * float(self.generation[e].sum())) <= 0
            ratios[e] = 0.0 if spent else site.export_share_ratio
            credits[e] = 0.0 if spent else ratios[e] * (site.generated_so_far_kwh + fixed_kwh) - site.exported_so_far_kwh
        return ratios, credits

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
        """Then its feeder has to know what is curtailed. A share of the site's generation goes by what there would be without that."""
        return any(name in self.tight for name in _around(self.problem, key))

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
        promised = problem.promised_kw[firm.window] > 0
        short[firm.window] = np.where(promised, problem.shortfall_price_cny_per_kwh + np.maximum(0.0, lost), 0.0)
    if target is not None:
        wanted = problem.wanted
        reference[wanted] = target.injection_kw[wanted]
        short, more = (under, over) if target.direction > 0 else (over, under)
        short[wanted] = problem.shortfall_price_cny_per_kwh
        more[wanted] = problem.overshoot_price_cny_per_kwh
    return replace(free, reference_injection_kw=reference, over_price_cny_per_kwh=over, under_price_cny_per_kwh=under)
