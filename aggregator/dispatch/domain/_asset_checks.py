"""Every asset of a schedule, checked from its spec and envelope with own equations: power, energy, comfort, cars, sold reserve."""

import numpy as np

from aggregator.assets.domain import Envelope
from aggregator.assets.domain.air_conditioning import AirConditioningSpec
from aggregator.assets.domain.ev_station import EvStationSpec
from aggregator.assets.domain.generation import GenerationSpec
from aggregator.assets.domain.load import LoadSpec
from aggregator.assets.domain.storage import Held, StorageSpec
from aggregator.assets.domain.two_way_charger import TwoWayChargerSpec
from aggregator.dispatch.domain._load_checks import check_load
from aggregator.dispatch.domain._violations import Violation, over
from aggregator.dispatch.domain.facts import USABLE, AssetFacts


def check_asset(key: str, facts: AssetFacts, injection_kw: np.ndarray, on: np.ndarray | None, h: float) -> list[Violation]:
    envelope = facts.envelope
    if injection_kw.shape != envelope.base_kw.shape:
        return [Violation(key, "shape", 0, 0.0)]
    if not facts.movable or envelope.quality not in USABLE:
        return over(key, "not_movable", np.abs(injection_kw - envelope.base_kw), np.abs(envelope.base_kw).max(initial=0.0))
    match facts.spec:
        case StorageSpec() as spec:
            return _storage(key, spec, facts, injection_kw, h)
        case EvStationSpec() as spec:
            return _ev(key, spec, envelope, injection_kw, h)
        case GenerationSpec() as spec:
            return _generation(key, spec, envelope, injection_kw)
        case LoadSpec() as spec:
            return check_load(key, spec, facts, injection_kw, on, h)
        case AirConditioningSpec() as spec:
            return _room(key, spec, facts, injection_kw, h)
        case TwoWayChargerSpec() as spec:
            return _cars(key, spec, facts, injection_kw, h)
    return _within_envelope(key, envelope, injection_kw, h)


def _storage(key: str, spec: StorageSpec, facts: AssetFacts, injection_kw: np.ndarray, h: float) -> list[Violation]:
    found = over(key, "discharge_power", injection_kw - spec.discharge_kw, spec.discharge_kw)
    found += over(key, "charge_power", -injection_kw - spec.charge_kw, spec.charge_kw)
    if facts.stored_kwh is None:
        return [*found, Violation(key, "no_state_of_charge", 0, 0.0)]
    level, levels = facts.stored_kwh, []
    for power in injection_kw:
        level += -power * h * spec.charge_efficiency if power < 0 else -power * h / spec.discharge_efficiency
        levels.append(level)
    soc = np.array(levels)
    floor = min(spec.soc_min_ratio * spec.energy_kwh, facts.stored_kwh)
    ceiling = max(spec.soc_max_ratio * spec.energy_kwh, facts.stored_kwh)
    found += over(key, "soc_floor", floor - soc, spec.energy_kwh)
    found += over(key, "soc_ceiling", soc - ceiling, spec.energy_kwh)
    return found if facts.held is None else found + _reserve(key, spec, facts.stored_kwh, facts.held, soc, injection_kw, h)


def _reserve(
    key: str, spec: StorageSpec, stored_kwh: float, held: Held, soc: np.ndarray, injection_kw: np.ndarray, h: float
) -> list[Violation]:
    """What is sold as regulation can be given at once and long enough; less only where charging at full power came too late."""
    found = over(key, "reserve_power", injection_kw + np.minimum(held.up_kw, spec.discharge_kw) - spec.discharge_kw, spec.discharge_kw)
    found += over(key, "reserve_power", -injection_kw + np.minimum(held.down_kw, spec.charge_kw) - spec.charge_kw, spec.charge_kw)
    usable = spec.energy_kwh * (spec.soc_max_ratio - spec.soc_min_ratio)
    up, down = held.up_kwh / spec.discharge_efficiency, held.down_kwh * spec.charge_efficiency
    fits = up + down <= usable  # a promise beyond the battery is the seller's mistake: no plan mends it
    most, least, missing, crowded = stored_kwh, stored_kwh, np.zeros(len(soc)), np.zeros(len(soc))
    for t in range(len(soc)):
        floor, ceiling = spec.soc_min_ratio * spec.energy_kwh + up[t], spec.soc_max_ratio * spec.energy_kwh - down[t]
        most = min(most + h * max(0.0, spec.charge_kw - held.down_kw[t]) * spec.charge_efficiency, max(ceiling, least))
        least = max(least - h * max(0.0, spec.discharge_kw - held.up_kw[t]) / spec.discharge_efficiency, min(floor, most))
        most = max(most, least)
        missing[t] = min(floor, most) - soc[t] if up[t] > 0 and fits[t] else 0.0
        crowded[t] = soc[t] - max(ceiling, least) if down[t] > 0 and fits[t] else 0.0
    return found + over(key, "reserve_energy", np.maximum(missing, crowded), spec.energy_kwh)


def _ev(key: str, spec: EvStationSpec, envelope: Envelope, injection_kw: np.ndarray, h: float) -> list[Violation]:
    charge = -injection_kw
    given = np.cumsum(charge) * h
    rated = min(spec.station_limit_kw, spec.connectors * spec.connector_kw)
    size = float(np.abs(envelope.min_kwh).max(initial=0.0))
    found = over(key, "no_feed_in", -charge, rated)
    found += over(key, "station_power", charge - rated, rated)
    found += over(key, "plugged_power", charge + envelope.min_kw, rated)
    found += over(key, "departure_need", -envelope.max_kwh - given, size)
    return found + over(key, "more_than_needed", given + envelope.min_kwh, size)


