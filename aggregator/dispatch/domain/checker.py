"""An independent opinion on a schedule: every limit again, from specs and envelopes, with own equations.

Nothing of the formulation or of `Device` is used here, so an error there shows as a violation.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from aggregator.assets.domain import Envelope
from aggregator.assets.domain.air_conditioning import AirConditioningSpec
from aggregator.assets.domain.ev_station import EvStationSpec
from aggregator.assets.domain.generation import GenerationSpec
from aggregator.assets.domain.load import LoadSpec
from aggregator.assets.domain.storage import Held, StorageSpec
from aggregator.assets.domain.two_way_charger import TwoWayChargerSpec
from aggregator.dispatch.domain.facts import USABLE, AssetFacts
from aggregator.dispatch.domain.problem import ScheduleProblem
from aggregator.dispatch.domain.schedule import Schedule

ABSOLUTE = 2e-3  # [kW], [kWh]: envelopes are stored as float32
RELATIVE = 2e-6
ON_KW = 1e-3


@dataclass(frozen=True)
class Violation:
    """`subject` (asset, site or group) breaks `limit` in `period` by `by` [kW or kWh; runs and periods for calls]."""

    subject: str
    limit: str
    period: int
    by: float


def check_schedule(*, problem: ScheduleProblem, schedule: Schedule, assets: Mapping[str, AssetFacts]) -> list[Violation]:
    """Everything that is broken, sorted by subject and period; empty = the plan may be sent."""
    found: list[Violation] = []
    for key in sorted(problem.devices, key=str):
        if key not in assets or key not in schedule.injection_kw:
            found.append(Violation(str(key), "no_facts", 0, 0.0))
            continue
        found += _asset(str(key), assets[key], schedule.injection_kw[key], schedule.on.get(key), problem.grid.hours)
    found += _sites(problem, schedule, assets)
    found += _groups(problem, schedule)
    found += _export_shares(problem, schedule, assets)
    found += _promises(problem, schedule)
    return found


def _over(subject: str, limit: str, excess: np.ndarray, size: float) -> list[Violation]:
    tolerance = ABSOLUTE + RELATIVE * abs(size)
    bad = ~(np.asarray(excess) <= tolerance)  # NaN is a violation, too
    return [Violation(subject, limit, int(t), float(excess[t])) for t in np.flatnonzero(bad)]


def _asset(key: str, facts: AssetFacts, injection_kw: np.ndarray, on: np.ndarray | None, h: float) -> list[Violation]:
    envelope = facts.envelope
    if injection_kw.shape != envelope.base_kw.shape:
        return [Violation(key, "shape", 0, 0.0)]
    if not facts.movable or envelope.quality not in USABLE:
        return _over(key, "not_movable", np.abs(injection_kw - envelope.base_kw), np.abs(envelope.base_kw).max(initial=0.0))
    match facts.spec:
        case StorageSpec() as spec:
            return _storage(key, spec, facts, injection_kw, h)
        case EvStationSpec() as spec:
            return _ev(key, spec, envelope, injection_kw, h)
        case GenerationSpec() as spec:
            return _generation(key, spec, envelope, injection_kw)
        case LoadSpec() as spec:
            return _load(key, spec, facts, injection_kw, on, h)
        case AirConditioningSpec() as spec:
            return _room(key, spec, facts, injection_kw, h)
        case TwoWayChargerSpec() as spec:
            return _cars(key, spec, facts, injection_kw, h)
    return _within_envelope(key, envelope, injection_kw, h)


def _storage(key: str, spec: StorageSpec, facts: AssetFacts, injection_kw: np.ndarray, h: float) -> list[Violation]:
    found = _over(key, "discharge_power", injection_kw - spec.discharge_kw, spec.discharge_kw)
    found += _over(key, "charge_power", -injection_kw - spec.charge_kw, spec.charge_kw)
    if facts.stored_kwh is None:
        return [*found, Violation(key, "no_state_of_charge", 0, 0.0)]
    level, levels = facts.stored_kwh, []
    for power in injection_kw:
        level += -power * h * spec.charge_efficiency if power < 0 else -power * h / spec.discharge_efficiency
        levels.append(level)
    soc = np.array(levels)
    floor = min(spec.soc_min_ratio * spec.energy_kwh, facts.stored_kwh)
    ceiling = max(spec.soc_max_ratio * spec.energy_kwh, facts.stored_kwh)
    found += _over(key, "soc_floor", floor - soc, spec.energy_kwh)
    found += _over(key, "soc_ceiling", soc - ceiling, spec.energy_kwh)
    return found if facts.held is None else found + _reserve(key, spec, facts.stored_kwh, facts.held, soc, injection_kw, h)


def _reserve(
    key: str, spec: StorageSpec, stored_kwh: float, held: Held, soc: np.ndarray, injection_kw: np.ndarray, h: float
) -> list[Violation]:
    """What is sold as regulation can be given at once and long enough; less only where charging at full power came too late."""
    found = _over(key, "reserve_power", injection_kw + np.minimum(held.up_kw, spec.discharge_kw) - spec.discharge_kw, spec.discharge_kw)
    found += _over(key, "reserve_power", -injection_kw + np.minimum(held.down_kw, spec.charge_kw) - spec.charge_kw, spec.charge_kw)
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
    return found + _over(key, "reserve_energy", np.maximum(missing, crowded), spec.energy_kwh)


def _ev(key: str, spec: EvStationSpec, envelope: Envelope, injection_kw: np.ndarray, h: float) -> list[Violation]:
    charge = -injection_kw
    given = np.cumsum(charge) * h
    rated = min(spec.station_limit_kw, spec.connectors * spec.connector_kw)
    size = float(np.abs(envelope.min_kwh).max(initial=0.0))
    found = _over(key, "no_feed_in", -charge, rated)
    found += _over(key, "station_power", charge - rated, rated)
    found += _over(key, "plugged_power", charge + envelope.min_kw, rated)
    found += _over(key, "departure_need", -envelope.max_kwh - given, size)
    return found + _over(key, "more_than_needed", given + envelope.min_kwh, size)


def _generation(key: str, spec: GenerationSpec, envelope: Envelope, injection_kw: np.ndarray) -> list[Violation]:
    available = envelope.base_kw
    found = _over(key, "available_power", injection_kw - available, spec.rated_kw)
    least = np.zeros_like(available) if spec.curtailable else available
    return found + _over(key, "curtailment", least - injection_kw, spec.rated_kw)


def _room(key: str, spec: AirConditioningSpec, facts: AssetFacts, injection_kw: np.ndarray, h: float) -> list[Violation]:
    """The room's temperature, from the heat that comes in at every moment less what the machine takes out, in small steps."""
    found = _over(key, "no_injection", injection_kw, spec.rated_kw)
    found += _over(key, "cooling_power", -injection_kw - spec.rated_kw, spec.rated_kw)
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
    found += _over(key, "comfort_band", spec.capacity_kwh_per_k * np.maximum(too_warm, too_cold) / spec.cop, spec.rated_kw * h)
    given_back = room[-1:] - np.maximum(spec.set_point_c, coldest[-1:])
    late = _over(key, "set_point_at_the_end", spec.capacity_kwh_per_k * given_back / spec.cop, spec.rated_kw * h)
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
    found = _over(key, "discharge_power", injection_kw - spec.discharge_kw, spec.discharge_kw)
    found += _over(key, "charge_power", -injection_kw - spec.charge_kw, spec.charge_kw)
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
            found += [Violation(key, limit, stay.first + v.period, v.by) for v in _over(key, limit, excess, spec.battery_kwh)]
    return found + _over(key, "no_car", np.where(there, 0.0, np.abs(injection_kw)), spec.rated_kw)


