"""What every asset does if the instruction had not come: its open setpoints, else its natural course, as far as it can."""

import math
from dataclasses import dataclass, replace

import numpy as np

from aggregator.assets.domain import Calls, Device, Stay, Store
from aggregator.dispatch.domain.problem import ScheduleProblem

UNIT_KW = 1e-3  # setpoints are whole watts
SLACK_UNITS = 1e-6
SHED_KW = 1e-6
WHOLE_RATIO = 1 - 1e-6


@dataclass(frozen=True)
class Tank:
    """One store of a device while it is there, periods [first, end): bounds at the end of each period that keep all later ones in reach.

    Arrays (end - first,): low_kwh, high_kwh, drift_kwh; level_kwh: along the reference.
    """

    first: int
    end: int
    initial_kwh: float
    low_kwh: np.ndarray
    high_kwh: np.ndarray
    drift_kwh: np.ndarray
    keep_ratio: float
    eta_in: float
    eta_out: float
    level_kwh: np.ndarray


@dataclass(frozen=True)
class Course:
    """net_kw (n,): moves of the reference from what is fixed (signed); called (n,): interruptions in force."""

    net_kw: np.ndarray
    called: np.ndarray
    tanks: tuple[Tank, ...]


def courses_of(problem: ScheduleProblem) -> dict[str, Course]:
    """The reference of every asset over the whole grid, clipped to power, energy and the rules of calls."""
    return {key: _course(problem, key) for key in problem.asset_keys}


def _course(problem: ScheduleProblem, key: str) -> Course:
    device, n = problem.devices[key][1], len(problem.grid)
    planned = problem.reference_kw.get(key)
    wanted = None if planned is None else np.clip(planned - device.fixed_kw, -device.down_kw, device.up_kw)
    nobody = np.zeros(n, dtype=bool)
    if device.calls is not None:
        called = _kept_calls(device, device.calls, wanted, problem.running_calls.get(key, 0))
        if device.calls.ramp_periods or device.calls.rebound_periods:
            return Course(_with_after_effects(device, device.calls, called, problem.running_calls.get(key, 0)), called, ())
        shed = np.zeros(n) if wanted is None else np.where(called, np.maximum(0.0, wanted), 0.0)
        return Course(np.where(called, device.up_kw, 0.0) if device.calls.all_or_nothing else shed, called, ())
    tanks = _tanks(device, problem.grid.hours, n)
    if not tanks:
        net = np.zeros(n) if wanted is None else np.minimum(0.0, wanted)
        return Course(net, nobody, ())
    net, walked = np.zeros(n), []
    for tank in tanks:
        moved, level = _walk(device, tank, wanted, problem.grid.hours)
        net[tank.first : tank.end] = moved
        walked.append(replace(tank, level_kwh=level))
    return Course(net, nobody, tuple(walked))


def _tanks(device: Device, hours: float, n: int) -> list[Tank]:
    rows: list[tuple[int, int, float, np.ndarray, np.ndarray, np.ndarray, float, Store | Stay]] = []
    if device.store is not None:
        s = device.store
        drift = np.zeros(n) if s.drift_kwh is None else np.asarray(s.drift_kwh, dtype=float)
        rows.append((0, n, s.initial_kwh, np.array(s.min_kwh, dtype=float), np.array(s.max_kwh, dtype=float), drift, s.keep_ratio, s))
    for stay in device.stays:
        length = stay.end - stay.first
        low, high = np.full(length, float(stay.min_kwh)), np.full(length, float(stay.max_kwh))
        if length:
            low[-1] = max(low[-1], stay.end_kwh)
        rows.append((stay.first, stay.end, stay.initial_kwh, low, high, np.zeros(length), 1.0, stay))
    tanks = []
    for first, end, initial, low, high, drift, keep, given in rows:
        up, down = device.up_kw[first:end], device.down_kw[first:end]
        gain, loss = hours * given.eta_in * down, hours * up / given.eta_out
        low, high = _in_reach(initial, low, high, gain, loss, drift, keep)
        tanks.append(Tank(first, end, initial, low, high, drift, keep, given.eta_in, given.eta_out, np.zeros(end - first)))
    return tanks


def _in_reach(
    initial: float, low: np.ndarray, high: np.ndarray, gain: np.ndarray, loss: np.ndarray, drift: np.ndarray, keep: float
) -> tuple[np.ndarray, np.ndarray]:
    """Bounds that power allows from the start (physics before the plan), then drawn in so that every later bound can still be kept."""
    n = len(low)
    if keep == 1.0 and not drift.any() and (low == low[:1]).all() and (high == high[:1]).all() and (n == 0 or low[0] <= initial <= high[0]):
        return low, high  # standing still keeps constant bounds
    least, most, more, gains, losses = low.tolist(), high.tolist(), drift.tolist(), gain.tolist(), loss.tolist()
    full = empty = initial
    for t in range(n):
        full, empty = keep * full + more[t] + gains[t], keep * empty + more[t] - losses[t]
        most[t], least[t] = max(most[t], empty), min(least[t], full)
        full, empty = min(full, most[t]), max(empty, least[t])
    for t in range(n - 2, -1, -1):
        if keep > 0:
            least[t] = max(least[t], (least[t + 1] - more[t + 1] - gains[t + 1]) / keep)
            most[t] = min(most[t], (most[t + 1] - more[t + 1] + losses[t + 1]) / keep)
    return np.minimum(least, most), np.maximum(least, most)


