"""From features to an outlook: mean, correction by the recent error, and bands from errors of earlier days.

Every earlier day is forecast again as it would have been then (fit and lags end `lead_days` before it), so
the errors are out of sample and have the lead of the forecast that they describe.
"""

from dataclasses import dataclass

import numpy as np

from aggregator.forecasts.domain import _recent, _ridge
from aggregator.forecasts.domain._bands import binned_bands, clock_bands
from aggregator.forecasts.domain._frame import Frame
from aggregator.forecasts.domain._recent import nan_mean
from aggregator.forecasts.domain._types import Facts, Outlook
from aggregator.forecasts.domain._widening import widened, widening

CALIBRATION_DAYS = 42
CLEARNESS_EDGES = (0.3, 0.6)
SIZE_EDGES = (0.1, 0.3, 0.6)
BRIGHT = 0.45


@dataclass(frozen=True)
class Method:
    """How one kind is forecast. Matrices are (D, S).

    features: (D, S, p) candidates, best first; the first that is known on every target period is used.
    level_kw: natural size of the activity there (clear-sky power; a constant), 0 = surely none.
    """

    features: tuple[tuple[str, np.ndarray], ...]
    level_kw: np.ndarray
    cap_kw: float
    ridge: float
    by_clearness: bool = False  # errors binned by forecast clearness (PV)
    by_size: bool = False  # errors binned by forecast power (wind)
    by_day_type: bool = False  # errors of the same clock hour, days off apart from working days
    checked: bool = False  # bands are widened where they did not hold lately (wind: weather of a kind comes in spells)


def same_days_mean(frame: Frame, values: np.ndarray, *, alike: np.ndarray, most: int) -> np.ndarray:
    """(D, S) mean over the last `most` known alike days up to d - lead; alike (D, D) bool, [d, e] = e is like d."""
    out = np.full_like(values, np.nan)
    some = np.isfinite(values).any(axis=1)
    for d in range(frame.lead_days, len(values)):
        last = d - frame.lead_days + 1
        chosen = np.flatnonzero(alike[d, :last] & some[:last])[-most:]
        if chosen.size:
            out[d] = nan_mean(values[chosen])
    return out


def lagged(values: np.ndarray, days: int) -> np.ndarray:
    """The same slots `days` days before."""
    out = np.full_like(values, np.nan)
    if 0 < days < len(values):
        out[days:] = values[:-days]
    return out


def outlook(*, frame: Frame, facts: Facts, method: Method, climatology: np.ndarray, persistence: np.ndarray) -> Outlook:
    """climatology (D, S) kW serves where nothing can be fitted; persistence (n,) is only passed on."""
    notes: list[str] = []
    day, slot = frame.target
    y = facts.activity_kw
    means = _means(frame, y, method, notes)
    if means is None:
        means = climatology
        notes.append("short_history")
    means = np.where(method.level_kw > 0, np.clip(means, 0.0, method.cap_kw), 0.0)
    level = np.maximum(method.level_kw, 0.05 * method.cap_kw) if method.by_clearness else method.level_kw
    error = np.where(method.level_kw > (0.08 * method.cap_kw if method.by_clearness else 0.0), (y - means) / level, np.nan)

    past = np.arange(max(0, frame.first_target - CALIBRATION_DAYS), frame.first_target)
    near = _recent.neighbours(frame)
    target = (day - frame.first_target) * frame.slots + slot
    recent = _recent.recent_error(error, frame)
    fade, recent_past = _recent.fading(error, recent, past, near, target, frame)
    now_error = recent[frame.origin] if frame.origin >= 0 else np.nan
    if not np.isfinite(now_error):
        fade = np.zeros_like(fade)
        if _recent.horizons(frame, target).min() <= round(1 / frame.grid.hours):
            notes.append("no_recent_value")
    mean = means[day, slot] + fade * np.nan_to_num(now_error) * level[day, slot]
    dark = method.level_kw[day, slot] <= 0
    mean = np.where(dark, 0.0, np.clip(mean, 0.0, method.cap_kw))

    at = past[:, None, None] * frame.slots + near[None, :, None] + target[None, None, :]
    past_actual, past_level = _recent.take(y, at), _recent.take(level, at)
    past_mean = np.clip(_recent.take(means, at) + fade * np.nan_to_num(recent_past) * past_level, 0.0, method.cap_kw)
    sample = (past_actual - past_mean) / past_level
    share = Shares(past_mean / past_level, _recent.take(method.level_kw, at) / method.cap_kw, mean / level[day, slot])
    bands = _bands(frame, method, sample, share, past, fade)
    low, mid, high = _apply(bands, mean, level[day, slot], dark, frame, method, notes)
    return Outlook(mean, low, mid, high, persistence, past_actual, past_mean, tuple(notes))


