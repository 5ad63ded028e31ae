"""Green matching: the published hourly vector, who comes first, and that no Wh has two owners."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from market.green.domain import ConsumerDay, GeneratorDay, match, proportional


def wh(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def test_hourly_match_is_not_the_yearly_balance():
    load = np.full(24, 10, dtype=np.int64)
    generation = np.zeros(24, dtype=np.int64)
    generation[6:16] = [5, 10, 20, 30, 40, 40, 40, 30, 20, 5]
    site = ConsumerDay("s", "e", load, np.maximum(load - generation, 0), np.maximum(generation - load, 0))
    found = match(generators=[GeneratorDay("pv", "s", "e", generation)], consumers=[site])
    on_site = sum(a.wh.sum() for a in found if a.path == "on_site")
    assert generation.sum() / load.sum() == 1.0
    assert on_site == 90
    assert on_site / load.sum() == 0.375


def test_own_site_then_own_enterprise_then_neighbours_pro_rata():
    # E1/roof makes 100 and uses 10; 90 leave it. E1's hall wants 30, the neighbours 45 and 15.
    generators = [GeneratorDay("pv", "E1/roof", "E1", wh(100))]
    consumers = [
        ConsumerDay("E1/roof", "E1", wh(10), wh(0), wh(90)),
        ConsumerDay("E1/hall", "E1", wh(30), wh(30), wh(0)),
        ConsumerDay("E2/main", "E2", wh(90), wh(90), wh(0)),
        ConsumerDay("E3/main", "E3", wh(30), wh(30), wh(0)),
    ]
    found = {(a.consumer, a.path): int(a.wh[0]) for a in match(generators=generators, consumers=consumers)}
    assert found == {("E1", "on_site"): 10, ("E1", "own_enterprise"): 30, ("E2", "neighbour"): 45, ("E3", "neighbour"): 15}


def test_what_charges_a_battery_stays_unmatched():
    # 100 generated, 20 used, 50 into the battery: only 30 left the site, although the neighbour wants 100.
    generators = [GeneratorDay("pv", "a", "A", wh(100))]
    consumers = [ConsumerDay("a", "A", wh(20), wh(0), wh(30)), ConsumerDay("b", "B", wh(100), wh(100), wh(0))]
    found = {(a.consumer, a.path): int(a.wh[0]) for a in match(generators=generators, consumers=consumers)}
    assert found == {("A", "on_site"): 20, ("B", "neighbour"): 30, (None, "unmatched"): 50}


def test_a_load_that_a_battery_serves_is_not_matched():
    generators = [GeneratorDay("pv", "a", "A", wh(100))]
    consumers = [ConsumerDay("a", "A", wh(0), wh(0), wh(100)), ConsumerDay("b", "B", wh(80), wh(10), wh(0))]
    found = {(a.consumer, a.path): int(a.wh[0]) for a in match(generators=generators, consumers=consumers)}
    assert found == {("B", "neighbour"): 10, (None, "unmatched"): 90}


def test_ties_go_to_the_smaller_key():
    assert proportional(10, {"c": 5, "a": 5, "b": 5}) == {"a": 4, "b": 3, "c": 3}


energy = st.integers(0, 2_000_000)


@st.composite
def parks(draw):
    n_periods = draw(st.integers(1, 3))
    series = st.lists(energy, min_size=n_periods, max_size=n_periods).map(lambda v: wh(*v))
    n_sites = draw(st.integers(1, 6))
    sites = [(f"s{k}", f"e{draw(st.integers(0, 3))}") for k in range(n_sites)]
    consumers = [ConsumerDay(site, enterprise, draw(series), draw(series), draw(series)) for site, enterprise in sites]
    owners = draw(st.lists(st.sampled_from(sites), min_size=1, max_size=6))
    generators = [GeneratorDay(f"g{k}", site, enterprise, draw(series)) for k, (site, enterprise) in enumerate(owners)]
    return generators, consumers


@settings(max_examples=60, deadline=None)
@given(parks())
def test_every_wh_has_one_owner(park):
    generators, consumers = park
    found = match(generators=generators, consumers=consumers)
    for generator in generators:
        parts = sum(a.wh for a in found if a.point == generator.point)
        assert np.array_equal(np.zeros_like(generator.generated_wh) + parts, generator.generated_wh)
    for enterprise in {c.enterprise for c in consumers}:
        load = sum(c.load_wh for c in consumers if c.enterprise == enterprise)
        got = sum((a.wh for a in found if a.consumer == enterprise), np.zeros_like(load))
        assert np.all(got <= load)
    assert all(np.all(a.wh >= 0) for a in found)
    assert [a.wh.tolist() for a in match(generators=generators, consumers=consumers)] == [a.wh.tolist() for a in found]
