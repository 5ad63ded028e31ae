"""The naive references that every forecast is scored against."""

import numpy as np

from aggregator.forecasts.domain._frame import Frame

HOLD_HOURS = 4.0


def last_complete_day(frame: Frame, activity: np.ndarray) -> np.ndarray:
    """(n,) the same slot of the last day complete at issue, or of the newest day before it that has it."""
    return _newest(frame, activity, np.ones((len(frame.days), len(frame.days)), dtype=bool), lag=1)


def last_week(frame: Frame, activity: np.ndarray) -> np.ndarray:
    """(n,) the same slot a week before; where that day is of another type, the newest day of the same type."""
    alike = frame.working[:, None] == frame.working[None, :]
    return _newest(frame, activity, alike, lag=7)


def held(frame: Frame, activity: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """`reference`, but the last known value up to HOLD_HOURS after a grid that starts at issue."""
    day, slot = frame.target
    horizon = (day * frame.slots + slot - frame.origin) * frame.grid.hours
    if frame.origin < 0 or horizon.min() > 1.0:
        return reference
    value = activity.ravel()[frame.origin]
    return np.where((horizon <= HOLD_HOURS) & np.isfinite(value), value, reference)


def _newest(frame: Frame, activity: np.ndarray, alike: np.ndarray, *, lag: int) -> np.ndarray:
    day, slot = frame.target
    out = np.full(day.size, np.nan)
    for d in np.unique(day):
        here = day == d
        last = d - frame.lead_days
        order = [e for e in range(last, -1, -1) if alike[d, e]]
        if lag > 1 and d - lag in order:
            order = [d - lag, *(e for e in order if e != d - lag)]
        for e in order:
            missing = here & np.isnan(out)
            if not missing.any():
                break
            out[missing] = activity[e, slot[missing]]
    return out