def _load(key: str, spec: LoadSpec, facts: AssetFacts, injection_kw: np.ndarray, on: np.ndarray | None, h: float) -> list[Violation]:
    natural, used = -facts.envelope.base_kw, -injection_kw
    shed = natural - used
    called = shed > ON_KW + RELATIVE * spec.rated_kw if on is None else on
    rebound = _rebound_kw(spec, facts, called, h)
    found = _over(key, "natural_load", used - natural - rebound, spec.rated_kw)
    found += _over(key, "must_run", np.minimum(natural, spec.must_run_kw) - used, spec.rated_kw)
    found += _over(key, "sheddable", shed - _can_shed(spec, facts, h), spec.rated_kw)
    if rebound.any():
        found += _over(key, "rebound", np.where(rebound > 0, np.abs(used - natural - rebound), 0.0), spec.rated_kw)
    return found + _calls(key, spec, facts, shed + rebound, called, h)


def _can_shed(spec: LoadSpec, facts: AssetFacts, h: float) -> np.ndarray:
    """What a call takes away: what the envelope lets go of. A load that catches up does so before its notice is over as well."""
    most = np.maximum(0.0, facts.envelope.max_kw - facts.envelope.base_kw)
    if not spec.rebound_ratio or not spec.sheddable:
        return most
    notice = int(np.ceil(spec.notice_minutes / 60 / h - 1e-9))
    early = np.arange(len(most)) < max(notice, facts.notice_periods, facts.rest_periods, facts.rebound_periods)
    return np.where(early, np.maximum(0.0, -facts.envelope.base_kw - spec.must_run_kw), most)


