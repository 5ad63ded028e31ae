"""Loads: regression on the same slots of earlier days, the workday calendar, time of day and weather."""

import numpy as np

from aggregator.assets.domain.load import LoadSpec
from aggregator.forecasts.domain import _engine, _persistence
from aggregator.forecasts.domain._frame import Frame
from aggregator.forecasts.domain._recent import nan_mean
from aggregator.forecasts.domain._types import Facts, Outlook

RIDGE = 3e-3
CLIMATOLOGY_DAYS = 14


def forecast(*, frame: Frame, spec: LoadSpec, facts: Facts) -> Outlook:
    """Activity = kW consumed. Uses weather columns temperature_c and ghi_w_per_m2."""
    return forecast_consumption(frame=frame, rated_kw=spec.rated_kw, facts=facts)


def forecast_consumption(*, frame: Frame, rated_kw: float, facts: Facts) -> Outlook:
    """The same for anything that consumes by habit (charging stations too)."""
    y = facts.activity_kw
    same_type = frame.working[:, None] == frame.working[None, :]
    usual = _engine.same_days_mean(frame, y, alike=same_type, most=CLIMATOLOGY_DAYS)
    everyday = np.ones_like(same_type)
    anyday = _engine.same_days_mean(frame, y, alike=everyday, most=CLIMATOLOGY_DAYS)
    usual = np.where(np.isfinite(usual), usual, anyday)
    plain = _habit(frame, y, usual, same_type) / rated_kw
    plain = np.concatenate([plain, _calendar(frame)], axis=2)
    warm = _weather(facts)
    candidates = [] if warm is None else [("weather", np.concatenate([plain, warm], axis=2))]
    method = _engine.Method(
        features=(*candidates, ("history", plain)),
        level_kw=np.full_like(y, rated_kw),
        cap_kw=rated_kw,
        ridge=RIDGE,
        by_day_type=True,
    )
    persistence = _persistence.held(frame, y, _persistence.last_week(frame, y))
    return _engine.outlook(frame=frame, facts=facts, method=method, climatology=usual, persistence=persistence)


def _habit(frame: Frame, y: np.ndarray, usual: np.ndarray, same_type: np.ndarray) -> np.ndarray:
    """Same slot: last complete day, a week and two weeks before, 4 same weekdays, 5 same-type days; daily level.

    A lag that is not known (young asset, gap, intervened) is replaced by the same-type mean.
    """
    weekday = same_type & (frame.weekday[:, None] == frame.weekday[None, :])
    lead = frame.lead_days
    week = 7 * ((lead + 6) // 7)
    daily = np.repeat(nan_mean(y.T)[:, None], y.shape[1], axis=1)
    level = _engine.lagged(daily, lead)
    parts = [
        _engine.lagged(y, lead),
        _engine.lagged(y, week),
        _engine.lagged(y, week + 7),
        _engine.same_days_mean(frame, y, alike=weekday, most=4),
        _engine.same_days_mean(frame, y, alike=same_type, most=5),
        level,
        _engine.lagged(daily, lead + 7),
        usual,
    ]
    return np.stack([np.where(np.isfinite(part), part, usual) for part in parts], axis=2)


def _calendar(frame: Frame) -> np.ndarray:
    """1, day off, Saturday, Monday, Fourier order 3 of the day, and the same on days off."""
    days, slots = len(frame.days), frame.slots
    angle = 2 * np.pi * frame.clock_hours / 24
    waves = np.stack([wave(k * angle) for k in (1, 2, 3) for wave in (np.sin, np.cos)], axis=1)
    waves = np.broadcast_to(waves, (days, slots, 6))
    off = np.broadcast_to(~frame.working[:, None, None], (days, slots, 1)).astype(float)
    flags = [np.broadcast_to((frame.weekday == k)[:, None, None], (days, slots, 1)).astype(float) for k in (5, 0)]
    return np.concatenate([np.ones((days, slots, 1)), off, *flags, waves, waves * off], axis=2)


def _weather(facts: Facts) -> np.ndarray | None:
    parts = []
    if "temperature_c" in facts.weather:
        degrees = facts.weather["temperature_c"] / 25
        parts += [degrees, degrees**2]
    if "ghi_w_per_m2" in facts.weather:
        parts.append(facts.weather["ghi_w_per_m2"] / 1000)
    return np.stack(parts, axis=2) if parts else None
