"""Which sites are summed together: those with like flexibility for their load and like tariffs (k-means, seeded)."""

import numpy as np

from aggregator.dispatch.domain.fleet.problem import FleetProblem

ROUNDS = 15  # it has settled before
SEED = 0


def clusters_of(problem: FleetProblem, clusters: int) -> np.ndarray:
    """(E,) number of each site's cluster, 0 .. at most `clusters` - 1, none empty."""
    sites = len(problem.sites)
    if clusters >= sites:
        return np.arange(sites)
    if clusters <= 1:
        return np.zeros(sites, dtype=np.int64)
    marks = _marks(problem)
    rng = np.random.default_rng(SEED)
    centres = marks[rng.choice(sites, clusters, replace=False)]
    label = np.zeros(sites, dtype=np.int64)
    for _ in range(ROUNDS):
        label = ((marks[:, None] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)
        counts = np.bincount(label, minlength=clusters)
        sums = np.zeros_like(centres)
        np.add.at(sums, label, marks)
        centres = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], centres)
    return np.unique(label, return_inverse=True)[1]


def _marks(problem: FleetProblem) -> np.ndarray:
    """(E, 8) what tells sites apart, each on a common scale."""
    sites, stores, calls = problem.sites, problem.stores, problem.calls
    count = len(sites)
    load_kw = np.maximum(-sites.fixed_injection_kw.mean(axis=1), 1e-3)

    def per_load(site: np.ndarray, kw: np.ndarray) -> np.ndarray:
        return np.bincount(site, kw, minlength=count) / load_kw

    marks = np.stack(
        [
            sites.generation_kw.mean(axis=1) / load_kw,
            per_load(stores.site, stores.charge_kw),
            per_load(stores.site, stores.max_kwh - stores.min_kwh),
            sites.import_limit_kw / load_kw,
            per_load(calls.site, calls.shed_kw),
            np.minimum(sites.export_share_ratio, 1.0),
            sites.buy_cny_per_kwh.mean(axis=1),
            sites.buy_cny_per_kwh.std(axis=1),
        ],
        axis=1,
    )
    return (marks - marks.mean(axis=0)) / (marks.std(axis=0) + 1e-9)
