"""From a schedule to what each gateway is told: one value per asset and period, only where it says something."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from aggregator.assets.domain import Device, kind_of
from aggregator.dispatch.domain.facts import USABLE, AssetFacts
from aggregator.dispatch.domain.no_export import standing_limits_kw
from aggregator.dispatch.domain.problem import ScheduleProblem
from aggregator.dispatch.domain.reasons import Why
from aggregator.dispatch.domain.schedule import Schedule

STEP = 1000  # setpoints are whole watts
MOVED_KW = 0.5 / STEP
STANDING = "no_export"  # the reason of a limit that takes nothing of what is expected


@dataclass(frozen=True)
class Setting:
    """One setpoint to be: `period` of the problem's grid."""

    asset: str
    period: int
    kind: str
    value_kw: float
    planned_kw: float
    fallback_kw: float
    reason: str
    limit: str


def settings_of(
    *, problem: ScheduleProblem, schedule: Schedule, assets: Mapping[str, AssetFacts], why: Mapping[str, tuple[Why, ...]]
) -> list[Setting]:
    """Sorted by asset and period.

    Storage: every period; two-way charger: while a car is there. Generation: where curtailed, and where its site may export
    nothing and would if there were more of it than expected. Load: while a call is in force.
    EV station: where charging is held back or caught up (elsewhere cars charge as they come, which is the fallback).
    Air conditioning: every period (without a limit its thermostat goes straight back to the set point).
    """
    rows: list[Setting] = []
    standing = standing_limits_kw(problem, schedule, assets)
    for key in problem.asset_keys:
        facts = assets[key]
        if not facts.movable or facts.envelope.quality not in USABLE:
            continue
        kind = kind_of(facts.kind)
        fallback_kw = kind.physics.fallback(facts.spec).value_kw
        device = problem.devices[key][1]
        for t in range(len(problem.grid)):
            planned = float(schedule.injection_kw[key][t])
            if device.stays and not any(stay.first <= t < stay.end for stay in device.stays):
                continue
            if kind.setpoint_kind == "injection_kw":
                value = towards_zero(planned)
            elif kind.setpoint_kind == "export_limit_kw":
                most = standing[key][t] if key in standing else math.nan
                curtailed = schedule.down_kw[key][t] > MOVED_KW
                if not curtailed and math.isnan(most):
                    continue
                value = max(0.0, towards_zero(planned if curtailed else most))
                if not curtailed:
                    rows.append(Setting(key, t, kind.setpoint_kind, value, planned, fallback_kw, STANDING, "export_share"))
                    continue
            else:
                held_back = _held_back(schedule, device, key, t)
                if not held_back:
                    continue
                # Rounded up: an import limit must leave what must run, and cars their energy.
                value = max(0.0, _ceil(-planned))
            rows.append(Setting(key, t, kind.setpoint_kind, value, planned, fallback_kw, why[key][t].reason, why[key][t].limit))
    return rows


def _held_back(schedule: Schedule, device: Device, key: str, t: int) -> bool:
    if device.calls is not None:
        return bool(schedule.on[key][t])
    if device.store is not None and device.store.drift_kwh is not None:
        return True
    if device.store is None or device.down_kw[t] <= MOVED_KW:
        return False
    before = device.store.initial_kwh if t == 0 else schedule.stored_kwh[key][t - 1]
    most_before = device.store.initial_kwh if t == 0 else device.store.max_kwh[t - 1]
    behind = before < most_before - 1e-3 or schedule.stored_kwh[key][t] < device.store.max_kwh[t] - 1e-3
    return behind and schedule.down_kw[key][t] < device.down_kw[t] - MOVED_KW


def towards_zero(kw: float) -> float:
    """Whole watts, towards zero: never more power or energy than was found feasible."""
    return math.trunc(kw * STEP + math.copysign(1e-6, kw)) / STEP + 0.0


def _ceil(kw: float) -> float:
    return math.ceil(kw * STEP - 1e-6) / STEP + 0.0
