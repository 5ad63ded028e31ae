"""One instruction over a whole window: PuLP over supply curves with the window's energy, or period by period when time is short."""

import time
from dataclasses import dataclass, replace

import numpy as np

from aggregator.dispatch.domain.split.best_calls import best_calls
from aggregator.dispatch.domain.split.condense import condense
from aggregator.dispatch.domain.split.fairness import Rule
from aggregator.dispatch.domain.split.ledger import Ledger
from aggregator.dispatch.domain.split.period_splits import follow, split_periods
from aggregator.dispatch.domain.split.problem import SplitRefused
from aggregator.dispatch.domain.split.realise import realise
from aggregator.dispatch.domain.split.split import METHODS
from aggregator.dispatch.domain.split.window import WindowProblem
from aggregator.dispatch.domain.split.window_check import check_window
from aggregator.dispatch.domain.split.window_solve import is_large, seconds_needed, solve_window

ROUNDING_KW = 0.01  # per period, what whole units may cost the exact model against the fast path
FULL_RATIO = 1 - 1e-6
USED_KW = 5e-4
PRICED = ("cost", "floor")


@dataclass(frozen=True)
class WindowSplit:
    """change_kw (N, T) >= 0 in the instruction's direction, called (N, T): loads whose call is in force.

    need = sum + shortfall - overshoot in every period (T,). method: window (one PuLP model over supply curves) | curves (each
    period by PuLP) | periods (the fast path). status: optimal, at_gap (calls within a gap of a bound), timeout (calls not proven),
    fast, or fallback (PuLP did not deliver).
    price_cny_per_kwh (T,): of the last kWh, NaN where nobody moves or the rule does not go by cost. cost_cny, fast_cost_cny: of
    the answer and of the fast path. possible_kwh (N,): what each could give alone over the window.
    """

    change_kw: np.ndarray
    called: np.ndarray
    shortfall_kw: np.ndarray
    overshoot_kw: np.ndarray
    method: str
    status: str
    price_cny_per_kwh: np.ndarray
    cost_cny: float
    fast_cost_cny: float
    fast_shortfall_kw: np.ndarray
    possible_kwh: np.ndarray

    @property
    def cross_check_ratio(self) -> float | None:
        """(cost - cost of the fast path) / |cost of the fast path|; None where that costs nothing, or serves another amount."""
        same = np.allclose(self.shortfall_kw, self.fast_shortfall_kw, atol=ROUNDING_KW)
        return (self.cost_cny - self.fast_cost_cny) / abs(self.fast_cost_cny) if same and self.fast_cost_cny else None


def split_window(problem: WindowProblem, *, rule: Rule, deadline_s: float, method: str = "auto") -> WindowSplit:
    """Split under `rule` within about deadline_s [s]; methods as of `split_instruction`. Raises SplitRefused."""
    begun = time.monotonic()
    if method not in METHODS:
        raise SplitRefused(why=f"there is no method {method}")
    _complete(problem, rule)
    problem = problem.by_period()
    quick = split_periods(problem, rule=rule, deadline_s=0.0, method="fast")
    fast = realise(problem, quick.change_kw, quick.called), quick.called
    left = deadline_s - (time.monotonic() - begun)
    if not problem.need_kw.any():  # the reference serves the instruction already: nobody moves, and nothing is cheaper
        return _answer(problem, rule, fast, fast, "window", "optimal")
    if method == "fast" or (method == "auto" and left < seconds_needed(problem)):
        return _answer(problem, rule, fast, fast, "periods", "fast")
    found = _by_pulp(problem, rule, left, quick.called)
    if found is not None:
        change, called, name, status = found
        exact = realise(problem, change, called), called
        worse = float((_short(problem, exact[0]) - _short(problem, fast[0])).sum())
        if worse <= ROUNDING_KW * len(problem.need_kw) and not check_window(problem, *exact):
            return _answer(problem, rule, exact, fast, name, status)
    return _answer(problem, rule, fast, fast, "periods", "fallback")


def _complete(problem: WindowProblem, rule: Rule) -> None:
    if rule.name == "rotation" and problem.turn_hours is None:
        raise SplitRefused(why="rotation needs to know when each asset was last called")
    if rule.name == "floor" and problem.floor_ratio is None:
        raise SplitRefused(why="the floor rule needs each site's share")


