"""Loads: what the same slots of earlier days used, the workday calendar, the time of day and the weather."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from aggregator.forecasts.domain.engine.calibration import LEVELS
from aggregator.forecasts.domain.engine.days import Days
from aggregator.forecasts.domain.engine.family import Settings
from aggregator.forecasts.domain.engine.history import DayView, Steps
from aggregator.forecasts.domain.engine.samples import known_mean, quantiles

USUAL_DAYS, RECENT_DAYS, WEEKDAYS = 14, 5, 4
BLOCK_HOURS = 3
SATURDAY, MONDAY = 5, 0
WEEK = 7


def known_columns(*, days: Days, weather: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Columns (N or 1, D, S) that are known beforehand, from weather columns of that shape (names as in WEATHER_COLUMNS)."""
    columns: dict[str, np.ndarray] = {}
    if "temperature_c" in weather:
        warmth = weather["temperature_c"] / 25
        columns |= {"temperature": warmth, "temperature2": warmth**2}
    if "ghi_w_per_m2" in weather:
        sun = weather["ghi_w_per_m2"] / 1000
        columns |= {"sun": sun, "sun_turned": sun * np.sin(2 * np.pi * days.clock_hours / 24)}
    if "wind_100m_m_per_s" in weather:
        wind = weather["wind_100m_m_per_s"] / 12
        columns |= {"wind": wind, "wind3": wind**3}
    return columns


SETTINGS = Settings(ridge_day=3e-3, gamma=0.15, mixed=True, day_memory=30.0, step_memory=30.0, thin_day=30.0, thin_step=30.0)


@dataclass(frozen=True)
class Load:
    """Scale: mean |kW|. `settings.floor` is -inf for a net load with generation of its own."""

    settings: Settings = SETTINGS
    day_bins: int = 2 * 24 // BLOCK_HOURS
    step_bins: int = 2 * 24 // BLOCK_HOURS

    def day_features(self, view: DayView) -> tuple[tuple[str, np.ndarray], ...]:
        habit = _habit(view)
        shape = habit[0].shape
        history = np.stack([np.broadcast_to(part, shape) for part in [*habit, *_calendar(view)]], axis=-1)
        names = list(view.history.known)
        if not names:
            return (("history", history),)
        weather = np.stack([np.broadcast_to(view.known(name), shape) for name in names], axis=-1)
        return ("weather", np.concatenate([history, weather], axis=-1)), ("history", history)

    def day_level(self, view: DayView) -> np.ndarray:
        return np.ones_like(view.history.activity[:, view.day])

    def day_bin(self, view: DayView, mean: np.ndarray) -> np.ndarray:
        return np.broadcast_to(_block(view.days)[view.day], mean.shape)

    def climatology(self, view: DayView) -> np.ndarray:
        """Of the last same-type days, the slot and its neighbours."""
        sample = view.past[:, _last(view, _alike(view.days, view.day), USUAL_DAYS)]
        n, k, s = sample.shape
        around = np.pad(sample, ((0, 0), (0, 0), (1, 1)), constant_values=np.nan)
        around = np.stack([around[:, :, i : i + s] for i in range(3)], axis=1).reshape(n, 3 * k, s)
        return quantiles(around, LEVELS) if k else np.full((len(LEVELS), n, s), np.nan)

    def step_features(self, steps: Steps) -> np.ndarray:
        t, u, day = steps.origin, steps.target, steps.slots
        hour = max(1, round(day / 24))
        m_t, m_u = steps.at(steps.m, t), steps.at(steps.m, u)
        now = [steps.at(steps.y, t - k) for k in range(2)]
        hour_back = [_or(steps.at(steps.y, t - k), now[1]) for k in (2, 3, 4)]
        around = [_or(steps.at(steps.m, u + k), m_u) for k in (-1, 1)]  # what is forecast may come early or late
        error = [now[k] - steps.at(steps.m, t - k) for k in range(2)]
        lately = [_or(_mean_error(steps, width), error[0]) for width in (hour, 4 * hour)]
        rise = m_u - m_t
        parts = [np.ones_like(m_u), now[0], now[1], m_u, *error, *lately, rise, *hour_back, *around]
        for back in (day, WEEK * day):
            then, from_then = steps.at(steps.y, u - back), steps.at(steps.y, t - back)
            parts += [_or(then, m_u), _or(then - from_then, rise)]
        return np.stack(parts, axis=-1)

    def step_level(self, steps: Steps) -> np.ndarray:
        return np.ones((len(steps.y), len(steps.target)))

    def step_bin(self, steps: Steps, mean: np.ndarray) -> np.ndarray:
        return np.broadcast_to(_block(steps.history.days).ravel()[steps.target], mean.shape)


