"""Sites of one kind, for programmes that cannot hold them all: k-means on what a site has and on what it pays."""

import numpy as np

from aggregator.dispatch.domain.fleet.virtual import VirtualFleet

ROUNDS = 15
TRIES = 8  # the best of so many beginnings: a poor one costs the bound some tenths of a per cent
GENERATION, TARIFF, OTHERS = 3.0, 4.0, 0.3  # weights: sites with generation or another tariff do other things at the same hour


def cluster_sites(virtual: VirtualFleet, clusters: int, *, seed: int = 0) -> np.ndarray:
    """(E,) labels 0 .. < clusters."""
    features, random = site_features(virtual), np.random.default_rng(seed)
    if len(features) <= clusters:
        return np.arange(len(features))
    found = [_clustered(features, clusters, random) for _ in range(TRIES)]
    return min(found, key=lambda one: one[0])[1]


def _clustered(features: np.ndarray, clusters: int, random: np.random.Generator) -> tuple[float, np.ndarray]:
    """Sum of squared distances, and labels; every centre begins at a site, the likelier the farther from the centres before it."""
    size = (features**2).sum(axis=1)
    centre = np.empty((clusters, features.shape[1]))
    nearest = np.full(len(features), 1.0)
    for k in range(clusters):
        total = nearest.sum()
        chosen = random.choice(len(features), p=nearest / total) if total > 0 else random.integers(len(features))
        centre[k] = features[chosen]
        distance = np.maximum(size - 2 * features @ centre[k] + size[chosen], 0.0)
        nearest = distance if k == 0 else np.minimum(nearest, distance)
    label = np.zeros(len(features), dtype=np.int64)
    for _ in range(ROUNDS):
        label = ((centre**2).sum(axis=1) - 2 * features @ centre.T).argmin(axis=1)
        _, label = np.unique(label, return_inverse=True)
        order = np.argsort(label, kind="stable")
        begin = np.flatnonzero(np.diff(label[order], prepend=-1))
        centre = np.add.reduceat(features[order], begin, axis=0) / np.bincount(label)[:, None]
    return float(((features - centre[label]) ** 2).sum()), label


def site_features(virtual: VirtualFleet) -> np.ndarray:
    """(E, F) what a site has in proportion to its consumption, its prices, rules, and the course of its tariff; weighted."""
    sites = virtual.sites

    def all_of(parts: list[np.ndarray]) -> np.ndarray:
        return sum((values.reshape(len(sites), -1).sum(axis=1) for values in parts), np.zeros(len(sites)))

    load = np.maximum(-sites.fixed_injection_kw, 0.0).mean(axis=1)
    size = load + 0.05 * (sites.import_limit_kw + sites.export_limit_kw) + 1e-6
    plain = np.stack(
        [
            sites.generation_kw.mean(axis=1) / size,
            all_of([part.charge_kw for part in virtual.stores]) / size,
            all_of([part.size_kwh for part in virtual.stores]) / size,
            (sites.import_limit_kw - load) / size,
            all_of([part.rated_kw for part in virtual.calls]) / size,
            all_of([part.most_kw_periods[..., -1] for part in virtual.fills]) / virtual.periods / size,
            sites.buy_cny_per_kwh.mean(axis=1),
            sites.sell_cny_per_kwh.mean(axis=1),
            np.minimum(sites.export_share_ratio, 1.0),
            sites.demand_price_cny_per_kw,
        ],
        axis=1,
    )
    plain = OTHERS * (plain - plain.mean(axis=0)) / (plain.std(axis=0) + 1e-9)
    plain[:, 0] *= GENERATION / OTHERS
    level = np.abs(sites.buy_cny_per_kwh).mean(axis=1, keepdims=True)
    course = np.divide(sites.buy_cny_per_kwh, level, out=np.zeros_like(sites.buy_cny_per_kwh), where=level > 0)
    course = course - course.mean(axis=0)
    spread = np.sqrt((course**2).sum(axis=1).mean())
    return np.concatenate([plain, TARIFF * course / spread], axis=1) if spread > 1e-6 else plain
