"""Local days of clock slots: any grid maps in and out, on days of a clock change too."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.forecasts.domain import Days
from aggregator.kernel.periods import Grid, delivery_day, midnight

BERLIN = ZoneInfo("Europe/Berlin")
QUARTER, HOUR, ONE_DAY = timedelta(minutes=15), timedelta(hours=1), timedelta(days=1)
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)


def around(day: date, resolution: timedelta = QUARTER) -> Days:
    return Days.of(day - ONE_DAY, day + ONE_DAY, resolution=resolution, tz=BERLIN)


@pytest.mark.parametrize(("day", "periods"), [(SPRING, 92), (AUTUMN, 100), (date(2026, 6, 1), 96)])
def test_days_of_23_24_and_25_hours_map_in_and_out(day: date, periods: int) -> None:
    days, grid = around(day), delivery_day(day, resolution=QUARTER, tz=BERLIN)
    assert len(grid) == periods
    where, slot = days.place(grid)
    assert (where == 1).all()
    np.testing.assert_array_equal(days.flat(grid), 96 + slot)
    assert slot[grid.index(midnight(day, tz=BERLIN) + timedelta(hours=periods / 4 - 18))] == 24, "06:00 is slot 24 on every day"
    values = np.stack([np.arange(periods), -np.arange(periods)]).astype(float)
    matrix = days.matrix(values, grid)
    assert matrix.shape == (2, 3, 96)
    assert np.isfinite(matrix[:, 1]).sum() == 2 * min(periods, 96)
    assert np.isnan(matrix[:, [0, 2]]).all()
    np.testing.assert_array_equal(matrix[1], -matrix[0])


def test_the_hour_that_is_left_out_is_empty_and_the_repeated_one_is_its_last() -> None:
    spring, autumn = (delivery_day(day, resolution=QUARTER, tz=BERLIN) for day in (SPRING, AUTUMN))
    assert np.isnan(around(SPRING).matrix(np.ones(92), spring)[1, 8:12]).all()
    np.testing.assert_array_equal(around(AUTUMN).matrix(np.arange(100.0), autumn)[1, 8:12], [12, 13, 14, 15])
    out = around(AUTUMN).matrix(np.arange(100.0), autumn)[1][around(AUTUMN).place(autumn)[1]]
    np.testing.assert_array_equal(out[8:12], out[12:16])


@settings(deadline=None)
@given(start=st.integers(-200, 200), length=st.integers(0, 500), minutes=st.sampled_from([5, 15, 30, 60]))
def test_a_grid_anywhere_keeps_what_lies_inside(start: int, length: int, minutes: int) -> None:
    days = Days.of(date(2026, 6, 1), date(2026, 6, 3), resolution=timedelta(minutes=minutes), tz=BERLIN)
    grid = Grid(midnight(days.first, tz=BERLIN) + start * days.resolution, days.resolution, length)
    values = np.arange(length) + 1.0
    flat = days.matrix(values, grid).ravel()
    inside = (days.flat(grid) >= 0) & (days.flat(grid) < flat.size)
    np.testing.assert_array_equal(flat[days.flat(grid)[inside]], values[inside])
    assert np.isfinite(flat).sum() == inside.sum()


def test_slots_types_and_time() -> None:
    days = Days.of(date(2026, 4, 30), date(2026, 5, 9), resolution=HOUR)
    assert (days.count, days.slots, days.hours, days.resolution) == (10, 24, 1.0, HOUR)
    assert [days.types[days.index(date(2026, *at))] for at in ((4, 30), (5, 1), (5, 8), (5, 9))] == [
        "working",
        "holiday",
        "working",
        "working",
    ]
    np.testing.assert_array_equal(days.working, days.types == "working")
    assert days.weekday[0] == 3
    assert days.clock_hours[0] == 0.5
    assert days.mid_epoch[0, 0] == midnight(date(2026, 4, 30)).timestamp() + 1800
    with pytest.raises(ValueError, match="divide"):
        Days.of(date(2026, 4, 30), date(2026, 5, 9), resolution=timedelta(minutes=7))
