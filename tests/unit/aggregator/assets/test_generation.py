"""PV and wind: the weather's power, at most; less only where they can be curtailed."""

from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aggregator.assets.domain import Command, Drive
from aggregator.assets.domain import generation as physics
from aggregator.kernel.periods import Grid

GRID = Grid(datetime(2026, 7, 14, 16, tzinfo=UTC), timedelta(minutes=15), 4)
specs = st.builds(physics.PvSpec, rated_kw=st.floats(1, 5000), curtailable=st.booleans())


def power(spec, natural_kw, limit_kw):
    command = None if limit_kw is None else Command("export_limit_kw", limit_kw)
    _state, kw = physics.step(spec, physics.initial_state(spec), drive=Drive(natural_kw), command=command, at_hours=0, hours=0.25)
    return kw


@given(spec=specs, natural=st.floats(-10, 9000), limit=st.one_of(st.none(), st.floats(0, 9000)))
def test_power_is_never_more_than_the_weather_the_rating_or_the_limit(spec, natural, limit):
    kw = power(spec, natural, limit)
    assert 0 <= kw <= min(max(natural, 0), spec.rated_kw)
    if limit is not None and spec.curtailable:
        assert kw <= limit


@given(spec=specs, natural=st.floats(0, 9000), limit=st.floats(0, 9000))
def test_every_possible_power_lies_in_the_envelope(spec, natural, limit):
    envelope = physics.envelope(spec, grid=GRID, available_kw=np.full(4, natural))
    kw = power(spec, natural, limit)
    assert envelope.min_kw[0] - 1e-9 <= kw <= envelope.max_kw[0] + 1e-9


def test_what_cannot_be_curtailed_cannot_be_moved():
    spec = physics.WindSpec(rated_kw=100, curtailable=False)
    device = physics.device(spec, physics.envelope(spec, grid=GRID, available_kw=np.full(4, 60.0)))
    assert not device.down_kw.any()
    assert power(spec, 60, 10) == 60
