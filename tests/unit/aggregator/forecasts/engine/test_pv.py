"""The PV family on synthetic plants: better than persistence, dark at night, blind to what is not known yet."""

import numpy as np
import pytest

from aggregator.forecasts.domain.engine.engine import DAY_AHEAD, Engine
from aggregator.forecasts.domain.engine.history import History
from aggregator.forecasts.domain.engine.pv import Pv
from tests.unit.aggregator.forecasts.engine.plants import pv_history

WARM = 20


def ran(history: History, upto: int | None = None) -> Engine:
    engine = Engine(Pv(), history, leads=(DAY_AHEAD,))
    for day in range(history.shape[1] if upto is None else upto):
        engine.learn(day)
        if day >= 7 and day + DAY_AHEAD < history.shape[1]:
            engine.issue(day + DAY_AHEAD)
    return engine


def error(forecast: np.ndarray, history: History) -> float:
    return float(np.sqrt(np.nanmean((forecast - history.activity)[:, WARM:] ** 2)))


def test_with_weather_it_is_better_than_without_and_that_than_persistence() -> None:
    seen, blind = pv_history(), pv_history(weather=False)
    persistence = np.roll(seen.activity, DAY_AHEAD, axis=1)
    with_weather, without = (ran(history).issued[DAY_AHEAD].mean for history in (seen, blind))
    assert error(with_weather, seen) < 0.6 * error(without, blind)
    assert error(without, blind) < 0.9 * error(persistence, seen)


def test_nothing_at_night_and_bands_in_order() -> None:
    history = pv_history()
    said = ran(history).issued[DAY_AHEAD]
    day = history.shape[1] - 1
    dark = history.known["clear"][:, day] <= 0.005
    assert dark.any()
    assert (said.high[:, day][dark] == 0).all()
    low, mid, high, mean = (part[:, day][~dark] for part in (said.low, said.mid, said.high, said.mean))
    assert (low <= mid).all()
    assert (mid <= high).all()
    assert ((mean >= 0) & (mean <= 1.1)).all()


@pytest.mark.parametrize("weather", [True, False])
def test_what_is_measured_after_the_issue_changes_nothing(weather: bool) -> None:
    history = pv_history(weather=weather)
    last = 30
    engine = ran(history, last + 1)
    expected = engine.issue(last + DAY_AHEAD)
    origin = (last + 1) * 48 + 22
    ahead = engine.ahead(origin, origin + np.arange(1, 25))
    spoilt = History(history.days, history.activity.copy(), history.known)
    spoilt.activity[:, last + 1, engine.issue_slot :] = 7.0
    spoilt.activity[:, last + 2 :] = 7.0
    other = ran(spoilt, last + 1)
    found = other.issue(last + DAY_AHEAD)
    spoilt.activity[:, last + 1, :23] = history.activity[:, last + 1, :23]
    spoilt.activity[:, last + 1, 23:] = -5.0
    for one, two in ((expected, found), (ahead, other.ahead(origin, origin + np.arange(1, 25)))):
        np.testing.assert_array_equal(one.mean, two.mean)
        np.testing.assert_array_equal(one.low, two.low)


def test_a_day_without_weather_falls_back_to_the_days_before() -> None:
    history = pv_history()
    gone = {name: column.copy() for name, column in history.known.items()}
    for name in ("phi", "phi_smooth", "phi_day", "phi_class", "ghi"):
        gone[name][:, -1] = np.nan
    said = ran(History(history.days, history.activity, gone)).issued[DAY_AHEAD]
    bright = history.known["clear"][:, -1] > 0.2
    assert np.isfinite(said.mean[:, -1]).all()
    assert (said.mean[:, -1][bright] > 0).all()


def test_a_new_plant_has_the_forecast_of_its_class() -> None:
    history = pv_history()
    begun = History(history.days, history.activity.copy(), history.known)
    begun.activity[0, :36] = np.nan
    said = ran(begun).issued[DAY_AHEAD].mean[0, 37]
    actual = history.activity[0, 37]
    assert np.isfinite(said).all()
    assert np.abs(said - actual).mean() < 0.25 * actual.mean()


def test_a_plant_that_stood_still_in_the_sun_teaches_nothing_of_the_weather() -> None:
    history = pv_history(assets=2)
    stopped = History(history.days, history.activity.copy(), history.known)
    stopped.activity[0, 24:28] = 0.0
    said, unspoilt = (ran(one).issued[DAY_AHEAD].mean[0, -1] for one in (stopped, history))
    np.testing.assert_allclose(said, unspoilt, atol=0.03)


@pytest.mark.parametrize("slots", [24, 96])
def test_any_resolution(slots: int) -> None:
    history = pv_history(assets=2, count=24, slots=slots)
    engine = ran(history)
    assert np.isfinite(engine.issued[DAY_AHEAD].low[:, -1]).all()
    origin = 23 * slots + slots // 2
    assert np.isfinite(engine.ahead(origin, origin + np.arange(1, slots // 4)).mean).all()
