"""From the day's devices and joint scenarios to the curves' problem: what is certified, reserved, locked, and what a deviation costs."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from aggregator.dispatch.domain import FirmBlock, GroupProblem, SiteProblem
from market.bids.domain.curve_problem import Promise, curve_problem, declared_kw, points_on_step
from market.bids.domain.policy import POLICY
from market.bids.domain.steps import OfferForm
from tests.unit.market.bids.park import SUN, N, base_kw, joint, park

FORM = OfferForm(Decimal(-100), Decimal(1500), Decimal("0.01"), Decimal(10), 1, 10)
POSITION = np.round(base_kw(), -1)


def asked(*, promise=None, scenarios=None, form=FORM, policy=POLICY, problem=None):
    own, assets = park()
    made, _ = curve_problem(
        problem or own,
        assets=assets,
        scenarios=scenarios or joint(),
        position_kw=POSITION,
        form=form,
        policy=policy,
        promise=promise,
    )
    return made


def block(direction=1):
    return Promise(FirmBlock(slice(18, 20), base_kw()[18:20], 1.5, 600.0, 600.0, direction), shortfall_cny_per_kwh=2.25)


def test_what_is_certified_are_the_connections_and_the_rated_powers_behind_them():
    problem, assets = park()
    assert declared_kw(problem, assets) == (-4000.0, 1000.0)  # the connection is narrower than what stands behind it
    wide = replace(problem, sites={"works": SiteProblem(9000, 9000, np.full(N, 0.2))})
    assert declared_kw(wide, assets) == (-3000.0 - 1000.0, 2000.0 + 1000.0)  # press and battery; PV and battery
    made = asked()
    assert np.array_equal(made.certified_least_kw, np.minimum(-4000 - POSITION, 0))
    assert np.array_equal(made.certified_most_kw, 1000 - POSITION)


def test_an_asset_that_does_not_move_does_not_certify_anything():
    problem, assets = park()
    still = replace(problem.devices["battery"][1], up_kw=np.zeros(N), down_kw=np.zeros(N))
    wide = SiteProblem(9000, 9000, np.full(N, 0.2))
    barred = replace(problem, sites={"works": wide}, devices=problem.devices | {"battery": ("works", still)})
    assert declared_kw(barred, assets) == (-3000.0, 2000.0)


def test_the_park_is_that_of_the_devices_and_its_prices_are_its_own():
    (works,) = asked().parks
    assert works.buy_cny_per_kwh.tolist() == [0.2] * N
    assert works.sell_cny_per_kwh.tolist() == [0.0] * N
    assert len(works.stores) == 1
    assert works.stores[0].end_value_cny_per_kwh == pytest.approx(0.35 * park()[0].devices["battery"][1].terminal_value_ratio)
    assert works.loads[0].most_kwh == pytest.approx(2 * 1500.0)
    assert works.loads[0].cost_cny_per_kwh == 1.0


def test_each_scenario_has_its_generation_and_load_at_once():
    scenarios = joint()
    (works,) = asked(scenarios=scenarios).parks
    sunny = SUN > 0
    assert np.allclose(works.generation_kw[:, sunny], np.maximum(SUN[sunny] + scenarios.generation_kw[:, sunny], 0.0))
    assert not works.generation_kw[:, ~sunny].any()
    assert np.allclose(works.fixed_injection_kw, -2500 + scenarios.load_kw)


def test_generation_that_cannot_be_curtailed_varies_as_well():
    problem, assets = park()
    fixed = replace(problem.devices["pv"][1], down_kw=np.zeros(N))
    scenarios = joint()
    rigid = replace(problem, devices=problem.devices | {"pv": ("works", fixed)})
    made, _ = curve_problem(rigid, assets=assets, scenarios=scenarios, position_kw=POSITION, form=FORM, policy=POLICY)
    assert not made.parks[0].generation_kw.any()
    assert np.allclose(made.parks[0].fixed_injection_kw, SUN - 2500 + scenarios.load_kw + scenarios.generation_kw)


def test_a_transformer_inside_the_site_changes_nothing():
    """Limits inside a site are left out of the curves: what is generated behind one is still generation."""
    problem, _ = park()
    tight = replace(problem, groups={"t": GroupProblem("works", 100.0, 100.0)}, group_of=dict.fromkeys(problem.devices, "t"))
    (open_park,), (behind,) = asked().parks, asked(problem=tight).parks
    assert behind.generation_kw.any()
    np.testing.assert_array_equal(behind.generation_kw, open_park.generation_kw)
    assert len(behind.stores) == len(open_park.stores)


def test_the_changes_of_all_sites_together_are_those_of_the_scenario():
    problem, assets = park()
    two = SiteProblem(4000, 1000, np.full(N, 0.3))
    split = replace(
        problem, sites=problem.sites | {"annex": two}, devices=problem.devices | {"press": ("annex", problem.devices["press"][1])}
    )
    scenarios = joint(weather_kw=20.0)
    made, _ = curve_problem(split, assets=assets, scenarios=scenarios, position_kw=POSITION, form=FORM, policy=POLICY)
    natural = sum(np.broadcast_to(park.generation_kw + park.fixed_injection_kw, (8, N)) for park in made.parks)
    assert np.allclose(natural, base_kw() + scenarios.generation_kw + scenarios.load_kw)


def test_a_deviation_is_settled_at_the_price_and_its_cost_turns_against_us():
    scenarios = joint(deviation=30.0)
    made = asked(scenarios=scenarios)
    price = scenarios.prices_cny_per_mwh / 1000
    assert np.allclose(made.under_cny_per_kwh, price + 0.03)
    assert np.allclose(made.over_cny_per_kwh, 0.03 - price)
    assert np.allclose(made.fixed_cost_cny, -(price @ POSITION))


@pytest.mark.parametrize("direction", [1, -1])
def test_one_movement_one_product(direction):
    promise = block(direction)
    made = asked(promise=promise)
    window = slice(18, 20)
    assert made.locked.tolist() == [t in (18, 19) for t in range(N)]
    assert made.locked_kw[window].tolist() == [0.0, 0.0]
    assert np.allclose(made.baseline_injection_kw[window], POSITION[window] + direction * 600)
    sold, free = (made.reserved_up_kw, made.reserved_down_kw) if direction > 0 else (made.reserved_down_kw, made.reserved_up_kw)
    assert sold[window].tolist() == [600.0, 600.0]
    assert not free.any()
    short = made.under_cny_per_kwh if direction > 0 else made.over_cny_per_kwh
    assert (short[:, window] == 2.25).all()
    plain = asked()
    assert np.allclose(plain.fixed_cost_cny - made.fixed_cost_cny, 1.5 * 600 * 2)  # what it earns counts in the day


def test_a_dearer_market_than_the_penalty_does_not_make_cheating_pay():
    scenarios = joint()
    dear = replace(scenarios, prices_cny_per_mwh=scenarios.prices_cny_per_mwh + 5000)
    made = asked(promise=block(), scenarios=dear)
    assert (made.over_cny_per_kwh + made.under_cny_per_kwh >= 0).all()


def test_price_points_lie_on_the_market_s_steps_and_are_no_more_than_it_takes():
    assert asked(form=replace(FORM, max_segments=3)).n_points == 3
    assert asked(policy=replace(POLICY, points=5)).n_points == 5
    assert asked(scenarios=joint(4)).n_points == 4
    points = asked().points_cny_per_kwh * 1000
    assert (np.diff(points, axis=1) > 0.019).all()
    assert np.allclose(points / 0.02, np.round(points / 0.02), atol=1e-6)


def test_days_that_are_all_alike_have_one_point():
    same = points_on_step(np.full((6, N), 0.35), 8, step_cny_per_kwh=1e-5)
    assert same.shape == (N, 1)
    assert np.allclose(same, 0.35)
