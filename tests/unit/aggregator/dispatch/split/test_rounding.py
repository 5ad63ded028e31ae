"""Whole units: next to what was computed, inside every bound, and they add up."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.dispatch.domain.split import Rule
from aggregator.dispatch.domain.split.rounding import whole_units
from aggregator.dispatch.domain.split.water import water_fill
from tests.unit.aggregator.dispatch.split.parks import park, parks


@settings(max_examples=30, deadline=None)
@given(parks(), st.sampled_from(["cost", "floor", "pro_rata"]), st.sampled_from([0.0, 1e-6, 0.3, 50.0]), st.integers(0, 1000))
def test_whole_units_add_up_inside_rooms_and_sites_even_from_a_sloppy_solver(problem, name, noise, seed) -> None:
    ask = Rule(name).ask(problem)
    if not ask.amount:
        return
    rng = np.random.default_rng(seed)
    amount = np.clip(water_fill(ask).amount + noise * rng.normal(size=len(ask.room)), 0.0, ask.room)
    units = whole_units(ask, amount)
    assert units.sum() == ask.amount
    np.testing.assert_array_equal(units, np.rint(units))
    assert (units >= 0).all()
    assert (units <= ask.room).all()
    of_site = ask.per_site(units)
    assert (of_site <= ask.most).all()
    assert (of_site >= ask.least).all()
    if noise < 1e-3:
        assert (np.abs(units - amount) < 1.0).all()


def test_the_largest_remainders_get_the_last_units() -> None:
    problem = park(
        0,
        assets=4,
        sites=1,
        up_room_kw=np.full(4, 1.0),
        site_up_kw=np.array([10.0]),
        change_kw=0.010,
        cost_cny_per_kwh=np.zeros(4),
    )
    ask = Rule("pro_rata").ask(problem)
    np.testing.assert_array_equal(whole_units(ask, np.array([2.2, 2.7, 2.4, 2.7])), [2, 3, 2, 3])