def same_type_mean(view: DayView, most: int) -> np.ndarray:
    """(N, S) mean of the last `most` complete days of the forecast day's type; of any type where there is none."""
    return _usual_on(view, view.day, most)


def _usual_on(view: DayView, day: int, most: int) -> np.ndarray:
    """The same for `day`, from what `view` may know."""
    every = np.ones(view.days.count, dtype=bool)
    return _or(_mean(view, _alike(view.days, day), most), _mean(view, every, most))


def _alike(days: Days, day: int) -> np.ndarray:
    """(D,) days that say what `day` is like. A holiday is told from weekends too, as there are few; a weekend is no holiday."""
    return days.types == "weekend" if days.types[day] == "weekend" else days.working == days.working[day]


def _habit(view: DayView) -> list[np.ndarray]:
    """(N, S), (N, 1) or () each: the same slots of earlier days, the level of the last 24 hours. An unknown lag is the same-type mean."""
    days, day = view.days, view.day
    alike, holiday = _alike(days, day), days.types == "holiday"
    usual = same_type_mean(view, USUAL_DAYS)
    week = -(-view.lead // WEEK) * WEEK
    lags = [view.before(back) for back in (view.lead, week, week + WEEK)]
    lags += [_mean(view, alike & (days.weekday == days.weekday[day]), WEEKDAYS), _mean(view, alike, RECENT_DAYS), usual]
    level = _or(_level(view, 0), known_mean(usual, axis=1)[:, None])
    change, anomaly = level - _level(view, WEEK), level - _usual_level(view)
    # A holiday lowers a day, and is in the lags of the days after it: what counts is the change since the last complete day.
    entered = np.array(float(holiday[day]) - float(holiday[view.last]))
    return [*(_or(lag, usual) for lag in lags), level, _or(change, np.zeros(1)), _or(anomaly, np.zeros(1)), entered]


def _usual_level(view: DayView) -> np.ndarray:
    """(N, 1) what the 24 hours up to the issue would have been on usual days of their types."""
    slot = view.issue_slot
    yesterday, today = (_usual_on(view, day, USUAL_DAYS) for day in (view.last, view.last + 1))
    return known_mean(np.concatenate([yesterday[:, slot:], today[:, :slot]], axis=1), axis=1)[:, None]


def _level(view: DayView, back: int) -> np.ndarray:
    """(N, 1) mean of the 24 hours up to the issue, `back` days earlier."""
    at, slot = view.last + 1 - back, view.issue_slot
    if at < 1:
        return np.full((len(view.past), 1), np.nan)
    today = view.morning if back == 0 else view.history.activity[:, at]
    return known_mean(np.concatenate([view.history.activity[:, at - 1, slot:], today[:, :slot]], axis=1), axis=1)[:, None]


def _calendar(view: DayView) -> list[np.ndarray]:
    """Scalars and (S,): 1, day off, Saturday, Monday, the waves of a day, and the same on days off."""
    off, weekday = float(not view.days.working[view.day]), view.days.weekday[view.day]
    angle = 2 * np.pi * view.days.clock_hours / 24
    waves = [wave(k * angle) for k in (1, 2, 3) for wave in (np.sin, np.cos)]
    flags = [np.array(float(flag)) for flag in (1, off, weekday == SATURDAY, weekday == MONDAY)]
    return [*flags, *waves, *(off * wave for wave in waves)]


def _last(view: DayView, alike: np.ndarray, most: int) -> np.ndarray:
    """Indices in `view.past` of the last days for which `alike` (D,) holds."""
    return np.flatnonzero(alike[view.first : view.last + 1])[-most:]


def _mean(view: DayView, alike: np.ndarray, most: int) -> np.ndarray:
    return known_mean(view.past[:, _last(view, alike, most)], axis=1)


def _block(days: Days) -> np.ndarray:
    """(D, S) block of the clock x working day or not."""
    return (days.clock_hours // BLOCK_HOURS).astype(int)[None, :] + (24 // BLOCK_HOURS) * days.working[:, None]


def _mean_error(steps: Steps, width: int) -> np.ndarray:
    """(N, n) mean error of the day-ahead forecast over the `width` periods up to the origin; NaN if one is not known."""
    return sum(steps.at(steps.y, steps.origin - k) - steps.at(steps.m, steps.origin - k) for k in range(width)) / width


def _or(values: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values), values, other)
