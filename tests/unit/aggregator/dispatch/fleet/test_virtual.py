"""Sums of assets: they hold what their members can do, add up again, and are no larger than they need to be."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings

from aggregator.dispatch.domain.fleet.problem import NO_GROUP, FleetProblem, Stores
from aggregator.dispatch.domain.fleet.virtual import merge, virtual_assets
from tests.unit.aggregator.dispatch.fleet.parks import (
    make_calls,
    make_fills,
    make_groups,
    make_problem,
    make_sites,
    make_stores,
    problems,
    tiny,
)


def test_plain_stores_are_summed_as_scalars_with_means_weighted_by_power() -> None:
    stores = make_stores(4, charge_kw=[10.0, 30.0], eta_in=[0.8, 0.9], wear_cny_per_kwh=[0.1, 0.1], initial_kwh=[3.0, 4.0])
    virtual = virtual_assets(make_problem(4, stores=stores))
    (found,) = virtual.stores
    assert found.charge_kw.shape == (1, 1)
    assert found.min_kwh.shape == (1, 1, 1)
    assert found.charge_kw[0, 0] == 40.0
    assert found.initial_kwh[0, 0] == 7.0
    assert found.eta_in[0, 0] == pytest.approx(0.875)
    assert found.wear_cny_per_kwh[0, 0] == pytest.approx(0.1)


def test_an_end_out_of_reach_and_a_level_outside_its_bounds_do_not_make_the_site_impossible() -> None:
    stores = make_stores(2, charge_kw=1.0, eta_in=1.0, initial_kwh=25.0, end_kwh=[24.0, 90.0])
    (found,) = virtual_assets(make_problem(2, hours=1.0, stores=stores)).stores
    assert found.max_kwh[0, 0, 0] == 50.0
    assert found.end_kwh[0, 0] == 24.0 + 25.0


def test_a_car_is_held_between_coming_and_leaving_by_what_it_can_reach() -> None:
    stores = make_stores(6, first=2, end=4, initial_kwh=4.0, end_kwh=18.0, eta_in=1.0, eta_out=1.0)
    (found,) = virtual_assets(make_problem(6, hours=1.0, stores=stores)).stores
    assert found.min_kwh[0, 0].tolist() == [4.0, 4.0, 8.0, 18.0, 18.0, 18.0]
    assert found.max_kwh[0, 0].tolist() == [4.0, 4.0, 14.0, 20.0, 20.0, 20.0]
    assert found.stored_course_kw[0, 0].tolist() == [0.0, 0.0, 10.0, 10.0, 0.0, 0.0]


def test_charging_is_bounded_by_as_early_and_as_late_as_possible() -> None:
    fills = make_fills(6, first=1, end=5, charge_kw=4.0, eta_in=1.0, need_kwh=10.0)
    (found,) = virtual_assets(make_problem(6, hours=1.0, fills=fills)).fills
    assert found.cap_kw[0, 0].tolist() == [0.0, 4.0, 4.0, 4.0, 4.0, 0.0]
    assert found.most_kw_periods[0, 0].tolist() == [0.0, 4.0, 8.0, 10.0, 10.0, 10.0]
    assert found.least_kw_periods[0, 0].tolist() == [0.0, 0.0, 2.0, 6.0, 10.0, 10.0]


def test_what_a_load_takes_back_and_its_ramp_make_shedding_dearer() -> None:
    calls = make_calls(6, shed_kw=10.0, max_on=4, max_periods=4, ramp=1, rebound=2, rebound_ratio=0.25, cost_cny_per_kwh=0.3)
    (found,) = virtual_assets(make_problem(6, calls=calls)).calls
    # a call of 4 periods sheds 0.5 + 1 + 1 + 1 and takes back 2 x 0.25
    assert found.rated_kw[0, 0] == pytest.approx(10.0 * 3.0 / 4)
    assert found.budget_kw_periods[0, 0] == pytest.approx(30.0)
    assert found.cost_cny_per_kwh[0, 0] == pytest.approx(0.3 * 3.5 / 3.0)


def test_a_group_that_cannot_bind_gets_no_location() -> None:
    stores = make_stores(4, site=[0, 0, 1], group=[0, 1, 2])
    sites = make_sites(4, import_limit_kw=[100.0, 100.0])
    wide = make_problem(4, sites=sites, stores=stores, groups=make_groups(4, site=[0, 0, 1], parent=[NO_GROUP, 0, NO_GROUP]))
    assert virtual_assets(wide).locations == 1
    # the outer group carries both stores, the inner one its own
    narrow = replace(wide, groups=replace(wide.groups, import_limit_kw=np.array([19.0, 11.0, 11.0])))
    virtual = virtual_assets(narrow)
    assert virtual.locations == 2
    assert virtual.group_of.tolist() == [[NO_GROUP, 0], [NO_GROUP, NO_GROUP]]
    assert virtual.stores[0].charge_kw.tolist() == [[0.0, 20.0], [10.0, 0.0]]


def test_inner_groups_point_at_the_location_around_them() -> None:
    stores = make_stores(4, group=[0, 1])
    groups = make_groups(4, site=[0, 0], parent=[NO_GROUP, 0], import_limit_kw=5.0)
    assert virtual_assets(make_problem(4, stores=stores, groups=groups)).outer.tolist() == [[0, 0, 1]]


def test_many_assets_at_a_place_are_told_apart_in_classes() -> None:
    few, some, many = (tiny(1, n_sites=1, n_stores=count, n_fills=0, n_calls=count, groups=False) for count in (10, 20, 80))
    assert [len(virtual_assets(few).stores), len(virtual_assets(few).calls)] == [3, 1]
    assert [len(virtual_assets(some).stores), len(virtual_assets(some).calls)] == [3, 3]
    assert [len(virtual_assets(many).stores), len(virtual_assets(many).calls)] == [4 + 2, 3]
    plain = virtual_assets(many).stores[:4]
    lasts = [float(part.size_kwh[0, 0] / part.charge_kw[0, 0]) for part in plain]
    assert lasts == sorted(lasts)


@settings(max_examples=20, deadline=None)
@given(problems(n_stores=8, n_fills=0, n_calls=0))
def test_any_schedule_of_its_members_fits_into_a_sum(problem: FleetProblem) -> None:
    """Stores that lose nothing at rest move at random; what they end with becomes what they must end with."""
    s, h, n = problem.stores, problem.hours, problem.periods
    kept = (s.keep_ratio == 1.0) & (s.profile < 0)
    s = Stores(*(getattr(s, column.name)[kept] for column in fields(Stores)))
    rng = np.random.default_rng(len(s))
    level, stored, drawn = np.repeat(s.initial_kwh[:, None], n, axis=1), np.zeros((len(s), n)), np.zeros((len(s), n))
    for i in range(len(s)):
        for t in range(s.first[i], s.end[i]):
            before = level[i, t - 1] if t else s.initial_kwh[i]
            up = min(h * s.eta_in[i] * s.charge_kw[i], s.max_kwh[i] - before) * rng.random() * (rng.random() < 0.5)
            down = min(h / s.eta_out[i] * s.discharge_kw[i], before - s.min_kwh[i]) * rng.random() * (up == 0)
            stored[i, t], drawn[i, t] = up / h, down / h
            level[i, t:] = before + up - down
    problem = replace(problem, stores=replace(s, end_kwh=level[:, -1] * rng.uniform(0.9, 1.0, len(s))))
    virtual = virtual_assets(problem)
    for e in range(len(problem.sites)):
        here = s.site == e
        low, high = (sum(getattr(part, name)[e].sum(axis=0) for part in virtual.stores) for name in ("min_kwh", "max_kwh"))
        end = sum(part.end_kwh[e].sum() for part in virtual.stores)
        total = level[here].sum(axis=0)
        assert (total >= low - 1e-9).all()
        assert (total <= high + 1e-9).all()
        assert total[-1] >= end - 1e-9
        for moved, name in ((stored, "stored_course_kw"), (drawn, "drawn_course_kw")):
            most = sum(getattr(part, name)[e].sum(axis=0) for part in virtual.stores)
            assert (moved[here].sum(axis=0) <= most + 1e-9).all()


def test_merged_sites_have_what_their_members_have_and_no_groups() -> None:
    problem = tiny(4, n_sites=5, n_stores=12, n_fills=6, n_calls=6)
    virtual = virtual_assets(problem)
    merged = merge(virtual, np.array([0, 1, 0, 1, 1]))
    assert merged.locations == 1
    assert merged.sites.import_limit_kw[0] == pytest.approx(problem.sites.import_limit_kw[[0, 2]].sum())
    assert (merged.sites.sell_cny_per_kwh <= merged.sites.buy_cny_per_kwh).all()
    for before, after in zip(
        (*virtual.stores, *virtual.fills, *virtual.calls), (*merged.stores, *merged.fills, *merged.calls), strict=True
    ):
        for column in fields(before):
            if column.name != "leaky":
                assert getattr(after, column.name).sum() == pytest.approx(getattr(before, column.name).sum())
