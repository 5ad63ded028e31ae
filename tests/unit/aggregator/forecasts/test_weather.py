"""Weather forecasts on days, as they were known, on any resolution."""

from datetime import date, datetime, timedelta

import numpy as np
import pytest

from aggregator.forecasts.domain import Days, WeatherDay, by_day, on_days
from aggregator.kernel.periods import SHANGHAI, Grid, midnight

HOUR = timedelta(hours=1)
ONE_DAY = timedelta(days=1)
FIRST = date(2026, 5, 10)
DAYS = Days(FIRST, 4, 96)
TODAY = FIRST + 2 * ONE_DAY


def known_by(day: date) -> datetime:
    return midnight(day) - 14 * HOUR


def row(day: date, value: float, *, late: timedelta = timedelta(0), slots: int = 24) -> WeatherDay:
    return WeatherDay(day, known_by(day) + late, {"temperature_c": np.full(slots, value)})


def temperature(*rows: WeatherDay) -> np.ndarray:
    return on_days(DAYS, rows, known_by=known_by)["temperature_c"]


def test_the_newest_version_that_was_known_in_time_counts() -> None:
    found = temperature(*(row(TODAY, float(k), late=k * HOUR) for k in (1, -1, 0, -5)))
    assert found.shape == (4, 96)
    assert (found[2] == 0).all()
    assert np.isnan(found[[0, 1, 3]]).all()


def test_each_day_has_its_own_time_by_which_it_must_be_known() -> None:
    """What a later update says of yesterday is not learned from."""
    yesterday = TODAY - ONE_DAY
    found = temperature(row(yesterday, 1.0), row(yesterday, 2.0, late=ONE_DAY), row(TODAY, 3.0))
    assert (found[1] == 1).all()
    assert (found[2] == 3).all()


def test_versions_that_came_too_late_and_days_outside_change_nothing() -> None:
    rows = [row(TODAY, 3.0)]
    later = [row(TODAY, 9.0, late=timedelta(seconds=1)), row(FIRST - ONE_DAY, 9.0), row(FIRST + 4 * ONE_DAY, 9.0)]
    np.testing.assert_array_equal(temperature(*rows), temperature(*later, *rows))
    assert on_days(DAYS, later, known_by=known_by) == {}


@pytest.mark.parametrize(
    ("given", "expected"),
    [(np.arange(24.0), np.repeat(np.arange(24.0), 4)), (np.arange(288.0), 1 + 3 * np.arange(96.0)), (np.arange(36.0), np.full(96, np.nan))],
)
def test_hours_are_repeated_minutes_averaged_and_odd_resolutions_not_known(given: np.ndarray, expected: np.ndarray) -> None:
    one = WeatherDay(TODAY, known_by(TODAY), {"temperature_c": given})
    np.testing.assert_array_equal(temperature(one)[2], expected)


def test_a_grid_is_split_by_local_days() -> None:
    grid = Grid(midnight(TODAY) + 12 * HOUR, HOUR, 24)
    days = by_day(grid=grid, columns={"temperature_c": np.arange(24.0)}, tz=SHANGHAI)
    assert sorted(days) == [TODAY, TODAY + ONE_DAY]
    np.testing.assert_array_equal(days[TODAY]["temperature_c"][12:], np.arange(12.0))
    assert np.isnan(days[TODAY]["temperature_c"][:12]).all()
    assert by_day(grid=grid.tail(24), columns={}, tz=SHANGHAI) == {}
