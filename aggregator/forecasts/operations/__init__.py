"""Use cases: forecast, score, take in weather, test on the past."""

from aggregator.forecasts.operations._availability import Availability, PortfolioEmpty, compute_availability
from aggregator.forecasts.operations._backtest import Tallies, tallies_of
from aggregator.forecasts.operations._engines import forget_learned
from aggregator.forecasts.operations._forecast import forecast_availability
from aggregator.forecasts.operations._score import score_run
from aggregator.forecasts.operations._states import STATES_KEPT, Shard, State, States
from aggregator.forecasts.operations._weather import UnknownWeather, WeatherShape, import_weather

__all__ = [
    "STATES_KEPT",
    "Availability",
    "PortfolioEmpty",
    "Shard",
    "State",
    "States",
    "Tallies",
    "UnknownWeather",
    "WeatherShape",
    "compute_availability",
    "forecast_availability",
    "forget_learned",
    "import_weather",
    "score_run",
    "tallies_of",
]
