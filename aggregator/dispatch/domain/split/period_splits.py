"""The window period by period, each an instruction of its own with energy held back for the rest: exact splits, no model of the window.

First every period in turn: a store may give its share of what it can give in all that is left of the window. Then what is
missing is split again over what nobody has been promised, and last loads are called, the cheapest for what it brings first.
"""

from dataclasses import dataclass, replace

import numpy as np

from aggregator.dispatch.domain.split.call_choice import Calls, choose_calls
from aggregator.dispatch.domain.split.fairness import Rule
from aggregator.dispatch.domain.split.ledger import Ledger
from aggregator.dispatch.domain.split.problem import SplitProblem
from aggregator.dispatch.domain.split.split import Split, split_instruction
from aggregator.dispatch.domain.split.window import WindowProblem

ROUNDS = 10
SWEEPS = 2
SMALL = 5_000  # assets x periods up to which there is time to look again, and to try without a call
FADE_RATIO = 0.3
DROPS = 3


@dataclass(frozen=True)
class Given:
    """change_kw (N, T) moves >= 0 in whole units but for loads that go as a whole; called (N, T): loads whose call is in force.

    splits: of each period the first split, None where nothing was asked of ranges.
    """

    change_kw: np.ndarray
    called: np.ndarray
    splits: tuple[Split | None, ...]


def split_periods(problem: WindowProblem, *, rule: Rule, deadline_s: float, method: str) -> Given:
    """Never worse than its order: the cheapest of each period; see docs/disaggregation.md for how far from the best."""
    each_s = deadline_s / max(1, len(problem.need_kw))
    called = np.zeros(problem.room_kw.shape, dtype=bool)
    called[problem.loads.asset] = problem.loads.called
    small = problem.room_kw.size <= SMALL
    nothing = np.zeros_like(problem.room_kw)
    given = _ranges(problem, called, nothing, rule, each_s, method, sweeps=SWEEPS if small or not len(problem.loads) else 0)
    chosen = choose_calls(problem, given.change_kw)
    best = _with_calls(problem, chosen, called, rule, each_s, method) if len(chosen) or not small else given
    drops = DROPS if small else 0
    for place in range(len(chosen) - 1, max(-1, len(chosen) - 1 - drops), -1):  # a later call may have made an earlier one needless
        fewer = chosen.without(place)
        less = _with_calls(problem, fewer, called, rule, each_s, method)
        if _objective(problem, less) < _objective(problem, best):
            chosen, best = fewer, less
    return best


def _with_calls(problem: WindowProblem, calls: Calls, reference: np.ndarray, rule: Rule, each_s: float, method: str) -> Given:
    called, whole = reference.copy(), np.zeros_like(problem.room_kw)
    asset = problem.loads.asset[calls.load]
    called[asset] |= calls.periods
    whole[asset] = np.where(calls.periods & problem.loads.whole[calls.load, None], problem.room_kw[asset], 0.0)
    sweeps = SWEEPS if problem.room_kw.size <= SMALL else 1
    return _ranges(problem, called, whole, rule, each_s, method, sweeps=sweeps)


def _objective(problem: WindowProblem, given: Given) -> float:
    rest = problem.need_kw - given.change_kw.sum(axis=0)
    short, over = float(np.maximum(0.0, rest).sum()), float(np.maximum(0.0, -rest).sum())
    missed = problem.hours * (problem.shortfall_price_cny_per_kwh * short + problem.overshoot_price_cny_per_kwh * over)
    return problem.cost_cny(given.change_kw) + missed


