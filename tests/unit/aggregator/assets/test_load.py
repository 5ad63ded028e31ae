"""A load: what production wants, less what may be shed, never less than must-run."""

from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aggregator.assets.domain import Command, Drive
from aggregator.assets.domain import load as physics
from aggregator.kernel.periods import Grid

GRID = Grid(datetime(2026, 7, 14, 16, tzinfo=UTC), timedelta(minutes=15), 16)


@st.composite
def loads(draw):
    rated = draw(st.floats(1, 5000))
    return physics.LoadSpec(
        rated_kw=rated,
        must_run_kw=draw(st.floats(0, 1)) * rated,
        sheddable=draw(st.booleans()),
        max_calls_per_day=draw(st.integers(0, 3)),
        max_call_hours=draw(st.floats(0.25, 4)),
        notice_minutes=draw(st.integers(0, 120)),
    )


@given(spec=loads(), wanted=st.floats(0, 9000), limit=st.one_of(st.none(), st.floats(0, 9000)))
def test_consumption_is_between_must_run_and_what_production_wants(spec, wanted, limit):
    command = None if limit is None else Command("import_limit_kw", limit)
    _state, kw = physics.step(spec, physics.initial_state(spec), drive=Drive(wanted), command=command, at_hours=0, hours=0.25)
    natural = min(wanted, spec.rated_kw)
    assert -natural <= kw <= -min(natural, spec.must_run_kw)
    if limit is None or not spec.sheddable:
        assert kw == -natural


@given(spec=loads(), wanted=st.lists(st.floats(0, 6000), min_size=16, max_size=16))
def test_the_envelope_only_ever_goes_up_from_the_load_and_never_above_must_run(spec, wanted):
    envelope = physics.envelope(spec, grid=GRID, load_kw=np.array(wanted))
    natural = np.minimum(wanted, spec.rated_kw)
    assert np.allclose(envelope.min_kw, -natural)
    assert (envelope.max_kw >= -natural - 1e-9).all()
    assert (envelope.max_kw <= -np.minimum(natural, spec.must_run_kw) + 1e-9).all()
    assert (envelope.max_kwh >= envelope.min_kwh - 1e-9).all()


@given(spec=loads(), wanted=st.lists(st.floats(0, 6000), min_size=16, max_size=16))
def test_nothing_can_be_shed_before_the_notice_has_passed(spec, wanted):
    envelope = physics.envelope(spec, grid=GRID, load_kw=np.array(wanted))
    for period in range(16):
        if period * 15 < spec.notice_minutes:
            assert envelope.up_kw[period] == 0


@given(spec=loads(), wanted=st.lists(st.floats(0, 6000), min_size=16, max_size=16))
def test_no_more_energy_than_the_allowed_calls_give(spec, wanted):
    envelope = physics.envelope(spec, grid=GRID, load_kw=np.array(wanted))
    shed_kwh = envelope.max_kwh[-1] - np.sum(envelope.base_kw) * 0.25
    hours = spec.max_calls_per_day * max(0.25, np.floor(spec.max_call_hours * 4 + 1e-9) / 4)
    assert shed_kwh <= envelope.up_kw.max() * hours + 1e-6


def test_a_load_whose_calls_are_used_up_offers_nothing():
    spec = physics.LoadSpec(rated_kw=100, must_run_kw=20, max_calls_per_day=1)
    envelope = physics.envelope(spec, grid=GRID, load_kw=np.full(16, 80.0))
    assert physics.device(spec, envelope).up_kw.any()
    assert not physics.device(spec, envelope, calls_used=1).up_kw.any()


# --- rest, ramp and rebound

N, H = 24, 0.25
LONG = Grid(datetime(2026, 7, 14, 16, tzinfo=UTC), timedelta(minutes=15), N)


@st.composite
def slow_loads(draw):
    return physics.LoadSpec(
        rated_kw=1000,
        must_run_kw=draw(st.floats(0, 400)),
        max_calls_per_day=2,
        max_call_hours=draw(st.sampled_from([1.0, 2.0])),
        notice_minutes=0,
        all_or_nothing=True,
        rest_minutes=draw(st.sampled_from([0, 20, 60])),
        ramp_minutes=draw(st.sampled_from([0, 7, 15, 20, 45])),
        rebound_hours=0.5,
        rebound_ratio=draw(st.floats(0.01, 0.5)),
    )


