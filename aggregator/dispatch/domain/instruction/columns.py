"""The window of an instruction as columns: needs, rooms and what energy allows, counted from the reference."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from aggregator.dispatch.domain.instruction.reference import Course, Tank
from aggregator.dispatch.domain.problem import ScheduleProblem
from aggregator.dispatch.domain.split.window import Caps, LoadCalls, Peaks, Stores, WindowProblem

LONG_AGO = 10**6
DUST_KW = 1e-9


@dataclass(frozen=True)
class Window:
    """The columns, their keys in order, the periods [first, end) of the problem's grid, and the reference's portfolio injection there."""

    columns: WindowProblem
    keys: list[str]
    first: int
    end: int
    reference_kw: np.ndarray


def window_of(
    problem: ScheduleProblem,
    courses: Mapping[str, Course],
    *,
    turn_hours: Mapping[str, float] | None,
    floor_ratio: Mapping[str, float] | None,
) -> Window:
    """From the first to the last period that is asked for; needs a target."""
    assert problem.target is not None
    asked = np.flatnonzero(problem.wanted)
    first, end = int(asked[0]), int(asked[-1]) + 1
    inside = slice(first, end)
    up = problem.target.direction > 0
    index = {key: k for k, key in enumerate(problem.site_keys)}
    keys = sorted(problem.devices, key=lambda key: (index[problem.devices[key][0]], str(key)))
    rows = [_Row(problem, key, courses[key], inside, up) for key in keys]
    injection = _stack([row.injection_kw for row in rows], end - first)
    site = np.array([index[problem.devices[key][0]] for key in keys], dtype=np.int64)
    net = np.zeros((len(index), end - first))
    np.add.at(net, site, injection)
    reference = net.sum(axis=0)
    sign = 1.0 if up else -1.0
    need = np.nan_to_num(sign * (problem.target.injection_kw[inside] - reference), nan=0.0)
    adders = _stack([problem.sites[key].import_adder_cny_per_kwh[inside] for key in problem.site_keys], end - first)
    network = np.where(net < 0, adders, 0.0)[site] * -sign  # what importing less saves, where the site imports
    columns = WindowProblem(
        hours=problem.grid.hours,
        direction=sign,
        need_kw=np.maximum(0.0, need),
        site=site,
        injection_kw=injection,
        room_kw=_stack([row.room_kw for row in rows], end - first),
        first_kw=_stack([row.first_kw for row in rows], end - first),
        first_cost_cny_per_kwh=_stack([row.first_cost for row in rows], end - first) + network,
        further_cost_cny_per_kwh=_stack([row.further_cost for row in rows], end - first) + network,
        stores=_stores(rows, courses, keys, inside, up),
        loads=tuple(load for k, key in enumerate(keys) if up and (load := _load(problem, key, k, courses[key], inside)) is not None),
        site_room_kw=_site_rooms(problem, net, up),
        groups=_groups(problem, keys, injection, up),
        peaks=_peaks(problem, courses, net, inside),
        shortfall_price_cny_per_kwh=problem.shortfall_price_cny_per_kwh,
        overshoot_price_cny_per_kwh=problem.overshoot_price_cny_per_kwh,
        turn_hours=None if turn_hours is None else np.array([turn_hours.get(key, np.inf) for key in keys], dtype=float),
        floor_ratio=None if floor_ratio is None else np.array([floor_ratio.get(key, 0.0) for key in problem.site_keys], dtype=float),
    )
    return Window(columns, keys, first, end, reference)


def _stack(rows: list[np.ndarray], n: int) -> np.ndarray:
    return np.array(rows, dtype=float).reshape(len(rows), n)


class _Row:
    """One asset in the window, seen in the instruction's direction."""

    def __init__(self, problem: ScheduleProblem, key: str, course: Course, inside: slice, up: bool) -> None:
        device = problem.devices[key][1]
        net = course.net_kw[inside]
        self.injection_kw = device.fixed_kw[inside] + net
        if up:
            self.room_kw, self.first_kw = device.up_kw[inside] - net, np.maximum(0.0, -net)
            counter, onward = device.down_cost_cny_per_kwh, device.up_cost_cny_per_kwh
        else:
            self.room_kw, self.first_kw = device.down_kw[inside] + net, np.maximum(0.0, net)
            counter, onward = device.up_cost_cny_per_kwh, device.down_cost_cny_per_kwh
        if device.calls is not None and (calls_barred(device.calls.ramp_periods, device.calls.rebound_periods) or not up):
            # Calls that ramp or rebound reach beyond the window: none begins here. Whole ones are not cut short to go down.
            whole = device.calls.all_or_nothing or up
            self.room_kw = np.zeros_like(net) if whole else np.maximum(0.0, net)
        if device.stays:  # no car, no move
            there = np.zeros(len(problem.grid), dtype=bool)
            for tank in course.tanks:
                there[tank.first : tank.end] = True
            self.room_kw = np.where(there[inside], self.room_kw, 0.0)
        self.room_kw = np.where(self.room_kw > DUST_KW, self.room_kw, 0.0)
        self.first_kw = np.minimum(self.first_kw, self.room_kw)
        stored = self._stored_value(problem, key, course, inside)
        eta_in, eta_out = _efficiencies(course, inside)
        sign = 1.0 if up else -1.0
        inward, outward = eta_in * stored, stored / eta_out
        self.first_cost = -counter + sign * (inward if up else outward)
        self.further_cost = onward + sign * (outward if up else inward)

    def _stored_value(self, problem: ScheduleProblem, key: str, course: Course, inside: slice) -> np.ndarray:
        """Worth of a kWh in the store at the end of each period, by what of it is left at the end of the grid."""
        n, device = len(problem.grid), problem.devices[key][1]
        worth = np.zeros(n)
        for tank in course.tanks:
            if tank.end == n:
                kept = tank.keep_ratio ** np.arange(tank.end - tank.first - 1, -1, -1)
                worth[tank.first : tank.end] = problem.terminal_price_cny_per_kwh * device.terminal_value_ratio * kept
        return worth[inside]