def _by_pulp(problem: WindowProblem, rule: Rule, seconds: float, called: np.ndarray) -> tuple[np.ndarray, np.ndarray, str, str] | None:
    """A large park by its sites' curves. Even shares are split period by period; only where that leaves something missing does
    the model of the window mend it.
    """
    large = is_large(problem)
    if rule.name != "pro_rata" and not (large and rule.name == "rotation"):
        if large:
            return _by_curves(problem, rule, seconds, called)
        found = solve_window(problem, rule=rule, seconds=seconds, called=called)
        return None if found is None else (found.change_kw, found.called, "window", found.status)
    begun = time.monotonic()
    even = split_periods(problem, rule=rule, deadline_s=seconds / 2, method="auto")
    missing = (problem.need_kw - even.change_kw.sum(axis=0)).max(initial=0.0) > ROUNDING_KW
    if large or not (missing or problem.loads.whole.any()):
        by_pulp = any(split is not None and split.method == "curves" for split in even.splits)
        return even.change_kw, even.called, "curves" if by_pulp else "periods", "timeout" if missing else "optimal"
    left = seconds - (time.monotonic() - begun)
    mended = solve_window(problem, rule=rule, seconds=left, called=even.called, keep_kw=even.change_kw)
    return None if mended is None else (mended.change_kw, mended.called, "window", mended.status)


def _by_curves(problem: WindowProblem, rule: Rule, seconds: float, called: np.ndarray) -> tuple[np.ndarray, np.ndarray, str, str] | None:
    """One model over the classes of every site, with the calls of the fast path; the members follow it."""
    small = condense(problem, called)
    found = solve_window(small.problem, rule=replace(rule, fairness_cny_per_kwh=0.0), seconds=seconds, called=called[:0], corners=False)
    if found is None:
        return None
    change = follow(problem, found.change_kw, small.row, called, small.fixed_kw, rule)
    return change, called, "curves", "timeout" if len(problem.loads) else found.status


Moves = tuple[np.ndarray, np.ndarray]


def _answer(problem: WindowProblem, rule: Rule, moves: Moves, fast: Moves, method: str, status: str) -> WindowSplit:
    change, called = moves
    rest = problem.need_kw - change.sum(axis=0)
    return WindowSplit(
        change_kw=change,
        called=called,
        shortfall_kw=np.maximum(0.0, rest),
        overshoot_kw=np.maximum(0.0, -rest),
        method=method,
        status=status,
        price_cny_per_kwh=_prices(problem, change) if rule.name in PRICED else np.full(len(rest), np.nan),
        cost_cny=problem.cost_cny(change),
        fast_cost_cny=problem.cost_cny(fast[0]),
        fast_shortfall_kw=_short(problem, fast[0]),
        possible_kwh=_possible(problem),
    )


def _short(problem: WindowProblem, change_kw: np.ndarray) -> np.ndarray:
    return np.maximum(0.0, problem.need_kw - change_kw.sum(axis=0))


def _prices(problem: WindowProblem, change_kw: np.ndarray) -> np.ndarray:
    """(T,) marginal cost of the dearest asset that moves: of one that could move further, if there is one."""
    beyond = change_kw > problem.first_kw + USED_KW
    cost = np.where(beyond, problem.further_cost_cny_per_kwh, problem.first_cost_cny_per_kwh)
    used = change_kw > USED_KW
    partly = used & (change_kw < FULL_RATIO * problem.room_kw)
    chosen = np.where(partly.any(axis=0), partly, used)
    price = np.where(chosen, cost, -np.inf).max(axis=0, initial=-np.inf)
    return np.where(np.isfinite(price), price, np.nan)


def _possible(problem: WindowProblem) -> np.ndarray:
    """(N,) what every asset could give alone in the periods that are asked for [kWh]."""
    asked = problem.need_kw > 0
    room = np.where(asked, problem.room_kw, 0.0)
    loads = problem.loads
    periods = best_calls(loads, room[loads.asset], asked | ~loads.whole[:, None])
    room[loads.asset] = np.where(periods, room[loads.asset], 0.0)
    ledger, total = Ledger(problem), np.zeros(len(room))
    for t in range(len(problem.need_kw)):
        given = np.minimum(room[:, t], ledger.room_kw())
        total += given
        ledger.book(given)
    return problem.hours * total
