"""An independent opinion on a schedule: every limit again, from specs and envelopes, with own equations.

Nothing of the formulation or of `Device` is used here, so an error there shows as a violation.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from aggregator.assets.domain import Envelope
from aggregator.assets.domain.ev_station import EvStationSpec
from aggregator.assets.domain.generation import GenerationSpec
from aggregator.assets.domain.load import LoadSpec
from aggregator.assets.domain.storage import StorageSpec
from aggregator.dispatch.domain.facts import USABLE, AssetFacts
from aggregator.dispatch.domain.problem import ScheduleProblem
from aggregator.dispatch.domain.schedule import Schedule

ABSOLUTE = 2e-3  # [kW], [kWh]: envelopes are stored as float32
RELATIVE = 2e-6
ON_KW = 1e-3


@dataclass(frozen=True)
class Violation:
    """`subject` (asset or site) breaks `limit` in `period` by `by` [kW or kWh; runs and periods for calls]."""

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
        found += _asset(str(key), assets[key], schedule.injection_kw[key], problem.grid.hours)
        spec = assets[key].spec
        if isinstance(spec, LoadSpec) and assets[key].movable:
            found += _calls(str(key), spec, assets[key], schedule.injection_kw[key], schedule.on.get(key), problem.grid.hours)
    found += _sites(problem, schedule, assets)
    found += _promises(problem, schedule)
    return found


def _over(subject: str, limit: str, excess: np.ndarray, size: float) -> list[Violation]:
    tolerance = ABSOLUTE + RELATIVE * abs(size)
    bad = ~(np.asarray(excess) <= tolerance)  # NaN is a violation, too
    return [Violation(subject, limit, int(t), float(excess[t])) for t in np.flatnonzero(bad)]


def _asset(key: str, facts: AssetFacts, injection_kw: np.ndarray, h: float) -> list[Violation]:
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
            return _load(key, spec, envelope, injection_kw)
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
    return found + _over(key, "soc_ceiling", soc - ceiling, spec.energy_kwh)


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


def _load(key: str, spec: LoadSpec, envelope: Envelope, injection_kw: np.ndarray) -> list[Violation]:
    natural, used = -envelope.base_kw, -injection_kw
    found = _over(key, "natural_load", used - natural, spec.rated_kw)
    found += _over(key, "must_run", np.minimum(natural, spec.must_run_kw) - used, spec.rated_kw)
    return found + _over(key, "sheddable", injection_kw - envelope.max_kw, spec.rated_kw)


def _calls(key: str, spec: LoadSpec, facts: AssetFacts, injection_kw: np.ndarray, on: np.ndarray | None, h: float) -> list[Violation]:
    """Interruptions: how many, how long, not before the notice, whole where only whole ones are possible.

    `on` says when a call is in force (it may go on through periods in which there is nothing to shed).
    """
    envelope = facts.envelope
    shed = injection_kw - envelope.base_kw
    shedding = shed > ON_KW + RELATIVE * spec.rated_kw
    called = shedding if on is None else on
    found = [Violation(key, "shed_without_call", int(t), float(shed[t])) for t in np.flatnonzero(shedding & ~called)]
    if not called.any():
        return found
    if not spec.sheddable:
        found.append(Violation(key, "sheddable", int(np.argmax(called)), float(shed.max())))
    runs = _runs(called)
    longest = max(1, int(spec.max_call_hours / h + 1e-9))
    fresh = 0
    for first, length in runs:
        continued = first == 0 and facts.running_periods > 0
        lasts = length + (facts.running_periods if continued else 0)
        fresh += not continued
        if lasts > longest:
            found.append(Violation(key, "call_length", first, float(lasts - longest)))
        if not continued and first < facts.notice_periods:
            found.append(Violation(key, "notice", first, float(facts.notice_periods - first)))
        if spec.all_or_nothing:
            part = (envelope.max_kw - injection_kw)[first : first + length]
            found += [Violation(key, "all_or_nothing", first + v.period, v.by) for v in _over(key, "all_or_nothing", part, spec.rated_kw)]
    calls = facts.calls_used + fresh + (1 if facts.running_periods else 0)
    if calls > spec.max_calls_per_day:
        found.append(Violation(key, "calls_per_day", runs[-1][0], float(calls - spec.max_calls_per_day)))
    return found


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