def _generation(key: str, spec: GenerationSpec, envelope: Envelope, injection_kw: np.ndarray) -> list[Violation]:
    available = envelope.base_kw
    found = over(key, "available_power", injection_kw - available, spec.rated_kw)
    least = np.zeros_like(available) if spec.curtailable else available
    return found + over(key, "curtailment", least - injection_kw, spec.rated_kw)


def _room(key: str, spec: AirConditioningSpec, facts: AssetFacts, injection_kw: np.ndarray, h: float) -> list[Violation]:
    """The room's temperature, from the heat that comes in at every moment less what the machine takes out, in small steps."""
    found = over(key, "no_injection", injection_kw, spec.rated_kw)
    found += over(key, "cooling_power", -injection_kw - spec.rated_kw, spec.rated_kw)
    if facts.stored_kwh is None:
        return [*found, Violation(key, "no_room_temperature", 0, 0.0)]
    consumed, natural = -injection_kw, -facts.envelope.base_kw
    start_c = spec.comfort_max_c - facts.stored_kwh / spec.capacity_kwh_per_k
    room = _temperatures(spec, start_c, natural, consumed, h)
    full = np.minimum(np.maximum(natural - facts.envelope.min_kw - natural, 0.0), spec.rated_kw)
    coldest = _temperatures(spec, start_c, natural, full, h)
    warmest = _temperatures(spec, start_c, natural, np.maximum(0.0, -facts.envelope.max_kw), h)
    # A room that is outside its band already, or cannot be held in it, is as good as the machine allows.
    too_warm = room - np.maximum(spec.comfort_max_c, coldest)
    too_cold = np.minimum(spec.comfort_min_c, warmest) - room
    found += over(key, "comfort_band", spec.capacity_kwh_per_k * np.maximum(too_warm, too_cold) / spec.cop, spec.rated_kw * h)
    given_back = room[-1:] - np.maximum(spec.set_point_c, coldest[-1:])
    late = over(key, "set_point_at_the_end", spec.capacity_kwh_per_k * given_back / spec.cop, spec.rated_kw * h)
    return found + [Violation(v.subject, v.limit, len(room) - 1, v.by) for v in late]


def _temperatures(spec: AirConditioningSpec, start_c: float, natural_kw: np.ndarray, consumed_kw: np.ndarray, h: float) -> np.ndarray:
    """At the ends of the periods [degC]; classic Runge-Kutta with steps that are short against the room's time constant."""
    parts = max(1, int(np.ceil(8 * spec.loss_kw_per_k / spec.capacity_kwh_per_k * h)))
    step, room, found = h / parts, start_c, np.empty(len(consumed_kw))
    for t, (natural, consumed) in enumerate(zip(natural_kw, consumed_kw, strict=True)):

        def warming(at_c: float, heat_kw: float = spec.cop * (natural - consumed)) -> float:
            return (heat_kw - spec.loss_kw_per_k * (at_c - spec.set_point_c)) / spec.capacity_kwh_per_k

        for _ in range(parts):
            k1 = warming(room)
            k2 = warming(room + step / 2 * k1)
            k3 = warming(room + step / 2 * k2)
            k4 = warming(room + step * k3)
            room += step / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        found[t] = room
    return found


def _cars(key: str, spec: TwoWayChargerSpec, facts: AssetFacts, injection_kw: np.ndarray, h: float) -> list[Violation]:
    """Car by car: power, what its driver allows, and ready when it leaves; nothing where there is none."""
    found = over(key, "discharge_power", injection_kw - spec.discharge_kw, spec.discharge_kw)
    found += over(key, "charge_power", -injection_kw - spec.charge_kw, spec.charge_kw)
    there = np.zeros(len(injection_kw), dtype=bool)
    for stay in facts.stays or ():
        periods = slice(stay.first, stay.end)
        there[periods] = True
        power = injection_kw[periods]
        gained = np.where(power < 0, -power * spec.charge_efficiency, -power / spec.discharge_efficiency) * h
        held = stay.initial_kwh + np.cumsum(gained)
        floor = min(spec.soc_min_ratio * spec.battery_kwh, stay.initial_kwh)
        ceiling = max(spec.soc_max_ratio * spec.battery_kwh, stay.initial_kwh)
        possible = np.clip(-facts.envelope.min_kw[periods], 0.0, spec.charge_kw).sum() * h * spec.charge_efficiency
        ready = np.zeros(len(held))
        ready[-1] = min(stay.end_kwh, stay.initial_kwh + possible) - held[-1]
        for limit, excess in (("soc_floor", floor - held), ("soc_ceiling", held - ceiling), ("departure_need", ready)):
            found += [Violation(key, limit, stay.first + v.period, v.by) for v in over(key, limit, excess, spec.battery_kwh)]
    return found + over(key, "no_car", np.where(there, 0.0, np.abs(injection_kw)), spec.rated_kw)


def _within_envelope(key: str, envelope: Envelope, injection_kw: np.ndarray, h: float) -> list[Violation]:
    """A kind without equations of its own here: its envelope is the limit."""
    energy = np.cumsum(injection_kw) * h
    size = float(np.abs(envelope.min_kwh).max(initial=0.0))
    found = over(key, "power", injection_kw - envelope.max_kw, np.abs(envelope.max_kw).max(initial=0.0))
    found += over(key, "power", envelope.min_kw - injection_kw, np.abs(envelope.min_kw).max(initial=0.0))
    found += over(key, "energy", energy - envelope.max_kwh, size)
    return found + over(key, "energy", envelope.min_kwh - energy, size)