def calls_barred(ramp_periods: int, rebound_periods: int) -> bool:
    """Whether calls of such a load reach beyond the periods in which they are in force."""
    return bool(ramp_periods or rebound_periods)


def _efficiencies(course: Course, inside: slice) -> tuple[np.ndarray, np.ndarray]:
    length = inside.stop - inside.start
    eta_in, eta_out = np.ones(length), np.ones(length)
    for tank in course.tanks:
        first, end = max(tank.first, inside.start) - inside.start, min(tank.end, inside.stop) - inside.start
        if end > first:
            eta_in[first:end], eta_out[first:end] = tank.eta_in, tank.eta_out
    return eta_in, eta_out


def _stores(rows: list[_Row], courses: Mapping[str, Course], keys: list[str], inside: slice, up: bool) -> Stores:
    n = inside.stop - inside.start
    made = []
    for k, key in enumerate(keys):
        for tank in courses[key].tanks:
            active, slack = _slack(tank, inside, up)
            if active.any() and rows[k].room_kw.any():
                first = tank.eta_in if up else 1 / tank.eta_out
                further = 1 / tank.eta_out if up else tank.eta_in
                made.append((k, active, slack, tank.keep_ratio, first, further))
    return Stores(
        asset=np.array([row[0] for row in made], dtype=np.int64),
        active=np.array([row[1] for row in made], dtype=bool).reshape(len(made), n),
        slack_kwh=_stack([row[2] for row in made], n),
        keep_ratio=np.array([row[3] for row in made], dtype=float),
        first_ratio=np.array([row[4] for row in made], dtype=float),
        further_ratio=np.array([row[5] for row in made], dtype=float),
    )


