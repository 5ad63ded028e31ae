"""A modest price forecast for bidding: what the last days of the same type did.

It claims nothing beyond that. Scenarios are whole days, so hours stay joined as they happened.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from aggregator.kernel.calendar import is_working
from aggregator.kernel.errors import Anticipated
from aggregator.kernel.periods import SHANGHAI, Grid, delivery_day, local_hours


class PriceHistoryMissing(Anticipated):
    code = "bid.price_history_missing"
    text = "No complete day-ahead price curve of a day like %(day)s is known; no bid is computed from invented prices."
    status = 409


@dataclass(frozen=True)
class PriceScenarios:
    """`expected` (n_periods,) and `scenarios` (n_scenarios, n_periods) [CNY/MWh]; the first is the expected curve."""

    expected_cny_per_mwh: np.ndarray
    scenarios_cny_per_mwh: np.ndarray
    days: tuple[date, ...]


def price_scenarios(*, history: Mapping[date, np.ndarray], day: date, grid: Grid, most: int = 5, tz: ZoneInfo = SHANGHAI) -> PriceScenarios:
    """The mean of the last days of `day`'s type (working or not), and those days themselves.

    Parameters
    ----------
    history : day -> published prices [CNY/MWh] of that day's periods, NaN = missing; only days before `day` count.
    most : scenarios in all, the expected curve included.

    Raises PriceHistoryMissing where no complete curve of a like day is known.
    """
    curves: list[np.ndarray] = []
    days: list[date] = []
    for earlier in sorted((d for d in history if d < day and is_working(d) == is_working(day)), reverse=True):
        aligned = _on_clock(history[earlier], earlier, grid, tz)
        if aligned is not None and len(curves) < most - 1:
            curves.append(aligned)
            days.append(earlier)
    if not curves:
        raise PriceHistoryMissing(day=day.isoformat())
    expected = np.mean(curves, axis=0)
    return PriceScenarios(expected, np.vstack([expected, *curves]), tuple(days))


def lookback(day: date, *, days: int) -> tuple[date, ...]:
    """The days before `day`, nearest first."""
    return tuple(day - timedelta(days=k) for k in range(1, days + 1))


def _on_clock(prices: np.ndarray, day: date, grid: Grid, tz: ZoneInfo) -> np.ndarray | None:
    """A past day's prices on the clock of `grid`; None where incomplete or of another resolution.

    Days of 23, 24 and 25 hours meet by local clock time: an hour that the past day lacks takes the one before.
    """
    source = delivery_day(day, resolution=grid.resolution, tz=tz)
    if len(prices) != len(source) or not np.isfinite(prices).all():
        return None
    hours = local_hours(source, tz=tz)
    unique, first = np.unique(hours, return_index=True)
    place = np.searchsorted(unique, local_hours(grid, tz=tz), side="right") - 1
    return np.asarray(prices, dtype=float)[first[np.maximum(place, 0)]]
