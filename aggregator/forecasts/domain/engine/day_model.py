"""Whole days ahead: a regression per asset drawn to its class, bands from the errors of what was issued."""

from dataclasses import dataclass, field

import numpy as np

from aggregator.forecasts.domain.engine.calibration import Bands, Calibration
from aggregator.forecasts.domain.engine.family import Family
from aggregator.forecasts.domain.engine.history import DayView
from aggregator.forecasts.domain.engine.issued import Issued, finished, share_beyond
from aggregator.forecasts.domain.engine.mix import Mix
from aggregator.forecasts.domain.engine.ridge import Moments, predicted, shrunk

NOTHING = 0.02  # of the level: less than the thickest cloud leaves


@dataclass
class DayModel:
    """State of one lead. `moments` and `coef` by name of the feature set."""

    family: Family
    assets: int
    moments: dict[str, Moments] = field(default_factory=dict)
    coef: dict[str, np.ndarray] = field(default_factory=dict)
    calibration: Calibration = field(init=False)
    mix: Mix = field(init=False)

    def __post_init__(self) -> None:
        self.calibration = Calibration.none(assets=self.assets, models=1, bins=self.family.day_bins)
        self.mix = Mix.none(self.assets)

    def learn(self, view: DayView, issued: Issued) -> None:
        """From the matured day `view.day`, of which `issued` (N, S) had been said."""
        actual = view.history.activity[:, view.day]
        level = self.family.day_level(view)
        self._learn_errors(view, issued, actual, level)
        settings = self.family.settings
        stopped = (level > settings.stopped_above) & (actual < NOTHING * level)
        learn = np.where((level > 0) & ~stopped, actual, np.nan)
        for name, x in self.family.day_features(view):
            before = self.moments.get(name) or Moments.none((self.assets,), x.shape[-1])
            self.moments[name] = before.aged(settings.forget_per_day).plus(x, learn)
        self.coef = {
            name: shrunk(own, own.pooled(), ridge=settings.ridge_day, toward_class=settings.toward_class)
            for name, own in self.moments.items()
        }

    def _learn_errors(self, view: DayView, issued: Issued, actual: np.ndarray, level: np.ndarray) -> None:
        settings = self.family.settings
        lit = (level > 0) & np.isfinite(actual) & np.isfinite(issued.mean)
        bins = np.where(lit, self.family.day_bin(view, issued.mean), -1)
        if settings.mixed:
            engine = self._bands(self._calibrated().plain(), bins, issued.mean, level)
            self.mix = self.mix.learned(actual=actual, engine=engine, usual=self.family.climatology(view))
        self.calibration = self.calibration.learned(
            r=np.where(lit, (actual - issued.mean) / np.maximum(level, 1e-9), np.nan)[:, None],
            bins=bins[:, None],
            below=share_beyond(actual < issued.low, lit & np.isfinite(issued.low))[:, None],
            above=share_beyond(actual > issued.high, lit & np.isfinite(issued.high))[:, None],
            keep=float(np.exp(-1 / settings.day_memory)),
            gamma=settings.gamma,
        )

    def issue(self, view: DayView) -> Issued:
        """The forecast of `view.day`, (N, S); NaN where nothing can be said."""
        settings = self.family.settings
        level = self.family.day_level(view)
        mean = np.full(level.shape, np.nan, dtype=np.float32)
        for name, x in self.family.day_features(view):
            if name in self.coef:
                mean = np.where(np.isfinite(mean), mean, predicted(x, self.coef[name]))
        usual = None
        if settings.mixed or not np.isfinite(mean[level > 0]).all():
            usual = self.family.climatology(view)
            mean = np.where(np.isfinite(mean), mean, usual[1])
        mean = np.where(level > 0, np.clip(mean, settings.floor, settings.cap), 0.0)
        bins = np.where((level > 0) & np.isfinite(mean), self.family.day_bin(view, mean), -1)
        calibrated = self._calibrated()
        if settings.mixed and usual is not None:
            bands = self.mix.mixed(engine=self._bands(calibrated.plain(), bins, mean, level), usual=usual)
            bands = _widened(bands, calibrated.width[:, 0])
        else:
            bands = self._bands(calibrated, bins, mean, level)
        return finished(mean, bands, level, floor=settings.floor, cap=settings.cap)

    def _calibrated(self) -> Bands:
        return self.calibration.bands(thin_rows=self.family.settings.thin_day)

    @staticmethod
    def _bands(bands: Bands, bins: np.ndarray, mean: np.ndarray, level: np.ndarray) -> np.ndarray:
        """(3, N, S)."""
        return mean[None] + level[None] * bands.at(bins[:, None])[:, :, 0]


def _widened(bands: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Bands (3, N, S) with their distances from the middle times width (N, 2)."""
    low, middle, high = bands
    return np.stack([middle + width[:, :1] * (low - middle), middle, middle + width[:, 1:] * (high - middle)])