def _slack(tank: Tank, inside: slice, up: bool) -> tuple[np.ndarray, np.ndarray]:
    """(active, slack_kwh) in the window: how far the level may leave the reference."""
    n = inside.stop - inside.start
    active, slack = np.zeros(n, dtype=bool), np.full(n, np.inf)
    first, end = max(tank.first, inside.start), min(tank.end, inside.stop)
    if end > first:
        there, own = slice(first - inside.start, end - inside.start), slice(first - tank.first, end - tank.first)
        active[there] = True
        room = tank.level_kwh[own] - tank.low_kwh[own] if up else tank.high_kwh[own] - tank.level_kwh[own]
        slack[there] = np.maximum(0.0, room)
    return active, slack


def _load(problem: ScheduleProblem, key: str, asset: int, course: Course, inside: slice) -> LoadCalls | None:
    device = problem.devices[key][1]
    calls = device.calls
    if calls is None or calls_barred(calls.ramp_periods, calls.rebound_periods):
        return None
    before = course.called[: inside.start]
    running, rested, begun = problem.running_calls.get(key, 0), LONG_AGO, 0
    for on in before.tolist():
        begun += on and not running
        rested = 0 if on else 1 if running else rested + 1
        running = running + 1 if on else 0
    return LoadCalls(
        asset=asset,
        whole=calls.all_or_nothing,
        max_calls=max(0, calls.max_calls - begun - _begun(course.called[inside], running)),
        max_on=calls.max_on_periods,
        rest=calls.rest_periods,
        first=max(0, calls.first_period - inside.start),
        running=running,
        rested=rested,
        called=course.called[inside].copy(),
    )


def _begun(called: np.ndarray, running: int) -> int:
    """Calls of the reference that begin in the window."""
    before = np.concatenate(([running > 0], called[:-1]))
    return int((called & ~before).sum())


def _site_rooms(problem: ScheduleProblem, net_kw: np.ndarray, up: bool) -> np.ndarray:
    """(E, T) what connections leave open. A site that may export only a share of its generation exports no more than the reference does."""
    rooms = np.zeros(net_kw.shape)
    for s, key in enumerate(problem.site_keys):
        site = problem.sites[key]
        most = np.full(net_kw.shape[1], site.export_limit_kw)
        if np.isfinite(site.export_share_ratio):
            most = np.minimum(most, np.maximum(0.0, net_kw[s]))
        rooms[s] = most - net_kw[s] if up else site.import_limit_kw + net_kw[s]
    return np.maximum(0.0, rooms)


def _groups(problem: ScheduleProblem, keys: list[str], injection_kw: np.ndarray, up: bool) -> Caps:
    members, rooms = [], []
    for name in sorted(problem.groups, key=str):
        inside = np.array([_is_in(problem, key, name) for key in keys], dtype=bool)
        group, net = problem.groups[name], injection_kw[inside].sum(axis=0)
        members.append(inside)
        rooms.append(np.maximum(0.0, group.export_limit_kw - net if up else group.import_limit_kw + net))
    n = injection_kw.shape[1]
    return Caps(np.array(members, dtype=bool).reshape(len(members), len(keys)), _stack(rooms, n))


def _is_in(problem: ScheduleProblem, key: str, name: str) -> bool:
    at = problem.group_of.get(key)
    while at is not None and at != name:
        at = problem.groups[at].parent
    return at == name


def _peaks(problem: ScheduleProblem, courses: Mapping[str, Course], net_kw: np.ndarray, inside: slice) -> Peaks:
    """Covered is what was measured and what the reference imports anyway."""
    sites = [problem.sites[key] for key in problem.site_keys]
    covered = np.array([site.peak_so_far_kw for site in sites], dtype=float)
    if any(site.demand_price_cny_per_kw for site in sites):
        index = {key: k for k, key in enumerate(problem.site_keys)}
        whole = np.zeros((len(sites), len(problem.grid)))
        for key in problem.asset_keys:
            site_key, device = problem.devices[key]
            whole[index[site_key]] += device.fixed_kw + courses[key].net_kw
        covered = np.maximum(covered, -whole[:, : inside.stop].min(axis=1, initial=0.0))
    return Peaks(np.array([site.demand_price_cny_per_kw for site in sites], dtype=float), covered, -net_kw)
