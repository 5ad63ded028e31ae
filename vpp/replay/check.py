"""The referee: every physical and owner limit, checked with its own equations over what the plant did.

Shares nothing with the physics, the planner or the planner's checker but the specs. Injection is positive.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from aggregator.assets.domain import Session, Spec
from aggregator.assets.domain.air_conditioning import AirConditioningSpec
from aggregator.assets.domain.ev_station import EvStationSpec
from aggregator.assets.domain.generation import GenerationSpec
from aggregator.assets.domain.load import LoadSpec
from aggregator.assets.domain.storage import StorageSpec
from aggregator.assets.domain.two_way_charger import TwoWayChargerSpec

TOLERANCE_KW = 0.01
TOLERANCE_KWH = 0.01
TOLERANCE_K = 0.001


@dataclass(frozen=True)
class Breach:
    """`owner` (asset, site or plan) went `by` beyond `limit`, for the first time at `at`, `count` times in all."""

    owner: str
    limit: str
    at: str
    by: float
    count: int


@dataclass(frozen=True)
class AssetTrace:
    """What one asset did per step: injection [kW]; natural power [kW, >= 0]; stored [kWh] at each step's end.

    Rooms: temperature at each step's end. Two-way chargers: the car that is plugged in ("" = none), what it holds, and the
    sessions, hours from the first step.
    """

    code: str
    site: str
    spec: Spec
    injection_kw: np.ndarray
    natural_kw: np.ndarray | None = None
    stored_kwh: np.ndarray | None = None
    stored_before_kwh: float = 0.0
    room_c: np.ndarray | None = None
    room_before_c: float = 0.0
    cars: tuple[str, ...] = ()
    battery_kwh: np.ndarray | None = None
    sessions: tuple[Session, ...] = ()


@dataclass(frozen=True)
class SiteLimits:
    import_kw: float
    export_kw: float


@dataclass(frozen=True)
class SentSetpoint:
    asset: str
    kind: str
    starts_at: datetime
    value_kw: float
    fallback_kw: float


def breaches(
    *, traces: Sequence[AssetTrace], sites: Mapping[str, SiteLimits], starts: Sequence[datetime], hours: float, steps_per_period: int
) -> list[Breach]:
    """Limits of every asset per step, of every site per settlement period (mean power)."""
    found: list[Breach] = []
    for trace in traces:
        for limit, excess in _excesses(trace, hours):
            found += _breach(trace.code, limit, excess, starts)
    power: dict[str, np.ndarray] = {}
    for trace in traces:
        power[trace.site] = power.get(trace.site, np.zeros(len(starts))) + trace.injection_kw
    for site, kw in sorted(power.items()):
        mean_kw = kw.reshape(-1, steps_per_period).mean(axis=1)
        periods = starts[::steps_per_period]
        found += _breach(site, "import_limit_kw", -mean_kw - sites[site].import_kw - TOLERANCE_KW, periods)
        found += _breach(site, "export_limit_kw", mean_kw - sites[site].export_kw - TOLERANCE_KW, periods)
    return found


def _excesses(trace: AssetTrace, hours: float) -> list[tuple[str, np.ndarray]]:
    kw, spec = trace.injection_kw, trace.spec
    if isinstance(spec, StorageSpec):
        return _storage(trace, spec, hours)
    if isinstance(spec, GenerationSpec):
        natural = spec.rated_kw if trace.natural_kw is None else np.minimum(trace.natural_kw, spec.rated_kw)
        held = [] if spec.curtailable or trace.natural_kw is None else [("not_curtailable", natural - kw - TOLERANCE_KW)]
        return [("available_kw", kw - natural - TOLERANCE_KW), ("no_consumption", -kw - TOLERANCE_KW), *held]
    if isinstance(spec, EvStationSpec):
        most = min(spec.station_limit_kw, spec.connectors * spec.connector_kw)
        return [("station_limit_kw", -kw - most - TOLERANCE_KW), ("no_injection", kw - TOLERANCE_KW)]
    if isinstance(spec, LoadSpec):
        if trace.natural_kw is None:
            return [("no_injection", kw - TOLERANCE_KW)]
        wanted = np.minimum(trace.natural_kw, spec.rated_kw)
        least = np.minimum(wanted, spec.must_run_kw) if spec.sheddable else wanted
        most = wanted + spec.rebound_ratio * np.maximum(0.0, wanted - spec.must_run_kw)
        return [
            ("no_injection", kw - TOLERANCE_KW),
            ("must_run_kw", least + kw - TOLERANCE_KW),
            ("wanted_kw", -kw - most - TOLERANCE_KW),
        ]
    if isinstance(spec, AirConditioningSpec):
        return _room(trace, spec, hours)
    if isinstance(spec, TwoWayChargerSpec):
        return _cars(trace, spec, hours)
    return []


def _room(trace: AssetTrace, spec: AirConditioningSpec, hours: float) -> list[tuple[str, np.ndarray]]:
    """Power, heat balance and comfort band; a band that all the power there is cannot hold is no breach."""
    kw, room, natural = trace.injection_kw, trace.room_c, trace.natural_kw
    assert room is not None
    assert natural is not None
    before = np.concatenate(([trace.room_before_c], room[:-1]))
    # Over a step the room leaks at a temperature between its two ends.
    heat_kwh = spec.cop * (natural + kw) * hours - spec.capacity_kwh_per_k * (room - before)
    leaked = [spec.loss_kw_per_k * (end_c - spec.set_point_c) * hours for end_c in (before, room)]
    off = np.maximum(heat_kwh - np.maximum(*leaked), np.minimum(*leaked) - heat_kwh)
    warm = np.where(-kw < spec.rated_kw - TOLERANCE_KW, room - spec.comfort_max_c, 0.0)
    cold = np.where(-kw > TOLERANCE_KW, spec.comfort_min_c - room, 0.0)
    return [
        ("rated_kw", -kw - spec.rated_kw - TOLERANCE_KW),
        ("no_injection", kw - TOLERANCE_KW),
        ("comfort_max_c", warm - TOLERANCE_K),
        ("comfort_min_c", cold - TOLERANCE_K),
        ("energy_balance", off - TOLERANCE_KWH),
    ]


def _cars(trace: AssetTrace, spec: TwoWayChargerSpec, hours: float) -> list[tuple[str, np.ndarray]]:
    kw, held = trace.injection_kw, trace.battery_kwh
    assert held is not None
    low, high = spec.soc_min_ratio * spec.battery_kwh, spec.soc_max_ratio * spec.battery_kwh
    arrival = {session.key: session.arrival_kwh for session in trace.sessions}
    there = np.array([car != "" for car in trace.cars])
    least = np.array([min(low, arrival.get(car, low)) for car in trace.cars])
    need = np.zeros(len(kw))
    for session in trace.sessions:
        mine = [t for t, car in enumerate(trace.cars) if car == session.key]
        if mine and session.departs_at <= len(kw) * hours + 1e-6:
            need[mine[-1]] = session.arrival_kwh + session.need_kwh - held[mine[-1]]
    same = np.array([k > 0 and car == trace.cars[k - 1] and car != "" for k, car in enumerate(trace.cars)])
    into_kwh = np.maximum(-kw, 0) * hours * spec.charge_efficiency - np.maximum(kw, 0) * hours / spec.discharge_efficiency
    balance = np.where(same, held - np.concatenate(([0.0], held[:-1])) - into_kwh, 0.0)
    return [
        ("discharge_kw", kw - spec.discharge_kw - TOLERANCE_KW),
        ("charge_kw", -kw - spec.charge_kw - TOLERANCE_KW),
        ("no_car", np.where(there, 0.0, np.abs(kw)) - TOLERANCE_KW),
        ("soc_min_ratio", np.where(there, least - held, 0.0) - TOLERANCE_KWH),
        ("soc_max_ratio", np.where(there, held - high, 0.0) - TOLERANCE_KWH),
        ("departure_need", need - TOLERANCE_KWH),
        ("energy_balance", np.abs(balance) - TOLERANCE_KWH),
    ]


def _storage(trace: AssetTrace, spec: StorageSpec, hours: float) -> list[tuple[str, np.ndarray]]:
    kw = trace.injection_kw
    assert trace.stored_kwh is not None
    low, high = spec.soc_min_ratio * spec.energy_kwh, spec.soc_max_ratio * spec.energy_kwh
    into_kwh = np.maximum(-kw, 0) * hours * spec.charge_efficiency - np.maximum(kw, 0) * hours / spec.discharge_efficiency
    balance = np.diff(np.concatenate(([trace.stored_before_kwh], trace.stored_kwh))) - into_kwh
    return [
        ("discharge_kw", kw - spec.discharge_kw - TOLERANCE_KW),
        ("charge_kw", -kw - spec.charge_kw - TOLERANCE_KW),
        ("soc_min_ratio", low - trace.stored_kwh - TOLERANCE_KWH),
        ("soc_max_ratio", trace.stored_kwh - high - TOLERANCE_KWH),
        ("energy_balance", np.abs(balance) - TOLERANCE_KWH),
    ]


def _breach(owner: str, limit: str, excess: np.ndarray, starts: Sequence[datetime]) -> list[Breach]:
    where = np.flatnonzero(excess > 0)
    if not len(where):
        return []
    return [Breach(owner, limit, starts[int(where[0])].isoformat(), round(float(excess[where].max()), 3), len(where))]


def setpoint_breaches(*, setpoints: Sequence[SentSetpoint], specs: Mapping[str, Spec]) -> list[Breach]:
    """Setpoints outside what their asset is built for, or of the wrong kind."""
    found: dict[tuple[str, str], Breach] = {}
    for setpoint in sorted(setpoints, key=lambda s: (s.asset, s.starts_at)):
        kind, low, high = _range(specs[setpoint.asset])
        excess = {
            "kind": float(setpoint.kind != kind),
            "value_kw": max(low - setpoint.value_kw, setpoint.value_kw - high) - TOLERANCE_KW,
            "fallback_kw": max(low - setpoint.fallback_kw, setpoint.fallback_kw - high) - TOLERANCE_KW,
        }
        for limit, by in excess.items():
            if by > 0:
                key = (setpoint.asset, f"setpoint {limit}")
                first = found.get(key, Breach(*key, setpoint.starts_at.isoformat(), 0.0, 0))
                found[key] = Breach(*key, first.at, round(max(first.by, by), 3), first.count + 1)
    return list(found.values())


def _range(spec: Spec) -> tuple[str, float, float]:
    ranges: dict[type, Callable[[Any], tuple[str, float, float]]] = {
        StorageSpec: lambda s: ("injection_kw", -s.charge_kw, s.discharge_kw),
        GenerationSpec: lambda s: ("export_limit_kw", 0.0, s.rated_kw),
        EvStationSpec: lambda s: ("import_limit_kw", 0.0, min(s.station_limit_kw, s.connectors * s.connector_kw)),
        LoadSpec: lambda s: ("import_limit_kw", 0.0, s.rated_kw),
        AirConditioningSpec: lambda s: ("import_limit_kw", 0.0, s.rated_kw),
        TwoWayChargerSpec: lambda s: ("injection_kw", -s.charge_kw, s.discharge_kw),
    }
    return next(make(spec) for kind, make in ranges.items() if isinstance(spec, kind))
