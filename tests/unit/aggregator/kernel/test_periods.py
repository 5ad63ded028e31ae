"""Periods: half-open, start-labelled, right on days of 23 and 25 hours."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.kernel.periods import Grid, NaiveTime, OutsideGrid, as_utc, day_of, delivery_day, local_hours, midnight

MINUTES = st.sampled_from([5, 15, 30, 60])
STARTS = st.integers(0, 4_102_444_800).map(lambda second: datetime.fromtimestamp(second, UTC))  # 1970 to 2100
BERLIN = ZoneInfo("Europe/Berlin")

grids = st.builds(lambda at, minutes, n: Grid(at, timedelta(minutes=minutes), n), STARTS, MINUTES, st.integers(1, 200))


@given(grids, st.integers(0, 199), st.floats(0, 0.999))
def test_index_is_the_inverse_of_starts(grid, k, part):
    k %= len(grid)
    inside = grid.starts[k] + timedelta(seconds=int(part * grid.resolution.total_seconds()))
    assert grid.index(grid.starts[k]) == k
    assert grid.index(inside) == k


@given(grids)
def test_the_end_is_outside(grid):
    for at in (grid.ends_at, grid.starts_at - timedelta(microseconds=1)):
        with pytest.raises(OutsideGrid):
            grid.index(at)


@given(grids, st.integers(-50, 250), st.integers(1, 250))
def test_window_has_exactly_the_periods_that_overlap(grid, first, length):
    starts_at = grid.starts_at + timedelta(minutes=7 * first)
    ends_at = starts_at + timedelta(minutes=7 * length)
    window = grid.window(starts_at, ends_at)
    overlapping = [k for k, at in enumerate(grid.starts) if at < ends_at and at + grid.resolution > starts_at]
    assert list(range(len(grid)))[window] == overlapping


@given(grids, st.integers(0, 199))
def test_the_tail_continues_the_grid(grid, first):
    first %= len(grid)
    tail = grid.tail(first)
    assert tail.starts == grid.starts[first:]
    assert tail.ends_at == grid.ends_at


@given(grids)
def test_epoch_seconds_are_the_starts(grid):
    assert grid.epoch_seconds.tolist() == [int(at.timestamp()) for at in grid.starts]


@given(st.dates(date(1992, 1, 1), date(2100, 1, 1)), MINUTES)
def test_a_day_in_shanghai_has_24_hours_and_its_own_periods(day, minutes):
    grid = delivery_day(day, resolution=timedelta(minutes=minutes))
    assert len(grid) == 24 * 60 // minutes
    assert {day_of(at) for at in grid.starts} == {day}
    assert day_of(grid.ends_at) == day + timedelta(days=1)


@pytest.mark.parametrize(("day", "hours"), [(date(2025, 3, 30), 23), (date(2025, 10, 26), 25), (date(2025, 6, 1), 24)])
def test_days_with_a_clock_change(day, hours):
    grid = delivery_day(day, resolution=timedelta(minutes=15), tz=BERLIN)
    assert len(grid) == 4 * hours
    assert grid.ends_at == midnight(day + timedelta(days=1), tz=BERLIN)
    assert {day_of(at, tz=BERLIN) for at in grid.starts} == {day}


def test_local_hours_start_at_midnight():
    hours = local_hours(delivery_day(date(2025, 6, 23), resolution=timedelta(minutes=15)))
    np.testing.assert_allclose(hours, np.arange(96) / 4)


def test_a_time_without_zone_is_never_guessed():
    with pytest.raises(NaiveTime):
        as_utc(datetime(2025, 6, 23))  # noqa: DTZ001
    with pytest.raises(NaiveTime):
        Grid(datetime(2025, 6, 23), timedelta(minutes=15), 1)  # noqa: DTZ001


def test_the_same_grid_from_another_zone_is_equal():
    local = datetime(2025, 6, 23, 8, tzinfo=ZoneInfo("Asia/Shanghai"))
    assert Grid(local, timedelta(minutes=15), 4) == Grid(datetime(2025, 6, 23, tzinfo=UTC), timedelta(minutes=15), 4)


@pytest.mark.parametrize(("resolution", "n"), [(timedelta(0), 1), (timedelta(minutes=-15), 1), (timedelta(minutes=15), -1)])
def test_a_grid_without_length_is_refused(resolution, n):
    with pytest.raises(ValueError, match="positive resolution"):
        Grid(datetime(2025, 6, 23, tzinfo=UTC), resolution, n)
