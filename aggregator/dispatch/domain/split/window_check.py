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
    found = _worst("direction", -change_kw) + _worst("room", change_kw - problem.room_kw)
    asked = problem.need_kw > 0
    found += _worst("not_asked", np.where(asked, 0.0, change_kw))
    for s in range(len(problem.site_room_kw)):
        of_site = change_kw[problem.site == s].sum(axis=0)
        found += _row("site_room", s, np.where(asked, of_site - np.maximum(0.0, problem.site_room_kw[s]), 0.0))
    for g, members in enumerate(problem.groups.members):
        of_group = change_kw[members].sum(axis=0)
        found += _row("group_room", g, np.where(asked, of_group - np.maximum(0.0, problem.groups.room_kw[g]), 0.0))
    return found + _stores(problem, change_kw) + _loads(problem, change_kw, called)


def _worst(limit: str, excess_kw: np.ndarray) -> list[SplitViolation]:
    rows = np.flatnonzero((excess_kw > TOLERANCE_KW).any(axis=1))
    return [SplitViolation(limit, int(k), float(excess_kw[k].max())) for k in rows]


def _row(limit: str, index: int, excess_kw: np.ndarray) -> list[SplitViolation]:
    worst = float(excess_kw.max(initial=0.0))
    return [SplitViolation(limit, index, worst)] if worst > TOLERANCE_KW else []


def _stores(problem: WindowProblem, change_kw: np.ndarray) -> list[SplitViolation]:
    found, stores = [], problem.stores
    for s in range(len(stores)):
        drawn, k = 0.0, int(stores.asset[s])
        for t in np.flatnonzero(stores.active[s]):
            undone = min(float(change_kw[k, t]), float(problem.first_kw[k, t]))
            beyond = float(change_kw[k, t]) - undone
            drawn = drawn * float(stores.keep_ratio[s]) + problem.hours * (
                float(stores.first_ratio[s]) * undone + float(stores.further_ratio[s]) * beyond
            )
            excess = drawn - float(stores.slack_kwh[s, t])
            if excess > TOLERANCE_KWH + RELATIVE * abs(float(stores.slack_kwh[s, t])):
                found.append(SplitViolation("store", k, excess))
                break
    return found


def _loads(problem: WindowProblem, change_kw: np.ndarray, called: np.ndarray) -> list[SplitViolation]:
    found = []
    for load in problem.loads:
        k, moved, on = load.asset, change_kw[load.asset], called[load.asset]
        fresh = on & ~load.called
        if (moved[~on] > TOLERANCE_KW).any() or (load.called & ~on).any():
            found.append(SplitViolation("call", k, float(moved[~on].max(initial=0.0))))
        if load.whole and (np.abs(moved - problem.room_kw[k])[fresh] > TOLERANCE_KW).any():
            found.append(SplitViolation("all_or_nothing", k, float(np.abs(moved - problem.room_kw[k])[fresh].max())))
        lasts, begun, idle = load.running, 0, load.rested
        for t in range(len(on)):
            if not on[t]:
                lasts, idle = 0, (1 if lasts else idle + 1)
                continue
            if not lasts and fresh[t]:
                begun += 1
                if t < load.first or idle < load.rest:
                    found.append(SplitViolation("call_start", k, float(max(load.first - t, load.rest - idle))))
            lasts += 1
            if lasts > load.max_on:
                found.append(SplitViolation("call_length", k, float(lasts - load.max_on)))
        if begun > load.max_calls:
            found.append(SplitViolation("calls", k, float(begun - load.max_calls)))
    return found
