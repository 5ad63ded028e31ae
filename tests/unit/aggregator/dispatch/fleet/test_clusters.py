"""Like sites together: tariffs of another course and sites with generation stand apart before anything else."""

from dataclasses import replace

import numpy as np
import pytest

from aggregator.dispatch.domain.fleet._clusters import cluster_sites
from aggregator.dispatch.domain.fleet.virtual import VirtualFleet, virtual_assets
from tests.unit.aggregator.dispatch.fleet.parks import tiny


def priced(courses: list[np.ndarray]) -> VirtualFleet:
    """40 sites; the k-th pays the k-th course, in turn, at a level of its own."""
    problem = tiny(2, n_sites=40, n_stores=80, n_fills=40, n_calls=40, periods=12)
    level = np.random.default_rng(0).uniform(0.8, 1.2, (40, 1))
    buy = level * np.array([courses[e % len(courses)] for e in range(40)])
    return virtual_assets(replace(problem, sites=replace(problem.sites, buy_cny_per_kwh=buy, sell_cny_per_kwh=buy - 0.1)))


@pytest.mark.parametrize("seed", range(3))
def test_tariffs_of_another_course_are_never_mixed(seed: int) -> None:
    t = np.arange(12)
    courses = [np.where((t >= a) & (t < a + 4), 1.6, 0.5) for a in (0, 4, 8)]
    label = cluster_sites(priced(courses), 8, seed=seed)
    assert all(len({e % 3 for e in np.flatnonzero(label == k)}) == 1 for k in range(label.max() + 1))


def test_under_one_tariff_sites_with_much_generation_stand_apart() -> None:
    virtual = priced([np.ones(12)])
    sites = virtual.sites
    rich = np.arange(40) % 4 == 0
    generation = np.where(rich[:, None], 5.0, 0.05) * np.abs(sites.fixed_injection_kw)
    label = cluster_sites(replace(virtual, sites=replace(sites, generation_kw=generation)), 6)
    assert all(len(set(rich[label == k])) == 1 for k in range(label.max() + 1))


def test_no_more_clusters_than_sites_and_every_label_is_used() -> None:
    virtual = priced([np.ones(12)])
    assert cluster_sites(virtual, 60).tolist() == list(range(40))
    label = cluster_sites(virtual, 7)
    assert sorted(set(label.tolist())) == list(range(label.max() + 1))
    assert label.max() < 7


def test_sites_that_are_all_alike_are_one_cluster() -> None:
    virtual = priced([np.ones(12)])
    same = {name: np.repeat(values[:1], 40, axis=0) for name, values in vars(virtual.sites).items()}
    alike = replace(virtual, sites=replace(virtual.sites, **same), stores=(), fills=(), calls=())
    assert not cluster_sites(alike, 5).any()
