"""One asset, start to end: outlook, sign, levels, and what commitments and missing data take away."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from aggregator.assets.domain import Spec
from aggregator.assets.domain.ev_station import EvStationSpec
from aggregator.forecasts.domain import _air_conditioning, _ev, _load, _pv, _storage, _two_way, _wind
from aggregator.forecasts.domain._frame import Frame
from aggregator.forecasts.domain._levels import LEVELS_OF, idle_levels, movable
from aggregator.forecasts.domain._shape import frozen
from aggregator.forecasts.domain._types import AssetForecast, Facts, Outlook, Quantiles, injection_of

STALE_HOURS = 48.0
MODELS: dict[str, Callable[..., Outlook]] = {
    "pv": _pv.forecast,
    "wind": _wind.forecast,
    "load": _load.forecast,
    "ev_station": _ev.forecast,
    "storage": _storage.forecast,
    "air_conditioning": _air_conditioning.forecast,
    "two_way_charger": _two_way.forecast,
}
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


def forecast_asset(*, kind: str, frame: Frame, spec: Spec, facts: Facts, windows: Windows, last_known_hours: float | None) -> AssetForecast:
    """Quantiles and envelopes of one asset.

    `last_known_hours`: age of the newest value at issue [h], None = there is none. A stale asset keeps its
    forecast and loses its flexibility; one without any history is refused (NaN, quality "missing").
    """
    notes: list[str] = []
    if isinstance(spec, EvStationSpec) and not np.isfinite(facts.activity_kw).any() and facts.stays:
        facts = replace(facts, activity_kw=_ev.charging_at_once(frame=frame, spec=spec, stays=facts.stays))
        notes.append("power_from_sessions")
        last_known_hours = 0.0
    facts = replace(facts, activity_kw=np.where(frame.known, facts.activity_kw, np.nan))
    if kind not in FOLLOWS_SCHEDULE and not np.isfinite(facts.activity_kw).any():
        return _refused(frame, ("no_history",))
    outlook = _without_outage(MODELS[kind](frame=frame, spec=spec, facts=facts), windows.outage)
    notes += outlook.notes
    if not np.isfinite(outlook.mean).all():
        return _refused(frame, (*notes, "not_computable"))
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
    up, down = (None, None) if stale else movable(spec)
    free = ~windows.still
    return AssetForecast(
        quantiles=injection_of(outlook, sign=sign, quality=quality),
        levels=levels,
        errors_kw=sign * np.where(windows.outage, 0.0, outlook.past_actual - outlook.past_mean),
        up_errors_kw=_moved(up, outlook, free),
        down_errors_kw=_moved(down, outlook, free),
        notes=tuple(dict.fromkeys(notes)),
    )


def _moved(function: Callable[[np.ndarray], np.ndarray] | None, outlook: Outlook, free: np.ndarray) -> np.ndarray:
    if function is None:
        return np.zeros((0, 1, free.size))
    return np.where(free, function(outlook.past_actual) - function(outlook.past_mean), 0.0)


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
    n = len(frame.grid)
    nothing, unknown = np.zeros((0, 1, n)), np.full(n, np.nan)
    return AssetForecast(
        quantiles=Quantiles(unknown, unknown, unknown, unknown, unknown, "missing"),
        levels=idle_levels(frame, base_kw=None, quality="missing"),
        errors_kw=nothing,
        up_errors_kw=nothing,
        down_errors_kw=nothing,
        notes=notes,
    )
