"""What a shard tells the market: its sites' summed assets, merged into a few clusters of like sites; a few hundred kB.

Sums add up again, so the market's programme over all shards is as small as that of one.
"""

from dataclasses import fields, replace
from itertools import chain
from typing import Any

import numpy as np
import pulp

from aggregator.dispatch.domain.fleet._sums import CallSums, FillSums, StoreSums
from aggregator.dispatch.domain.fleet.market_model import MarketPrices, cluster_sites, market_prices
from aggregator.dispatch.domain.fleet.problem import NO_GROUP, FleetProblem, Market, Sites, no_groups
from aggregator.dispatch.domain.fleet.shard_bytes import pack_arrays, unpack_arrays
from aggregator.dispatch.domain.fleet.shards import market_alone
from aggregator.dispatch.domain.fleet.virtual import VirtualFleet, merge, virtual_assets

CLUSTERS = 24  # of a shard, and of all of them again

Sums = StoreSums | FillSums | CallSums
KINDS: dict[str, type[Sums]] = {"stores": StoreSums, "fills": FillSums, "calls": CallSums}


def shard_sums(problem: FleetProblem) -> VirtualFleet:
    virtual = virtual_assets(problem)
    return merge(virtual, cluster_sites(virtual, CLUSTERS))


def joined(parts: list[VirtualFleet]) -> VirtualFleet:
    """All clusters of all shards, in their order. A class that a shard lacks is empty there."""
    sites = Sites(**{f.name: np.concatenate([getattr(part.sites, f.name) for part in parts]) for f in fields(Sites)})
    counts = [len(part.sites) for part in parts]
    return _clusters(parts[0].hours, sites, {kind: _classes([getattr(part, kind) for part in parts], counts) for kind in KINDS})


def _clusters(hours: float, sites: Sites, classes: dict[str, tuple[Any, ...]]) -> VirtualFleet:
    """Clusters are places without groups."""
    one = np.zeros((len(sites), 1), dtype=np.int64)
    return VirtualFleet(
        hours=hours, sites=sites, **classes, groups=no_groups(sites.fixed_injection_kw.shape[1]), group_of=one + NO_GROUP, outer=one
    )


def market_price(market: Market, sums: VirtualFleet, *, deadline_s: float) -> MarketPrices | None:
    """The portfolio's value of one more kWh, at the clusters of all shards; None where there is no HiGHS."""
    problem = market_alone(market, hours=sums.hours, sites=sums.sites)
    try:
        found = market_prices(problem, sums, clusters=CLUSTERS, deadline_s=deadline_s)
    except pulp.PulpSolverError:
        return None
    return replace(found, sites=None)  # of clusters: nobody's


def pack_sums(sums: VirtualFleet) -> bytes:
    arrays = {"hours": np.array(sums.hours)} | {f"sites.{f.name}": getattr(sums.sites, f.name) for f in fields(Sites)}
    for kind in KINDS:
        for k, part in enumerate(getattr(sums, kind)):
            arrays |= {f"{kind}.{k}.{f.name}": np.asarray(getattr(part, f.name)) for f in fields(part)}
    return pack_arrays(arrays)


def unpack_sums(data: bytes) -> VirtualFleet:
    records: dict[str, dict[str, np.ndarray]] = {}
    for name, column in unpack_arrays(data).items():
        record, _, field = name.rpartition(".")
        records.setdefault(record, {})[field] = column
    found: dict[str, list[Sums]] = {kind: [] for kind in KINDS}
    for record, columns in records.items():
        kind, numbered, _ = record.partition(".")
        if numbered:
            values: dict[str, Any] = {name: bool(v) if name == "leaky" else v for name, v in columns.items()}
            found[kind].append(KINDS[kind](**values))
    return _clusters(float(records[""]["hours"]), Sites(**records["sites"]), {kind: tuple(parts) for kind, parts in found.items()})


def _classes(parts: list[tuple], counts: list[int]) -> tuple:
    """Classes of one kind joined: like with like, the first of its sort with the first."""
    sorts = [_sorted(classes) for classes in parts]
    every = dict.fromkeys(chain.from_iterable(sorts))
    return tuple(_join([found.get(sort) for found in sorts], counts) for sort in sorted(every))


def _sorted(classes: tuple) -> dict[tuple, Sums]:
    """Classes by what tells them apart: losing energy at rest or not, bounds that change or not, and the number among these."""
    found: dict[tuple, Sums] = {}
    for one in classes:
        sort = (one.leaky, one.min_kwh.shape[-1] > 1) if isinstance(one, StoreSums) else ()
        found[*sort, sum(known[:-1] == sort for known in found)] = one
    return found


def _join(parts: list, counts: list[int]) -> Sums:
    given = next(part for part in parts if part is not None)
    columns: dict[str, Any] = {}
    for f in fields(given):
        like = getattr(given, f.name)
        if isinstance(like, bool):
            columns[f.name] = like
        else:
            rows = [
                np.zeros((count, *like.shape[1:])) if part is None else getattr(part, f.name)
                for part, count in zip(parts, counts, strict=True)
            ]
            columns[f.name] = np.concatenate(rows)
    return type(given)(**columns)