def _ranges(
    problem: WindowProblem, called: np.ndarray, whole_kw: np.ndarray, rule: Rule, each_s: float, method: str, *, sweeps: int
) -> Given:
    """Everything that is a range, after the loads that go as a whole.

    Energy is held back in proportion to need; while periods end short, others are reserved less and less.
    """
    rest = _without_wholes(problem, called, whole_kw)
    best, weight = None, rest.need_kw
    for _ in range(ROUNDS):
        change, splits = _one_round(rest, weight, rule, each_s, method)
        missing = np.maximum(0.0, rest.need_kw - change.sum(axis=0))
        if best is None or missing.sum() < best[0] - rest.unit_kw:
            best = float(missing.sum()), change, splits
        if missing.max(initial=0.0) <= rest.unit_kw or not len(rest.stores):
            break
        weight = np.where(missing > rest.unit_kw, weight, FADE_RATIO * weight)
    assert best is not None
    change = best[1]
    for _ in range(0 if rule.name == "pro_rata" else sweeps):
        change = _resplit(rest, change, rule)
    return Given(change + whole_kw, called, tuple(best[2]))


def _without_wholes(problem: WindowProblem, called: np.ndarray, whole_kw: np.ndarray) -> WindowProblem:
    """What is left for ranges, and for loads that may be called in part and are."""
    free = problem.free | (called & (whole_kw == 0))
    free[problem.loads.whole_assets] = False
    return replace(
        problem,
        need_kw=np.maximum(0.0, problem.need_kw - whole_kw.sum(axis=0)),
        room_kw=np.where(free, problem.room_kw, 0.0),
        first_kw=np.where(free, problem.first_kw, 0.0),
        site_room_kw=np.maximum(0.0, problem.site_room_kw - problem.per_site(whole_kw)),
        groups=replace(problem.groups, room_kw=np.maximum(0.0, problem.groups.room_kw - problem.groups.sums(whole_kw))),
    )


def _one_round(
    problem: WindowProblem, weight_of: np.ndarray, rule: Rule, each_s: float, method: str
) -> tuple[np.ndarray, list[Split | None]]:
    """(change_kw, splits) with energy held back for periods by weight_of (T,)."""
    ledger, stores = Ledger(problem), problem.stores
    has_room = (problem.room_kw > 0)[stores.asset]
    weight = np.ascontiguousarray(np.where(stores.active & has_room, weight_of, 0.0).T)
    change = np.zeros_like(problem.room_kw)
    splits: list[Split | None] = []
    for t in range(len(problem.need_kw)):
        room = ledger.reserved_room_kw(weight)
        split = _period(problem, t, room, problem.need_kw[t], rule, each_s, method)
        if split is not None:
            change[:, t] = np.abs(split.change_kw)
        # Even shares are of what each can hold for the whole window, as if all gave that much from the start.
        ledger.book(room if rule.name == "pro_rata" else change[:, t])
        splits.append(split)
    return add_missing(problem, change, rule), splits


def follow(
    problem: WindowProblem, plan_kw: np.ndarray, row: np.ndarray, called: np.ndarray, fixed_kw: np.ndarray, rule: Rule
) -> np.ndarray:
    """Moves (N, T) of assets that follow what is planned for their classes.

    plan_kw (C, T); row (N,): the class of each, -1 = it does not move; fixed_kw (N, T): loads as wholes. Each member holds back
    energy as its class will need it; what that leaves missing is split as ever, then every period once more by the rule.
    """
    rest = _without_wholes(problem, called, fixed_kw)
    ledger, change, count = Ledger(rest), np.zeros_like(rest.room_kw), len(plan_kw)
    weight = np.ascontiguousarray(np.where(rest.stores.active, plan_kw[row[rest.stores.asset]], 0.0).T)
    members = np.flatnonzero(row >= 0)
    for t in range(len(rest.need_kw)):
        room = np.where(row >= 0, np.minimum(rest.room_kw[:, t], ledger.reserved_room_kw(weight)), 0.0)
        together = np.bincount(row[members], room[members], count)
        part = np.minimum(1.0, np.divide(plan_kw[:, t], together, out=np.zeros(count), where=together > 0))
        change[members, t] = room[members] * part[row[members]]
        ledger.book(change[:, t])
    return _resplit(rest, add_missing(rest, change, rule), rule) + fixed_kw


