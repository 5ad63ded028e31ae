"""A modest forecast of spot prices from earlier prices alone: one regression per slot of the day, drawn to that of all slots.

Without load, wind and fuel forecasts it cannot be what a market participant would call good; published models that have them
err by a third less. Prices may be negative and may lie on a floor: they are scaled by their own last weeks and squeezed by asinh,
so that a spike teaches no more than it should, and a forecast stays within the prices that were seen.
"""

from dataclasses import dataclass, replace

import numpy as np

from aggregator.forecasts.domain.engine.ridge import Moments, predicted, shrunk

FORGET_PER_DAY = 0.998  # regressors are many and days few: a memory of more than a year
RIDGE = 0.03
PSEUDO_ROWS = 30.0  # days of one slot
SCALE_DAYS = 28
WEEKS = 4
LEAST_DAYS = WEEKS * 7 + 1
HUBER = 0.3  # errors beyond this, in scaled prices, weigh less: the goal is the mean absolute error
HOURS = 24
MOST_SCALED = 4.0
NORMAL_SPREAD = 1.4826  # standard deviation over median absolute deviation of a normal law


@dataclass(frozen=True)
class PriceModel:
    """prices_known_days: 1 where the prices of the day before are known at the forecast (day-ahead markets), 2 where not."""

    slots: int
    prices_known_days: int = 1
    moments: Moments | None = None
    coef: np.ndarray | None = None  # (slots, p)

    def learned(self, *, prices: np.ndarray, weekday: np.ndarray, holiday: np.ndarray, day: int) -> "PriceModel":
        """After prices (D, slots) of `day` came out; weekday (D,) Monday = 0, holiday (D,) bool. Days must come in order."""
        if day < LEAST_DAYS + self.prices_known_days:
            return self
        x, scale = self._features(prices, weekday, holiday, day)
        y = scale.squeezed(prices[day])[:, None]
        weight = np.ones_like(y)
        if self.coef is not None:
            missed = np.abs(y - predicted(x, self.coef))
            weight = np.sqrt(np.minimum(1.0, HUBER / np.maximum(missed, 1e-9)))
        before = self.moments or Moments.none((self.slots,), x.shape[-1])
        moments = before.aged(FORGET_PER_DAY).plus(weight[..., None] * x, weight * y)
        return replace(self, moments=moments, coef=shrunk(moments, moments.pooled(), ridge=RIDGE, pseudo_rows=PSEUDO_ROWS))

    def forecast(self, *, prices: np.ndarray, weekday: np.ndarray, holiday: np.ndarray, day: int) -> np.ndarray:
        """(slots,) in the unit of `prices`; NaN before anything was learned or where a needed price is missing."""
        if self.coef is None:
            return np.full(self.slots, np.nan)
        x, scale = self._features(prices, weekday, holiday, day)
        known = prices[: day - self.prices_known_days + 1]
        return np.clip(scale.unsqueezed(predicted(x, self.coef)[:, 0]), np.nanmin(known), np.nanmax(known))

    def _features(self, prices: np.ndarray, weekday: np.ndarray, holiday: np.ndarray, day: int) -> tuple[np.ndarray, "_Scale"]:
        """(slots, 1, p): the newest days, same weekdays, the whole newest day by the hour, and what day it is."""
        newest = day - self.prices_known_days
        scale = _Scale.of(prices[max(0, newest + 1 - SCALE_DAYS) : newest + 1])
        past = scale.squeezed(prices[newest - LEAST_DAYS + 1 : newest + 1])
        last, week = past[-1], past[-7:]
        same_weekday = np.stack([past[-1 - (7 * k - self.prices_known_days)] for k in range(1, WEEKS + 1)])
        by_hour = last.reshape(HOURS, -1).mean(axis=1) if self.slots % HOURS == 0 else last
        levels = [
            last.min(),
            last.max(),
            last.mean(),
            last[-max(1, self.slots // 6) :].mean(),
            week.mean(),
            past[-2].mean(),
            same_weekday[0].mean(),
        ]
        flags = [float(weekday[day] == k) for k in (0, 5, 6)] + [float(holiday[day]), float(holiday[newest])]
        whole = np.array([1.0, *levels, *by_hour, *flags])
        own = np.stack([last, past[-2], past[-3], same_weekday[0], same_weekday.mean(axis=0), week.mean(axis=0)], axis=-1)
        return np.concatenate([own, np.broadcast_to(whole, (self.slots, len(whole)))], axis=-1)[:, None], scale


@dataclass(frozen=True)
class _Scale:
    centre: float
    spread: float

    @classmethod
    def of(cls, prices: np.ndarray) -> "_Scale":
        known = prices[np.isfinite(prices)]
        if known.size == 0:
            return cls(np.nan, np.nan)
        centre = float(np.median(known))
        return cls(centre, max(NORMAL_SPREAD * float(np.median(np.abs(known - centre))), 1e-6))

    def squeezed(self, prices: np.ndarray) -> np.ndarray:
        return np.arcsinh((prices - self.centre) / self.spread)

    def unsqueezed(self, scaled: np.ndarray) -> np.ndarray:
        return self.centre + self.spread * np.sinh(np.clip(scaled, -MOST_SCALED, MOST_SCALED))
