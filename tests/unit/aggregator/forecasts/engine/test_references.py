"""The naive references: the last complete day, a week before, the last value held."""

from datetime import date

import numpy as np
import pytest

from aggregator.forecasts.domain.engine.days import Days
from aggregator.forecasts.domain.engine.history import History
from aggregator.forecasts.domain.engine.references import HOLD_HOURS, held, last_complete_day, last_week

SLOTS = 24
FIRST = date(2026, 4, 6)  # a Monday; 1 to 5 May are holidays, 9 May is worked


def numbered(count: int = 42) -> History:
    """Activity of a day is its index."""
    return History(Days(FIRST, count, SLOTS), np.arange(count)[None, :, None] * np.ones((2, 1, SLOTS)))


def day(index: int) -> np.ndarray:
    return index * SLOTS + np.arange(SLOTS)


def test_the_last_complete_day_or_the_newest_before_that_has_the_slot() -> None:
    history = numbered()
    history.activity[0, 9:11, 5] = np.nan
    found = last_complete_day(history, last=10, target=np.concatenate([day(12), day(13)]))
    expected = np.full((2, 2 * SLOTS), 10.0)
    expected[0, [5, SLOTS + 5]] = 8.0
    np.testing.assert_array_equal(found, expected)


def test_nothing_known_is_no_reference() -> None:
    history = numbered()
    history.activity[0] = np.nan
    for reference in (last_complete_day, last_week):
        found = reference(history, last=10, target=day(12))
        assert np.isnan(found[0]).all()
        assert np.isfinite(found[1]).all()


@pytest.mark.parametrize(
    ("target", "last", "expected"),
    [
        (date(2026, 4, 15), date(2026, 4, 13), date(2026, 4, 8)),  # a week before
        (date(2026, 4, 18), date(2026, 4, 16), date(2026, 4, 11)),  # a Saturday
        (date(2026, 5, 1), date(2026, 4, 29), date(2026, 4, 26)),  # a holiday: the newest day off
        (date(2026, 5, 8), date(2026, 5, 6), date(2026, 5, 6)),  # a week before was a holiday: the newest working day
        (date(2026, 5, 9), date(2026, 5, 7), date(2026, 5, 7)),  # a Saturday that is worked
        (date(2026, 4, 24), date(2026, 4, 16), date(2026, 4, 16)),  # a week before is not known yet
    ],
)
def test_a_week_before_if_that_day_is_of_the_same_type(target: date, last: date, expected: date) -> None:
    history = numbered()
    index = history.days.index
    found = last_week(history, last=index(last), target=day(index(target)))
    np.testing.assert_array_equal(found, index(expected))


def test_a_gap_a_week_before_is_filled_from_the_newest_day_of_the_type() -> None:
    history = numbered()
    history.activity[0, 2, 7] = np.nan
    found = last_week(history, last=7, target=day(9))
    assert found[0, 7] == 7
    assert found[0, 6] == 2


def test_the_last_value_is_held_for_the_first_hours_of_a_forecast_that_begins_now() -> None:
    history = numbered()
    origin = 20 * SLOTS + 9
    history.activity[0, 20, 9] = 77.0
    history.activity[1, 20, 9] = np.nan
    target = origin + 1 + np.arange(10)
    reference = np.zeros((2, 10), np.float32)
    found = held(history, reference, origin=origin, target=target)
    assert (found[0] == np.where(np.arange(1, 11) <= HOLD_HOURS, 77.0, 0.0)).all()
    np.testing.assert_array_equal(found[1], reference[1])
    np.testing.assert_array_equal(held(history, reference, origin=origin, target=target + 1), reference)
    np.testing.assert_array_equal(held(history, reference, origin=-1, target=np.arange(10)), reference)
