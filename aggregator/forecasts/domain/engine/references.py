"""The naive references that every forecast is scored against, for all assets of a kind at once."""

import numpy as np

from aggregator.forecasts.domain.engine.history import History

HOLD_HOURS = 4.0


def last_complete_day(history: History, *, last: int, target: np.ndarray) -> np.ndarray:
    """(N, n) the same slot of day `last`, or of the newest day before it that has it; target (n,) counts over the days laid end to end."""
    return _newest(history, target, [list(range(last, -1, -1))] * history.days.count)


def last_week(history: History, *, last: int, target: np.ndarray) -> np.ndarray:
    """(N, n) the same slot a week before; where that day is of another type, the newest day of the target day's type."""
    working = history.days.working
    orders = []
    for day in range(history.days.count):
        order = [k for k in range(last, -1, -1) if working[k] == working[day]]
        orders.append([day - 7, *(k for k in order if k != day - 7)] if day - 7 in order else order)
    return _newest(history, target, orders)


def held(history: History, reference: np.ndarray, *, origin: int, target: np.ndarray) -> np.ndarray:
    """`reference`, but in a forecast that begins within the hour the last known value up to HOLD_HOURS."""
    ahead_h = (target - origin) * history.days.hours
    if origin < 0 or ahead_h.min() > 1.0:
        return reference
    value = history.activity.reshape(len(history.activity), -1)[:, origin : origin + 1]
    return np.where((ahead_h <= HOLD_HOURS) & np.isfinite(value), value, reference)


def _newest(history: History, target: np.ndarray, orders: list[list[int]]) -> np.ndarray:
    slots = history.days.slots
    day, slot = target // slots, target % slots
    out = np.full((len(history.activity), len(target)), np.nan, np.float32)
    for d in np.unique(day):
        here = np.flatnonzero(day == d)
        for earlier in orders[d]:
            part = out[:, here]
            if np.isfinite(part).all():
                break
            out[:, here] = np.where(np.isfinite(part), part, history.activity[:, earlier, slot[here]])
    return out