def _walk(device: Device, tank: Tank, wanted: np.ndarray | None, hours: float) -> tuple[np.ndarray, np.ndarray]:
    """(moves, levels) nearest to what is wanted; without a plan cars charge at once and everything else rests."""
    inside = slice(tank.first, tank.end)
    at_once = not (device.up_kw > 0).any()
    goal = wanted[inside] if wanted is not None else np.full(tank.end - tank.first, -np.inf if at_once else 0.0)
    up, down, fixed = device.up_kw[inside], device.down_kw[inside], device.fixed_kw[inside]
    if wanted is not None and tank.keep_ratio == 1.0:  # a plan that can be kept as it stands needs no walk
        moves = _towards_zero(fixed + goal) - fixed
        levels = tank.initial_kwh + np.cumsum(tank.drift_kwh + hours * _gained(moves, tank))
        if ((moves <= up) & (moves >= -down) & (levels >= tank.low_kwh) & (levels <= tank.high_kwh)).all():
            return moves, levels
    moves, levels = np.zeros(len(goal)), np.zeros(len(goal))
    level = tank.initial_kwh
    rows = zip(goal.tolist(), up.tolist(), down.tolist(), fixed.tolist(), *(a.tolist() for a in _bounds(tank)), strict=True)
    for k, (to, most_up, most_down, base, low, high, drift) in enumerate(rows):
        idle = tank.keep_ratio * level + drift
        least = max(-most_down, _move_to(high, idle, tank, hours))
        most = min(most_up, _move_to(low, idle, tank, hours))
        move = _whole(min(max(to, least), max(least, most)), base, least, most)
        level = idle + hours * (-move * tank.eta_in if move < 0 else -move / tank.eta_out)
        moves[k], levels[k] = move, level
    return moves, levels


def _bounds(tank: Tank) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return tank.low_kwh, tank.high_kwh, tank.drift_kwh


def _gained(moves_kw: np.ndarray, tank: Tank) -> np.ndarray:
    return np.where(moves_kw < 0, -moves_kw * tank.eta_in, -moves_kw / tank.eta_out)


def _towards_zero(injection_kw: np.ndarray) -> np.ndarray:
    return np.trunc(injection_kw / UNIT_KW + np.copysign(SLACK_UNITS, injection_kw)) * UNIT_KW


def _move_to(goal_kwh: float, idle_kwh: float, tank: Tank, hours: float) -> float:
    change = goal_kwh - idle_kwh
    return -change / (hours * tank.eta_in) if change > 0 else -change * tank.eta_out / hours


def _whole(move_kw: float, fixed_kw: float, least_kw: float, most_kw: float) -> float:
    """The move whose injection is in whole watts, towards zero where the bounds allow it."""
    at = (fixed_kw + move_kw) / UNIT_KW
    for units in (math.trunc(at + math.copysign(SLACK_UNITS, at)), math.floor(at), math.ceil(at)):
        move = units * UNIT_KW - fixed_kw
        if least_kw - 1e-12 <= move <= most_kw + 1e-12:
            return min(max(move, least_kw), most_kw)
    return move_kw


def _kept_calls(device: Device, calls: Calls, wanted: np.ndarray | None, running: int) -> np.ndarray:
    """(n,) where the reference's interruptions are in force, as far as the rules allow them."""
    called = np.zeros(len(device.up_kw), dtype=bool)
    if wanted is None:
        return called
    whole = calls.all_or_nothing and not calls.ramp_periods
    shed = wanted >= device.up_kw * WHOLE_RATIO if whole else wanted > SHED_KW
    shed &= device.up_kw > SHED_KW
    lasts, left, idle = running, calls.max_calls, calls.rest_periods
    for t in range(len(called)):
        goes_on = lasts > 0 and lasts < calls.max_on_periods
        begins = lasts == 0 and left > 0 and t >= calls.first_period and idle >= calls.rest_periods
        if shed[t] and (goes_on or begins):
            left -= not goes_on
            called[t], lasts = True, lasts + 1
        else:
            idle, lasts = (1 if lasts else idle + 1), 0
    return called


def _with_after_effects(device: Device, calls: Calls, called: np.ndarray, running: int) -> np.ndarray:
    """(n,) moves of a load whose calls begin in steps and are followed by a rebound."""
    net, lasts, since = np.zeros(len(called)), running, calls.rebound_periods
    for t, on in enumerate(called.tolist()):
        since = 0 if lasts and not on else since + 1
        lasts = lasts + 1 if on else 0
        if on:
            net[t] = device.up_kw[t] * min(1.0, lasts / (calls.ramp_periods + 1))
            since = calls.rebound_periods
        elif since < calls.rebound_periods:
            net[t] = -calls.rebound_ratio * device.up_kw[t]
    return net
