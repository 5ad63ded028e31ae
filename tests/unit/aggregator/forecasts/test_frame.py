"""Days and slots around a grid, on ordinary and on clock-change days."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from aggregator.forecasts.domain import Frame
from aggregator.kernel.periods import delivery_day, midnight
from tests.unit.aggregator.forecasts.synthetic import DAY, QUARTER, day_ahead, from_now

BERLIN = ZoneInfo("Europe/Berlin")


def test_day_ahead_frame() -> None:
    frame = day_ahead()
    assert frame.days[frame.first_target] == DAY
    assert frame.lead_days == 2
    assert frame.history_grid.ends_at == frame.issued_at
    assert frame.known[frame.first_target - 1].sum() == 40
    assert not frame.known[frame.first_target].any()


def test_reissue_has_todays_morning_and_a_lead_of_one_day() -> None:
    frame = from_now(hour=14)
    assert frame.lead_days == 1
    assert len(frame.grid) == 40
    assert frame.known[frame.first_target].sum() == 56
    assert frame.origin == frame.first_target * 96 + 55


def test_a_period_that_has_not_ended_is_not_known() -> None:
    frame = day_ahead(hour=10.2)
    assert frame.known[frame.first_target - 1].sum() == 40


@pytest.mark.parametrize(("day", "periods"), [(date(2026, 3, 29), 92), (date(2026, 10, 25), 100)])
def test_clock_change_days_map_in_and_out(day: date, periods: int) -> None:
    grid = delivery_day(day, resolution=QUARTER, tz=BERLIN)
    frame = Frame(grid, midnight(day - timedelta(days=1), tz=BERLIN), tz=BERLIN, history_days=3)
    where, slot = frame.target
    assert len(grid) == periods == slot.size
    assert (where == frame.first_target).all()
    matrix = frame.matrix(np.arange(periods, dtype=float), grid)
    assert np.isfinite(matrix[frame.first_target]).sum() == min(periods, 96)
    # 06:00 local is slot 24, whatever happened at night
    assert slot[grid.index(midnight(day, tz=BERLIN) + timedelta(hours=periods / 4 - 18))] == 24


def test_a_resolution_that_does_not_divide_the_day_is_refused() -> None:
    with pytest.raises(ValueError, match="divides"):
        day_ahead(resolution=timedelta(minutes=7))
