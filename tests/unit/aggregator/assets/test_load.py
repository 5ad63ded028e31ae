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
