"""Forecasts and availability: docs/availability.md says which equations and why."""

from aggregator.forecasts.domain._frame import HISTORY_DAYS, Frame
from aggregator.forecasts.domain._member import FOLLOWS_SCHEDULE, MODELS, SIGN, Windows, forecast_asset
from aggregator.forecasts.domain._portfolio import forecast_portfolio
from aggregator.forecasts.domain._scores import Score, score, score_portfolio
from aggregator.forecasts.domain._shape import cut
from aggregator.forecasts.domain._types import LEVELS, AssetForecast, Facts, Place, Quantiles, Stay
from aggregator.forecasts.domain._weather import WEATHER_COLUMNS, WeatherDay, by_day, on_frame

MODEL_VERSION = "ridge-conformal-2"

__all__ = [
    "FOLLOWS_SCHEDULE",
    "HISTORY_DAYS",
    "LEVELS",
    "MODELS",
    "MODEL_VERSION",
    "SIGN",
    "WEATHER_COLUMNS",
    "AssetForecast",
    "Facts",
    "Frame",
    "Place",
    "Quantiles",
    "Score",
    "Stay",
    "WeatherDay",
    "Windows",
    "by_day",
    "cut",
    "forecast_asset",
    "forecast_portfolio",
    "on_frame",
    "score",
    "score_portfolio",
]
