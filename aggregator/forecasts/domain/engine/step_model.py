"""The next hours: per horizon a regression on what was just measured and on the day-ahead forecast."""

from dataclasses import dataclass, field

import numpy as np

from aggregator.forecasts.domain.engine.calibration import Calibration
from aggregator.forecasts.domain.engine.family import Family
from aggregator.forecasts.domain.engine.history import History, Steps
from aggregator.forecasts.domain.engine.issued import Issued, finished, share_beyond
from aggregator.forecasts.domain.engine.ridge import Moments, predicted, shrunk

HORIZON_HOURS = (0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 9, 12)


def horizons_of(slots: int) -> np.ndarray:
    """(H,) trained horizons in slots, rising; between them forecasts are interpolated."""
    return np.array(sorted({1} | {max(1, round(hours * slots / 24)) for hours in HORIZON_HOURS}))


@dataclass
class StepModel:
    """State of all trained horizons, H of them; None before the first day was learned."""

    family: Family
    assets: int
    slots: int
    moments: Moments | None = None
    coef: np.ndarray | None = None  # (N, H, q)
    calibration: Calibration = field(init=False)

    def __post_init__(self) -> None:
        self.calibration = Calibration.none(assets=self.assets, models=len(self.horizons), bins=self.family.step_bins)

    @property
    def horizons(self) -> np.ndarray:
        return horizons_of(self.slots)

    def learn(self, history: History, day_ahead: np.ndarray, day: int, every: int = 1) -> Issued:
        """From the matured day; `day_ahead` (N, D, S): the means issued. Returns what had been said of it, (N, H, slots).

        Of the day's slots only each `every`-th is used, others on other days: neighbours tell much the same, and a cold start
        over many assets saves most of its time.
        """
        settings = self.family.settings
        slots = np.arange(day % every, self.slots, every)
        steps = steps_of_day(history, day_ahead, day=day, slots=slots, horizons=self.horizons)
        shape = (self.assets, len(self.horizons), len(slots))
        x, level = self.family.step_features(steps), self.family.step_level(steps)
        rows = x.reshape(*shape, x.shape[-1])
        actual = np.where(level.reshape(shape) > 0, history.activity[:, day, slots][:, None], np.float32(np.nan))
        said = Issued.none(shape)
        if self.coef is not None:
            mean = predicted(rows, self.coef).reshape(level.shape)
            said = self._said(steps, mean, level, np.repeat(np.eye(shape[1], dtype=np.float32), len(slots), axis=1)).each(
                lambda part: part.reshape(shape)
            )
            lit = np.isfinite(actual) & np.isfinite(said.mean)
            self.calibration = self.calibration.learned(
                r=np.where(lit, (actual - said.mean) / np.maximum(level.reshape(shape), 1e-9), np.nan),
                bins=np.where(lit, self.family.step_bin(steps, said.mean.reshape(level.shape)).reshape(shape), -1),
                below=share_beyond(actual < said.low, lit & np.isfinite(said.low)),
                above=share_beyond(actual > said.high, lit & np.isfinite(said.high)),
                keep=float(np.exp(-1 / settings.step_memory)),
                gamma=settings.gamma,
            )
        before = self.moments or Moments.none(shape[:2], x.shape[-1])
        self.moments = before.aged(settings.forget_per_day).plus(rows, actual)
        self.coef = shrunk(self.moments, self.moments.pooled(), ridge=settings.ridge_step)
        return said

    def issue(self, steps: Steps) -> Issued:
        """(N, n) for any horizons up to the longest; NaN beyond it, or where something is not known."""
        x, level = self.family.step_features(steps), self.family.step_level(steps)
        if self.coef is None:
            return Issued.none(level.shape)
        ahead = steps.target - steps.origin
        weights = between(self.horizons, ahead)
        coef = np.einsum("nhq,hk->nkq", self.coef, weights)
        said = self._said(steps, predicted(x[:, :, None], coef)[..., 0], level, weights)
        reach = (ahead >= 1) & (ahead <= self.horizons[-1])
        return said.each(lambda part: np.where(reach, part, np.nan))

    def _said(self, steps: Steps, mean: np.ndarray, level: np.ndarray, weights: np.ndarray) -> Issued:
        """weights (H, n): of which trained horizons each step is made."""
        settings = self.family.settings
        mean = np.where(level > 0, np.clip(mean, settings.floor, settings.cap), 0.0)
        bins = np.where((level > 0) & np.isfinite(mean), self.family.step_bin(steps, mean), -1)
        bands = self.calibration.bands(thin_rows=settings.thin_step).between(weights)
        return finished(mean, mean[None] + level[None] * bands.at(bins), level, floor=settings.floor, cap=settings.cap)


def between(trained: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(H, n) linear weights of the trained horizons for each wanted one; the nearest outside of them."""
    right = np.clip(np.searchsorted(trained, wanted), 0, len(trained) - 1)
    left = np.where((trained[right] <= wanted) | (right == 0), right, right - 1)
    gap = trained[right] - trained[left]
    share = np.where(gap > 0, (wanted - trained[left]) / np.maximum(gap, 1), 1.0)
    out = np.zeros((len(trained), len(wanted)))
    steps = np.arange(len(wanted))
    out[left, steps] += 1 - share
    out[right, steps] += share
    return out


def steps_of_day(history: History, day_ahead: np.ndarray, *, day: int, slots: np.ndarray, horizons: np.ndarray) -> Steps:
    """Targets `slots` of a day from every horizon, laid end to end: (H x slots) steps."""
    n, _, per_day = history.shape
    target = np.tile(day * per_day + slots, len(horizons))
    origin = target - np.repeat(horizons, len(slots))
    return Steps(history.activity.reshape(n, -1), day_ahead.reshape(n, -1), history, origin, target)
