"""An independent opinion on a split window: every limit again from the problem's columns, with own sums."""

import numpy as np

from aggregator.dispatch.domain.split.check import SplitViolation
from aggregator.dispatch.domain.split.window import WindowProblem

TOLERANCE_KW = 1e-4
TOLERANCE_KWH = 1e-4
RELATIVE = 1e-9


def check_window(problem: WindowProblem, change_kw: np.ndarray, called: np.ndarray) -> list[SplitViolation]:
    """Everything that is broken (direction | room | site_room | group_room | store | call | call_length | calls); empty = may be sent.

    change_kw (N, T) >= 0 in the direction of the instruction; called (N, T) of loads.
    """
    if change_kw.shape != problem.room_kw.shape or not np.isfinite(change_kw).all():
        return [SplitViolation("number", 0, float("nan"))]
    asked = problem.need_kw > 0
    n_sites, groups = len(problem.site_room_kw), problem.groups
    found = _worst("direction", -change_kw) + _worst("room", change_kw - problem.room_kw)
    found += _worst("not_asked", np.where(asked, 0.0, change_kw))
    for limit, owner, moved, room in (
        ("site_room", problem.site, change_kw, problem.site_room_kw),
        ("group_room", groups.group, change_kw[groups.asset], groups.room_kw),
    ):
        count = n_sites if limit == "site_room" else len(room)
        sums = np.array([np.bincount(owner, moved[:, t], count) for t in range(len(asked))]).reshape(len(asked), count).T
        found += _worst(limit, np.where(asked, sums - np.maximum(0.0, room), 0.0))
    return found + _stores(problem, change_kw) + _loads(problem, change_kw, called)


def _worst(limit: str, excess: np.ndarray, tolerance: float = TOLERANCE_KW) -> list[SplitViolation]:
    """One violation per row that has one."""
    worst = excess.max(axis=1, initial=-np.inf)
    return [SplitViolation(limit, int(k), float(worst[k])) for k in np.flatnonzero(worst > tolerance)]


def _stores(problem: WindowProblem, change_kw: np.ndarray) -> list[SplitViolation]:
    stores = problem.stores
    moved, first = change_kw[stores.asset], problem.first_kw[stores.asset]
    drawn, excess = np.zeros(len(stores)), np.full(len(stores), -np.inf)
    for t in range(change_kw.shape[1]):
        now = stores.active[:, t]
        undone = np.minimum(moved[:, t], first[:, t])
        kwh = problem.hours * (stores.first_ratio * undone + stores.further_ratio * (moved[:, t] - undone))
        drawn = np.where(now, drawn * stores.keep_ratio + kwh, drawn)
        slack = stores.slack_kwh[:, t]
        finite = np.where(np.isfinite(slack), np.abs(slack), 0.0)
        excess = np.where(now, np.maximum(excess, drawn - slack - RELATIVE * finite), excess)
    worst = _worst("store", excess[:, None], TOLERANCE_KWH)
    return [SplitViolation(row.limit, int(stores.asset[row.index]), row.by_kw) for row in worst]


def _loads(problem: WindowProblem, change_kw: np.ndarray, called: np.ndarray) -> list[SplitViolation]:
    loads = problem.loads
    moved, on = change_kw[loads.asset], called[loads.asset]
    fresh = on & ~loads.called
    worst = np.where(on, 0.0, moved).max(axis=1, initial=0.0)
    broken = [("call", np.where((loads.called & ~on).any(axis=1), np.inf, np.where(worst > TOLERANCE_KW, worst, 0.0)))]
    off = np.where(fresh & loads.whole[:, None], np.abs(moved - problem.room_kw[loads.asset]), 0.0).max(axis=1, initial=0.0)
    broken.append(("all_or_nothing", np.where(off > TOLERANCE_KW, off, 0.0)))
    lasts, idle, begun = loads.running.copy(), loads.rested.copy(), np.zeros(len(loads), dtype=np.int64)
    early, longest = np.zeros(len(loads)), np.zeros(len(loads), dtype=np.int64)
    for t in range(on.shape[1]):
        starts = on[:, t] & (lasts == 0) & fresh[:, t]
        begun += starts
        early = np.where(starts, np.maximum(early, np.maximum(loads.first - t, loads.rest - idle)), early)
        idle = np.where(on[:, t], idle, np.where(lasts > 0, 1, idle + 1))
        lasts = np.where(on[:, t], lasts + 1, 0)
        longest = np.maximum(longest, lasts)
    broken += [("call_start", early), ("call_length", longest - loads.max_on), ("calls", begun - loads.max_calls)]
    return [SplitViolation(limit, int(loads.asset[i]), float(by[i])) for limit, by in broken for i in np.flatnonzero(by > 0)]