def add_missing(problem: WindowProblem, change_kw: np.ndarray, rule: Rule) -> np.ndarray:
    """Moves (N, T) with what is missing split over what is left of power and of energy that nobody has been promised."""
    change = change_kw.copy()
    if not (problem.need_kw - change.sum(axis=0) > problem.unit_kw).any():
        return change
    ledger = Ledger(problem, change)
    for t in range(len(problem.need_kw)):
        missing = float(problem.need_kw[t] - change[:, t].sum())
        if missing >= problem.unit_kw:
            room = np.maximum(0.0, ledger.room_kw() - change[:, t])
            more = _period(problem, t, room, missing, rule, 0.0, "fast", taken_kw=change[:, t])
            if more is not None:
                change[:, t] += np.abs(more.change_kw)
        ledger.book(change[:, t])
    return change


def _resplit(problem: WindowProblem, change_kw: np.ndarray, rule: Rule) -> np.ndarray:
    """Every period split once more with the energy that the others leave: what was held back for nothing takes a dearer one's place."""
    change = change_kw.copy()
    ledger = Ledger(problem, change)
    for t in range(len(problem.need_kw)):
        again = _period(problem, t, ledger.room_kw(), problem.need_kw[t], rule, 0.0, "fast")
        if again is not None and abs(float(again.change_kw.sum())) >= change[:, t].sum() - problem.unit_kw:
            change[:, t] = np.abs(again.change_kw)
        ledger.book(change[:, t])
    return change


def _period(
    problem: WindowProblem,
    t: int,
    room_kw: np.ndarray,
    need_kw: float,
    rule: Rule,
    deadline_s: float,
    method: str,
    taken_kw: np.ndarray | None = None,
) -> Split | None:
    """One period as an instruction of its own; None where nothing is asked."""
    if need_kw < problem.unit_kw:
        return None
    taken = np.zeros(len(room_kw)) if taken_kw is None else taken_kw
    site_room = problem.site_room_kw[:, t] - problem.per_site(taken)
    room = _inside_groups(problem, t, room_kw, taken)
    nothing = np.zeros(len(room))
    up = problem.direction > 0
    endless = np.full(len(site_room), np.inf)
    caps = np.maximum(0.0, site_room)
    return split_instruction(
        SplitProblem(
            site=problem.site,
            down_room_kw=nothing if up else room,
            up_room_kw=room if up else nothing,
            cost_cny_per_kwh=_mean_cost(problem, t, room, taken),
            site_down_kw=endless if up else caps,
            site_up_kw=caps if up else endless,
            change_kw=problem.direction * need_kw,
            unit_kw=problem.unit_kw,
            turn_hours=problem.turn_hours,
            floor_ratio=problem.floor_ratio,
        ),
        rule=rule,
        deadline_s=deadline_s,
        method=method,
    )


def _mean_cost(problem: WindowProblem, t: int, room_kw: np.ndarray, taken_kw: np.ndarray) -> np.ndarray:
    cost = problem.further_cost_cny_per_kwh[:, t].copy()
    rows = np.flatnonzero(problem.first_kw[:, t] > taken_kw)
    if len(rows):
        room, begins = room_kw[rows], problem.first_cost_cny_per_kwh[rows, t]
        first = np.minimum(problem.first_kw[rows, t] - taken_kw[rows], room)
        share = np.divide(first, room, out=np.ones(len(rows)), where=room > 0)
        cost[rows] = share * begins + (1.0 - share) * cost[rows]
    return cost


def _inside_groups(problem: WindowProblem, t: int, room_kw: np.ndarray, taken_kw: np.ndarray) -> np.ndarray:
    """Rooms cut by one fraction where a feeder or transformer could not carry them together."""
    groups, room = problem.groups, room_kw
    if not len(groups.room_kw):
        return room
    left = np.maximum(0.0, groups.room_kw[:, t] - groups.sums(taken_kw))
    for group in np.flatnonzero(groups.sums(room_kw) > left).tolist():
        members = groups.members(group)
        together = float(room[members].sum())
        if together > left[group]:
            room = room.copy()
            room[members] *= left[group] / together
    return room
