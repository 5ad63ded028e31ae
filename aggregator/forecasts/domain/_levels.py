"""Three envelopes of one asset: the kind's own physics at its low, mean and high activity."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from aggregator.assets.domain import (
    Envelope,
    air_conditioning,
    ev_station,
    generation,
    idle_envelope,
    load,
    storage,
    two_way_charger,
)
from aggregator.forecasts.domain import _air_conditioning, _ev, _storage, _two_way
from aggregator.forecasts.domain._frame import Frame
from aggregator.forecasts.domain._shape import Room, nested, room_of, shaped
from aggregator.forecasts.domain._types import LEVELS, Facts, Outlook

Levels = dict[str, Envelope]


def idle_levels(frame: Frame, *, base_kw: np.ndarray | None, quality: str) -> Levels:
    """Nothing can be moved, at any level; an unknown base is written as 0 and `quality` says so."""
    base = None if base_kw is None or not np.isfinite(base_kw).all() else base_kw
    envelope = idle_envelope(frame.grid, base_kw=base, quality=quality)
    return dict.fromkeys(LEVELS, envelope)


def _activity(outlook: Outlook) -> dict[str, np.ndarray]:
    """Low, mean and high activity. Money and energy use the mean, so it is what `expected` means."""
    return {"firm": np.minimum(outlook.low, outlook.mean), "expected": outlook.mean, "optimistic": np.maximum(outlook.high, outlook.mean)}


def generation_levels(*, frame: Frame, spec: generation.GenerationSpec, facts: Facts, outlook: Outlook) -> tuple[Levels, tuple[str, ...]]:
    levels = {name: generation.envelope(spec, grid=frame.grid, available_kw=kw) for name, kw in _activity(outlook).items()}
    return nested(**levels), ()


def load_levels(*, frame: Frame, spec: load.LoadSpec, facts: Facts, outlook: Outlook) -> tuple[Levels, tuple[str, ...]]:
    levels = {name: load.envelope(spec, grid=frame.grid, load_kw=kw) for name, kw in _activity(outlook).items()}
    return nested(**levels), ()


def storage_levels(*, frame: Frame, spec: storage.StorageSpec, facts: Facts, outlook: Outlook) -> tuple[Levels, tuple[str, ...]]:
    """From the measured state; never measured: the declared one, degraded and with nothing firm; stale: idle."""
    zero = np.zeros(len(frame.grid))
    ahead = max(0.0, (frame.grid.starts_at - frame.issued_at).total_seconds() / 3600)
    state = _storage.stored_kwh(spec, facts, hours_ahead=ahead)
    if state is None and facts.soc_age_hours is not None:
        return idle_levels(frame, base_kw=zero, quality="stale"), ("stale_state",)
    if state is None:
        declared = storage.envelope(
            spec, grid=frame.grid, stored_kwh=spec.energy_kwh * spec.soc_initial_ratio, held=facts.held, quality="degraded"
        )
        firm = idle_envelope(frame.grid, base_kw=zero, quality="missing")
        return nested(firm=firm, expected=declared, optimistic=declared), ("declared_state",)
    levels = {
        name: storage.envelope(
            spec,
            grid=frame.grid,
            stored_kwh=state,
            margin_kwh=_storage.margin_kwh(spec, level=name, hours_ahead=ahead),
            held=facts.held,
        )
        for name in LEVELS
    }
    return nested(**levels), ()


def ev_levels(*, frame: Frame, spec: ev_station.EvStationSpec, facts: Facts, outlook: Outlook) -> tuple[Levels, tuple[str, ...]]:
    """Base = forecast power; what can wait and how fast it can be caught up come from earlier sessions."""
    curves = _ev.curves(frame=frame, spec=spec, facts=facts)
    if curves is None:
        return idle_levels(frame, base_kw=-outlook.mean, quality="missing"), ("few_sessions",)
    levels = {}
    for name, activity in _activity(outlook).items():
        cap = np.clip(np.maximum(curves[name].cap_kw, activity), 0.0, spec.rated_kw)
        most = np.cumsum(activity) * frame.grid.hours
        waiting = Room(activity, cap - activity, np.minimum(curves[name].slack_kwh, most), np.zeros_like(most))
        rough = ev_station.envelope(spec, grid=frame.grid, cap_kw=cap, least_kwh=most - waiting.up_kwh, most_kwh=most)
        levels[name] = shaped(rough, replace(waiting, down_kw=room_of(rough).down_kw))
    return nested(**levels), ()


def room_levels(
    *, frame: Frame, spec: air_conditioning.AirConditioningSpec, facts: Facts, outlook: Outlook
) -> tuple[Levels, tuple[str, ...]]:
    """Base holds the set point. Without weather, or without the room's temperature, nothing is moved."""
    if not _air_conditioning.knows_the_weather(outlook):
        return idle_levels(frame, base_kw=-outlook.mean, quality="unavailable"), ("no_weather",)
    ahead = max(0.0, (frame.grid.starts_at - frame.issued_at).total_seconds() / 3600)
    state = _air_conditioning.stored_kwh(spec, facts, hours_ahead=ahead)
    if state is None:
        return idle_levels(frame, base_kw=-outlook.mean, quality="unavailable"), ("stale_state",)
    levels = {
        name: air_conditioning.envelope(
            spec, grid=frame.grid, natural_kw=kw, stored_kwh=state, margin_kwh=_air_conditioning.margin_kwh(spec, level=name)
        )
        for name, kw in _activity(outlook).items()
    }
    return nested(**levels), ()


def two_way_levels(
    *, frame: Frame, spec: two_way_charger.TwoWayChargerSpec, facts: Facts, outlook: Outlook
) -> tuple[Levels, tuple[str, ...]]:
    """From the timetable; nothing is firm where cars did not come as booked, or where that is not known."""
    stays = _two_way.stays(frame, spec, facts)
    kept = _two_way.kept_ratio(frame, spec, facts)
    margin = _two_way.ARRIVAL_ERROR_RATIO * spec.battery_kwh
    expected = two_way_charger.envelope(spec, grid=frame.grid, stays=stays)
    firm, notes = two_way_charger.envelope(spec, grid=frame.grid, stays=stays, margin_kwh=margin), ()
    if kept is None or kept < _two_way.KEPT_RATIO:
        firm = idle_envelope(frame.grid, base_kw=expected.base_kw, quality="missing")
        return nested(firm=firm, expected=expected, optimistic=expected), ("few_sessions" if kept is None else "bookings_missed",)
    return nested(firm=firm, expected=expected, optimistic=expected), notes


LEVELS_OF: dict[str, Callable[..., tuple[Levels, tuple[str, ...]]]] = {
    "pv": generation_levels,
    "wind": generation_levels,
    "load": load_levels,
    "storage": storage_levels,
    "ev_station": ev_levels,
    "air_conditioning": room_levels,
    "two_way_charger": two_way_levels,
}
