"""Who renames or moves an asset, a site or a feeder gets the same plan, in the other order."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.dispatch.domain.fleet.canonical import Canonical
from aggregator.dispatch.domain.fleet.plan import plan_fleet
from aggregator.dispatch.domain.fleet.problem import NO_GROUP, FleetProblem
from tests.unit.aggregator.dispatch.fleet.parks import tiny


def shuffled(problem: FleetProblem, seed: int) -> tuple[FleetProblem, dict[str, np.ndarray]]:
    """The same fleet with its sites, groups (outer ones first) and assets in another order; of each the old rows in the new order."""
    random = np.random.default_rng(seed)
    groups, count = problem.groups, len(problem.groups)
    order = {"sites": random.permutation(len(problem.sites))}
    rank = np.argsort(order["sites"])
    order["groups"] = np.lexsort((random.random(count), groups.parent != NO_GROUP))
    number = np.append(np.argsort(order["groups"]), NO_GROUP)
    parts = {"sites": taken(problem.sites, order["sites"])}
    parts["groups"] = replace(
        taken(groups, order["groups"]), site=rank[groups.site[order["groups"]]], parent=number[groups.parent[order["groups"]]]
    )
    for name in ("stores", "fills", "calls"):
        part = getattr(problem, name)
        order[name] = np.lexsort((random.random(len(part)), rank[part.site]))
        rows = taken(part, order[name])
        parts[name] = replace(rows, site=rank[rows.site], group=number[rows.group])
    return replace(problem, **parts), order


def taken(part, rows: np.ndarray):
    return type(part)(**{column.name: getattr(part, column.name)[rows] for column in fields(part)})


@pytest.mark.parametrize("mode", ["fleet", "reference"])
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 100_000))
def test_the_order_of_rows_changes_nothing_but_the_order(mode: str, seed: int) -> None:
    problem = tiny(seed, n_sites=4, n_stores=9, n_fills=6, n_calls=5)
    other, order = shuffled(problem, seed + 1)
    one, two = (plan_fleet(p, deadline_s=60, mode=mode) for p in (problem, other))
    assert two.certificate.cost_cny == pytest.approx(one.certificate.cost_cny, rel=1e-9, abs=1e-9)
    assert two.certificate.lower_bound_cny == pytest.approx(one.certificate.lower_bound_cny, rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(two.moves.store_kw, one.moves.store_kw[order["stores"]], atol=1e-9)
    np.testing.assert_allclose(two.moves.fill_kw, one.moves.fill_kw[order["fills"]], atol=1e-9)
    np.testing.assert_allclose(two.moves.call_kw, one.moves.call_kw[order["calls"]], atol=1e-9)
    np.testing.assert_allclose(two.flows.import_kw, one.flows.import_kw[order["sites"]], atol=1e-9)
    assert one.prices is not None
    assert two.prices is not None
    np.testing.assert_allclose(two.prices.lam_cny_per_kwh, one.prices.lam_cny_per_kwh[order["sites"]], atol=1e-9)
    np.testing.assert_allclose(two.prices.group_up_cny_per_kwh, one.prices.group_up_cny_per_kwh[order["groups"]], atol=1e-9)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 100_000))
def test_two_orders_become_one(seed: int) -> None:
    problem = tiny(seed, n_sites=4, n_stores=9, n_fills=6, n_calls=5)
    one, two = Canonical(problem).problem, Canonical(shuffled(problem, seed + 1)[0]).problem
    for part in ("sites", "groups", "stores", "fills", "calls"):
        for column in fields(getattr(one, part)):
            np.testing.assert_array_equal(getattr(getattr(one, part), column.name), getattr(getattr(two, part), column.name))
