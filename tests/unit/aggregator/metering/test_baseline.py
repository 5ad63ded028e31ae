"""The baseline methods of rules.md 2.5 on days whose answer can be seen."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.kernel.calendar import day_type
from aggregator.metering.domain import Adjustment, BaselineMethod, BaselineUnavailable, HistoryDay, SameDay, baseline

WEDNESDAY = date(2025, 7, 16)  # no holiday within the 45 days before it but the Dragon Boat festival
N = 96
LAST_5 = BaselineMethod(kind="last_days", days=5)


def history(level=lambda day: -100.0, day=WEDNESDAY, excluded=None, n=N) -> list[HistoryDay]:
    """45 days that consume `level(day)` in every period."""
    days = [day - timedelta(days=lag) for lag in range(1, 46)]
    return [HistoryDay(one, np.full(n, float(level(one))), (excluded or {}).get(one, "")) for one in days]


def working_days(day=WEDNESDAY) -> list[date]:
    return [one.day for one in history(day=day) if day_type(one.day) == "working"]


def test_the_last_five_working_days_slot_by_slot():
    days = working_days()
    found = baseline(day=WEDNESDAY, history=history(lambda one: -float(days.index(one) + 1) if one in days else 999.0), method=LAST_5)
    assert found.days_used == (date(2025, 7, 15), date(2025, 7, 14), date(2025, 7, 11), date(2025, 7, 10), date(2025, 7, 9))
    assert found.injection_kwh.tolist() == [-3.0] * N
    assert (date(2025, 7, 12), "weekend") in found.days_excluded
    assert found.factor == 1.0


def test_event_days_outages_and_thin_days_are_left_out_with_their_reason():
    days = history(excluded={date(2025, 7, 15): "event_day", date(2025, 7, 14): "outage"})
    thin = next(one for one in days if one.day == date(2025, 7, 11))
    thin.injection_kwh[:10] = np.nan
    found = baseline(day=WEDNESDAY, history=days, method=LAST_5)
    assert set(found.days_excluded) >= {
        (date(2025, 7, 15), "event_day"),
        (date(2025, 7, 14), "outage"),
        (date(2025, 7, 11), "coverage"),
    }
    assert found.days_used[0] == date(2025, 7, 10)
    assert len(found.days_used) == 5


def test_a_worked_weekend_counts_as_a_working_day_and_a_holiday_does_not():
    after_holiday = date(2025, 10, 13)
    used = baseline(day=after_holiday, history=history(day=after_holiday), method=LAST_5).days_used
    assert used == (date(2025, 10, 11), date(2025, 10, 10), date(2025, 10, 9), date(2025, 9, 30), date(2025, 9, 29))


def test_a_weekend_is_compared_with_the_last_three_weekend_days():
    saturday = date(2025, 7, 19)
    found = baseline(day=saturday, history=history(day=saturday), method=LAST_5)
    assert found.days_used == (date(2025, 7, 13), date(2025, 7, 12), date(2025, 7, 6))


def test_a_holiday_takes_rest_days():
    new_year = date(2026, 1, 1)
    found = baseline(day=new_year, history=history(day=new_year), method=LAST_5)
    assert all(day_type(day) in ("weekend", "holiday") for day in found.days_used)


def test_ten_days_and_of_them_the_five_with_most_consumption():
    method = BaselineMethod(kind="highest_of", days=5, candidate_days=10, first_lag=2)
    ten = working_days()[1:11]
    found = baseline(day=WEDNESDAY, history=history(lambda one: -float(ten.index(one)) if one in ten else -500.0), method=method)
    assert found.days_used == tuple(ten[5:])
    assert found.injection_kwh[0] == -7.0
    assert (ten[0], "lower_consumption") in found.days_excluded
    assert date(2025, 7, 15) not in found.days_used  # the day before the event is not asked


def test_unlike_days_are_dropped_and_refilled():
    odd = date(2025, 7, 14)
    method = BaselineMethod(kind="similar_days", days=5, drop_ratio=0.25)
    found = baseline(day=WEDNESDAY, history=history(lambda one: -300.0 if one == odd else -100.0), method=method)
    assert (odd, "unlike_energy") in found.days_excluded
    assert len(found.days_used) == 5
    assert found.injection_kwh[0] == -100.0


@pytest.mark.parametrize("method", [LAST_5, replace(LAST_5, kind="similar_days"), replace(LAST_5, kind="highest_of")])
def test_too_few_days_is_a_named_refusal(method):
    few = history()[:5]
    with pytest.raises(BaselineUnavailable) as refused:
        baseline(day=WEDNESDAY, history=few, method=method)
    assert refused.value.code == "metering.baseline_unavailable"
    assert refused.value.text % refused.value.fields


def test_the_search_ends_at_its_limit():
    with pytest.raises(BaselineUnavailable):
        baseline(day=WEDNESDAY, history=history(), method=replace(LAST_5, search_days=6))


def test_a_period_that_is_missing_on_every_day_is_not_invented():
    days = history()
    for one in days:
        one.injection_kwh[40] = np.nan
    with pytest.raises(BaselineUnavailable, match="missing on all"):
        baseline(day=WEDNESDAY, history=days, method=LAST_5)


EVENT = 56  # 14:00
RATIO = replace(LAST_5, adjustment=Adjustment(window_hours=2, gap_hours=1))


def same_day(level=-110.0, notified=EVENT, **changes) -> SameDay:
    return SameDay(**{"injection_kwh": np.full(N, level), "event": EVENT, "notified": notified, "periods_per_hour": 4.0} | changes)


@pytest.mark.parametrize(("level", "factor"), [(-110.0, 1.1), (-300.0, 1.2), (-10.0, 0.8), (50.0, 0.8)])
def test_the_same_day_scales_the_baseline_within_its_clip(level, factor):
    found = baseline(day=WEDNESDAY, history=history(), method=RATIO, same_day=same_day(level))
    assert found.factor == pytest.approx(factor)
    assert found.injection_kwh[EVENT] == pytest.approx(-100 * factor)
    assert found.adjustment == "ratio"


@pytest.mark.parametrize(("level", "shift"), [(-110.0, -10.0), (-300.0, -20.0), (-10.0, 20.0)])
def test_the_same_day_shifts_the_baseline_within_its_clip(level, shift):
    additive = replace(LAST_5, adjustment=Adjustment(kind="additive"))
    found = baseline(day=WEDNESDAY, history=history(), method=additive, same_day=same_day(level))
    assert found.shift_kwh == pytest.approx(shift)
    assert found.injection_kwh[EVENT] == pytest.approx(-100 + shift)


@given(st.integers(0, N), st.floats(-1e4, 1e4))
def test_nothing_metered_from_the_notification_on_moves_the_baseline(notified, pretended):
    honest, gamed = same_day(notified=notified), same_day(notified=notified)
    gamed.injection_kwh[min(notified, EVENT - 4) :] = pretended
    one, other = (baseline(day=WEDNESDAY, history=history(), method=RATIO, same_day=today) for today in (honest, gamed))
    assert one.injection_kwh.tolist() == other.injection_kwh.tolist()


def test_notified_the_day_before_there_is_nothing_to_adjust_by():
    found = baseline(day=WEDNESDAY, history=history(), method=RATIO, same_day=same_day(notified=0))
    assert (found.factor, found.adjustment) == (1.0, "notified_before_the_window")


def test_a_gap_in_the_window_leaves_the_baseline_as_it_is():
    today = same_day()
    today.injection_kwh[EVENT - 6] = np.nan
    found = baseline(day=WEDNESDAY, history=history(), method=RATIO, same_day=today)
    assert (found.factor, found.adjustment) == (1.0, "same_day_not_metered")


def test_the_order_of_the_history_does_not_matter():
    days = history(lambda one: -float(one.day))
    one, other = (baseline(day=WEDNESDAY, history=rows, method=RATIO, same_day=same_day()) for rows in (days, days[::-1]))
    assert one.injection_kwh.tolist() == other.injection_kwh.tolist()
    assert one.days_used == other.days_used
