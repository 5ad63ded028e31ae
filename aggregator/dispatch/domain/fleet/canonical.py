"""An order of sites and assets that comes from what they are, never from where they stand in a list.

Sweeps and solvers answer in the order of rows, and where several plans are equally good the order decides. Rows are therefore
sorted by a digest of their own numbers before a fleet is planned: who renames or moves an asset gets the same plan.
"""

from dataclasses import fields, replace
from typing import TypeVar

import numpy as np

from aggregator.dispatch.domain.fleet.prices import Prices
from aggregator.dispatch.domain.fleet.problem import NO_GROUP, CallLoads, Fills, FleetProblem, Groups, Profiles, Sites, Stores
from aggregator.dispatch.domain.fleet.result import FleetPlan, Flows, Moves

Part = TypeVar("Part", Stores, Fills, CallLoads)
Table = Sites | Groups | Profiles | Stores | Fills | CallLoads
ODD, MIX, SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(29)  # of splitmix64 (Steele et al., 2014)
PLACES = ("site", "group", "profile", "parent")  # numbers of rows, which say nothing about a row itself


class Canonical:
    """`problem` with its rows in an order of their own, and the way there and back."""

    def __init__(self, problem: FleetProblem) -> None:
        stores, fills, calls, groups = problem.stores, problem.fills, problem.calls, problem.groups
        e = len(problem.sites)
        of_group = _of_groups(groups)
        profiles = _rows(_table(problem.profiles, len(problem.profiles)))
        sheds = _rows(_mixed(problem.shed_profiles_kw))
        digests = [
            _of_assets(stores, of_group, _picked(profiles, stores.profile)),
            _of_assets(fills, of_group),
            _of_assets(calls, of_group, _picked(sheds, calls.profile)),
        ]
        of_site = _table(problem.sites, e)
        places = stores.site, fills.site, calls.site
        for site, digest in zip((*places, groups.site), (*digests, of_group), strict=True):
            np.add.at(of_site, site, _mixed(digest))
        self.sites = np.argsort(_mixed(of_site), kind="stable")
        rank = _inverse(self.sites)
        nested = groups.parent != NO_GROUP
        self.groups = np.lexsort((of_group, nested, rank[groups.site]))
        self.stores, self.fills, self.calls = (np.lexsort((digest, rank[site])) for site, digest in zip(places, digests, strict=True))
        number = np.append(_inverse(self.groups), NO_GROUP)

        def moved(part: Part, order: np.ndarray) -> Part:
            columns = {name: values[order] for name, values in vars(part).items()}
            return type(part)(**columns | {"site": rank[part.site[order]], "group": number[part.group[order]]})

        self.problem = replace(
            problem,
            sites=Sites(**{name: values[self.sites] for name, values in vars(problem.sites).items()}),
            stores=moved(stores, self.stores),
            fills=moved(fills, self.fills),
            calls=moved(calls, self.calls),
            groups=Groups(
                **{name: values[self.groups] for name, values in vars(groups).items()}
                | {"site": rank[groups.site[self.groups]], "parent": number[groups.parent[self.groups]]}
            ),
        )

    def back(self, plan: FleetPlan) -> FleetPlan:
        """A plan of `problem` in the order in which its rows were given."""
        stores, fills, calls, sites = (_inverse(order) for order in (self.stores, self.fills, self.calls, self.sites))
        moves, flows = plan.moves, plan.flows
        return replace(
            plan,
            moves=Moves(moves.store_kw[stores], moves.fill_kw[fills], moves.call_kw[calls], moves.call_on[calls]),
            flows=Flows(flows.generation_kw[sites], flows.import_kw[sites], flows.export_kw[sites]),
            prices=None if plan.prices is None else self.prices_back(plan.prices),
        )

    def prices_back(self, prices: Prices) -> Prices:
        """Prices of `problem` in the order in which its rows were given."""
        sites, groups = _inverse(self.sites), _inverse(self.groups)
        rows = {name: groups if name.startswith("group_") else sites for name in vars(prices) if name != "mu_cny_per_kwh"}
        return replace(prices, **{name: getattr(prices, name)[order] for name, order in rows.items()})


def _mixed(values: np.ndarray) -> np.ndarray:
    """Each number as 64 bits that depend on all of its own."""
    bits = (np.asarray(values, dtype=np.float64) + 0.0).view(np.uint64) if np.asarray(values).dtype != np.uint64 else values
    bits = (bits ^ (bits >> SHIFT)) * MIX
    return (bits ^ (bits >> SHIFT)) * ODD


def _rows(digests: np.ndarray) -> np.ndarray:
    """(m, n) or (m,) to (m,): the place in a row counts."""
    if digests.ndim == 1:
        return digests
    return (digests * _mixed(np.arange(1.0, digests.shape[1] + 1))).sum(axis=1, dtype=np.uint64)


def _table(part: Table, rows: int) -> np.ndarray:
    """(rows,) of all columns but those that only name other rows."""
    total = np.zeros(rows, dtype=np.uint64)
    for column in fields(part):
        if column.name not in PLACES:
            total = total * ODD + _rows(_mixed(getattr(part, column.name)))
    return total


def _of_assets(part: Stores | Fills | CallLoads, of_group: np.ndarray, of_profile: np.ndarray | None = None) -> np.ndarray:
    digest = _table(part, len(part)) + _mixed(_picked(of_group, part.group))
    return digest if of_profile is None else digest * ODD + of_profile


def _of_groups(groups: Groups) -> np.ndarray:
    own = _table(groups, len(groups))
    return own + _mixed(_picked(own, groups.parent))


def _picked(digests: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Of these rows; 0 where there is none (-1)."""
    return np.append(digests, np.uint64(0))[rows]


def _inverse(order: np.ndarray) -> np.ndarray:
    inverse = np.empty(len(order), dtype=np.int64)
    inverse[order] = np.arange(len(order))
    return inverse
