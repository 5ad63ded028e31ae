"""Wind: cubic in the forecast wind speed; without weather, climatology and the last days blended by regression."""

import numpy as np

from aggregator.assets.domain.generation import WindSpec
from aggregator.forecasts.domain import _engine, _persistence
from aggregator.forecasts.domain._frame import Frame
from aggregator.forecasts.domain._recent import nan_mean
from aggregator.forecasts.domain._types import Facts, Outlook

RIDGE = 2e-3
CLIMATOLOGY_DAYS = 14
ROUGHNESS_EXPONENT = 1 / 7  # power law from 10 m to hub height


def forecast(*, frame: Frame, spec: WindSpec, facts: Facts) -> Outlook:
    """Activity = kW generated. Uses weather column wind_100m_m_per_s, else wind_m_per_s (10 m)."""
    everyday = np.ones((len(frame.days), len(frame.days)), dtype=bool)
    usual = _engine.same_days_mean(frame, facts.activity_kw, alike=everyday, most=CLIMATOLOGY_DAYS)
    plain = _plain(frame, facts.activity_kw / spec.rated_kw, usual / spec.rated_kw)
    speed = _speed(facts, spec)
    candidates = [] if speed is None else [("weather", _cubic(frame, speed / spec.rated_wind_m_per_s))]
    method = _engine.Method(
        features=(*candidates, ("history", plain)),
        level_kw=np.full_like(usual, spec.rated_kw),
        cap_kw=spec.rated_kw,
        ridge=RIDGE,
        by_size=True,
        checked=True,
    )
    reference = _persistence.last_complete_day(frame, facts.activity_kw)
    persistence = _persistence.held(frame, facts.activity_kw, reference)
    return _engine.outlook(frame=frame, facts=facts, method=method, climatology=usual, persistence=persistence)


def _speed(facts: Facts, spec: WindSpec) -> np.ndarray | None:
    if "wind_100m_m_per_s" in facts.weather:
        return facts.weather["wind_100m_m_per_s"]
    if "wind_m_per_s" in facts.weather:
        return facts.weather["wind_m_per_s"] * (spec.hub_height_m / 10) ** ROUGHNESS_EXPONENT
    return None


def _cubic(frame: Frame, v: np.ndarray) -> np.ndarray:
    width = max(1, round(1 / frame.grid.hours))
    smooth = np.mean([np.roll(v.ravel(), k) for k in range(-width, width + 1)], axis=0).reshape(v.shape)
    smooth = np.where(np.isfinite(smooth), smooth, v)
    return np.stack([np.ones_like(v), v, v**2, v**3, np.minimum(v, 1) ** 3, np.maximum(v - 1, 0), smooth**3], axis=2)


def _plain(frame: Frame, y: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """1, the slot's climatology, the mean of the last complete day, and the end of that day."""
    daily = _engine.lagged(np.repeat(nan_mean(y.T)[:, None], y.shape[1], axis=1), frame.lead_days)
    width = max(1, round(3 / frame.grid.hours))
    ending = _engine.lagged(np.repeat(nan_mean(y[:, -width:].T)[:, None], y.shape[1], axis=1), frame.lead_days)
    return np.stack([np.ones_like(y), usual, daily, ending], axis=2)
