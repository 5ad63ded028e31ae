"""The problem's columns as the kernels take them: contiguous, of two number types, with pointers from sites to rows."""

from typing import NamedTuple

import numpy as np

from aggregator.dispatch.domain.fleet.problem import NO_GROUP, Fills, FleetProblem, Groups, Profiles, Stores


class StoreColumns(NamedTuple):
    at: np.ndarray
    group: np.ndarray
    first: np.ndarray
    end: np.ndarray
    charge_kw: np.ndarray
    discharge_kw: np.ndarray
    min_kwh: np.ndarray
    max_kwh: np.ndarray
    initial_kwh: np.ndarray
    end_kwh: np.ndarray
    eta_in: np.ndarray
    eta_out: np.ndarray
    wear: np.ndarray
    end_value: np.ndarray
    keep: np.ndarray
    profile: np.ndarray


class FillColumns(NamedTuple):
    at: np.ndarray
    group: np.ndarray
    first: np.ndarray
    end: np.ndarray
    charge_kw: np.ndarray
    eta_in: np.ndarray
    need_kwh: np.ndarray


class CallColumns(NamedTuple):
    at: np.ndarray
    group: np.ndarray
    first: np.ndarray
    end: np.ndarray
    shed_kw: np.ndarray
    cost: np.ndarray
    max_calls: np.ndarray
    max_periods: np.ndarray
    max_on: np.ndarray
    rest: np.ndarray
    ramp: np.ndarray
    rebound: np.ndarray
    rebound_ratio: np.ndarray
    whole: np.ndarray
    running: np.ndarray
    profile: np.ndarray
    shed_profiles_kw: np.ndarray


class ProfileColumns(NamedTuple):
    charge_kw: np.ndarray
    discharge_kw: np.ndarray
    min_kwh: np.ndarray
    max_kwh: np.ndarray
    drift_kwh: np.ndarray


class GroupColumns(NamedTuple):
    parent: np.ndarray
    import_limit_kw: np.ndarray
    export_limit_kw: np.ndarray


def _whole(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, dtype=np.int64)


def _real(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, dtype=np.float64)


def pointers(site: np.ndarray, n_sites: int) -> np.ndarray:
    """(E + 1,): rows [at[e], at[e + 1]) belong to site e; rows are sorted by site."""
    return np.searchsorted(site, np.arange(n_sites + 1)).astype(np.int64)


def store_columns(stores: Stores, n_sites: int) -> StoreColumns:
    return StoreColumns(
        pointers(stores.site, n_sites),
        _whole(stores.group),
        _whole(stores.first),
        _whole(stores.end),
        _real(stores.charge_kw),
        _real(stores.discharge_kw),
        _real(stores.min_kwh),
        _real(stores.max_kwh),
        _real(stores.initial_kwh),
        _real(stores.end_kwh),
        _real(stores.eta_in),
        _real(stores.eta_out),
        _real(stores.wear_cny_per_kwh),
        _real(stores.end_value_cny_per_kwh),
        _real(stores.keep_ratio),
        _whole(stores.profile),
    )


def fill_columns(fills: Fills, n_sites: int) -> FillColumns:
    return FillColumns(
        pointers(fills.site, n_sites),
        _whole(fills.group),
        _whole(fills.first),
        _whole(fills.end),
        _real(fills.charge_kw),
        _real(fills.eta_in),
        _real(fills.need_kwh),
    )


def call_columns(problem: FleetProblem) -> CallColumns:
    calls = problem.calls
    return CallColumns(
        pointers(calls.site, len(problem.sites)),
        _whole(calls.group),
        _whole(calls.first),
        _whole(calls.end),
        _real(calls.shed_kw),
        _real(calls.cost_cny_per_kwh),
        _whole(calls.max_calls),
        _whole(calls.max_periods),
        _whole(calls.max_on),
        _whole(calls.rest),
        _whole(calls.ramp),
        _whole(calls.rebound),
        _real(calls.rebound_ratio),
        _whole(calls.whole),
        _whole(calls.running),
        _whole(calls.profile),
        _real(problem.shed_profiles_kw),
    )


def profile_columns(profiles: Profiles) -> ProfileColumns:
    return ProfileColumns(
        _real(profiles.charge_kw),
        _real(profiles.discharge_kw),
        _real(profiles.min_kwh),
        _real(profiles.max_kwh),
        _real(profiles.drift_kwh),
    )


def group_columns(groups: Groups) -> GroupColumns:
    return GroupColumns(_whole(groups.parent), _real(groups.import_limit_kw), _real(groups.export_limit_kw))


def group_sums(problem: FleetProblem, parts: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """(G, n) injection of every group: its fixed part and its members', inner groups counted in their parents as well.

    `parts`: (group of each row, injection (N, n)).
    """
    groups = problem.groups
    total = groups.fixed_injection_kw.astype(np.float64).copy()
    for group, injection in parts:
        inside = np.flatnonzero(group != NO_GROUP)
        if len(inside):
            np.add.at(total, group[inside], injection[inside])
            outer = groups.parent[group[inside]]
            nested = outer != NO_GROUP
            np.add.at(total, outer[nested], injection[inside][nested])
    return total
