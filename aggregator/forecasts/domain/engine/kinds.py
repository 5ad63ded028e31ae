"""Which family forecasts a kind of asset, what it wants to know beforehand, and what its activity is measured in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from aggregator.assets.domain import Spec
from aggregator.assets.domain.generation import PvSpec, WindSpec
from aggregator.forecasts.domain._types import Place
from aggregator.forecasts.domain.engine import load, pv_columns, wind
from aggregator.forecasts.domain.engine.days import Days
from aggregator.forecasts.domain.engine.family import Family
from aggregator.forecasts.domain.engine.load import Load
from aggregator.forecasts.domain.engine.pv import Pv
from aggregator.forecasts.domain.engine.references import last_complete_day, last_week
from aggregator.forecasts.domain.engine.wind import Wind

Weather = Mapping[str, np.ndarray]
Columns = Callable[[Days, Sequence[Spec], Place, Weather], dict[str, np.ndarray]]


@dataclass(frozen=True)
class KindModel:
    """sign: +1 generates, -1 consumes; rated: activity is over rated power, else over the mean of its history.

    needs: the known column without which a target counts as forecast without weather ("" = the kind uses none); always: it counts so
    even where there is no weather forecast at all.
    """

    family: Callable[[], Family]
    columns: Columns
    sign: int
    rated: bool
    needs: str
    reference: Callable[..., np.ndarray]
    always: bool = False
    holds: bool = True  # the reference of a re-issue holds the last value


def _pv_columns(days: Days, specs: Sequence[Spec], place: Place, weather: Weather) -> dict[str, np.ndarray]:
    plants = [spec for spec in specs if isinstance(spec, PvSpec)]
    where = np.ones(len(plants))
    return pv_columns.known_columns(
        days=days,
        latitude=place.latitude * where,
        longitude=place.longitude * where,
        tilt_deg=np.array([spec.tilt_deg for spec in plants]),
        azimuth_deg=np.array([spec.azimuth_deg for spec in plants]),
        weather=weather,
    )


def _wind_columns(days: Days, specs: Sequence[Spec], place: Place, weather: Weather) -> dict[str, np.ndarray]:
    plants = [spec for spec in specs if isinstance(spec, WindSpec)]
    return wind.known_columns(
        days=days,
        rated_wind_m_per_s=np.array([spec.rated_wind_m_per_s for spec in plants]),
        hub_height_m=np.array([spec.hub_height_m for spec in plants]),
        weather=weather,
    )


def _load_columns(days: Days, specs: Sequence[Spec], place: Place, weather: Weather) -> dict[str, np.ndarray]:
    return load.known_columns(days=days, weather=weather)


KIND_MODELS: dict[str, KindModel] = {
    "pv": KindModel(Pv, _pv_columns, 1, rated=True, needs="phi", reference=last_complete_day, holds=False),
    "wind": KindModel(Wind, _wind_columns, 1, rated=True, needs="speed", reference=last_complete_day),
    "load": KindModel(Load, _load_columns, -1, rated=False, needs="temperature", reference=last_week),
    "ev_station": KindModel(Load, _load_columns, -1, rated=False, needs="", reference=last_week),
    "air_conditioning": KindModel(Load, _load_columns, -1, rated=False, needs="temperature", reference=last_week, always=True),
}


def scale_of(kind: str, specs: Sequence[Spec], activity_kw: np.ndarray) -> np.ndarray:
    """(N,) [kW] what activity is measured in: rated power, or the mean of what was consumed (rated power where that is nothing)."""
    rated = np.array([spec.rated_kw for spec in specs])
    if KIND_MODELS[kind].rated:
        return rated
    known = np.isfinite(activity_kw)
    mean = np.where(known, activity_kw, 0.0).sum(axis=(1, 2)) / np.maximum(known.sum(axis=(1, 2)), 1)
    return np.where(mean > 0.001 * rated, mean, rated)