def _means(frame: Frame, y: np.ndarray, method: Method, notes: list[str]) -> np.ndarray | None:
    day, slot = frame.target
    lit = method.level_kw > 0
    scale = method.cap_kw
    for number, (_, x) in enumerate(method.features):
        learn = np.where(lit, y / scale, np.nan)
        coef = _ridge.rolling_coefficients(x=x, y=learn, lead_days=frame.lead_days, ridge=method.ridge)
        fitted = _ridge.predict(x=x, coef=coef) * scale
        if np.isfinite(np.where(lit, fitted, 0.0)[day, slot]).all():
            if number:
                notes.append(f"without_{method.features[number - 1][0]}")
            return fitted
    return None


@dataclass(frozen=True)
class Shares:
    """What decides on the bin of an error: share of the level said (past and now), and how bright it could have been."""

    past_share: np.ndarray
    past_bright: np.ndarray
    now: np.ndarray


def _bands(frame: Frame, method: Method, sample: np.ndarray, share: Shares, past: np.ndarray, fade: np.ndarray) -> np.ndarray:
    day, slot = frame.target
    if method.by_day_type:
        shift = past[:, None] + (day - frame.first_target)[None, :]
        inside = np.clip(shift, 0, len(frame.days) - 1)
        same = frame.working[inside] == frame.working[day][None, :]
    else:
        same = np.ones((past.size, day.size), dtype=bool)
    if not (method.by_clearness or method.by_size):
        return clock_bands(sample, same_type=same)
    bright = method.level_kw[day, slot] / method.cap_kw
    edges = CLEARNESS_EDGES if method.by_clearness else SIZE_EDGES
    past_bin = np.digitize(np.nan_to_num(share.past_share), edges) * 2 + (share.past_bright > BRIGHT)
    past_bin = np.where(share.past_bright > 0, past_bin, -1)
    target_bin = np.where(bright > 0, np.digitize(share.now, edges) * 2 + (bright > BRIGHT), -1)

    def bands_for(errors: np.ndarray, wanted_bin: np.ndarray) -> np.ndarray:
        out = binned_bands(errors, past_bin=past_bin, target_bin=wanted_bin)
        if not (fade > 0).any():
            return out
        # errors now depend on the horizon, so the clock hour tells more than the weather
        clock = clock_bands(np.where(share.past_bright > 0, errors, np.nan), same_type=same)
        return np.where(fade > 0, clock if wanted_bin.ndim == 1 else clock[:, None, :], out)

    bands = bands_for(sample, target_bin)
    if method.checked:
        bands = widened(bands, widening(sample, lambda errors, k: bands_for(errors, past_bin[k])))
    return bands


def _apply(
    bands: np.ndarray,
    mean: np.ndarray,
    level: np.ndarray,
    dark: np.ndarray,
    frame: Frame,
    method: Method,
    notes: list[str],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Errors onto the mean; where errors are unknown the whole physical range, and a note says so."""
    unknown = ~np.isfinite(bands).all(axis=0) & ~dark & np.isfinite(mean)
    if unknown.any():
        notes.append("wide_band")
    day, slot = frame.target
    ceiling = np.minimum(method.level_kw[day, slot] * 1.1, method.cap_kw) if method.by_clearness else np.full(mean.size, method.cap_kw)
    rows = np.stack([mean + level * band for band in bands])
    rows[0, unknown], rows[1, unknown], rows[2, unknown] = 0.0, mean[unknown], ceiling[unknown]
    rows = np.where(dark, 0.0, np.sort(np.clip(rows, 0.0, method.cap_kw), axis=0))
    return rows[0], rows[1], rows[2]