def _rebound_kw(spec: LoadSpec, facts: AssetFacts, called: np.ndarray, h: float) -> np.ndarray:
    """What the load takes on top of production after calls of the plan, and after the one before it."""
    if not spec.rebound_ratio:
        return np.zeros(len(called))
    lasts = int(np.ceil(spec.rebound_hours / h - 1e-9))
    since = lasts - facts.rebound_periods if not facts.running_periods else 0
    catching_up = np.zeros(len(called), dtype=bool)
    for t, now in enumerate(called):
        since = 0 if now else since + 1
        catching_up[t] = not now and 0 < since <= lasts
    return np.where(catching_up, spec.rebound_ratio * _can_shed(spec, facts, h), 0.0)


def _calls(key: str, spec: LoadSpec, facts: AssetFacts, shed: np.ndarray, called: np.ndarray, h: float) -> list[Violation]:
    """Interruptions: how many, how long, how far apart, not before the notice, whole where only whole ones are possible.

    `called` says when a call is in force (it may go on through periods in which there is nothing to shed).
    """
    stray = (shed > ON_KW + RELATIVE * spec.rated_kw) & ~called
    found = [Violation(key, "shed_without_call", int(t), float(shed[t])) for t in np.flatnonzero(stray)]
    if not called.any():
        return found
    if not spec.sheddable:
        found.append(Violation(key, "sheddable", int(np.argmax(called)), float(shed.max())))
    runs = _runs(called)
    longest = max(1, int(spec.max_call_hours / h + 1e-9))
    pause = max(1, int(np.ceil(spec.rest_minutes / 60 / h - 1e-9)), int(np.ceil(spec.rebound_hours / h - 1e-9)))
    fresh, free_from = 0, max(facts.rest_periods, facts.rebound_periods)
    if facts.running_periods:  # whatever becomes of it, it ends in this plan
        free_from = pause
    for first, length in runs:
        continued = first == 0 and facts.running_periods > 0
        age = facts.running_periods if continued else 0
        fresh += not continued
        if age + length > longest:
            found.append(Violation(key, "call_length", first, float(age + length - longest)))
        if not continued and first < facts.notice_periods:
            found.append(Violation(key, "notice", first, float(facts.notice_periods - first)))
        if not continued and first < free_from:
            found.append(Violation(key, "rest", first, float(free_from - first)))
        free_from = first + length + pause
        if spec.all_or_nothing:
            found += _whole(key, spec, facts, shed[first : first + length], first, age, h)
    calls = facts.calls_used + fresh + (1 if facts.running_periods else 0)
    if calls > spec.max_calls_per_day:
        found.append(Violation(key, "calls_per_day", runs[-1][0], float(calls - spec.max_calls_per_day)))
    return found


def _whole(key: str, spec: LoadSpec, facts: AssetFacts, shed: np.ndarray, first: int, age: int, h: float) -> list[Violation]:
    """All that can be shed, after a ramp that is climbed in even steps which the machine's own ramp is never behind."""
    most = _can_shed(spec, facts, h)[first : first + len(shed)]
    steps = 1 if not spec.ramp_minutes else max(2, int(np.ceil(2 * spec.ramp_minutes / 60 / h - 1e-9)))
    ladder = np.minimum(1.0, (age + np.arange(1, len(shed) + 1)) / steps)
    return [
        Violation(key, "all_or_nothing", first + v.period, v.by)
        for v in _over(key, "all_or_nothing", np.abs(most * ladder - shed), spec.rated_kw)
    ]


def _within_envelope(key: str, envelope: Envelope, injection_kw: np.ndarray, h: float) -> list[Violation]:
    """A kind without equations of its own here: its envelope is the limit."""
    energy = np.cumsum(injection_kw) * h
    size = float(np.abs(envelope.min_kwh).max(initial=0.0))
    found = _over(key, "power", injection_kw - envelope.max_kw, np.abs(envelope.max_kw).max(initial=0.0))
    found += _over(key, "power", envelope.min_kw - injection_kw, np.abs(envelope.min_kw).max(initial=0.0))
    found += _over(key, "energy", energy - envelope.max_kwh, size)
    return found + _over(key, "energy", envelope.min_kwh - energy, size)


