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
FADE_RATIO = 0.3
DROPS = 3
MOST_DROPS_SIZE = 5_000  # assets x periods up to which there is time to try without a call


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
    n_periods = len(problem.need_kw)
    called = np.zeros(problem.room_kw.shape, dtype=bool)
    for load in problem.loads:
        called[load.asset] = load.called
    given = _ranges(problem, called, np.zeros_like(problem.room_kw), rule, deadline_s / max(1, n_periods), method)
    chosen = choose_calls(problem, given.change_kw)
    each_s = deadline_s / max(1, n_periods)
    best = _with_calls(problem, chosen, called, rule, each_s, method) if chosen else given
    drops = DROPS if problem.room_kw.size <= MOST_DROPS_SIZE else 0
    for one in chosen[: -drops - 1 : -1]:  # a later call may have made an earlier one needless
        fewer = [row for row in chosen if row is not one]
        less = _with_calls(problem, fewer, called, rule, each_s, method)
        if _objective(problem, less) < _objective(problem, best):
            chosen, best = fewer, less
    return best


def _with_calls(problem: WindowProblem, calls: Calls, reference: np.ndarray, rule: Rule, each_s: float, method: str) -> Given:
    called, whole = reference.copy(), np.zeros_like(problem.room_kw)
    for load, periods in calls:
        called[load.asset, periods] = True
        if load.whole:
            whole[load.asset, periods] = problem.room_kw[load.asset, periods]
    return _ranges(problem, called, whole, rule, each_s, method)


def _objective(problem: WindowProblem, given: Given) -> float:
    rest = problem.need_kw - given.change_kw.sum(axis=0)
    short, over = float(np.maximum(0.0, rest).sum()), float(np.maximum(0.0, -rest).sum())
    missed = problem.hours * (problem.shortfall_price_cny_per_kwh * short + problem.overshoot_price_cny_per_kwh * over)
    return problem.cost_cny(given.change_kw) + missed


def _ranges(problem: WindowProblem, called: np.ndarray, whole_kw: np.ndarray, rule: Rule, each_s: float, method: str) -> Given:
    """Everything that is a range, after the loads that go as a whole.

    Energy is held back in proportion to need; while periods end short, others are reserved less and less.
    """
    free = problem.free | (called & (whole_kw == 0))
    for load in problem.loads:
        if load.whole:
            free[load.asset] = False
    rest = replace(
        problem,
        need_kw=np.maximum(0.0, problem.need_kw - whole_kw.sum(axis=0)),
        room_kw=np.where(free, problem.room_kw, 0.0),
        first_kw=np.where(free, problem.first_kw, 0.0),
        site_room_kw=np.maximum(0.0, problem.site_room_kw - problem.per_site(whole_kw)),
        groups=replace(problem.groups, room_kw=np.maximum(0.0, problem.groups.room_kw - _per_group(problem, whole_kw))),
    )
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
    for _ in range(0 if rule.name == "pro_rata" else SWEEPS):
        change = _resplit(rest, change, rule)
    return Given(change + whole_kw, called, tuple(best[2]))


def _one_round(
    problem: WindowProblem, weight_of: np.ndarray, rule: Rule, each_s: float, method: str
) -> tuple[np.ndarray, list[Split | None]]:
    """(change_kw, splits) with energy held back for periods by weight_of (T,)."""
    ledger, stores = Ledger(problem), problem.stores
    by_asset = np.where(problem.room_kw > 0, weight_of, 0.0)
    weight = np.where(stores.active, by_asset[stores.asset], 0.0)
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


def add_missing(problem: WindowProblem, change_kw: np.ndarray, rule: Rule) -> np.ndarray:
    """Moves (N, T) with what is missing split over what is left of power and of energy that nobody has been promised."""
    change = change_kw.copy()
    if not (problem.need_kw - change.sum(axis=0) > problem.unit_kw).any():
        return change
    ledger = Ledger(problem)
    planned = ledger.draws_kwh(change)
    for t in range(len(problem.need_kw)):
        missing = float(problem.need_kw[t] - change[:, t].sum())
        if missing >= problem.unit_kw:
            room = np.maximum(0.0, ledger.room_kw(planned) - change[:, t])
            more = _period(problem, t, room, missing, rule, 0.0, "fast", taken_kw=change[:, t])
            if more is not None:
                change[:, t] += np.abs(more.change_kw)
        ledger.book(change[:, t])
    return change


def _resplit(problem: WindowProblem, change_kw: np.ndarray, rule: Rule) -> np.ndarray:
    """Every period split once more with the energy that the others leave: what was held back for nothing takes a dearer one's place."""
    change = change_kw.copy()
    ledger = Ledger(problem)
    planned = ledger.draws_kwh(change)
    for t in range(len(problem.need_kw)):
        again = _period(problem, t, ledger.room_kw(planned), problem.need_kw[t], rule, 0.0, "fast")
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
    site_room = problem.site_room_kw[:, t].copy()
    np.subtract.at(site_room, problem.site, taken)
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
    first = np.clip(problem.first_kw[:, t] - taken_kw, 0.0, room_kw)
    share = np.divide(first, room_kw, out=np.ones(len(room_kw)), where=room_kw > 0)
    return share * problem.first_cost_cny_per_kwh[:, t] + (1.0 - share) * problem.further_cost_cny_per_kwh[:, t]


def _inside_groups(problem: WindowProblem, t: int, room_kw: np.ndarray, taken_kw: np.ndarray) -> np.ndarray:
    """Rooms cut by one fraction where a feeder or transformer could not carry them together."""
    room = room_kw
    for members, most_kw in zip(problem.groups.members, problem.groups.room_kw[:, t], strict=True):
        left = max(0.0, float(most_kw - taken_kw[members].sum()))
        together = float(room[members].sum())
        if together > left:
            room = np.where(members, room * (left / together), room)
    return room


def _per_group(problem: WindowProblem, change_kw: np.ndarray) -> np.ndarray:
    return problem.groups.members.astype(float) @ change_kw
