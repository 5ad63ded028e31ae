"""A fleet cut into shards by enterprise: each is a fleet of its own, and together they are the whole, nobody twice.

A plan in shards depends on this cut and on nothing else, neither on how many processes work nor on which ends first.
"""

from dataclasses import dataclass, fields, replace

import numpy as np

from aggregator.dispatch.domain.fleet.problem import (
    NO_GROUP,
    NO_PROFILE,
    CallLoads,
    Fills,
    FleetProblem,
    FleetRefused,
    Groups,
    Market,
    Profiles,
    Sites,
    Stores,
    no_groups,
    no_market,
    no_profiles,
)


@dataclass(frozen=True)
class Shard:
    """Whole enterprises as a fleet without a market. `sites`, `stores`, `fills`, `calls`: its rows in the fleet it was cut from."""

    problem: FleetProblem
    sites: np.ndarray
    stores: np.ndarray
    fills: np.ndarray
    calls: np.ndarray


def cut(problem: FleetProblem, enterprise: np.ndarray, shards: int) -> tuple[Shard, ...]:
    """At most `shards` parts of about as many assets each. enterprise (E,): whose every site is, any numbers.

    Enterprises keep the order of their numbers and are never divided, so a large one makes a large shard.
    """
    if enterprise.shape != (len(problem.sites),):
        raise FleetRefused(why=f"enterprise has shape {enterprise.shape}, not {(len(problem.sites),)}")
    names, owner = np.unique(enterprise, return_inverse=True)
    weight = np.bincount(owner, minlength=len(names)).astype(float)  # a site without assets is work as well
    for part in (problem.stores, problem.fills, problem.calls):
        weight += np.bincount(owner[part.site], minlength=len(names))
    middle = np.cumsum(weight) - weight / 2
    shard_of = np.minimum((middle * shards / weight.sum()).astype(np.int64), shards - 1)
    return tuple(part_of(problem, np.flatnonzero(shard_of[owner] == k)) for k in np.unique(shard_of).tolist())


def with_market(problem: FleetProblem, market: Market, others_kw: np.ndarray) -> FleetProblem:
    """The shard before the market that the other shards' injection (n,) [kW] leaves it."""
    return replace(problem, market=replace(market, reference_injection_kw=market.reference_injection_kw - others_kw))


def market_alone(market: Market, *, hours: float, sites: Sites | None = None) -> FleetProblem:
    """A fleet without assets: the market, and `sites` whose assets are told elsewhere, or none."""
    n = len(market.reference_injection_kw)
    row, column = np.zeros((0, n)), np.zeros(0)
    if sites is None:
        sites = Sites(row, row, row, row, *(column for _ in range(6)))
    stores, fills, calls = Stores(**_empty(Stores)), Fills(**_empty(Fills)), CallLoads(**_empty(CallLoads))
    return FleetProblem(hours, sites, stores, fills, calls, market, no_groups(n), no_profiles(n))


def _empty(kind: type) -> dict[str, np.ndarray]:
    return {f.name: np.zeros(0, dtype=np.int64) for f in fields(kind)}


def part_of(problem: FleetProblem, sites: np.ndarray) -> Shard:
    """The rows `sites` (m,) rising, with all that stands there."""
    number = np.full(len(problem.sites), -1)
    number[sites] = np.arange(len(sites))
    groups = np.flatnonzero(number[problem.groups.site] >= 0)
    group = _numbers(groups, len(problem.groups), NO_GROUP)
    stores, fills, calls = (np.flatnonzero(number[part.site] >= 0) for part in (problem.stores, problem.fills, problem.calls))
    profiles, shed = (np.unique(used[used != NO_PROFILE]) for used in (problem.stores.profile[stores], problem.calls.profile[calls]))
    part = replace(
        problem,
        sites=Sites(**_rows(problem.sites, sites)),
        stores=Stores(
            **_rows(problem.stores, stores)
            | _placed(problem.stores, stores, number, group)
            | {"profile": _numbers(profiles, len(problem.profiles), NO_PROFILE)[problem.stores.profile[stores]]}
        ),
        fills=Fills(**_rows(problem.fills, fills) | _placed(problem.fills, fills, number, group)),
        calls=CallLoads(
            **_rows(problem.calls, calls)
            | _placed(problem.calls, calls, number, group)
            | {"profile": _numbers(shed, len(problem.shed_profiles_kw), NO_PROFILE)[problem.calls.profile[calls]]}
        ),
        groups=Groups(
            **_rows(problem.groups, groups) | {"site": number[problem.groups.site[groups]], "parent": group[problem.groups.parent[groups]]}
        ),
        profiles=Profiles(**_rows(problem.profiles, profiles)),
        shed_profiles_kw=problem.shed_profiles_kw[shed],
        market=no_market(problem.periods),
    )
    return Shard(part, sites, stores, fills, calls)


def _numbers(chosen: np.ndarray, count: int, none: int) -> np.ndarray:
    """(count + 1,) new number of every old row; the last entry answers for "none", which is -1."""
    numbers = np.full(count + 1, none)
    numbers[chosen] = np.arange(len(chosen))
    return numbers


def _rows(part: Sites | Groups | Stores | Fills | CallLoads | Profiles, chosen: np.ndarray) -> dict[str, np.ndarray]:
    return {name: values[chosen] for name, values in vars(part).items()}


def _placed(part: Stores | Fills | CallLoads, chosen: np.ndarray, number: np.ndarray, group: np.ndarray) -> dict[str, np.ndarray]:
    return {"site": number[part.site[chosen]], "group": group[part.group[chosen]]}
