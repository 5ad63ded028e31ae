"""What an issue may look at: complete days, the morning so far, known columns, series around an origin."""

import numpy as np
import pytest

from aggregator.forecasts.domain.engine.history import PAST_DAYS, DayView, Steps
from tests.unit.aggregator.forecasts.engine.made import plain_history

SLOTS = 24


def test_a_view_ends_with_the_last_complete_day_and_the_morning_of_issue() -> None:
    history = plain_history(count=50, slots=SLOTS)
    view = DayView(history, day=45, lead=2, issue_slot=10)
    assert view.last == 43
    assert view.past.shape == (3, PAST_DAYS, SLOTS)
    np.testing.assert_array_equal(view.past[:, -1], history.activity[:, 43])
    np.testing.assert_array_equal(view.morning[:, :10], history.activity[:, 44, :10])
    assert np.isnan(view.morning[:, 10:]).all()
    np.testing.assert_array_equal(view.before(2), history.activity[:, 43])
    assert np.isnan(view.before(1)).all(), "it had not been measured"
    assert np.isnan(DayView(history, day=3, lead=2, issue_slot=10).before(4)).all(), "it is not kept"
    np.testing.assert_array_equal(view.known("x"), history.known["x"][:, 45])
    np.testing.assert_array_equal(view.known("x", 44), history.known["x"][:, 44])


def test_a_young_history_is_all_of_the_past() -> None:
    assert DayView(plain_history(count=9, slots=SLOTS), day=6, lead=2, issue_slot=10).past.shape[1] == 5


def test_steps_read_series_where_they_are_and_nothing_outside() -> None:
    history = plain_history(count=4, slots=SLOTS)
    y = history.activity.reshape(3, -1)
    origin = np.array([10, 10, 30])
    steps = Steps(y, y + 1, history, origin, origin + 2)
    np.testing.assert_array_equal(steps.at(steps.m, steps.target), y[:, [12, 12, 32]] + 1)
    found = steps.at(steps.y, np.array([-1, 0, 95, 96]))
    assert np.isnan(found[:, [0, 3]]).all()
    np.testing.assert_array_equal(found[:, 1:3], y[:, [0, 95]])
    np.testing.assert_array_equal(steps.known("x", steps.target), history.known["x"].reshape(1, -1)[:, [12, 12, 32]])


def test_what_depends_on_the_origin_is_worked_out_once() -> None:
    history = plain_history(count=4, slots=SLOTS)
    y = history.activity.reshape(3, -1)
    seen = []
    steps = Steps(y, y, history, np.array([30, 10, 30]), np.array([31, 11, 32]))
    found = steps.by_origin(lambda origins: seen.append(len(origins)) or y[:, origins])  # type: ignore[func-returns-value]
    assert seen == [2]
    np.testing.assert_array_equal(found, y[:, [30, 10, 30]])


def test_histories_are_single_precision() -> None:
    history = plain_history()
    assert history.activity.dtype == history.known["x"].dtype == np.float32
    assert history.shape == pytest.approx((3, 60, 24))
