"""The wind family on synthetic parks."""

import numpy as np
import pytest

from aggregator.forecasts.domain.engine.days import Days
from aggregator.forecasts.domain.engine.engine import DAY_AHEAD, Engine
from aggregator.forecasts.domain.engine.history import History
from aggregator.forecasts.domain.engine.wind import Wind, known_columns
from tests.unit.aggregator.forecasts.engine.plants import wind_history

WARM = 20


def ran(history: History, upto: int | None = None) -> Engine:
    engine = Engine(Wind(), history, leads=(DAY_AHEAD,))
    for day in range(history.shape[1] if upto is None else upto):
        engine.learn(day)
        if day >= 7 and day + DAY_AHEAD < history.shape[1]:
            engine.issue(day + DAY_AHEAD)
    return engine


def error(forecast: np.ndarray, history: History) -> float:
    return float(np.sqrt(np.nanmean((forecast - history.activity)[:, WARM:] ** 2)))


def test_with_weather_it_is_better_than_without_and_that_than_persistence() -> None:
    seen, blind = wind_history(), wind_history(weather=False)
    persistence = np.roll(seen.activity, DAY_AHEAD, axis=1)
    with_weather, without = (ran(history).issued[DAY_AHEAD].mean for history in (seen, blind))
    assert error(with_weather, seen) < 0.8 * error(without, blind)
    assert error(without, blind) < 0.9 * error(persistence, seen)


def test_the_next_half_hour_is_near_the_last_value() -> None:
    history = wind_history()
    engine = ran(history, 36)
    origins = 36 * 48 + np.arange(0, 40, 3)
    near = np.array(
        [np.abs(engine.ahead(k, np.array([k + 1])).mean[:, 0] - history.activity.reshape(2, -1)[:, k + 1]).mean() for k in origins]
    )
    assert near.mean() < 0.1


@pytest.mark.parametrize("weather", [True, False])
def test_what_is_measured_after_the_issue_changes_nothing(weather: bool) -> None:
    history = wind_history(weather=weather)
    last = 30
    expected = ran(history, last + 1).issue(last + DAY_AHEAD)
    spoilt = History(history.days, history.activity.copy(), history.known)
    spoilt.activity[:, last + 1, 20:] = 7.0
    spoilt.activity[:, last + 2 :] = 7.0
    found = ran(spoilt, last + 1).issue(last + DAY_AHEAD)
    np.testing.assert_array_equal(expected.mean, found.mean)
    np.testing.assert_array_equal(expected.high, found.high)


def test_wind_at_ten_metres_is_raised_to_the_hub() -> None:
    days = Days(wind_history().days.first, 1, 24)
    place = {"days": days, "rated_wind_m_per_s": np.array([12.0]), "hub_height_m": np.array([100.0])}
    low = known_columns(weather={"wind_m_per_s": np.full((1, 1, 24), 6.0)}, **place)["speed"]
    np.testing.assert_allclose(low, 0.5 * 10 ** (1 / 7))
    assert known_columns(weather={}, **place) == {}


def test_a_day_without_weather_falls_back_to_the_days_before() -> None:
    history = wind_history()
    gone = {name: column.copy() for name, column in history.known.items()}
    for column in gone.values():
        column[:, -1] = np.nan
    assert np.isfinite(ran(History(history.days, history.activity, gone)).issued[DAY_AHEAD].low[:, -1]).all()
