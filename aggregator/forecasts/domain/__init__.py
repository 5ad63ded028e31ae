"""Forecasts and availability: docs/availability.md says which equations and why."""

from aggregator.forecasts.domain._calibration import Calibration, calibration
from aggregator.forecasts.domain._ev import charging_at_once
from aggregator.forecasts.domain._frame import HISTORY_DAYS, Frame
from aggregator.forecasts.domain._kind_forecast import forecast_kind
from aggregator.forecasts.domain._member import FOLLOWS_SCHEDULE, SIGN, Windows, forecast_asset, scheduled_outlook
from aggregator.forecasts.domain._movable import movable_of
from aggregator.forecasts.domain._portfolio import OwnBands, forecast_portfolio
from aggregator.forecasts.domain._scores import Score, as_if_alone, score, score_portfolio
from aggregator.forecasts.domain._shape import cut
from aggregator.forecasts.domain._tally import NOTHING, Figures, Tally, figures, mean_size_kw, tally
from aggregator.forecasts.domain._types import LEVELS, AssetForecast, Facts, Outlook, Place, Quantiles, Stay
from aggregator.forecasts.domain._weather import WEATHER_COLUMNS, WeatherDay, by_day, on_days
from aggregator.forecasts.domain.engine.days import Days
from aggregator.forecasts.domain.engine.engine import Engine
from aggregator.forecasts.domain.engine.groups import GroupErrors, Movable, added, errors_of_day
from aggregator.forecasts.domain.engine.history import History
from aggregator.forecasts.domain.engine.kinds import KIND_MODELS, scale_of
from aggregator.forecasts.domain.engine.portfolio import bins_of, own_bands
from aggregator.forecasts.domain.engine.state import KEPT_DAYS, dumped, restored
from aggregator.forecasts.domain.engine.step_model import horizons_of

MODEL_VERSION = "engine-1"

__all__ = [
    "FOLLOWS_SCHEDULE",
    "HISTORY_DAYS",
    "KEPT_DAYS",
    "KIND_MODELS",
    "LEVELS",
    "MODEL_VERSION",
    "NOTHING",
    "SIGN",
    "WEATHER_COLUMNS",
    "AssetForecast",
    "Calibration",
    "Days",
    "Engine",
    "Facts",
    "Figures",
    "Frame",
    "GroupErrors",
    "History",
    "Movable",
    "Outlook",
    "OwnBands",
    "Place",
    "Quantiles",
    "Score",
    "Stay",
    "Tally",
    "WeatherDay",
    "Windows",
    "added",
    "as_if_alone",
    "bins_of",
    "by_day",
    "calibration",
    "charging_at_once",
    "cut",
    "dumped",
    "errors_of_day",
    "figures",
    "forecast_asset",
    "forecast_kind",
    "forecast_portfolio",
    "horizons_of",
    "mean_size_kw",
    "movable_of",
    "on_days",
    "own_bands",
    "restored",
    "scale_of",
    "scheduled_outlook",
    "score",
    "score_portfolio",
    "tally",
]