def _runs(on: np.ndarray) -> list[tuple[int, int]]:
    """(first period, length) of every stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], on.astype(int), [0]))))
    return [(int(a), int(b - a)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _sites(problem: ScheduleProblem, schedule: Schedule, assets: Mapping[str, AssetFacts]) -> list[Violation]:
    found: list[Violation] = []
    allowed = {(r.site, r.limit, r.period): r.by_kw for r in schedule.relaxed}
    total = np.zeros(len(problem.grid))
    for site_key in sorted(problem.sites, key=str):
        site = problem.sites[site_key]
        net = np.zeros(len(problem.grid))
        for key, facts in assets.items():
            if facts.site == site_key and key in schedule.injection_kw:
                net = net + schedule.injection_kw[key]
        total += net
        for limit, flow, most in (("import_limit", -net, site.import_limit_kw), ("export_limit", net, site.export_limit_kw)):
            given_way = np.array([allowed.get((site_key, limit, t), 0.0) for t in range(len(net))])
            found += _over(str(site_key), limit, flow - most - given_way, most)
        found += _over(
            str(site_key), "site_balance", np.abs(schedule.export_kw[site_key] - schedule.import_kw[site_key] - net), site.import_limit_kw
        )
    size = float(np.abs(total).max(initial=0.0))
    return found + _over("portfolio", "balance", np.abs(schedule.portfolio_kw - total), size)


def _groups(problem: ScheduleProblem, schedule: Schedule) -> list[Violation]:
    """Feeders and transformers: every one carries what hangs on it and on those behind it."""
    found: list[Violation] = []
    allowed = {(r.site, r.limit, r.period): r.by_kw for r in schedule.relaxed}
    for name in sorted(problem.groups, key=str):
        group, net = problem.groups[name], np.zeros(len(problem.grid))
        for key, injection_kw in schedule.injection_kw.items():
            if name in _around(problem, key):
                net = net + injection_kw
        limits = (("group_import_limit", -net, group.import_limit_kw), ("group_export_limit", net, group.export_limit_kw))
        for limit, flow, most in limits:
            given_way = np.array([allowed.get((name, limit, t), 0.0) for t in range(len(net))])
            found += _over(str(name), limit, flow - most - given_way, most)
    return found


def _around(problem: ScheduleProblem, key: str) -> list[str]:
    """The groups that an asset is in, from the innermost outwards."""
    names: list[str] = []
    inner = problem.group_of.get(key)
    while inner is not None and inner not in names:
        names.append(inner)
        inner = problem.groups[inner].parent
    return names


def _export_shares(problem: ScheduleProblem, schedule: Schedule, assets: Mapping[str, AssetFacts]) -> list[Violation]:
    """Over all periods a site exports no more than the ruled share of what its own sun and wind give; `by` is mean power."""
    found: list[Violation] = []
    for site_key in sorted(problem.sites, key=str):
        ratio = problem.sites[site_key].export_share_ratio
        if np.isinf(ratio) or not len(problem.grid):
            continue
        own = {key: facts for key, facts in assets.items() if facts.site == site_key and key in schedule.injection_kw}
        net = sum((schedule.injection_kw[key] for key in own), np.zeros(len(problem.grid)))
        made = sum(float(schedule.injection_kw[key].sum()) for key, facts in own.items() if isinstance(facts.spec, GenerationSpec))
        given_way = sum(r.by_kw for r in schedule.relaxed if (r.site, r.limit) == (site_key, "export_share"))
        exported = float(np.maximum(0.0, net).sum())
        excess = (exported - ratio * made) / len(net) - given_way
        found += _over(str(site_key), "export_share", np.array([excess]), exported / len(net))
    return found


def _promises(problem: ScheduleProblem, schedule: Schedule) -> list[Violation]:
    """target = sum + shortfall - overshoot (in the direction asked for); firm block: at least baseline + firm - shortfall."""
    found: list[Violation] = []
    size = float(np.abs(schedule.portfolio_kw).max(initial=0.0))
    target, firm = problem.target, problem.firm
    if target is not None:
        wanted = ~np.isnan(target.injection_kw)
        rest = schedule.portfolio_kw + target.direction * (schedule.shortfall_kw - schedule.overshoot_kw) - target.injection_kw
        found += _over("portfolio", "target", np.where(wanted, np.abs(rest), 0.0), size)
    if firm is not None and schedule.firm_kw > 0:
        missing = np.zeros(len(problem.grid))
        moved = firm.direction * (schedule.portfolio_kw[firm.window] - firm.baseline_kw)
        missing[firm.window] = schedule.firm_kw - schedule.shortfall_kw[firm.window] - moved
        found += _over("portfolio", "firm_block", missing, size)
        if firm.fixed_kw is None and schedule.firm_kw > firm.max_kw + ABSOLUTE:
            found.append(Violation("portfolio", "firm_offer", firm.window.start or 0, schedule.firm_kw - firm.max_kw))
    return found
