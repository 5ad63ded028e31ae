"""The window of an instruction as columns: needs, rooms and what energy allows, counted from the reference."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from aggregator.dispatch.domain.instruction.devices import stacked
from aggregator.dispatch.domain.instruction.reference import Courses
from aggregator.dispatch.domain.instruction.shares import within_shares
from aggregator.dispatch.domain.problem import ScheduleProblem
from aggregator.dispatch.domain.split.window import Caps, Loads, Peaks, Stores, WindowProblem, no_loads

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
    courses: Courses,
    *,
    turn_hours: Mapping[str, float] | None,
    floor_ratio: Mapping[str, float] | None,
) -> Window:
    """From the first to the last period that is asked for; needs a target."""
    assert problem.target is not None
    asked = np.flatnonzero(problem.wanted)
    first, end = int(asked[0]), int(asked[-1]) + 1
    inside, up = slice(first, end), problem.target.direction > 0
    park, n_sites = courses.park, len(problem.sites)
    injection = park.fixed_kw + courses.net_kw
    of_sites = np.zeros((n_sites, injection.shape[1]))
    starts = np.flatnonzero(np.diff(park.site, prepend=-1))
    if len(starts):
        of_sites[park.site[starts]] = np.add.reduceat(injection, starts, axis=0)
    net, injection = of_sites[:, inside], injection[:, inside]
    reference = net.sum(axis=0)
    sign = 1.0 if up else -1.0
    need = np.nan_to_num(sign * (problem.target.injection_kw[inside] - reference), nan=0.0)
    adders = stacked([problem.sites[key].import_adder_cny_per_kwh[inside] for key in problem.site_keys], end - first)
    network = np.where(net < 0, adders, 0.0)[park.site] * -sign  # what importing less saves, where the site imports
    room, first_part = _rooms(courses, inside, up)
    if not up:
        room = within_shares(problem, courses, room, inside, np.maximum(0.0, need))
        first_part = np.minimum(first_part, room)
    first_cost, further_cost = _costs(problem, courses, inside, up)
    columns = WindowProblem(
        hours=problem.grid.hours,
        direction=sign,
        need_kw=np.maximum(0.0, need),
        site=park.site,
        injection_kw=injection,
        room_kw=room,
        first_kw=first_part,
        first_cost_cny_per_kwh=first_cost + network,
        further_cost_cny_per_kwh=further_cost + network,
        stores=_stores(courses, room, inside, up),
        loads=_loads(courses, inside) if up else no_loads(end - first),
        site_room_kw=_site_rooms(problem, net, up),
        groups=_groups(problem, courses, injection, up),
        peaks=_peaks(problem, of_sites, inside),
        shortfall_price_cny_per_kwh=problem.shortfall_price_cny_per_kwh,
        overshoot_price_cny_per_kwh=problem.overshoot_price_cny_per_kwh,
        turn_hours=None if turn_hours is None else np.array([turn_hours.get(key, np.inf) for key in park.keys], dtype=float),
        floor_ratio=None if floor_ratio is None else np.array([floor_ratio.get(key, 0.0) for key in problem.site_keys], dtype=float),
    )
    return Window(columns, park.keys, first, end, reference)


def _rooms(courses: Courses, inside: slice, up: bool) -> tuple[np.ndarray, np.ndarray]:
    """(room, the part of it that undoes the opposite movement), each (N, T), in the instruction's direction."""
    park, net, calls = courses.park, courses.net_kw[:, inside], courses.park.calls
    if up:
        room, first = park.up_kw[:, inside] - net, np.maximum(0.0, -net)
    else:
        room, first = park.down_kw[:, inside] + net, np.maximum(0.0, net)
    # Calls that ramp or rebound reach beyond the window: none begins here. Whole ones are not cut short to go down.
    barred = calls.slow if up else np.ones(len(calls), dtype=bool)
    fixed = barred & (calls.whole | up)
    room[calls.asset[fixed]] = 0.0
    partly = calls.asset[barred & ~fixed]
    room[partly] = np.maximum(0.0, net[partly])
    if park.has_stays.any():  # no car, no move
        there = np.zeros(park.fixed_kw.shape, dtype=bool)
        rows, periods = np.nonzero(courses.tanks.there)
        there[courses.tanks.asset[rows], periods] = True
        room[park.has_stays[:, None] & ~there[:, inside]] = 0.0
    room[room <= DUST_KW] = 0.0
    return room, np.minimum(first, room)


