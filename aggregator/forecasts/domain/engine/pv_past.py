"""How clear the days before were, as far as a forecast may look."""

import numpy as np

from aggregator.forecasts.domain.engine.calibration import LEVELS
from aggregator.forecasts.domain.engine.history import DayView
from aggregator.forecasts.domain.engine.pv_columns import BRIGHT, clearness
from aggregator.forecasts.domain.engine.samples import known_mean, quantiles

USUAL_DAYS = 14
NEWEST_DAYS = 14
MOST_SHARE = 3.0  # of measured over forecast energy


def newest_clearness(view: DayView) -> np.ndarray:
    """(N, 1) of the newest day known; of the class where the asset has none."""
    daily = _of_days(view, NEWEST_DAYS)
    newest = np.full(daily.shape[0], np.nan)
    for column in daily.T:
        newest = np.where(np.isfinite(column), column, newest)
    return _class_fills(newest)[:, None]


def week_clearness(view: DayView, otherwise: np.ndarray) -> np.ndarray:
    """(N, 1) mean over a week."""
    mean = known_mean(_of_days(view, 7), axis=1)[:, None]
    return np.where(np.isfinite(mean), mean, otherwise)


def morning_clearness(view: DayView) -> tuple[np.ndarray, np.ndarray]:
    """(N, 1) each: of the issue day so far, and what the weather forecast had said of the same slots; NaN where not known."""
    day = view.last + 1
    seen = view.morning
    clear = np.where(np.arange(seen.shape[1]) < view.issue_slot, view.known("clear", day), 0.0)
    said = clearness(view.known("phi", day), clear) if "phi" in view.history.known else np.full(len(seen), np.nan)
    return clearness(seen, clear)[:, None], said[:, None]


def share_of_forecast(view: DayView, days: int) -> np.ndarray:
    """(N, 1) measured energy over what the weather forecast made of the same last days; of the class where not known."""
    here = slice(max(0, view.last + 1 - days), view.last + 1)
    measured, said = view.history.activity[:, here], view.history.known["phi"][:, here]
    known = np.isfinite(measured) & np.isfinite(said)
    energy, forecast = (np.where(known, part, 0.0).sum(axis=(1, 2)) for part in (measured, said))
    share = np.where(forecast > 0, np.minimum(energy / np.maximum(forecast, 1e-9), MOST_SHARE), np.nan)
    filled = _class_fills(share)
    return np.where(np.isfinite(filled), filled, 1.0)[:, None]


def usual(view: DayView) -> np.ndarray:
    """(3, N, S) P10, P50, P90 of the last days' clearness at the same slots, times clear sky."""
    return quantiles(_shares(view), LEVELS) * view.known("clear")[None]


def usual_at_any_hour(view: DayView) -> np.ndarray:
    """`usual`; where no share of the clear sky can be told, at dawn and dusk, with that of all hours together."""
    share = _shares(view)
    whole = quantiles(share.reshape(len(share), -1, 1), LEVELS) * view.known("clear")[None]
    found = usual(view)
    return np.where(np.isfinite(found), found, whole)


def _shares(view: DayView) -> np.ndarray:
    """(N, K, S) of the clear sky of the last days, NaN where that is too dark to tell."""
    here = slice(max(0, view.last + 1 - USUAL_DAYS), view.last + 1)
    clear = view.history.known["clear"][:, here]
    return np.where(clear > BRIGHT, view.history.activity[:, here] / np.maximum(clear, BRIGHT), np.nan)


def _of_days(view: DayView, days: int) -> np.ndarray:
    """(N, K) clearness of the last complete days."""
    here = slice(max(0, view.last + 1 - days), view.last + 1)
    return clearness(view.history.activity[:, here], view.history.known["clear"][:, here])


def _class_fills(values: np.ndarray) -> np.ndarray:
    known = np.isfinite(values)
    return np.where(known, values, values[known].mean()) if known.any() else values
