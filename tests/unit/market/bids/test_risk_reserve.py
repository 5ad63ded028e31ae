"""Reserve beside the curves: there in every scenario, never the same kilowatt twice, in lots, and worth offering or left alone."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from market.bids.domain.risk import CurveProblem, ReserveTerms, check_curves
from market.bids.domain.risk._reserve_check import worst_reserve_violation
from market.bids.domain.risk._reserve_lots import caps_of, offered_reserve
from market.bids.domain.risk._solve import SOLVERS, Search
from market.bids.domain.risk.delivery import worst_violation
from market.bids.domain.risk.problem import in_units
from market.bids.domain.risk.reserve import HeldReserve, ReserveRefused
from tests.unit.market.bids.test_risk import FINE_KW, SEEDS, N, curves_of, few, problem, store

BLOCKS = 3


def terms(seed: int = 0, **changes) -> ReserveTerms:
    rng = np.random.default_rng(seed)
    plain = ReserveTerms(
        block=np.arange(N) // 2,
        up_cny_per_kw=rng.uniform(0.0, 0.6, BLOCKS),
        down_cny_per_kw=rng.uniform(0.0, 0.6, BLOCKS),
        up_open=np.ones(BLOCKS, dtype=bool),
        down_open=np.ones(BLOCKS, dtype=bool),
        lasting_hours=1.0,
        lot_kw=5.0,
        least_kw=10.0,
    )
    return replace(plain, **changes)


def with_reserve(seed: int, *, parks: int = 2, **changes) -> CurveProblem:
    asked = problem(seed, parks=parks)
    able = tuple(replace(park, stores=(store(reserve_up_kw=100.0, reserve_down_kw=80.0), store())) for park in asked.parks)
    ordered = np.where(np.arange(N) == 3, 50.0, 0.0)  # demand response: a closed period
    return replace(
        asked,
        parks=able,
        reserve=terms(seed, **changes),
        baseline_injection_kw=asked.baseline_injection_kw + ordered,
        reserved_up_kw=ordered,
        locked_kw=np.where(ordered > 0, 0.0, np.nan),
    )


@few
@given(SEEDS, st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([FINE_KW, 10.0]))
@example(287, 0.5, FINE_KW)  # an interior point that holds a little more than the store can
def test_energy_demand_response_and_reserve_are_never_the_same_kilowatt(seed, risk_weight, lot_kw):
    asked = with_reserve(seed)
    made = curves_of(asked, risk_weight=risk_weight, lot_kw=lot_kw)
    assert made.status in ("optimal", "at_gap")
    assert check_curves(asked, made) == ()
    assert (np.diff(made.quantity_kw, axis=1) >= 0).all()
    up, down = (kw[asked.reserve.block] for kw in (made.reserve.up_kw, made.reserve.down_kw))
    assert (made.accepted_kw + asked.reserved_up_kw + up <= asked.certified_most_kw + 1e-6).all()
    assert (made.accepted_kw - asked.reserved_down_kw - down >= asked.certified_least_kw - 1e-6).all()
    assert made.lower_bound_cny <= made.objective_cny + 1e-6 * abs(made.objective_cny)
    for kw in (made.reserve.up_kw, made.reserve.down_kw):
        assert (((kw == 0) | (kw >= 10)) & (np.abs(kw / 5 - np.round(kw / 5)) < 1e-9)).all()


@few
@given(SEEDS)
def test_every_scenario_can_deliver_all_of_the_reserve_at_any_time(seed):
    asked = in_units(with_reserve(seed), 100.0)
    found = Search(asked, 0.7, 0.5, SOLVERS, until=np.inf).run()
    assert worst_violation(asked, found.flows) < 1e-5
    assert worst_reserve_violation(asked, found.flows, found.held) < 1e-5
    more = HeldReserve(found.held.up_kw + 2.0, found.held.down_kw)
    assert worst_reserve_violation(asked, found.flows, more) > 0.5  # and the check notices what is not there


@few
@given(SEEDS, st.sampled_from([0.01, 100.0]))
@example(14, 100.0)
def test_the_size_of_the_fleet_decides_nothing(seed, factor):
    asked = in_units(with_reserve(seed), 1 / factor)
    made = curves_of(asked, lot_kw=factor)
    assert made.status in ("optimal", "at_gap")
    assert check_curves(asked, made) == ()


@few
@given(SEEDS, st.sampled_from([1e-5, 0.3]), st.sampled_from([1.0, 1e4]), st.sampled_from([5.0, 7.3, 0.1]))
def test_nothing_is_offered_that_no_store_holds(seed, off, factor, lot_kw):
    rng, asked = np.random.default_rng(seed), in_units(with_reserve(seed, lot_kw=lot_kw), 1 / factor)
    asked = replace(asked, reserve=replace(asked.reserve, up_most_kw=150.0 * factor))
    own, caps = asked.reserve, caps_of(asked, asked.reserve)
    held = HeldReserve(
        *(kw * rng.choice([0.4, 1.0], kw.shape) * (1 + rng.uniform(-off, off, kw.shape)) for kw in (caps.up_kw, caps.down_kw))
    )
    made = offered_reserve(asked, own, held, curve_lot_kw=factor)
    near = 1e-10 * factor * 100
    for offered, parts, most_kw in ((made.up_kw, made.held.up_kw, caps.up_kw), (made.down_kw, made.held.down_kw, caps.down_kw)):
        assert np.abs(parts.sum(axis=0) - offered).max() <= near
        assert (parts <= most_kw + near).all()
        assert (parts >= 0).all()
        assert np.abs(offered / own.lot_kw - np.round(offered / own.lot_kw)).max() < 1e-9
    assert (made.held.up_kw / caps.eta_out + made.held.down_kw * caps.eta_in <= caps.span_kw + near).all()
    assert (made.up_kw <= own.up_most_kw + near).all()
    assert (made.up_kw <= held.up_kw.sum(axis=0) * (1 + 2e-6)).all()
    assert (made.down_kw <= held.down_kw.sum(axis=0) * (1 + 2e-6)).all()


def test_the_dust_that_whole_lots_lack_is_held_by_who_has_room():
    own = terms(up_cny_per_kw=np.ones(BLOCKS))
    asked = replace(with_reserve(0), reserve=own, reserved_up_kw=np.zeros(N), locked_kw=np.full(N, np.nan))
    nothing = np.zeros((2, BLOCKS))
    held = HeldReserve(np.array([[100.0 - 1e-5] * BLOCKS, [50.0 - 1e-5] * BLOCKS]), nothing)
    made = offered_reserve(asked, own, held, curve_lot_kw=10.0)
    np.testing.assert_allclose(made.up_kw, 150.0)
    np.testing.assert_allclose(made.held.up_kw.sum(axis=0), 150.0, rtol=1e-12)
    assert (made.held.up_kw <= 100.0).all()
    beyond = HeldReserve(np.array([[100.0 + 1e-3] * BLOCKS, [50.0 - 1e-3] * BLOCKS]), nothing)  # the sum is whole, but not in its stores
    np.testing.assert_allclose(offered_reserve(asked, own, beyond, curve_lot_kw=10.0).up_kw, 145.0)


@few
@given(SEEDS)
def test_a_reserve_market_makes_no_day_dearer_and_pays_nothing_for_nothing(seed):
    asked = with_reserve(seed)
    alone = curves_of(replace(asked, reserve=None))
    free = curves_of(replace(asked, reserve=terms(up_cny_per_kw=np.zeros(BLOCKS), down_cny_per_kw=np.zeros(BLOCKS))))
    paid = curves_of(asked)
    near = 5e-3 * max(1.0, float(np.abs(alone.scenario_cost_cny).max()))  # lots, and the interior point's tolerance
    assert paid.objective_cny <= alone.objective_cny + near
    assert free.objective_cny == pytest.approx(alone.objective_cny, abs=near)
    assert paid.lower_bound_cny <= alone.objective_cny + near


@few
@given(SEEDS, st.randoms(use_true_random=False))
def test_the_order_of_scenarios_and_parks_changes_nothing(seed, random):
    asked = with_reserve(seed, lot_kw=1e-3, least_kw=0.0)
    order = list(range(asked.scenarios))
    random.shuffle(order)
    parks = [
        replace(park, fixed_injection_kw=park.fixed_injection_kw[order], generation_kw=park.generation_kw[order])
        for park in reversed(asked.parks)
    ]
    other = replace(
        asked,
        prices_cny_per_kwh=asked.prices_cny_per_kwh[order],
        under_cny_per_kwh=asked.under_cny_per_kwh[order],
        parks=tuple(parks),
    )
    one, two = curves_of(asked), curves_of(other)
    near = 1e-3 * max(1.0, float(np.abs(one.scenario_cost_cny).max()))
    assert two.lower_bound_cny == pytest.approx(one.lower_bound_cny, abs=near)
    assert two.objective_cny == pytest.approx(one.objective_cny, abs=2 * near)


def test_what_is_too_small_to_be_offered_is_not_kept_free_either():
    asked = with_reserve(3, least_kw=1000.0)
    made, alone = curves_of(asked), curves_of(replace(asked, reserve=None))
    assert made.reserve.up_kw.sum() == made.reserve.down_kw.sum() == made.reserve.income_cny == 0
    np.testing.assert_allclose(made.quantity_kw, alone.quantity_kw, atol=0.5)


def test_nothing_is_offered_in_closed_blocks_nor_beyond_a_certificate():
    closed = np.array([True, False, True])
    asked = with_reserve(2, up_open=closed, up_most_kw=20.0, up_cny_per_kw=np.full(BLOCKS, 5.0))
    made = curves_of(asked)
    assert check_curves(asked, made) == ()
    np.testing.assert_allclose(made.reserve.up_kw, [20.0, 0.0, 20.0])


@pytest.mark.parametrize(
    ("rule", "spoil"),
    [
        ("reserve_lot", lambda r: replace(r, up_kw=r.up_kw + 1.0)),
        ("reserve_not_held", lambda r: replace(r, held=HeldReserve(r.held.up_kw * 0, r.held.down_kw))),
        ("reserve_not_held", lambda r: replace(r, up_kw=r.up_kw * (1 + 1e-6))),
        ("sold_twice_up", lambda r: replace(r, up_kw=r.up_kw + 500.0)),
        ("sold_twice_down", lambda r: replace(r, down_kw=r.down_kw + 500.0)),
        ("reserve_closed", lambda r: replace(r, up_kw=r.up_kw + np.array([0.0, 0.0, 500.0]))),
    ],
)
def test_the_check_finds_what_is_wrong_with_a_reserve(rule, spoil):
    asked = with_reserve(1, up_cny_per_kw=np.full(BLOCKS, 2.0), up_open=np.array([True, True, False]))
    made = curves_of(asked)
    assert check_curves(asked, made) == ()
    assert rule in {violation.rule for violation in check_curves(asked, replace(made, reserve=spoil(made.reserve)))}


def test_the_energy_curve_keeps_a_whole_lot():
    """A reserve that would leave no quantity of the curve's lots is not offered."""
    own = terms(up_cny_per_kw=np.ones(BLOCKS), down_cny_per_kw=np.ones(BLOCKS), least_kw=0.0)
    asked = replace(with_reserve(0, parks=1), reserve=own, reserved_up_kw=np.zeros(N), locked_kw=np.full(N, np.nan))
    held = HeldReserve(np.full((1, BLOCKS), 15.0), np.full((1, BLOCKS), 15.0))

    def offered(least_kw: float, first_most_kw: float):
        most_kw = np.array([first_most_kw] * 2 + [60.0] * 4)
        bounded = replace(asked, certified_least_kw=np.full(N, least_kw), certified_most_kw=most_kw)
        return offered_reserve(bounded, own, held, curve_lot_kw=10.0)

    made = offered(-16.0, 18.0)
    assert made.up_kw.tolist() == [15.0, 15.0, 15.0]  # zero is a lot
    tight = offered(-12.0, 14.0)
    assert tight.up_kw.tolist() == [0.0, 15.0, 15.0]


@pytest.mark.parametrize(
    "changes", [{"block": np.array([0, 0, 2, 2, 2, 2])}, {"up_cny_per_kw": np.ones(2)}, {"lasting_hours": 0.0}, {"lot_kw": 0.0}]
)
def test_terms_that_do_not_fit_are_refused(changes):
    with pytest.raises(ReserveRefused):
        terms(**changes)
