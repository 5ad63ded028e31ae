"""The load family on synthetic weeks: it sees habit, level and calendar, never the future, and goes below 0 only where that can be."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.forecasts.domain.engine.days import Days
from aggregator.forecasts.domain.engine.engine import DAY_AHEAD, Engine
from aggregator.forecasts.domain.engine.family import Family
from aggregator.forecasts.domain.engine.history import DayView, History
from aggregator.forecasts.domain.engine.load import Load, known_columns, same_type_mean
from aggregator.kernel.calendar import DayType

FIRST = date(2025, 6, 2)  # a Monday


def plain_weeks(day: date) -> DayType:
    return "weekend" if day.weekday() >= 5 else "working"


def weeks(
    *, days: int = 42, slots: int = 24, assets: int = 2, noise: float = 0.05, shift: float = 0.0, holiday: date | None = None
) -> History:
    """Synthetic: busy by day, quiet on days off."""
    calendar = Days(FIRST, days, slots, type_of=lambda day: "holiday" if day == holiday else plain_weeks(day))
    shape = 1 + 0.6 * np.sin(2 * np.pi * (calendar.clock_hours - 6) / 24)
    level = np.where(calendar.working, 1.0, 0.4)
    draws = np.random.default_rng(1).normal(size=(assets, days, slots))
    return History(calendar, level[None, :, None] * shape + noise * draws + shift)


def replayed(family: Family, history: History) -> Engine:
    engine = Engine(family, history, leads=(DAY_AHEAD,))
    for day in range(history.days.count):
        engine.learn(day)
        if 7 <= day < history.days.count - DAY_AHEAD:
            engine.issue(day + DAY_AHEAD)
    return engine


@pytest.mark.parametrize("slots", [24, 48, 96])
def test_habit_is_forecast_at_any_resolution(slots: int) -> None:
    history = weeks(slots=slots)
    said = replayed(Load(), history).issued[DAY_AHEAD]
    error = np.sqrt(np.mean((said.mean - history.activity)[:, 28:] ** 2))
    assert error < 1.3 * 0.05
    assert (said.low[:, 28:] <= said.high[:, 28:]).all()
    assert 0.6 < np.mean((history.activity >= said.low)[:, 28:] & (history.activity <= said.high)[:, 28:]) < 0.97


@given(lead=st.integers(1, 8), day=st.integers(9, 41), slot=st.integers(0, 24))
def test_features_see_nothing_after_the_issue(lead: int, day: int, slot: int) -> None:
    history = weeks()
    later = history.activity.copy()
    later[:, day - lead + 1, slot:] = 1e6
    later[:, day - lead + 2 :] = -1e6
    views = [DayView(History(history.days, activity), day, lead, slot) for activity in (history.activity, later)]
    for one, other in zip(*(Load().day_features(view) for view in views), strict=True):
        np.testing.assert_array_equal(one[1], other[1])
    np.testing.assert_array_equal(*(Load().climatology(view) for view in views))


def test_an_unknown_lag_is_the_same_type_mean_and_weather_of_one_asset_only_is_its_own() -> None:
    history = weeks()
    history.activity[0, 20:] = np.nan
    warm = np.full(history.shape, 20.0)
    warm[1] = np.nan
    history.known.update(known_columns(days=history.days, weather={"temperature_c": warm}))
    view = DayView(history, 24, DAY_AHEAD, 10)
    (first, weather), (second, plain) = Load().day_features(view)
    assert (first, second) == ("weather", "history")
    assert np.isfinite(plain).all()
    np.testing.assert_allclose(plain[0, :, 0], same_type_mean(view, 14)[0])
    assert np.isfinite(weather[0]).all()
    assert np.isnan(weather[1]).any(axis=-1).all()


def test_a_weekend_is_like_weekends_and_a_holiday_like_every_day_off() -> None:
    friday = date(2025, 6, 27)
    history = weeks(holiday=friday, noise=0.0)
    history.activity[:, history.days.index(friday)] = 9.0
    saturday, next_friday = (DayView(history, day, DAY_AHEAD, 10) for day in (33, 32))
    assert same_type_mean(saturday, 14).max() < 1
    assert same_type_mean(next_friday, 14).max() < 2
    on_holiday = DayView(history, history.days.index(friday), DAY_AHEAD, 10)
    assert same_type_mean(on_holiday, 14).max() < 1


def test_only_a_net_load_goes_below_zero() -> None:
    history = weeks(shift=-0.6)
    plain = Load()
    net = replace(plain, settings=replace(plain.settings, floor=np.array([[0.0], [-np.inf]])))
    said = replayed(net, history).issued[DAY_AHEAD]
    assert (said.low[0, 20:] >= 0).all()
    assert (said.mean[0, 20:] >= 0).all()
    assert (said.mean[1, 20:] < -0.2).any()


def test_the_next_hours_follow_what_was_just_measured() -> None:
    history = weeks()
    engine = replayed(Load(), history)
    origin = 41 * 24 + 8
    before = engine.ahead(origin, np.array([origin + 1]))
    history.activity[:, 41, 5:9] += 0.5
    history.activity[:, 41, 9:] = np.nan
    after = engine.ahead(origin, np.array([origin + 1]))
    assert (np.abs(after.mean - before.mean) > 1e-3).all()
    assert np.isfinite(after.low).all()
