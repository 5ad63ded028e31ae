"""Virtual parks: nothing is lost in a sum, whatever the members can do the sum can do, and it never asks for what they cannot."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.dispatch.domain.fleet.problem import CallLoads, Fills, FleetProblem, Sites, Stores, no_groups, no_market
from market.bids.domain.risk import CurveProblem, bid_curves, check_curves, price_points
from market.bids.domain.risk_clusters import clusters_of
from market.bids.domain.risk_parks import parks_of
from vpp.bench.fleet_park import full_park, simple_park

N, HOURS, SITES = 12, 0.5, 4
SEEDS = st.integers(0, 10_000)
few = settings(max_examples=20, deadline=None)


def _windows(rng, count):
    first = rng.integers(0, N - 3, count)
    return first, np.minimum(first + rng.integers(2, N, count), N)


def _stores(rng, count, *, standing):
    first, end = (np.zeros(count, dtype=np.int64), np.full(count, N)) if standing else _windows(rng, count)
    size, power = rng.uniform(20, 80, count), rng.uniform(5, 30, count)
    initial = size * rng.uniform(0.2, 0.8, count)
    reach = initial + 0.9 * HOURS * power * (end - first)
    whole = np.full(count, -1)
    return Stores(
        site=np.sort(rng.integers(0, SITES, count)),
        group=whole,
        first=first,
        end=end,
        charge_kw=power,
        discharge_kw=rng.uniform(0, 20, count),
        min_kwh=0.1 * size,
        max_kwh=size,
        initial_kwh=initial,
        end_kwh=np.minimum(size * rng.uniform(0.1, 0.9, count), reach),
        eta_in=np.full(count, 0.9),
        eta_out=np.full(count, 0.95),
        wear_cny_per_kwh=rng.uniform(0.01, 0.1, count),
        end_value_cny_per_kwh=rng.uniform(0, 0.3, count),
        keep_ratio=np.ones(count),
        profile=whole.copy(),
    )


def _fills(rng, count):
    first, end = _windows(rng, count)
    power = rng.uniform(3, 22, count)
    return Fills(
        site=np.sort(rng.integers(0, SITES, count)),
        group=np.full(count, -1),
        first=first,
        end=end,
        charge_kw=power,
        eta_in=rng.uniform(0.85, 0.95, count),
        need_kwh=rng.uniform(0, 0.8, count) * power * HOURS * (end - first),
    )


def _calls(rng, count):
    first, end = _windows(rng, count)
    return CallLoads(
        site=np.sort(rng.integers(0, SITES, count)),
        group=np.full(count, -1),
        first=first,
        end=end,
        shed_kw=rng.uniform(5, 50, count),
        cost_cny_per_kwh=rng.uniform(0.3, 1.5, count),
        max_calls=rng.integers(1, 3, count),
        max_periods=rng.integers(1, 6, count),
        max_on=rng.integers(1, 4, count),
        rest=np.zeros(count, dtype=np.int64),
        ramp=np.zeros(count, dtype=np.int64),
        rebound=np.zeros(count, dtype=np.int64),
        rebound_ratio=np.zeros(count),
        whole=np.ones(count, dtype=bool),
        running=np.zeros(count, dtype=np.int64),
        profile=np.full(count, -1),
    )


def fleet(seed: int, *, standing: bool = True) -> FleetProblem:
    rng = np.random.default_rng(seed)
    buy = rng.uniform(0.4, 1.0, (SITES, N))
    sites = Sites(
        fixed_injection_kw=-rng.uniform(50, 150, (SITES, N)),
        generation_kw=rng.uniform(0, 100, (SITES, N)),
        buy_cny_per_kwh=buy,
        sell_cny_per_kwh=buy - 0.1,
        import_limit_kw=rng.uniform(300, 500, SITES),
        export_limit_kw=rng.uniform(50, 100, SITES),
        export_share_ratio=rng.choice([0.0, 0.2, np.inf], SITES),
        demand_price_cny_per_kw=rng.choice([0.0, 30.0], SITES),
        peak_so_far_kw=rng.uniform(100, 200, SITES),
        export_credit_kwh=np.array([0.0, 40.0, -15.0, 5.0]),
    )
    parts = _stores(rng, 9, standing=standing), _fills(rng, 8), _calls(rng, 7)
    return FleetProblem(HOURS, sites, *parts, no_market(N), no_groups(N))


@few
@given(SEEDS, st.sampled_from([1, 2, 9]))
def test_nothing_is_lost_in_a_sum(seed, clusters):
    asked = fleet(seed)
    parks, sites = parks_of(asked, clusters), asked.sites
    assert len(parks) <= min(clusters, SITES)
    assert sum(park.import_limit_kw for park in parks) == pytest.approx(sites.import_limit_kw.sum())
    assert sum(park.fixed_injection_kw for park in parks) == pytest.approx(sites.fixed_injection_kw.sum(axis=0))
    assert sum(park.generation_kw for park in parks) == pytest.approx(sites.generation_kw.sum(axis=0))
    summed = [store for park in parks for store in park.stores]
    assert sum(store.charge_kw for store in summed) == pytest.approx(asked.stores.charge_kw.sum())
    assert sum(store.initial_kwh for store in summed) == pytest.approx(asked.stores.initial_kwh.sum())
    assert sum(park.export_credit_kwh for park in parks) == pytest.approx(
        sites.export_credit_kwh[np.isfinite(sites.export_share_ratio)].sum()
    )
    calls = asked.calls
    longest = np.minimum(np.minimum(calls.max_on, calls.max_periods), calls.end - calls.first)
    periods = np.minimum(np.minimum(calls.max_periods, calls.max_calls * longest), calls.end - calls.first)
    most = sum(load.most_kwh for park in parks for load in park.loads)
    assert most == pytest.approx(HOURS * (calls.shed_kw * periods).sum())


@few
@given(SEEDS)
def test_needs_are_met_between_as_soon_as_possible_and_as_late_as_possible(seed):
    asked = fleet(seed)
    fill = parks_of(asked, 1)[0].fills[0]
    cars, soon, late, power = asked.fills, np.zeros(N), np.zeros(N), np.zeros(N)
    for k in range(len(cars)):
        left = cars.need_kwh[k] / cars.eta_in[k]
        each = cars.charge_kw[k] * HOURS
        for charged, window in ((soon, range(cars.first[k], cars.end[k])), (late, range(cars.end[k] - 1, cars.first[k] - 1, -1))):
            rest = left
            for t in window:
                charged[t] += min(each, rest)
                rest -= min(each, rest)
        power[cars.first[k] : cars.end[k]] += cars.charge_kw[k]
    assert fill.charge_kw == pytest.approx(power)
    assert fill.most_kwh == pytest.approx(np.cumsum(soon))
    assert fill.least_kwh == pytest.approx(np.cumsum(late))


@few
@given(SEEDS, st.booleans())
def test_whatever_every_store_can_do_the_sum_can_do(seed, standing):
    asked = fleet(seed, standing=standing)
    charge, discharge = _some_schedules(asked.stores, np.random.default_rng(seed))
    park = parks_of(asked, 1)[0]
    assert len(park.stores) <= 2
    total = sum(store.initial_kwh for store in park.stores)
    low, high, drift = (sum(getattr(store, name) for store in park.stores) for name in ("min_kwh", "max_kwh", "drift_kwh"))
    stored = total + np.cumsum(HOURS * (0.9 * charge - discharge / 0.95) + drift)
    assert (charge <= sum(store.charge_kw for store in park.stores) + 1e-9).all()
    assert (discharge <= sum(store.discharge_kw for store in park.stores) + 1e-9).all()
    assert (stored >= low - 1e-6).all()
    if standing:
        assert (stored <= high + 1e-6).all()
        assert stored[-1] >= sum(store.end_kwh for store in park.stores) - 1e-6


def _some_schedules(stores: Stores, rng) -> tuple[np.ndarray, np.ndarray]:
    """(n,) sums of charge and discharge of random feasible schedules, each store by itself."""
    charge, discharge = np.zeros(N), np.zeros(N)
    for k in range(len(stores)):
        held = stores.initial_kwh[k]
        for t in range(stores.first[k], stores.end[k]):
            later = stores.end[k] - 1 - t
            needed = stores.end_kwh[k] - 0.9 * HOURS * stores.charge_kw[k] * later
            most_in = min(stores.charge_kw[k], (stores.max_kwh[k] - held) / (0.9 * HOURS))
            least_in = max(0.0, (needed - held) / (0.9 * HOURS))
            out = min(stores.discharge_kw[k], (held - max(stores.min_kwh[k], needed)) * 0.95 / HOURS)
            if rng.random() < 0.5 or out <= 0:
                move = rng.uniform(least_in, max(most_in, least_in))
                charge[t] += move
                held += 0.9 * HOURS * move
            else:
                move = rng.uniform(0, out)
                discharge[t] += move
                held -= HOURS * move / 0.95
    return charge, discharge


@few
@given(SEEDS)
def test_the_order_of_assets_inside_a_site_changes_nothing(seed):
    asked = fleet(seed, standing=False)
    order = np.lexsort((np.random.default_rng(seed).random(len(asked.stores)), asked.stores.site))
    mixed = replace(asked, stores=Stores(*(getattr(asked.stores, column.name)[order] for column in fields(Stores))))
    for park, other in zip(parks_of(asked, 2), parks_of(mixed, 2), strict=True):
        for store, again in zip(park.stores, other.stores, strict=True):
            for column in fields(store):
                assert getattr(again, column.name) == pytest.approx(getattr(store, column.name))


def test_ramps_and_rebounds_count_by_their_energy():
    asked = fleet(1)
    one = {column.name: getattr(asked.calls, column.name)[:1] for column in fields(CallLoads)}
    settings = {
        "first": 0,
        "end": 12,
        "shed_kw": 60.0,
        "max_calls": 2,
        "max_periods": 8,
        "max_on": 4,
        "ramp": 2,
        "rebound": 2,
        "rebound_ratio": 0.5,
    }
    calls = CallLoads(**(one | {name: np.array([value]) for name, value in settings.items()}))
    load = next(load for park in parks_of(replace(asked, calls=calls), 1) for load in park.loads)
    assert load.most_kwh == pytest.approx(HOURS * 60 * 2 * (1 / 3 + 2 / 3 + 1 + 1))
    assert load.payback_ratio == pytest.approx(0.5 * 2 / 3)  # two half periods after every three full ones
    assert load.cost_cny_per_kwh == pytest.approx(calls.cost_cny_per_kwh[0])


@few
@given(SEEDS, st.integers(2, 4))
def test_classes_of_cost_keep_the_total_and_hold_cheap_loads_apart_from_dear_ones(seed, classes):
    asked = fleet(seed)
    together, apart = parks_of(asked, 2), parks_of(asked, 2, load_classes=classes)
    for one, several in zip(together, apart, strict=True):
        assert sum(load.most_kwh for load in several.loads) == pytest.approx(sum(load.most_kwh for load in one.loads))
        assert sum(load.shed_kw for load in several.loads) == pytest.approx(sum(load.shed_kw for load in one.loads))
        assert sum(load.most_kwh * load.cost_cny_per_kwh for load in several.loads) == pytest.approx(
            sum(load.most_kwh * load.cost_cny_per_kwh for load in one.loads)
        )
        costs = [load.cost_cny_per_kwh for load in several.loads]
        assert costs == sorted(costs)


def test_a_load_with_a_course_of_its_own_sheds_what_is_there_and_uses_its_largest_periods():
    asked = fleet(3)
    course = np.array([0, 0, 10, 40, 30, 20, 0, 5, 50, 0, 0, 0], dtype=float)
    one = {column.name: getattr(asked.calls, column.name)[:1] for column in fields(CallLoads)}
    terms = {"first": 2, "end": 8, "shed_kw": 50.0, "max_calls": 1, "max_periods": 2, "max_on": 2, "profile": 0}
    calls = CallLoads(**(one | {name: np.array([value]) for name, value in terms.items()}))
    park = parks_of(replace(asked, calls=calls, shed_profiles_kw=course[None, :]), 1)[0]
    assert park.loads[0].shed_kw.tolist() == [0, 0, 10, 40, 30, 20, 0, 5, 0, 0, 0, 0]
    assert park.loads[0].most_kwh == pytest.approx(HOURS * (40 + 30))


@pytest.mark.parametrize("shares", [[np.inf] * SITES, [0.0] * SITES, [0.2] * SITES, [0.0, 0.2, np.inf, 0.5]])
def test_a_sum_may_export_what_its_members_may(shares):
    asked = fleet(2)
    sites = replace(asked.sites, export_share_ratio=np.array(shares))
    park = parks_of(replace(asked, sites=sites), 1)[0]
    made = sites.generation_kw.sum(axis=1)
    allowed = sum(N * cap if np.isinf(share) else share * kw for share, cap, kw in zip(shares, sites.export_limit_kw, made, strict=True))
    assert park.export_share_ratio == (np.inf if np.isinf(shares).all() else pytest.approx(allowed / made.sum()))


def test_where_nothing_can_be_curtailed_the_share_is_the_members_and_what_they_may_export_is_their_credit():
    asked = fleet(2)
    sites = replace(asked.sites, export_share_ratio=np.array([0.1, 0.2, 0.2, 0.3]), generation_kw=np.zeros((SITES, N)))
    park = parks_of(replace(asked, sites=sites), 1)[0]
    assert (park.export_share_ratio, park.export_credit_kwh) == (pytest.approx(0.2), pytest.approx(30.0))


def test_clusters_are_the_same_again_and_none_is_empty():
    problem = simple_park(400, per_site=10).problem
    label = clusters_of(problem, 6)
    assert (label == clusters_of(problem, 6)).all()
    assert set(label) == set(range(label.max() + 1))
    assert label.max() < 6
    assert (clusters_of(problem, 500) == np.arange(40)).all()


@pytest.mark.parametrize("clusters", [1, 3])
def test_bids_come_from_a_park_of_all_kinds(clusters):
    problem = full_park(300).problem
    rng, row = np.random.default_rng(0), np.zeros(problem.periods)
    prices = 0.2 * rng.uniform(0.5, 1.5, (4, problem.periods))
    asked = CurveProblem(
        hours=problem.hours,
        prices_cny_per_kwh=prices,
        points_cny_per_kwh=price_points(prices, 4),
        parks=tuple(parks_of(problem, clusters)),
        baseline_injection_kw=problem.sites.fixed_injection_kw.sum(axis=0) + problem.sites.generation_kw.sum(axis=0),
        over_cny_per_kwh=row + 0.05,
        under_cny_per_kwh=1.5 * prices + 0.1,
        certified_least_kw=row - 2000,
        certified_most_kw=row + 2000,
        reserved_up_kw=row,
        reserved_down_kw=row,
        locked_kw=row + np.nan,
        fixed_cost_cny=np.zeros(4),
    )
    made = bid_curves(asked, deadline_s=60, lot_kw=10)
    assert made.status != "fallback"
    assert made.relief_kwh.max() < 1
    assert made.gap_ratio < 1e-3
    assert check_curves(asked, made) == ()
