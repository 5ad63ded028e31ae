"""Use cases: forecast, score, take in weather."""

from aggregator.forecasts.operations._engines import forget_learned
from aggregator.forecasts.operations._forecast import PortfolioEmpty, forecast_availability
from aggregator.forecasts.operations._score import score_run
from aggregator.forecasts.operations._weather import UnknownWeather, WeatherShape, import_weather

__all__ = ["PortfolioEmpty", "UnknownWeather", "WeatherShape", "forecast_availability", "forget_learned", "import_weather", "score_run"]