def _costs(problem: ScheduleProblem, courses: Courses, inside: slice, up: bool) -> tuple[np.ndarray, np.ndarray]:
    """(N, T) cost of undoing the opposite movement, and of going on: production or wear, and what the energy is worth in the store."""
    park, tanks = courses.park, courses.tanks
    n = park.fixed_kw.shape[1]
    inward, outward = np.zeros(park.fixed_kw.shape), np.zeros(park.fixed_kw.shape)
    lasting = np.flatnonzero(tanks.end == n)
    if len(lasting):  # worth of a kWh at the end of each period, by what of it is left at the end of the grid
        asset, there = tanks.asset[lasting], tanks.there[lasting]
        worth = problem.terminal_price_cny_per_kwh * park.terminal_value_ratio[asset, None]
        worth = np.where(there, worth * tanks.keep_ratio[lasting, None] ** np.arange(n - 1, -1, -1), 0.0)
        inward[asset] += tanks.eta_in[lasting, None] * worth
        outward[asset] += worth / tanks.eta_out[lasting, None]
    inward, outward = inward[:, inside], outward[:, inside]
    wear, lost = park.up_cost_cny_per_kwh[:, None], park.down_cost_cny_per_kwh[:, None]
    return (inward - lost, outward + wear) if up else (-wear - outward, lost - inward)


def _stores(courses: Courses, room_kw: np.ndarray, inside: slice, up: bool) -> Stores:
    """Those of assets that have room; slack: how far the level may leave that of the reference."""
    tanks = courses.tanks
    active = tanks.there[:, inside]
    rows = np.flatnonzero(active.any(axis=1) & room_kw[tanks.asset].any(axis=1))
    level, low, high = (table[rows, inside] for table in (tanks.level_kwh, tanks.low_kwh, tanks.high_kwh))
    active = active[rows]
    taken, given = tanks.eta_in[rows], 1 / tanks.eta_out[rows]
    return Stores(
        asset=tanks.asset[rows],
        active=active,
        slack_kwh=np.where(active, np.maximum(0.0, level - low if up else high - level), np.inf),
        keep_ratio=tanks.keep_ratio[rows],
        first_ratio=taken if up else given,
        further_ratio=given if up else taken,
    )


def _loads(courses: Courses, inside: slice) -> Loads:
    rows = np.flatnonzero(~courses.park.calls.slow)
    calls = courses.park.calls
    asset, running = calls.asset[rows], calls.running[rows]
    before, called = courses.called[asset, : inside.start], courses.called[asset, inside]
    rested, begun = np.full(len(rows), LONG_AGO), np.zeros(len(rows), dtype=np.int64)
    for t in range(before.shape[1]):
        on = before[:, t]
        begun += on & (running == 0)
        rested = np.where(on, 0, np.where(running > 0, 1, rested + 1))
        running = np.where(on, running + 1, 0)
    goes_on = np.concatenate((running[:, None] > 0, called[:, :-1]), axis=1)
    return Loads(
        asset=asset,
        whole=calls.whole[rows],
        max_calls=np.maximum(0, calls.max_calls[rows] - begun - (called & ~goes_on).sum(axis=1)),
        max_on=calls.max_on[rows],
        rest=calls.rest[rows],
        first=np.maximum(0, calls.first[rows] - inside.start),
        running=running,
        rested=rested,
        called=called,
    )


def _site_rooms(problem: ScheduleProblem, net_kw: np.ndarray, up: bool) -> np.ndarray:
    """(E, T) what connections leave open. A site that may export only a share of its generation exports no more than the reference does."""
    sites = [problem.sites[key] for key in problem.site_keys]
    outward, inward, share = (
        np.array([getattr(site, name) for site in sites], dtype=float)[:, None]
        for name in ("export_limit_kw", "import_limit_kw", "export_share_ratio")
    )
    most = np.where(np.isfinite(share), np.minimum(outward, np.maximum(0.0, net_kw)), outward)
    return np.maximum(0.0, most - net_kw if up else inward + net_kw)


def _groups(problem: ScheduleProblem, courses: Courses, injection_kw: np.ndarray, up: bool) -> Caps:
    names = sorted(problem.groups, key=str)
    place = {name: g for g, name in enumerate(names)}
    pairs = []
    for key, innermost in problem.group_of.items():
        name: str | None = innermost
        while name is not None:
            pairs.append((place[name], courses.park.row[key]))
            name = problem.groups[name].parent
    group, asset = np.array(sorted(pairs), dtype=np.int64).reshape(len(pairs), 2).T
    net = Caps(group, asset, np.zeros((len(names), injection_kw.shape[1]))).sums(injection_kw)
    outward, inward = (
        np.array([getattr(problem.groups[name], limit) for name in names], dtype=float)[:, None]
        for limit in ("export_limit_kw", "import_limit_kw")
    )
    return Caps(group, asset, np.maximum(0.0, outward - net if up else inward + net))


def _peaks(problem: ScheduleProblem, of_sites_kw: np.ndarray, inside: slice) -> Peaks:
    """Covered is what was measured and what the reference imports anyway; of_sites_kw (E, n) injections of the reference."""
    sites = [problem.sites[key] for key in problem.site_keys]
    price = np.array([site.demand_price_cny_per_kw for site in sites], dtype=float)
    covered = np.array([site.peak_so_far_kw for site in sites], dtype=float)
    if price.any():
        covered = np.maximum(covered, -of_sites_kw[:, : inside.stop].min(axis=1, initial=0.0))
    return Peaks(price, covered, -of_sites_kw[:, inside])
