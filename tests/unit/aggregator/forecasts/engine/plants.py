"""Synthetic PV plants and wind parks: a clear-sky day or a cubic power curve, weather that is mostly forecast right. Made up."""

from datetime import date

import numpy as np

from aggregator.forecasts.domain.engine.days import Days
from aggregator.forecasts.domain.engine.history import History
from aggregator.forecasts.domain.engine.pv_columns import known_columns as pv_columns
from aggregator.forecasts.domain.engine.wind import known_columns as wind_columns

CLEAR_GHI = 800.0  # W/m2 per unit of clear-sky power, roughly


def pv_history(*, assets: int = 3, count: int = 40, slots: int = 48, weather: bool = True, seed: int = 5) -> History:
    """Each day has one clearness per asset; its forecast is off by a tenth."""
    random = np.random.default_rng(seed)
    days = Days(date(2024, 4, 1), count, slots)
    place = {
        "latitude": np.linspace(30, 38, assets),
        "longitude": np.full(assets, 115.0),
        "tilt_deg": np.full(assets, 30.0),
        "azimuth_deg": np.full(assets, 180.0),
    }
    clear = pv_columns(days=days, weather={}, **place)["clear"]
    cloud = random.uniform(0.3, 1.0, (1, count, 1)) * np.ones((assets, 1, 1))
    said = np.clip(cloud + random.normal(0, 0.1, cloud.shape), 0.05, 1.1)
    known = pv_columns(days=days, weather={"ghi_w_per_m2": CLEAR_GHI * said * clear} if weather else {}, **place)
    return History(days, 0.8 * cloud * clear, known)


def wind_history(*, assets: int = 2, count: int = 40, slots: int = 48, weather: bool = True, seed: int = 6) -> History:
    """Wind that wanders; its forecast is off by 1 m/s on a whole day."""
    random = np.random.default_rng(seed)
    days = Days(date(2024, 4, 1), count, slots)
    steps = random.normal(0, 0.6, (assets, count * slots))
    speed = np.empty_like(steps)
    now = np.full(assets, 8.0)
    for k in range(count * slots):
        now = np.clip(now + 0.03 * (8.0 - now) + steps[:, k], 0, 20)
        speed[:, k] = now
    speed = speed.reshape(assets, count, slots)
    said = np.maximum(speed + random.normal(0, 1.0, (assets, count, 1)), 0)
    known = wind_columns(
        days=days,
        rated_wind_m_per_s=np.full(assets, 12.0),
        hub_height_m=np.full(assets, 100.0),
        weather={"wind_100m_m_per_s": said} if weather else {},
    )
    return History(days, np.clip(speed / 12, 0, 1) ** 3, known)
