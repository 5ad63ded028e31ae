"""What had not happened, or was not known, when a forecast was issued changes not a byte of it."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.forecasts.domain.engine.engine import Engine
from aggregator.forecasts.domain.engine.issued import Issued
from aggregator.forecasts.domain.engine.kinds import KIND_MODELS
from tests.unit.aggregator.forecasts.engine.made import FAMILIES, advanced, assert_same, blinded, history_of

LAST, SLOTS = 30, 24
SPOILERS = (1e6, -1e6, np.inf, np.nan)
ENGINES: dict[str, Engine] = {}


def learned(kind: str) -> Engine:
    """Up to LAST, with the true values still to come in its history."""
    if kind not in ENGINES:
        ENGINES[kind] = advanced(FAMILIES[kind](), history_of(kind, slots=SLOTS), upto=LAST + 1)
    return copy.deepcopy(ENGINES[kind])


def said(engine: Engine, origin: int) -> list[Issued]:
    slot = max(0, origin + 1 - (LAST + 1) * SLOTS)
    days = [engine.whole_day(LAST + lead, last=LAST, issue_slot=slot) for lead in (1, 2, 4, 8)]
    return [*days, engine.ahead(origin, origin + np.arange(1, 60))]


@settings(max_examples=20, deadline=None)
@given(kind=st.sampled_from(sorted(FAMILIES)), after=st.integers(-1, 30), spoiler=st.sampled_from(SPOILERS))
def test_activity_after_the_origin(kind: str, after: int, spoiler: float) -> None:
    origin = (LAST + 1) * SLOTS + after
    live, spoilt = learned(kind), learned(kind)
    live.history = blinded(live.history, origin)
    spoilt.history.activity.reshape(len(spoilt.history.activity), -1)[:, origin + 1 :] = spoiler
    target = origin + np.arange(1, 60)
    for one, other in zip(said(live, origin), said(spoilt, origin), strict=True):
        assert_same(one, other)
    for model in KIND_MODELS.values():
        one, other = (model.reference(engine.history, last=LAST, target=target) for engine in (live, spoilt))
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", sorted(FAMILIES))
def test_days_that_had_not_matured_when_the_engine_learned(kind: str) -> None:
    history = history_of(kind, slots=SLOTS)
    spoilt = blinded(history, (LAST + 1) * SLOTS - 1)
    spoilt.activity[:, LAST + 1 :] = 1e6
    one, other = learned(kind), advanced(FAMILIES[kind](), spoilt, upto=LAST)
    morning = LAST * SLOTS + 9
    spoilt.activity.reshape(len(spoilt.activity), -1)[:, morning + 1 :] = -1e6
    early = advanced(FAMILIES[kind](), history, upto=LAST)
    assert_same(early.whole_day(LAST + 1, last=LAST - 1, issue_slot=10), other.whole_day(LAST + 1, last=LAST - 1, issue_slot=10))
    for day in range(10, LAST + 1):  # what was said of a day did not change when that day came
        np.testing.assert_array_equal(one.issued[2].mean[:, day], early.issued[2].mean[:, day])


@pytest.mark.parametrize("kind", sorted(FAMILIES))
def test_weather_of_days_that_are_not_forecast(kind: str) -> None:
    one, other = learned(kind), learned(kind)
    other.history.known = {name: column.copy() for name, column in other.history.known.items()}
    for column in other.history.known.values():
        column[:, LAST + 3 :] = 1e3
    assert_same(one.whole_day(LAST + 2, last=LAST, issue_slot=10), other.whole_day(LAST + 2, last=LAST, issue_slot=10))
    origin = (LAST + 1) * SLOTS + 12
    target = np.arange(origin + 1, (LAST + 3) * SLOTS)
    assert_same(one.ahead(origin, target), other.ahead(origin, target))


@pytest.mark.parametrize("kind", sorted(FAMILIES))
def test_what_had_happened_does_change_it(kind: str) -> None:
    one, other = learned(kind), learned(kind)
    origin = (LAST + 1) * SLOTS + 12
    other.history.activity[:, LAST + 1, 6:13] *= 0.5
    near = [engine.ahead(origin, origin + np.arange(1, 7)).mean for engine in (one, other)]
    assert np.abs(near[0] - near[1]).max() > 1e-3
