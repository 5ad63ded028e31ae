"""Weather forecasts as they were known, on any resolution."""

from datetime import timedelta

import numpy as np

from aggregator.forecasts.domain import WeatherDay, by_day, on_frame
from aggregator.kernel.periods import SHANGHAI, Grid, midnight
from tests.unit.aggregator.forecasts.synthetic import DAY, day_ahead

HOUR = timedelta(hours=1)
ONE_DAY = timedelta(days=1)


def row(day, available_at, value: float, slots: int = 24) -> WeatherDay:  # type: ignore[no-untyped-def]
    return WeatherDay(day, available_at, {"temperature_c": np.full(slots, value)})


def test_the_newest_issue_known_at_issue_counts() -> None:
    frame = day_ahead()
    rows = [row(DAY, frame.issued_at + k * HOUR, float(k)) for k in (1, -1, -5)]
    out = on_frame(frame, rows)["temperature_c"]
    assert (out[frame.first_target] == -1).all()
    assert np.isnan(out[frame.first_target - 1]).all()


def test_earlier_days_take_the_issue_of_the_same_age() -> None:
    """An update of yesterday's weather that came later than this run's lead allows is not learned from."""
    frame = day_ahead()
    yesterday = DAY - ONE_DAY
    rows = [row(yesterday, frame.issued_at - ONE_DAY - HOUR, 1.0), row(yesterday, frame.issued_at - HOUR, 2.0)]
    assert (on_frame(frame, rows)["temperature_c"][frame.first_target - 1] == 1).all()


def test_hours_are_repeated_and_minutes_averaged() -> None:
    frame = day_ahead()
    hourly = WeatherDay(DAY, frame.issued_at, {"temperature_c": np.arange(24.0)})
    out = on_frame(frame, [hourly])["temperature_c"][frame.first_target]
    np.testing.assert_array_equal(out, np.repeat(np.arange(24.0), 4))
    fine = WeatherDay(DAY, frame.issued_at, {"temperature_c": np.arange(288.0)})
    np.testing.assert_array_equal(on_frame(frame, [fine])["temperature_c"][frame.first_target], 1 + 3 * np.arange(96.0))


def test_a_grid_is_split_by_local_days() -> None:
    grid = Grid(midnight(DAY) + 12 * HOUR, HOUR, 24)
    days = by_day(grid=grid, columns={"temperature_c": np.arange(24.0)}, tz=SHANGHAI)
    assert sorted(days) == [DAY, DAY + ONE_DAY]
    np.testing.assert_array_equal(days[DAY]["temperature_c"][12:], np.arange(12.0))
    assert np.isnan(days[DAY]["temperature_c"][:12]).all()
