"""The price helper on synthetic prices: it repeats what repeats, respects floors, and looks at nothing later."""

import numpy as np
import pytest

from aggregator.forecasts.domain.engine.price import PriceModel

DAYS, SLOTS = 90, 24
WEEKDAY = np.arange(DAYS) % 7
HOLIDAY = np.zeros(DAYS, dtype=bool)


def prices(noise: float = 5.0) -> np.ndarray:
    """Synthetic: cheap at noon and on Sundays, never below -80."""
    shape = 60 - 100 * np.exp(-(((np.arange(SLOTS) - 12) / 3) ** 2))
    level = np.where(WEEKDAY == 6, -60.0, 0.0)[:, None]
    return np.maximum(shape + level + np.random.default_rng(2).normal(scale=noise, size=(DAYS, SLOTS)), -80.0)


def forecasts(series: np.ndarray, known_days: int = 1) -> np.ndarray:
    model, out = PriceModel(SLOTS, known_days), np.full(series.shape, np.nan)
    for day in range(DAYS):
        if day >= known_days:
            model = model.learned(prices=series, weekday=WEEKDAY, holiday=HOLIDAY, day=day - known_days)
        out[day] = model.forecast(prices=series, weekday=WEEKDAY, holiday=HOLIDAY, day=day)
    return out


@pytest.mark.parametrize("known_days", [1, 2])
def test_what_repeats_is_forecast_and_stays_within_prices_seen(known_days: int) -> None:
    series = prices()
    said = forecasts(series, known_days)[60:]
    assert np.abs(said - series[60:]).mean() < 0.6 * np.abs(series[59:-1] - series[60:]).mean()
    assert said.min() >= -80.0


@pytest.mark.parametrize("known_days", [1, 2])
def test_later_prices_change_nothing(known_days: int) -> None:
    series, later = prices(), prices()
    later[70 - known_days + 1 :] = 1e5
    np.testing.assert_array_equal(forecasts(series, known_days)[:71], forecasts(later, known_days)[:71])


def test_a_spike_teaches_little() -> None:
    series, spiked = prices(), prices()
    spiked[50, 18] = 5000.0
    moved = np.abs(forecasts(spiked)[80:] - forecasts(series)[80:])
    assert moved.mean() < 5.0


def test_nothing_is_said_before_anything_was_learned_or_where_a_price_is_missing() -> None:
    series = prices()
    series[69, 3] = np.nan
    said = forecasts(series)
    assert np.isnan(said[:30]).all()
    assert np.isnan(said[70]).all()
    assert np.isfinite(said[85]).all()
