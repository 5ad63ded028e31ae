"""Own site first, then the enterprise's other sites, then the neighbours pro rata. Each Wh has one owner.

No banking across periods: what is charged into storage stays unmatched, and what storage discharges is
never green. Only energy that left a site through its grid connection can reach another site, and only
energy that entered one there can be matched to it. docs/settlement.md section 5.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

PATHS = ("on_site", "own_enterprise", "neighbour")

Left = dict[str, int]  # Wh of one period that nobody has yet: by meter, or by site
Give = Callable[[str, str | None, str, int, int], None]


@dataclass(frozen=True)
class GeneratorDay:
    """One generation meter [Wh per period, >= 0]; a missing reading counts as nothing to match."""

    point: str
    site: str
    enterprise: str
    generated_wh: np.ndarray


@dataclass(frozen=True)
class ConsumerDay:
    """One site [Wh per period, >= 0]: what it consumed, and what crossed its grid connection each way."""

    site: str
    enterprise: str
    load_wh: np.ndarray
    import_wh: np.ndarray
    export_wh: np.ndarray


@dataclass(frozen=True)
class Allocation:
    """Wh per period from one generation meter to one enterprise; consumer None = the unmatched rest."""

    point: str
    consumer: str | None
    path: str
    wh: np.ndarray


def proportional(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Split whole Wh by whole weights: largest remainder, ties to the smaller key. Never above a weight
    while total <= sum of weights; the parts add up to min(total, sum of weights)."""
    whole = sum(weights.values())
    total = min(total, whole)
    if total <= 0:
        return dict.fromkeys(weights, 0)
    parts = {key: total * weight // whole for key, weight in weights.items()}
    left = total - sum(parts.values())
    order = sorted(weights, key=lambda key: (-(total * weights[key] % whole), key))
    for key in order[:left]:
        parts[key] += 1
    return parts


def match(*, generators: Sequence[GeneratorDay], consumers: Sequence[ConsumerDay]) -> tuple[Allocation, ...]:
    """Allocate every generated Wh of every period to one consumer or to the unmatched rest.

    Per period: the sum over consumers is <= what the meter generated, and no site gets more than it consumed.
    """
    n_periods = len(generators[0].generated_wh) if generators else 0
    matched: dict[tuple[str, str | None, str], np.ndarray] = {}

    def give(point: str, consumer: str | None, path: str, t: int, wh: int) -> None:
        if wh:
            matched.setdefault((point, consumer, path), np.zeros(n_periods, dtype=np.int64))[t] += wh

    for t in range(n_periods):
        supply = {g.point: int(g.generated_wh[t]) for g in generators}
        demand = {c.site: int(c.load_wh[t]) for c in consumers}
        _own_site(generators, consumers, supply, demand, t, give)
        _limit_to_connections(generators, consumers, supply, demand, t, give)
        _round(generators, consumers, supply, demand, "own_enterprise", t, give)
        _round(generators, consumers, supply, demand, "neighbour", t, give)
        for point, wh in supply.items():
            give(point, None, "unmatched", t, wh)
    return tuple(Allocation(*key, wh) for key, wh in sorted(matched.items(), key=lambda item: (item[0][0], item[0][2], item[0][1] or "")))


def _own_site(generators: Sequence[GeneratorDay], consumers: Sequence[ConsumerDay], supply: Left, demand: Left, t: int, give: Give) -> None:
    for consumer in consumers:
        own = {g.point: supply[g.point] for g in generators if g.site == consumer.site}
        for point, wh in proportional(demand[consumer.site], own).items():
            give(point, consumer.enterprise, "on_site", t, wh)
            supply[point] -= wh
            demand[consumer.site] -= wh


def _limit_to_connections(
    generators: Sequence[GeneratorDay], consumers: Sequence[ConsumerDay], supply: Left, demand: Left, t: int, give: Give
) -> None:
    """What did not leave the site stays unmatched; what did not enter one asks for nothing."""
    for consumer in consumers:
        own = {g.point: supply[g.point] for g in generators if g.site == consumer.site}
        for point, wh in proportional(int(consumer.export_wh[t]), own).items():
            give(point, None, "unmatched", t, supply[point] - wh)
            supply[point] = wh
        demand[consumer.site] = min(demand[consumer.site], int(consumer.import_wh[t]))


def _round(
    generators: Sequence[GeneratorDay], consumers: Sequence[ConsumerDay], supply: Left, demand: Left, path: str, t: int, give: Give
) -> None:
    """One pro rata round: how much of each meter's surplus is taken, then to whom it goes."""
    groups: Sequence[str | None] = sorted({g.enterprise for g in generators}) if path == "own_enterprise" else [None]
    enterprise_of = {c.site: c.enterprise for c in consumers}
    for group in groups:
        offered = {g.point: supply[g.point] for g in generators if group in (None, g.enterprise)}
        wanted = {c.site: demand[c.site] for c in consumers if group in (None, c.enterprise)}
        taken = proportional(sum(wanted.values()), offered)
        for point in sorted(taken):
            for site, wh in proportional(taken[point], wanted).items():
                give(point, enterprise_of[site], path, t, wh)
                wanted[site] -= wh
                demand[site] -= wh
                supply[point] -= wh
