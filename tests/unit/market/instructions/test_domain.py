"""An order stands only inside the awarded window and quantity; its target is baseline plus change."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.kernel.errors import Anticipated
from aggregator.kernel.periods import delivery_day
from market.instructions.domain import InstructionMessage, instruction_problem, parse_instruction, rest_of_day, target_kw

QUARTER = timedelta(minutes=15)
DAY = delivery_day(date(2025, 6, 23), resolution=QUARTER)
START = datetime(2025, 6, 23, 6, tzinfo=UTC)  # 14:00 in Shanghai
STARTS = [START + k * QUARTER for k in range(8)]
BEFORE = START - timedelta(hours=1)


def order(change=800.0, starts_at=START, ends_at=START + 8 * QUARTER):
    return InstructionMessage(instruction_id="I1", award_id="A1", starts_at=starts_at, ends_at=ends_at, injection_change_kw=change)


def problem(message, awarded=(800.0,) * 8, received_at=BEFORE):
    return instruction_problem(message, starts=STARTS, awarded_kw=awarded, resolution=QUARTER, received_at=received_at)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (order(), ""),
        (order(change=500.0), ""),
        (order(starts_at=START + timedelta(minutes=5), ends_at=START + timedelta(minutes=50)), ""),
        (order(change=800.1), "above_award"),
        (order(change=-100.0), "above_award"),
        (order(starts_at=START - QUARTER), "outside_awarded_window"),
        (order(ends_at=START + 9 * QUARTER), "outside_awarded_window"),
        (order(starts_at=START + 9 * QUARTER, ends_at=START + 10 * QUARTER), "outside_awarded_window"),
    ],
)
def test_an_order_stays_inside_its_award(message, expected):
    assert problem(message) == expected


def test_an_award_with_a_hole_does_not_cover_an_order_across_it():
    holey = instruction_problem(order(), starts=STARTS[:3] + STARTS[4:], awarded_kw=[800.0] * 7, resolution=QUARTER, received_at=BEFORE)
    assert holey == "outside_awarded_window"


def test_the_smallest_awarded_period_counts():
    assert problem(order(change=600.0), awarded=(800.0,) * 7 + (500.0,)) == "above_award"


def test_an_order_for_the_past_is_refused():
    assert problem(order(), received_at=START + 8 * QUARTER) == "window_over"


@given(change=st.floats(-2000, 2000), awarded=st.floats(-1000, 1000))
def test_no_order_that_stands_exceeds_the_award(change, awarded):
    if problem(order(change=change), awarded=(awarded,) * 8) == "":
        assert abs(change) <= abs(awarded) + 1e-5
        assert change * awarded >= 0


def test_the_target_is_baseline_plus_change_in_the_window_and_open_elsewhere():
    window = DAY.window(START, START + 8 * QUARTER)
    target = target_kw(grid=DAY, window=window, baseline_kw=np.full(8, -3000.0), change_kw=800.0)
    assert target[window].tolist() == [-2200.0] * 8
    assert np.isnan(np.delete(target, np.r_[window])).all()
    with pytest.raises(ValueError, match="gap"):
        target_kw(grid=DAY, window=window, baseline_kw=np.full(8, np.nan), change_kw=800.0)


@pytest.mark.parametrize(
    ("now", "first"),
    [
        (START, START),
        (START + timedelta(minutes=4), START),  # the running period
        (DAY.starts_at - timedelta(hours=5), DAY.starts_at),
    ],
)
def test_the_plan_covers_the_rest_of_the_day(now, first):
    grid = rest_of_day(day=DAY, now=now)
    assert grid.starts_at == first
    assert grid.ends_at == DAY.ends_at


def test_a_malformed_order_is_an_anticipated_failure():
    with pytest.raises(Anticipated) as refused:
        parse_instruction({"instruction_id": "I1", "starts_at": "2025-06-23T14:00:00+08:00", "ends_at": "2025-06-23T13:00:00+08:00"})
    assert "award_id" in refused.value.fields["why"]
