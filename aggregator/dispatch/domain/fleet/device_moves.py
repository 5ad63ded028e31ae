"""From moves of the fleet's columns back to devices, and from devices to moves."""

from dataclasses import dataclass

import numpy as np

from aggregator.dispatch.domain.fleet.devices import Layout
from aggregator.dispatch.domain.fleet.result import FleetPlan, Moves
from aggregator.dispatch.domain.problem import ScheduleProblem

DUST_KW = 1e-7


@dataclass(frozen=True)
class DeviceMoves:
    """Per asset key, arrays (n_periods,): up_kw and down_kw >= 0 from what is fixed; on: interruptions in force."""

    up_kw: dict[str, np.ndarray]
    down_kw: dict[str, np.ndarray]
    on: dict[str, np.ndarray]


def device_moves(problem: ScheduleProblem, layout: Layout, plan: FleetPlan) -> DeviceMoves:
    """What every device does; curtailment of a site is shared over its generators by what is available."""
    n = len(problem.grid)
    up = {key: np.zeros(n) for key in problem.devices}
    down = {key: np.zeros(n) for key in problem.devices}
    on = {key: np.zeros(n, dtype=bool) for key in layout.call_keys}
    for key, kw in zip(layout.store_keys, plan.moves.store_kw, strict=True):
        up[key] += _clean(kw, problem.devices[key][1].up_kw)
        down[key] += _clean(-kw, problem.devices[key][1].down_kw)
    for key, kw, active in zip(layout.call_keys, plan.moves.call_kw, plan.moves.call_on, strict=True):
        up[key], down[key] = np.where(kw > DUST_KW, kw, 0.0), np.where(kw < -DUST_KW, -kw, 0.0)
        calls = problem.devices[key][1].calls
        slow = calls is not None and (calls.ramp_periods > 0 or calls.rebound_periods > 0)  # it comes down, and catches up, by the clock
        on[key] = active.astype(bool) if slow else _without_idle_ends(active.astype(bool), up[key], problem.running_calls.get(key, 0) > 0)
    available = layout.fleet.sites.generation_kw
    unused = np.clip(available - plan.flows.generation_kw, 0.0, available)
    share = np.divide(unused, available, out=np.zeros_like(unused), where=unused > DUST_KW)
    for keys, ratio in zip(layout.curtailable, share, strict=True):
        for key in keys:
            down[key] = ratio * problem.devices[key][1].down_kw
    return DeviceMoves(up, down, on)


def plan_moves(layout: Layout, moves: DeviceMoves) -> Moves:
    """The way back: what devices do as moves of the fleet's columns."""
    fleet, n = layout.fleet, layout.fleet.periods
    t = np.arange(n)
    inside = (t >= fleet.stores.first[:, None]) & (t < fleet.stores.end[:, None])
    store_kw = np.array([moves.up_kw[key] - moves.down_kw[key] for key in layout.store_keys]).reshape(-1, n)
    call_kw = np.array([moves.up_kw[key] - moves.down_kw[key] for key in layout.call_keys]).reshape(-1, n)
    call_on = np.array([moves.on[key] for key in layout.call_keys], dtype=bool).reshape(-1, n)
    return Moves(np.where(inside, store_kw, 0.0), np.zeros((len(fleet.fills), n)), call_kw, call_on)


def used_generation_kw(layout: Layout, moves: DeviceMoves) -> np.ndarray:
    """(E, n) what is left of curtailable generation [kW]."""
    used = layout.fleet.sites.generation_kw.copy()
    for e, keys in enumerate(layout.curtailable):
        for key in keys:
            used[e] -= moves.down_kw[key]
    return np.maximum(used, 0.0)


def _clean(kw: np.ndarray, most_kw: np.ndarray) -> np.ndarray:
    return np.where(kw > DUST_KW, np.minimum(kw, most_kw), 0.0)


def _without_idle_ends(on: np.ndarray, shed_kw: np.ndarray, running: bool) -> np.ndarray:
    """A call begins and ends where something is shed; the one that runs already keeps its beginning."""
    keep = np.zeros_like(on)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], on.astype(int), [0]))))
    for first, end in zip(edges[::2], edges[1::2], strict=True):
        shed = np.flatnonzero(shed_kw[first:end] > 0)
        if len(shed):
            keep[first if running and first == 0 else first + shed[0] : first + shed[-1] + 1] = True
    return keep
