"""From the split window to the whole grid: what comes before it, and the rest of the grid after it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from aggregator.dispatch.domain.instruction.columns import Window, window_of
from aggregator.dispatch.domain.instruction.reference import Courses, courses_of
from aggregator.dispatch.domain.instruction.tail import tail_of
from aggregator.dispatch.domain.problem import ScheduleProblem
from aggregator.dispatch.domain.schedule import BindingLimit, Schedule, assemble, solve_schedule
from aggregator.dispatch.domain.split.fairness import Rule
from aggregator.dispatch.domain.split.window_split import WindowSplit, split_window

LEAST_S = 0.5  # what the rest of the grid gets in any case
AS_A_PLAN = {"optimal": "optimal", "at_gap": "at_gap", "timeout": "timeout", "fast": "timeout", "fallback": "timeout"}
WORST_LAST = ("optimal", "at_gap", "timeout", "fallback")


@dataclass(frozen=True)
class Served:
    """A window and its split, and the courses that both start from."""

    courses: Courses
    window: Window
    split: WindowSplit

    @property
    def short_kwh(self) -> float:
        return float(self.split.shortfall_kw.sum()) * self.window.columns.hours


@dataclass(frozen=True)
class Asked:
    """How the window is to be split; see `solve_instruction`."""

    rule: Rule
    turn_hours: Mapping[str, float] | None
    floor_ratio: Mapping[str, float] | None
    method: str


def serve(problem: ScheduleProblem, courses: Courses, asked: Asked, *, deadline_s: float) -> Served:
    """The window split from where the reference leaves the park."""
    window = window_of(problem, courses, turn_hours=asked.turn_hours, floor_ratio=asked.floor_ratio)
    split = split_window(window.columns, rule=asked.rule, deadline_s=deadline_s, method=asked.method)
    return Served(courses, window, split)


def serve_prepared(problem: ScheduleProblem, served: Served, asked: Asked, *, deadline_s: float, mode: str | None) -> Served:
    """The same after a better start: before the window everybody does what the joint schedule would do to be ready for it."""
    ends = time.monotonic() + deadline_s
    joint = solve_schedule(problem, deadline_s=deadline_s / 2, mode=mode)
    first, planned = served.window.first, {}
    natural = served.courses.injection_kw
    for key in problem.devices:
        later = problem.reference_kw.get(key, natural[key])
        planned[key] = np.concatenate((joint.injection_kw[key][:first], later[first:]))
    ready = replace(problem, reference_kw=planned)
    return serve(ready, courses_of(ready), asked, deadline_s=max(0.0, ends - time.monotonic()))


def schedule_of(problem: ScheduleProblem, served: Served, *, deadline_s: float, mode: str | None) -> Schedule:
    """Everything that happens: the reference up to the window, the window as split, the rest planned anew."""
    begun = time.monotonic()
    window, n = served.window, len(problem.grid)
    inside, keys = slice(window.first, window.end), window.keys
    moves, in_call = served.courses.net_kw[:, : window.end].copy(), served.courses.called[:, : window.end].copy()
    moves[:, inside] += served.split.change_kw * window.columns.direction
    in_call[:, inside] |= served.split.called
    net, called = dict(zip(keys, moves, strict=True)), dict(zip(keys, in_call, strict=True))
    status, mode_after = AS_A_PLAN[served.split.status], ""
    limits: tuple[BindingLimit, ...] = ()
    if window.end < n:
        rest = tail_of(problem, end=window.end, net_kw=net, called=called)
        after = solve_schedule(rest, deadline_s=max(LEAST_S, deadline_s), mode=mode)
        for key in net:
            rebound = rest.devices[key][1].fixed_kw - problem.devices[key][1].fixed_kw[window.end :]  # of a call of the window
            net[key] = np.concatenate((net[key], rebound + after.up_kw[key] - after.down_kw[key]))
            called[key] = np.concatenate((called[key], after.on.get(key, np.zeros(n - window.end, dtype=bool))))
        status = max(status, after.status, key=WORST_LAST.index)
        limits = tuple(replace(limit, periods=tuple(t + window.end for t in limit.periods)) for limit in after.limits)
        mode_after = after.mode
    made = assemble(
        problem,
        up={key: np.maximum(0.0, kw) for key, kw in net.items()},
        down={key: np.maximum(0.0, -kw) for key, kw in net.items()},
        on=called,
        status=status,
    )
    return replace(made, mode=mode_after, limits=limits, seconds={"after": time.monotonic() - begun})
