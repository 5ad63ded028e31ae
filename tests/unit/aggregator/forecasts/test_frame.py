"""When a forecast is issued and the days around its grid."""

from datetime import date, timedelta

import numpy as np
import pytest

from aggregator.forecasts.domain import HISTORY_DAYS, Frame
from aggregator.kernel.periods import Grid, midnight
from tests.unit.aggregator.forecasts.synthetic import DAY, QUARTER, day_ahead, from_now

ONE_DAY = timedelta(days=1)


def test_day_ahead_begins_its_history_before_the_day_of_issue() -> None:
    frame = day_ahead()
    assert (frame.issue_day, frame.last_day) == (DAY - ONE_DAY, DAY)
    assert frame.days[frame.first_target] == DAY
    assert frame.days[0] == DAY - ONE_DAY - HISTORY_DAYS * ONE_DAY
    assert frame.history_grid.starts_at == midnight(frame.days[0])
    assert frame.history_grid.ends_at == frame.issued_at


def test_a_reissue_ends_its_history_where_its_grid_begins() -> None:
    frame = from_now(hour=14)
    assert frame.history_grid.ends_at == frame.grid.starts_at
    assert frame.days[frame.first_target] == frame.issue_day == DAY


def test_a_period_that_has_not_ended_is_not_history() -> None:
    assert day_ahead(hour=10.2).history_grid == day_ahead(hour=10).history_grid


def test_a_grid_of_several_days_is_on_all_of_them() -> None:
    frame = Frame(Grid(midnight(DAY), QUARTER, 3 * 96), midnight(DAY) - timedelta(hours=14))
    assert frame.days[frame.first_target :] == tuple(DAY + k * ONE_DAY for k in range(3))


def test_working_days_follow_the_calendar() -> None:
    frame = day_ahead()
    working = dict(zip(frame.days, frame.working, strict=True))
    assert working[date(2026, 5, 11)]  # a Monday
    assert not working[date(2026, 5, 10)]
    assert working[date(2026, 5, 9)], "a Saturday that is worked for the May holiday"
    assert not working[date(2026, 5, 1)]
    assert frame.working.dtype == np.bool_


def test_a_resolution_that_does_not_divide_the_day_and_an_empty_grid_are_refused() -> None:
    with pytest.raises(ValueError, match="divides"):
        day_ahead(resolution=timedelta(minutes=7))
    with pytest.raises(ValueError, match="needs periods"):
        Frame(Grid(midnight(DAY), QUARTER, 0), midnight(DAY))
