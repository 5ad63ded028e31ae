"""PV: clear-sky power times what the weather forecast, or the last days, say of the clouds."""

import numpy as np

from aggregator.assets.domain.generation import PvSpec
from aggregator.forecasts.domain import _engine, _persistence, _sun
from aggregator.forecasts.domain._frame import Frame
from aggregator.forecasts.domain._recent import nan_mean
from aggregator.forecasts.domain._types import Facts, Outlook

RIDGE = 2e-3
CLIMATOLOGY_DAYS = 7


def forecast(*, frame: Frame, spec: PvSpec, facts: Facts) -> Outlook:
    """Activity = kW generated. Uses weather columns ghi_w_per_m2, direct_w_per_m2, temperature_c, humidity_ratio."""
    sun = _sun.sun_position(epoch_s=frame.mid_epoch, latitude=facts.place.latitude, longitude=facts.place.longitude)
    clear = _sun.clear_power_ratio(sun, tilt_deg=spec.tilt_deg, azimuth_deg=spec.azimuth_deg)
    y = facts.activity_kw / spec.rated_kw
    clearness = _clearness(y, clear)
    everyday = np.ones((len(frame.days), len(frame.days)), dtype=bool)
    recent = _engine.same_days_mean(frame, clearness, alike=everyday, most=CLIMATOLOGY_DAYS)
    recent = np.where(np.isfinite(recent), recent, nan_mean(recent.T)[:, None])
    climatology = np.where(clear > 0, recent * clear, 0.0) * spec.rated_kw
    plain = _plain(frame, y, clear, clearness, sun)
    candidates = []
    if "ghi_w_per_m2" in facts.weather:
        candidates = [("weather", np.concatenate([plain, _weather(frame, facts, clear, sun)], axis=2))]
    method = _engine.Method(
        features=(*candidates, ("history", plain)),
        level_kw=np.minimum(clear, 1.0) * spec.rated_kw,
        cap_kw=spec.rated_kw,
        ridge=RIDGE,
        by_clearness=True,
    )
    persistence = _persistence.last_complete_day(frame, facts.activity_kw)
    return _engine.outlook(frame=frame, facts=facts, method=method, climatology=climatology, persistence=persistence)


def _clearness(y: np.ndarray, clear: np.ndarray) -> np.ndarray:
    return np.where(clear > 0.05, np.clip(y / np.maximum(clear, 0.05), 0.0, 1.5), np.nan)


def _daily(clearness: np.ndarray, clear: np.ndarray) -> np.ndarray:
    """(D,) energy-weighted clearness of each day; NaN below half a day known."""
    weight = np.where(np.isfinite(clearness), clear, 0.0)
    total, possible = weight.sum(axis=1), np.where(clear > 0.05, clear, 0.0).sum(axis=1)
    value = np.where(np.isfinite(clearness), clearness * clear, 0.0).sum(axis=1) / np.maximum(total, 1e-9)
    return np.where(total >= 0.5 * possible, value, np.nan)


def _plain(frame: Frame, y: np.ndarray, clear: np.ndarray, clearness: np.ndarray, sun: _sun.Sun) -> np.ndarray:
    """1, c, c x sin and cos of the hour angle, and c x clearness: of the last complete day, of a week, per slot."""
    daily = _daily(clearness, clear)
    last, week = np.full(daily.size, np.nan), np.full(daily.size, np.nan)
    for d in range(frame.lead_days, daily.size):
        known = daily[: d - frame.lead_days + 1]
        known = known[np.isfinite(known)]
        if known.size:
            last[d], week[d] = known[-1], known[-7:].mean()
    everyday = np.ones((len(frame.days), len(frame.days)), dtype=bool)
    usual = _engine.same_days_mean(frame, y, alike=everyday, most=CLIMATOLOGY_DAYS)
    usual = np.where(np.isfinite(usual), usual, week[:, None] * clear)
    return np.stack(
        [
            (clear > 0).astype(float),
            clear,
            clear * np.sin(sun.hour_angle),
            clear * np.cos(sun.hour_angle),
            clear * last[:, None],
            clear * week[:, None],
            usual,
        ],
        axis=2,
    )


def _weather(frame: Frame, facts: Facts, clear: np.ndarray, sun: _sun.Sun) -> np.ndarray:
    """phi = c x (forecast irradiance over clear-sky irradiance), its square and 1.5-h mean, and the raw columns."""
    ghi = facts.weather["ghi_w_per_m2"]
    bright = _sun.clear_ghi(sun)
    index = np.clip(ghi / np.maximum(bright, 20.0), 0.0, 1.3)
    phi = clear * index
    width = max(1, round(0.75 / frame.grid.hours))
    smooth = np.mean([np.roll(phi.ravel(), k) for k in range(-width, width + 1)], axis=0).reshape(phi.shape)
    smooth = np.where(np.isfinite(smooth), smooth, phi)  # at the edge of what the weather forecast covers
    parts = [phi, phi**2, smooth, ghi / 1000, ghi / 1000 * np.sin(sun.hour_angle), ghi / 1000 * np.cos(sun.hour_angle)]
    if "direct_w_per_m2" in facts.weather:
        parts.append(facts.weather["direct_w_per_m2"] / 1000)
    if "temperature_c" in facts.weather:
        parts.append(clear * facts.weather["temperature_c"] / 25)
    if "humidity_ratio" in facts.weather:
        parts.append(clear * facts.weather["humidity_ratio"])
    return np.stack(parts, axis=2)
