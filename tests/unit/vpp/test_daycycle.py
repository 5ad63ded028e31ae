"""The due table: which step of which delivery day is due when, on days of 23, 24 and 25 hours, and after an outage."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from aggregator.kernel.periods import midnight
from market.rules.domain import DayTimes
from vpp.daycycle import LOOKBACK, days_in_question, due_steps, windows

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
DAY = date(2025, 6, 24)


def clock(day, hour, minute=0, tz=SHANGHAI):
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=tz)


def times(day, tz=SHANGHAI):
    before, after = day - timedelta(days=1), day + timedelta(days=1)
    return DayTimes(
        forecast_at=clock(before, 10, tz=tz),
        bid_at=clock(before, 10, 15, tz=tz),
        gate_closes_at=clock(before, 11, 30, tz=tz),
        schedule_at=clock(before, 18, tz=tz),
        settle_at=clock(after, 9, tz=tz),
    )


def due(now, day=DAY, tz=SHANGHAI):
    return [step.step for step in due_steps(times=times(day, tz), day=day, tz=tz, now=now)]


@pytest.mark.parametrize(
    ("days", "hour", "minute", "steps"),
    [
        (-1, 9, 59, []),
        (-1, 10, 0, ["forecast"]),
        (-1, 10, 15, ["forecast", "prepare"]),
        (-1, 11, 29, ["forecast", "prepare"]),
        (-1, 11, 30, ["forecast", "missed"]),  # nothing is bid once the gate is closed
        (-1, 18, 0, ["forecast", "missed", "schedule"]),
        (0, 0, 0, ["forecast", "missed", "schedule"]),
        (0, 23, 59, ["forecast", "missed", "schedule"]),
        (1, 0, 0, ["missed"]),  # the day is over: no forecast and no schedule any more
        (1, 8, 59, ["missed"]),
        (1, 9, 0, ["missed", "score", "settle"]),
        (1, 11, 30, ["score", "settle"]),
        (3, 8, 59, ["score", "settle"]),  # caught up after an outage of nearly two days
        (3, 9, 0, []),
    ],
)
def test_the_due_table(days, hour, minute, steps):
    assert due(clock(DAY + timedelta(days=days), hour, minute)) == steps


@pytest.mark.parametrize(("day", "hours"), [(date(2025, 3, 30), 23), (date(2025, 10, 26), 25), (date(2025, 6, 24), 24)])
def test_windows_end_with_the_local_day_however_long_it_is(day, hours):
    starts, ends = midnight(day, tz=BERLIN), midnight(day + timedelta(days=1), tz=BERLIN)
    assert (ends - starts) == timedelta(hours=hours)
    table = windows(times=times(day, BERLIN), starts_at=starts, ends_at=ends)
    assert table["schedule"][1] - starts == timedelta(hours=hours)
    assert "schedule" in due(ends - timedelta(minutes=1), day, BERLIN)
    assert "schedule" not in due(ends, day, BERLIN)
    assert "settle" in due(clock(day + timedelta(days=1), 9, tz=BERLIN), day, BERLIN)


@pytest.mark.parametrize("day", [date(2025, 3, 30), date(2025, 10, 26)])
def test_the_day_after_a_clock_change_is_due_at_its_local_hours(day):
    """D-1 is the day of 23 or 25 hours: the hours of the pack are local hours."""
    delivery = day + timedelta(days=1)
    assert due(clock(day, 9, 59, tz=BERLIN), delivery, BERLIN) == []
    assert due(clock(day, 10, 0, tz=BERLIN), delivery, BERLIN) == ["forecast"]
    assert due(clock(day, 11, 30, tz=BERLIN), delivery, BERLIN) == ["forecast", "missed"]


@pytest.mark.parametrize("tz", [SHANGHAI, BERLIN])
@pytest.mark.parametrize("start", [date(2025, 3, 28), date(2025, 10, 24), date(2025, 6, 20)])
def test_no_due_step_lies_outside_the_days_that_are_looked_at(start, tz):
    """Every quarter of an hour of a week: whatever is due belongs to a day in question."""
    now = midnight(start, tz=tz)
    for _ in range(7 * 96):
        asked = days_in_question(now=now, tz=tz)
        for back in range(-5, 6):
            day = now.astimezone(tz).date() + timedelta(days=back)
            if due(now, day, tz):
                assert day in asked
        now += timedelta(minutes=15)


def test_an_outage_is_caught_up_and_no_more_than_that():
    assert timedelta(days=2) == LOOKBACK
    assert days_in_question(now=clock(DAY, 12), tz=SHANGHAI) == [DAY + timedelta(days=k) for k in (-3, -2, -1, 0, 1)]
