"""One asset, start to end: outlook, sign, levels, and what commitments and missing data take away."""

from dataclasses import dataclass, replace

import numpy as np

from aggregator.assets.domain import Spec
from aggregator.assets.domain.storage import StorageSpec
from aggregator.assets.domain.two_way_charger import TwoWayChargerSpec
from aggregator.forecasts.domain import _storage, _two_way
from aggregator.forecasts.domain._frame import Frame
from aggregator.forecasts.domain._levels import LEVELS_OF, idle_levels
from aggregator.forecasts.domain._shape import frozen
from aggregator.forecasts.domain._types import AssetForecast, Facts, Outlook, Quantiles, injection_of

STALE_HOURS = 48.0
SIGN = {"pv": 1, "wind": 1, "storage": 1, "load": -1, "ev_station": -1, "air_conditioning": -1, "two_way_charger": -1}
FOLLOWS_SCHEDULE = frozenset({"storage", "two_way_charger"})  # moves when told, or by its timetable: no history is needed


@dataclass(frozen=True)
class Windows:
    """(n,) bool per target period: the owner opted out; promised elsewhere; the asset is out of service."""

    opt_out: np.ndarray
    reserved: np.ndarray
    outage: np.ndarray

    @property
    def still(self) -> np.ndarray:
        """Nothing may be moved here."""
        return self.opt_out | self.reserved | self.outage


def scheduled_outlook(*, frame: Frame, spec: Spec, facts: Facts) -> Outlook:
    """Of a kind that FOLLOWS_SCHEDULE."""
    if isinstance(spec, StorageSpec):
        return _storage.forecast(frame=frame)
    if isinstance(spec, TwoWayChargerSpec):
        return _two_way.forecast(frame=frame, spec=spec, facts=facts)
    raise TypeError(f"{type(spec).__name__} follows no schedule")


def forecast_asset(
    *, kind: str, frame: Frame, spec: Spec, facts: Facts, outlook: Outlook, windows: Windows, last_known_hours: float | None
) -> AssetForecast:
    """Quantiles and envelopes of one asset from the outlook of its activity.

    `last_known_hours`: age of the newest value at issue [h], None = there is none. A stale asset keeps its
    forecast and loses its flexibility; one without an outlook is refused (NaN, quality "missing").
    """
    outlook = _without_outage(outlook, windows.outage)
    if not np.isfinite(outlook.mean).all():
        return _refused(frame, (*outlook.notes, "no_history" if last_known_hours is None else "not_computable"))
    notes: list[str] = list(outlook.notes)
    stale = kind not in FOLLOWS_SCHEDULE and (last_known_hours is None or last_known_hours > STALE_HOURS)
    sign = SIGN[kind]
    more: tuple[str, ...]
    if stale:
        levels, more = idle_levels(frame, base_kw=sign * outlook.mean, quality="stale"), ("stale",)
    else:
        levels, more = LEVELS_OF[kind](frame=frame, spec=spec, facts=facts, outlook=outlook)
        for reason in ("opt_out", "reserved", "outage"):
            levels = {name: frozen(envelope, still=getattr(windows, reason), quality=reason) for name, envelope in levels.items()}
    notes += more
    quality = "stale" if stale else "degraded" if notes else "good"
    return AssetForecast(quantiles=injection_of(outlook, sign=sign, quality=quality), levels=levels, notes=tuple(dict.fromkeys(notes)))


def _without_outage(outlook: Outlook, outage: np.ndarray) -> Outlook:
    """Out of service is known, not missing: no activity there."""
    if not outage.any():
        return outlook
    return replace(
        outlook,
        mean=np.where(outage, 0.0, outlook.mean),
        low=np.where(outage, 0.0, outlook.low),
        mid=np.where(outage, 0.0, outlook.mid),
        high=np.where(outage, 0.0, outlook.high),
    )


def _refused(frame: Frame, notes: tuple[str, ...]) -> AssetForecast:
    unknown = np.full(len(frame.grid), np.nan)
    return AssetForecast(
        quantiles=Quantiles(unknown, unknown, unknown, unknown, unknown, "missing"),
        levels=idle_levels(frame, base_kw=None, quality="missing"),
        notes=tuple(dict.fromkeys(notes)),
    )
