"""Weather rows: refused when unknown, kept once, used only when they were there in time."""

from datetime import timedelta

import numpy as np
import pytest

from aggregator.forecasts import queries
from aggregator.forecasts.models import ForecastRun, WeatherForecast
from aggregator.forecasts.operations import UnknownWeather, WeatherShape, forecast_availability, import_weather
from aggregator.kernel.periods import Grid, delivery_day, midnight
from tests.integration.aggregator.forecasts.park import DAY, HISTORY_DAYS, ISSUED_AT, ONE_DAY, Built, build, power_of

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
GRID = delivery_day(DAY, resolution=timedelta(minutes=15))


@pytest.fixture
def built() -> Built:
    return build()


def archive() -> tuple[Grid, np.ndarray]:
    """Hourly wind speeds that tell the wind farm's power of every day, DAY included."""
    first = DAY - HISTORY_DAYS * ONE_DAY
    power = np.concatenate([power_of("wind", first + k * ONE_DAY).reshape(24, 4).mean(axis=1) for k in range(HISTORY_DAYS + 1)])
    return Grid(midnight(first), HOUR, power.size), 12 * np.cbrt(power / 2000)


def wind_error(built: Built) -> float:
    run = forecast_availability(portfolio_id=built.portfolio.pk, issued_at=ISSUED_AT, grid=GRID)
    mean = queries.quantiles(run_id=run.pk)[built.assets["wind"].pk].mean
    ForecastRun.objects.all().delete()
    return float(np.abs(mean - power_of("wind", DAY)).mean())


def test_a_declared_lead_makes_an_archive_usable_and_a_late_one_is_not(built: Built) -> None:
    grid, speed = archive()
    without = wind_error(built)
    late = {"park_id": built.park.pk, "asset_id": None, "grid": grid, "columns": {"wind_100m_m_per_s": speed}, "source": "test"}
    import_weather(**late, available_at=12 * HOUR)  # at noon of the day before: after the issue at ten
    assert wind_error(built) == pytest.approx(without)
    assert import_weather(**late, available_at=16 * HOUR) == HISTORY_DAYS + 1
    assert wind_error(built) < 0.5 * without


def test_an_assets_own_weather_goes_before_the_parks(built: Built) -> None:
    grid, speed = archive()
    common = {"park_id": built.park.pk, "grid": grid, "available_at": 16 * HOUR, "source": "test"}
    import_weather(**common, asset_id=None, columns={"wind_100m_m_per_s": np.full(len(grid), 5.0)})
    misled = wind_error(built)
    import_weather(**common, asset_id=built.assets["wind"].pk, columns={"wind_100m_m_per_s": speed})
    assert wind_error(built) < 0.5 * misled


def test_twice_is_once(built: Built) -> None:
    grid, speed = archive()
    fields = {"park_id": built.park.pk, "asset_id": None, "grid": grid, "columns": {"wind_100m_m_per_s": speed}, "source": "test"}
    assert import_weather(**fields, available_at=16 * HOUR) == HISTORY_DAYS + 1
    assert import_weather(**fields, available_at=16 * HOUR) == 0
    assert WeatherForecast.objects.count() == HISTORY_DAYS + 1


def test_unknown_columns_and_wrong_lengths_are_refused(built: Built) -> None:
    grid, speed = archive()
    fields = {"park_id": built.park.pk, "asset_id": None, "grid": grid, "available_at": ISSUED_AT, "source": "test"}
    with pytest.raises(UnknownWeather):
        import_weather(**fields, columns={"wind": speed})
    with pytest.raises(WeatherShape):
        import_weather(**fields, columns={"temperature_c": speed[:-1]})
    assert not WeatherForecast.objects.exists()
