"""From a plan of the window to setpoints: walked through with the true physics, in whole units that add up in every period."""

from dataclasses import replace

import numpy as np

from aggregator.dispatch.domain.split.ask import SLACK_UNITS, Ask
from aggregator.dispatch.domain.split.ledger import Ledger
from aggregator.dispatch.domain.split.rounding import whole_units
from aggregator.dispatch.domain.split.window import WindowProblem

DUST_UNITS = 1e-3  # less than this was not meant
HALF_UNIT = 0.5
HELP = (1.0, 4.0, np.inf)  # room of those that help, as a multiple of what is missing: the cheapest first


def realise(problem: WindowProblem, change_kw: np.ndarray, called: np.ndarray) -> np.ndarray:
    """Moves (N, T) next to change_kw that physics allows; every injection that is moved is in whole units.

    A load that goes as a whole goes as it is. What an asset cannot give after all, others give that still can; nobody gives
    what is planned for later. Missed or overshot is at most half a unit where somebody can still move by one.
    """
    whole = np.zeros(len(problem.site), dtype=bool)
    whole[problem.loads.whole_assets] = True
    open_kw = _open(problem, called)
    ledger, done = Ledger(replace(problem, room_kw=open_kw), change_kw), np.zeros_like(change_kw)
    for t in range(len(problem.need_kw)):
        given = np.where(whole, change_kw[:, t], 0.0)
        room = np.where(whole, 0.0, ledger.room_kw())
        if problem.need_kw[t] > 0 and room.any():
            need = max(0.0, float(problem.need_kw[t] - given.sum()))
            given = given + _period(problem, t, np.where(whole, 0.0, change_kw[:, t]), room, need, given)
        done[:, t] = given
        ledger.book(given)
    return done


def _open(problem: WindowProblem, called: np.ndarray) -> np.ndarray:
    """Rooms without those of loads that are not called."""
    room = problem.room_kw.copy()
    loads = problem.loads.asset
    room[loads] = np.where(called[loads], room[loads], 0.0)
    return room


def _period(problem: WindowProblem, t: int, change_kw: np.ndarray, room_kw: np.ndarray, need_kw: float, whole_kw: np.ndarray) -> np.ndarray:
    """Whole setpoints of one period: each asset first steps to a whole injection in the direction, then goes on in whole units.

    What rounding or physics has left out, the cheapest give that do not move yet. Groups behind a connection are kept by
    rounding down.
    """
    unit = problem.unit_kw
    at = problem.direction * problem.injection_kw[:, t] / unit
    step = np.ceil(at - SLACK_UNITS) - at
    step = np.where(np.abs(step) <= SLACK_UNITS, 0.0, step)
    room = np.floor(room_kw / unit - step + SLACK_UNITS)
    change = np.minimum(change_kw, room_kw) / unit
    moving = (change > DUST_UNITS) & (room >= 0)
    given = _whole(problem, t, moving, step, room, change, need_kw, whole_kw)
    helpers = np.flatnonzero(~moving & (room >= 1))
    helpers = helpers[np.argsort(problem.further_cost_cny_per_kwh[helpers, t], kind="stable")]
    reach = np.cumsum(room[helpers])
    for share in HELP:
        missing = need_kw / unit - float(given.sum()) / unit
        if missing <= HALF_UNIT or not len(helpers):
            break
        more = moving.copy()
        more[helpers[: int(np.searchsorted(reach, share * missing)) + 1]] = True
        given = _whole(problem, t, more, step, room, change, need_kw, whole_kw)
    return given


def _whole(
    problem: WindowProblem,
    t: int,
    moving: np.ndarray,
    step: np.ndarray,
    room: np.ndarray,
    change: np.ndarray,
    need_kw: float,
    whole_kw: np.ndarray,
) -> np.ndarray:
    """(N,) kW of those that move: a first step to a whole injection, then whole units."""
    unit = problem.unit_kw
    moving = _fitting(problem, t, moving, step * unit, change, whole_kw)
    first = np.where(moving, step, 0.0)
    room = np.where(moving, room, 0.0)
    wanted = np.where(moving, np.clip(change - first, 0.0, room), 0.0)
    room = _inside_groups(problem, t, room, wanted, (first * unit) + whole_kw)
    wanted = np.minimum(wanted, room)
    taken = problem.per_site(first * unit + whole_kw)
    caps = np.floor(np.maximum(0.0, problem.site_room_kw[:, t] - taken) / unit + SLACK_UNITS)
    starts = problem.starts
    present = problem.site[starts]
    most = np.minimum(np.add.reduceat(room, starts), caps[present])
    amount = np.floor(need_kw / unit - first.sum() + HALF_UNIT)
    ask = Ask(
        unit_kw=unit,
        direction=problem.direction,
        amount=float(min(max(0.0, amount), most.sum())),
        shortfall_kw=0.0,
        room=room,
        cost=np.zeros(len(room)),
        weight=np.maximum(room, 1.0),
        starts=starts,
        sizes=np.diff(starts, append=len(room)),
        present=present,
        most=most,
        least=np.zeros(len(present)),
        fairness=0.0,
        priced=False,
    )
    return np.where(moving, (first + whole_units(ask, wanted)) * unit, 0.0)


def _fitting(
    problem: WindowProblem, t: int, moving: np.ndarray, step_kw: np.ndarray, change: np.ndarray, whole_kw: np.ndarray
) -> np.ndarray:
    """Without the smallest movers of a connection or group whose first steps alone would be too much for it (a few watts)."""
    fits, groups = moving.copy(), problem.groups
    at_once = whole_kw + np.where(fits, np.maximum(0.0, step_kw), 0.0)
    tight_sites = np.flatnonzero(problem.per_site(at_once) > problem.site_room_kw[:, t])
    limits = [(np.flatnonzero(problem.site == s), float(problem.site_room_kw[s, t])) for s in tight_sites.tolist()]
    tight_groups = np.flatnonzero(groups.sums(at_once) > groups.room_kw[:, t])
    limits += [(groups.members(g), float(groups.room_kw[g, t])) for g in tight_groups.tolist()]
    for members, most_kw in limits:
        stepping = members[fits[members] & (step_kw[members] > 0)]
        over = float(whole_kw[members].sum() + step_kw[stepping].sum()) - most_kw
        for k in stepping[np.argsort(change[stepping], kind="stable")].tolist():
            if over <= 0:
                break
            fits[k] = False
            over -= float(step_kw[k])
    return fits


def _inside_groups(problem: WindowProblem, t: int, room: np.ndarray, wanted: np.ndarray, taken_kw: np.ndarray) -> np.ndarray:
    """Whole rooms that groups can carry together: where they could not, everyone keeps what was wanted, rounded down."""
    groups = problem.groups
    left = (groups.room_kw[:, t] - groups.sums(taken_kw)) / problem.unit_kw
    for group in np.flatnonzero(groups.sums(room) > left).tolist():
        members = groups.members(group)
        if float(room[members].sum()) > left[group]:
            room = room.copy()
            room[members] = np.floor(wanted[members] + SLACK_UNITS)
    return room
