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
    """`days` nearest first and their curves (n_days, n_periods); `expected` (n_periods,) is the mean of the nearest [CNY/MWh]."""

    expected_cny_per_mwh: np.ndarray
    curves_cny_per_mwh: np.ndarray
    days: tuple[date, ...]


@dataclass(frozen=True)
class DeviationCost:
    """What a kWh that differs from the position costs beyond the energy [CNY/MWh], (n_periods,), and where that comes from.

    basis : real_time_history = mean distance of real-time from day-ahead prices on `days` days; assumed = the policy's figure.
    """

    cny_per_mwh: np.ndarray
    basis: str
    days: int


def price_scenarios(
    *,
    history: Mapping[date, np.ndarray],
    day: date,
    grid: Grid,
    most: int,
    expected_days: int,
    limits_cny_per_mwh: tuple[float, float] = (-np.inf, np.inf),
    tz: ZoneInfo = SHANGHAI,
) -> PriceScenarios:
    """The last days of `day`'s type (working or not), and the mean of the nearest `expected_days` of them.

    Parameters
    ----------
    history : day -> published prices [CNY/MWh] of that day's periods, NaN = missing; only days before `day` count.
    most : days at most.
    limits_cny_per_mwh : floor and cap of the market now; a past price beyond them counts as the limit.

    Raises PriceHistoryMissing where no complete curve of a like day is known.
    """
    curves: dict[date, np.ndarray] = {}
    for earlier in sorted((d for d in history if d < day and is_working(d) == is_working(day)), reverse=True):
        aligned = on_clock(history[earlier], earlier, grid, tz)
        if len(curves) < most and aligned is not None and np.isfinite(aligned).all():
            curves[earlier] = aligned
    if not curves:
        raise PriceHistoryMissing(day=day.isoformat())
    every = np.clip(np.vstack(list(curves.values())), *limits_cny_per_mwh)
    return PriceScenarios(every[:expected_days].mean(axis=0), every, tuple(curves))


def deviation_cost(
    *,
    prices: PriceScenarios,
    real_time: Mapping[date, np.ndarray],
    grid: Grid,
    least_cny_per_mwh: float,
    assumed_cny_per_mwh: float,
    tz: ZoneInfo = SHANGHAI,
) -> DeviationCost:
    """The mean distance between real-time and day-ahead prices at each clock time, on the scenarios' days where both are known.

    A deviation settles at the real-time price, which is above or below the day-ahead price with no side to count on:
    it is taken to turn against us, so that no curve speculates on the difference.

    Parameters
    ----------
    real_time : day -> published prices [CNY/MWh], NaN = missing; a coarser resolution than the grid's holds for its periods.
    least_cny_per_mwh : a deviation never costs less, or a curve would not care what is delivered.
    assumed_cny_per_mwh : taken where no day has both prices.
    """
    distances = []
    for earlier, curve in zip(prices.days, prices.curves_cny_per_mwh, strict=True):
        aligned = on_clock(real_time[earlier], earlier, grid, tz) if earlier in real_time else None
        if aligned is not None and np.isfinite(aligned).all():
            distances.append(np.abs(aligned - curve))
    if not distances:
        return DeviationCost(np.full(len(grid), max(least_cny_per_mwh, assumed_cny_per_mwh)), "assumed", 0)
    return DeviationCost(np.maximum(np.mean(distances, axis=0), least_cny_per_mwh), "real_time_history", len(distances))


def lookback(day: date, *, days: int) -> tuple[date, ...]:
    """The days before `day`, nearest first."""
    return tuple(day - timedelta(days=k) for k in range(1, days + 1))


def on_clock(values: np.ndarray, day: date, grid: Grid, tz: ZoneInfo = SHANGHAI) -> np.ndarray | None:
    """A past day's values (..., its periods) on the clock of `grid`; None where their resolution does not fit.

    Days of 23, 24 and 25 hours meet by local clock time: an hour that the past day lacks takes the one before. Values of
    periods that are whole multiples of the grid's hold for all of them.
    """
    source = delivery_day(day, resolution=grid.resolution, tz=tz)
    count = np.shape(values)[-1]
    if not count or len(source) % count:
        return None
    hours = local_hours(source, tz=tz)
    unique, first = np.unique(hours, return_index=True)
    place = np.searchsorted(unique, local_hours(grid, tz=tz), side="right") - 1
    return np.repeat(np.asarray(values, dtype=float), len(source) // count, axis=-1)[..., first[np.maximum(place, 0)]]
