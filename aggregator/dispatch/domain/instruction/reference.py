"""What every asset does if the instruction had not come: its open setpoints, else its natural course, as far as it can."""

from dataclasses import dataclass, replace

import numpy as np

from aggregator.dispatch.domain.instruction.devices import Park, Tanks, park_of
from aggregator.dispatch.domain.problem import ScheduleProblem

UNIT_KW = 1e-3  # setpoints are whole watts
SLACK_UNITS = 1e-6
SHED_KW = 1e-6
WHOLE_RATIO = 1 - 1e-6
EXACT_KW = 1e-12


@dataclass(frozen=True)
class Courses:
    """net_kw (N, n): moves of the reference from what is fixed (signed); called (N, n): interruptions in force.

    tanks: bounds that keep all later ones in reach, and the levels along the reference.
    """

    park: Park
    net_kw: np.ndarray
    called: np.ndarray
    tanks: Tanks

    @property
    def injection_kw(self) -> dict[str, np.ndarray]:
        """Per asset key."""
        return dict(zip(self.park.keys, self.park.fixed_kw + self.net_kw, strict=True))


def courses_of(problem: ScheduleProblem) -> Courses:
    """The reference of every asset over the whole grid, clipped to power, energy and the rules of calls."""
    return reference_of(park_of(problem))


def reference_of(park: Park) -> Courses:
    called = np.zeros(park.fixed_kw.shape, dtype=bool)
    net = np.minimum(0.0, np.nan_to_num(park.wanted_kw, nan=0.0))
    calls = park.calls
    if len(calls):
        called[calls.asset] = on = _kept_calls(park)
        up = park.up_kw[calls.asset]
        shed = np.where(calls.whole[:, None], up, np.maximum(0.0, np.nan_to_num(park.wanted_kw[calls.asset], nan=0.0)))
        net[calls.asset] = np.where(calls.slow[:, None], _with_after_effects(park, on), np.where(on, shed, 0.0))
    tanks = in_reach(park)
    moves, levels = _walk(park, tanks)
    net[tanks.asset] = 0.0
    rows, periods = np.nonzero(tanks.there)
    net[tanks.asset[rows], periods] = moves[rows, periods]
    return Courses(park, net, called, replace(tanks, level_kwh=levels))


def in_reach(park: Park) -> Tanks:
    """Bounds that power allows from the start (physics before the plan), then drawn in so that every later bound can still be kept."""
    tanks, there = park.tanks, park.tanks.there
    low, high = tanks.low_kwh.copy(), tanks.high_kwh.copy()
    gain = park.hours * tanks.eta_in[:, None] * park.down_kw[tanks.asset]
    loss = park.hours * park.up_kw[tanks.asset] / tanks.eta_out[:, None]
    full, empty, keep = tanks.initial_kwh.copy(), tanks.initial_kwh.copy(), tanks.keep_ratio
    n = low.shape[1]
    for t in range(n):
        now = there[:, t]
        to_full, to_empty = keep * full + tanks.drift_kwh[:, t] + gain[:, t], keep * empty + tanks.drift_kwh[:, t] - loss[:, t]
        high[:, t], low[:, t] = np.maximum(high[:, t], to_empty), np.minimum(low[:, t], to_full)
        full, empty = np.where(now, np.minimum(to_full, high[:, t]), full), np.where(now, np.maximum(to_empty, low[:, t]), empty)
    keeps = np.where(keep > 0, keep, 1.0)
    for t in range(n - 2, -1, -1):
        next_too = there[:, t] & there[:, t + 1] & (keep > 0)
        least = (low[:, t + 1] - tanks.drift_kwh[:, t + 1] - gain[:, t + 1]) / keeps
        most = (high[:, t + 1] - tanks.drift_kwh[:, t + 1] + loss[:, t + 1]) / keeps
        low[:, t] = np.where(next_too, np.maximum(low[:, t], least), low[:, t])
        high[:, t] = np.where(next_too, np.minimum(high[:, t], most), high[:, t])
    return replace(tanks, low_kwh=np.minimum(low, high), high_kwh=np.maximum(low, high))