def play(spec, natural, limits, *, steps_per_period=3):
    """Consumption per step [kW]."""
    state, consumed, h = physics.initial_state(spec), [], H / steps_per_period
    for t, kw in enumerate(np.repeat(natural, steps_per_period)):
        limit = limits[t // steps_per_period]
        command = None if limit is None else Command("import_limit_kw", limit)
        state, injection = physics.step(spec, state, drive=Drive(float(kw)), command=command, at_hours=t * h, hours=h)
        consumed.append(-injection)
    return np.array(consumed)


def planned_limits(spec, natural, first, length):
    """What a plan asks of the load in one call: the ladder of its first periods, then all that can be shed."""
    ramp = physics.device(spec, physics.envelope(spec, grid=LONG, load_kw=natural)).calls.ramp_periods
    limits = [None] * N
    for j in range(length):
        can_shed = max(0.0, natural[first + j] - spec.must_run_kw)
        limits[first + j] = natural[first + j] - can_shed * min(1.0, (j + 1) / (ramp + 1))
    return limits


powers = st.lists(st.floats(500, 1000), min_size=N, max_size=N)


@given(spec=slow_loads(), natural=powers, first=st.integers(0, 8), length=st.integers(1, 4))
def test_a_load_sheds_in_each_period_what_a_plan_may_count_on(spec, natural, first, length):
    natural = np.array(natural)
    limits = planned_limits(spec, natural, first, length)
    mean = play(spec, natural, limits).reshape(N, 3).mean(axis=1)
    for t in range(first, first + length):
        assert mean[t] <= limits[t] + 1e-9


@given(spec=slow_loads(), natural=powers, first=st.integers(0, 8), length=st.integers(1, 4))
def test_after_a_call_a_load_takes_what_its_rebound_says_and_no_more(spec, natural, first, length):
    natural = np.array(natural)
    consumed = play(spec, natural, planned_limits(spec, natural, first, length)).reshape(N, 3).mean(axis=1)
    more, end = consumed - natural, first + length
    expected = np.zeros(N)
    expected[end : end + 2] = spec.rebound_ratio * (natural - spec.must_run_kw)[end : end + 2]
    assert np.allclose(more[end:], expected[end:], atol=1e-9)
    assert np.allclose(more[:first], 0)


def test_the_ramp_lets_go_evenly_whatever_the_step():
    spec = physics.LoadSpec(rated_kw=100, must_run_kw=20, all_or_nothing=True, ramp_minutes=20)
    natural = np.full(N, 100.0)
    limits = [20.0] * 4 + [None] * (N - 4)
    fine, coarse = play(spec, natural, limits, steps_per_period=15), play(spec, natural, limits, steps_per_period=1)
    assert np.allclose(fine.reshape(N, 15).mean(axis=1), coarse)
    assert np.isclose(fine[0], 100 - 80 * 0.5 / 20)  # half a minute into twenty, on average
    assert np.isclose(coarse[0], 100 - 80 * 7.5 / 20)


def test_a_load_that_rests_is_not_called_again():
    spec = physics.LoadSpec(rated_kw=100, must_run_kw=20, all_or_nothing=True, rest_minutes=45)
    limits = [20.0, None, 20.0, 20.0, 20.0] + [None] * (N - 5)
    consumed = play(spec, np.full(N, 100.0), limits, steps_per_period=1)
    assert consumed[:6].tolist() == [20, 100, 100, 100, 20, 100]


def test_a_plan_knows_rest_ramp_and_rebound_in_whole_periods():
    spec = physics.LoadSpec(
        rated_kw=100,
        must_run_kw=20,
        all_or_nothing=True,
        rest_minutes=50,
        ramp_minutes=30,
        rebound_hours=0.5,
        rebound_ratio=0.25,
        max_call_hours=1,
    )
    envelope = physics.envelope(spec, grid=LONG, load_kw=np.full(N, 100.0))
    calls = physics.device(spec, envelope).calls
    assert (calls.rest_periods, calls.ramp_periods, calls.rebound_periods, calls.rebound_ratio) == (4, 3, 2, 0.25)
    shed_kwh = envelope.max_kwh[-1] - envelope.base_kw.sum() * H
    assert np.isclose(shed_kwh, 80 * H * (0.25 + 0.5 + 0.75 + 1))  # the ramp's ladder, not four whole periods
