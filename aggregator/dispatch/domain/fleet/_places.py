"""Which rows of the columns stand at some sites, what was done there, and how a fleet is cut into pieces of work."""

from dataclasses import dataclass

import numpy as np

from aggregator.dispatch.domain.fleet.problem import FleetProblem

BLOCK_ASSETS = 4000  # that a sweep takes without looking at its clock: some 20 ms


@dataclass(frozen=True)
class Standing:
    """Rows of stores, fills, calls, sites and groups, and what stands in each of the state's arrays there."""

    rows: tuple[np.ndarray, ...]
    values: tuple[np.ndarray, ...]


def rows_at(problem: FleetProblem, sites: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of the sites with `sites` (E,) bool: rows of stores, fills, calls and groups."""
    parts = (problem.stores.site, problem.fills.site, problem.calls.site, problem.groups.site)
    stores, fills, calls, groups = (np.flatnonzero(sites[site]) for site in parts)
    return stores, fills, calls, groups


def blocks_of(problem: FleetProblem, sites: np.ndarray) -> list[tuple[int, int]]:
    """Ranges [first, end) of neighbours among the sites with `sites` (E,) bool, of about BLOCK_ASSETS each."""
    e = len(problem.sites)
    assets = sum(np.bincount(part.site, minlength=e) for part in (problem.stores, problem.fills, problem.calls))
    before = np.concatenate([[0], np.cumsum(np.where(sites, assets, 0))])
    edge = np.diff(sites.astype(np.int8), prepend=0) != 0
    edge |= sites & (np.diff(before[:-1] // BLOCK_ASSETS, prepend=0) != 0)
    begins = np.flatnonzero(edge)
    ends = np.append(begins[1:], e)
    return [(int(a), int(b)) for a, b in zip(begins, ends, strict=True) if sites[a]]