def _walk(park: Park, tanks: Tanks) -> tuple[np.ndarray, np.ndarray]:
    """(moves, levels) (S, n) nearest to what is wanted; without a plan cars charge at once and everything else rests."""
    asset, there, h = tanks.asset, tanks.there, park.hours
    at_once = park.up_kw.max(axis=1, initial=0.0) <= 0
    wanted = park.wanted_kw[asset]
    goal = np.where(np.isnan(wanted), np.where(at_once[asset], -np.inf, 0.0)[:, None], wanted)
    moves, levels = np.zeros(goal.shape), np.zeros(goal.shape)
    level = tanks.initial_kwh.copy()
    for t in range(goal.shape[1]):
        idle = tanks.keep_ratio * level + tanks.drift_kwh[:, t]
        least = np.maximum(-park.down_kw[asset, t], _move_to(tanks.high_kwh[:, t], idle, tanks, h))
        most = np.minimum(park.up_kw[asset, t], _move_to(tanks.low_kwh[:, t], idle, tanks, h))
        move = _whole(np.minimum(np.maximum(goal[:, t], least), np.maximum(least, most)), park.fixed_kw[asset, t], least, most)
        move = np.where(there[:, t], move, 0.0)
        level = np.where(there[:, t], idle + h * np.where(move < 0, -move * tanks.eta_in, -move / tanks.eta_out), level)
        moves[:, t], levels[:, t] = move, level
    return moves, levels


def _move_to(goal_kwh: np.ndarray, idle_kwh: np.ndarray, tanks: Tanks, hours: float) -> np.ndarray:
    change = goal_kwh - idle_kwh
    return np.where(change > 0, -change / (hours * tanks.eta_in), -change * tanks.eta_out / hours)


def _whole(move_kw: np.ndarray, fixed_kw: np.ndarray, least_kw: np.ndarray, most_kw: np.ndarray) -> np.ndarray:
    """The moves whose injections are in whole watts, towards zero where the bounds allow it."""
    at = (fixed_kw + move_kw) / UNIT_KW
    found, open_ = move_kw.copy(), np.ones(len(at), dtype=bool)
    for units in (np.trunc(at + np.copysign(SLACK_UNITS, at)), np.floor(at), np.ceil(at)):
        move = units * UNIT_KW - fixed_kw
        fits = open_ & (move >= least_kw - EXACT_KW) & (move <= most_kw + EXACT_KW)
        found = np.where(fits, np.minimum(np.maximum(move, least_kw), most_kw), found)
        open_ &= ~fits
    return found


def _kept_calls(park: Park) -> np.ndarray:
    """(L, n) where the reference's interruptions are in force, as far as the rules allow them."""
    calls = park.calls
    wanted, up = np.nan_to_num(park.wanted_kw[calls.asset], nan=0.0), park.up_kw[calls.asset]
    all_of_it = (calls.whole & (calls.ramp == 0))[:, None]
    shed = np.where(all_of_it, wanted >= up * WHOLE_RATIO, wanted > SHED_KW) & (up > SHED_KW)
    called = np.zeros(shed.shape, dtype=bool)
    lasts, left, idle = calls.running.copy(), calls.max_calls.copy(), calls.rest.copy()
    for t in range(shed.shape[1]):
        goes_on = (lasts > 0) & (lasts < calls.max_on)
        begins = (lasts == 0) & (left > 0) & (t >= calls.first) & (idle >= calls.rest)
        called[:, t] = on = shed[:, t] & (goes_on | begins)
        left = left - (on & ~goes_on)
        idle = np.where(on, idle, np.where(lasts > 0, 1, idle + 1))
        lasts = np.where(on, lasts + 1, 0)
    return called


def _with_after_effects(park: Park, called: np.ndarray) -> np.ndarray:
    """(L, n) moves of loads whose calls begin in steps and are followed by a rebound."""
    calls, up = park.calls, park.up_kw[park.calls.asset]
    net, lasts, since = np.zeros(called.shape), calls.running.copy(), calls.rebound.copy()
    for t in range(called.shape[1]):
        on = called[:, t]
        since = np.where((lasts > 0) & ~on, 0, since + 1)
        lasts = np.where(on, lasts + 1, 0)
        shed = up[:, t] * np.minimum(1.0, lasts / (calls.ramp + 1))
        net[:, t] = np.where(on, shed, np.where(since < calls.rebound, -calls.rebound_ratio * up[:, t], 0.0))
        since = np.where(on, calls.rebound, since)
    return net
