"""Virtual assets: what stands at one place of a site, added up by class. Good for prices, wrong as a schedule.

A place is the site itself (location 0) or one of its groups (1, 2, ..) that can bind. The sums contain every schedule of their
members (an outer relaxation), but for differing losses at rest and for rebound, which are averaged.
"""

from dataclasses import dataclass, fields

import numpy as np

from aggregator.dispatch.domain.fleet._adding import add_calls, add_fills, add_stores, rated_powers
from aggregator.dispatch.domain.fleet._rows import spread
from aggregator.dispatch.domain.fleet._sums import CallSums, FillSums, StoreSums
from aggregator.dispatch.domain.fleet.problem import NO_GROUP, FleetProblem, Groups, Sites

CLASSES = ((100, 4, 3), (30, 1, 3), (0, 1, 1))  # from so many assets at a place on: classes of stores, of calls


@dataclass(frozen=True)
class VirtualFleet:
    """group_of (S, L): row in `groups` of each location or NO_GROUP; outer (S, L): the location around it, 0 = the site."""

    hours: float
    sites: Sites
    stores: tuple[StoreSums, ...]
    fills: tuple[FillSums, ...]
    calls: tuple[CallSums, ...]
    groups: Groups
    group_of: np.ndarray
    outer: np.ndarray

    @property
    def periods(self) -> int:
        return self.sites.fixed_injection_kw.shape[1]

    @property
    def locations(self) -> int:
        return self.group_of.shape[1]


def virtual_assets(problem: FleetProblem) -> VirtualFleet:
    """Add up the assets of every place, by class."""
    stores, fills, calls, groups = problem.stores, problem.fills, problem.calls, problem.groups
    n_sites, n = len(problem.sites), problem.periods
    location, rows = _locations(problem)
    shape = (n_sites, 1 + int(location.max()))
    group_of = np.full(shape, NO_GROUP, dtype=np.int64)
    group_of[groups.site[rows], location[rows]] = rows
    outer = np.zeros(shape, dtype=np.int64)
    outer[groups.site[rows], location[rows]] = location[groups.parent[rows]]
    places = [part.site * shape[1] + location[part.group] for part in (stores, fills, calls)]
    each = problem.n_assets / max(1, len(np.unique(np.concatenate(places))))
    store_classes, call_classes = next(classes for least, *classes in CLASSES if each >= least)
    return VirtualFleet(
        problem.hours,
        problem.sites,
        add_stores(problem, places[0], shape, store_classes),
        (add_fills(fills, places[1], shape, n, problem.hours),) if len(fills) else (),
        add_calls(problem, places[2], shape, call_classes),
        groups,
        group_of,
        outer,
    )


def _locations(problem: FleetProblem) -> tuple[np.ndarray, np.ndarray]:
    """Location of every group, (G + 1,), NO_GROUP reading the last; and the rows of the groups that have one of their own.

    A group whose assets at full power stay within its limits needs none: they count where the group hangs.
    """
    groups = problem.groups
    charge, discharge = rated_powers(problem)
    shed, back = problem.calls.shed_kw, problem.calls.shed_kw * problem.calls.rebound_ratio
    up, down = np.zeros((2, len(groups) + 1))
    for group, most_up, most_down in (
        (problem.stores.group, discharge, charge),
        (problem.fills.group, 0.0 * problem.fills.charge_kw, problem.fills.charge_kw),
        (problem.calls.group, shed, back),
    ):
        up += np.bincount(group % len(up), weights=most_up, minlength=len(up))
        down += np.bincount(group % len(up), weights=most_down, minlength=len(up))
    nested = np.flatnonzero(groups.parent != NO_GROUP)
    for total in (up, down):
        total += np.bincount(groups.parent[nested], weights=total[nested], minlength=len(total))
    fixed = groups.fixed_injection_kw
    binding = (fixed.max(axis=1) + up[:-1] > groups.export_limit_kw) | (down[:-1] - fixed.min(axis=1) > groups.import_limit_kw)
    rows = np.flatnonzero(binding)
    rows = rows[np.argsort(groups.site[rows], kind="stable")]
    site = groups.site[rows]
    location = np.zeros(len(groups) + 1, dtype=np.int64)
    location[rows] = 1 + np.arange(len(rows)) - np.searchsorted(site, site)
    inner = nested[~binding[nested]]
    location[inner] = location[groups.parent[inner]]
    return location, rows


def merge(virtual: VirtualFleet, label: np.ndarray) -> VirtualFleet:
    """Sites of one label (S,) become one virtual site without groups: everything is added up, prices are averaged by size."""
    count = int(label.max()) + 1

    def total(values: np.ndarray) -> np.ndarray:
        return spread(label, values, count)

    sites = virtual.sites
    size = sites.import_limit_kw + sites.export_limit_kw + 1e-6
    allowed = np.minimum(sites.export_share_ratio, 10.0)
    generated = sites.generation_kw.sum(axis=1) + 1e-6
    unbounded = total(np.isinf(sites.export_share_ratio).astype(float)) == np.bincount(label, minlength=count)
    merged = Sites(
        total(sites.fixed_injection_kw),
        total(sites.generation_kw),
        total(size[:, None] * sites.buy_cny_per_kwh) / total(size)[:, None],
        total(size[:, None] * sites.sell_cny_per_kwh) / total(size)[:, None],
        total(sites.import_limit_kw),
        total(sites.export_limit_kw),
        np.where(unbounded, np.inf, total(generated * allowed) / total(generated)),
        total(size * sites.demand_price_cny_per_kw) / total(size),
        total(sites.peak_so_far_kw),
        total(sites.export_credit_kwh),
    )

    def added(part: StoreSums | FillSums | CallSums) -> dict:
        values = {f.name: getattr(part, f.name) for f in fields(part)}
        return {k: v if isinstance(v, bool) else total(v.sum(axis=1))[:, None] for k, v in values.items()}

    return VirtualFleet(
        virtual.hours,
        merged,
        tuple(StoreSums(**added(part)) for part in virtual.stores),
        tuple(FillSums(**added(part)) for part in virtual.fills),
        tuple(CallSums(**added(part)) for part in virtual.calls),
        Groups(*(values[:0] for values in (getattr(virtual.groups, f.name) for f in fields(Groups)))),
        np.full((count, 1), NO_GROUP, dtype=np.int64),
        np.zeros((count, 1), dtype=np.int64),
    )
