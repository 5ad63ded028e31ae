"""An instruction becomes a schedule: the window split over the assets, the rest of the grid planned from where that leaves them.

    schedule, split = solve_instruction(problem, deadline_s=60.0, rule=Rule("cost"))

`problem.target` says what is asked for (NaN = nothing), `problem.reference_kw` what every asset does anyway. Inside the
window nobody moves against the instruction from there; before it everybody keeps the reference, unless that leaves it short;
after it the park is planned anew. The schedule is whole and can be checked like any other (`check_schedule`, `explain`,
`settings_of`).
"""

import time
from collections.abc import Mapping

import numpy as np

from aggregator.dispatch.domain.instruction.plan import Asked, schedule_of, serve, serve_prepared
from aggregator.dispatch.domain.instruction.reference import courses_of
from aggregator.dispatch.domain.instruction.result import InstructionSplit, split_of
from aggregator.dispatch.domain.problem import ScheduleProblem
from aggregator.dispatch.domain.refusals import ProblemRefused
from aggregator.dispatch.domain.schedule import Schedule
from aggregator.dispatch.domain.split.fairness import Rule

WINDOW_RATIO = 0.3  # of the deadline for a split of the window; there may be two, and then the rest of the grid
SHORT_KWH = 0.01
PREPARED_S = 3.0  # with less there is no time for the joint schedule


def solve_instruction(
    problem: ScheduleProblem,
    *,
    deadline_s: float,
    rule: Rule | None = None,
    turn_hours: Mapping[str, float] | None = None,
    floor_ratio: Mapping[str, float] | None = None,
    method: str = "auto",
    mode: str | None = None,
) -> tuple[Schedule, InstructionSplit]:
    """The schedule that serves the target as well as it can be served, and how that was split, within about deadline_s [s].

    rule: who is called (by cost where none is named). turn_hours: per asset key, hours since it was last called (missing =
    never), for rotation. floor_ratio: per site key, least share, for floor. method: auto | pulp | fast, see
    docs/disaggregation.md; mode: of the schedule after the window. Never an exception for lack of a solver.
    A firm block is kept in the periods after the target. Raises ProblemRefused (no target, or a block that begins before its end),
    SplitRefused (the rule lacks what it needs).
    """
    begun = time.monotonic()
    if problem.target is None or not problem.wanted.any():
        raise ProblemRefused(why="no_target")
    if problem.in_firm[: np.flatnonzero(problem.wanted)[-1] + 1].any():
        raise ProblemRefused(why="promise_before_target")
    asked = Asked(rule or Rule(), turn_hours, floor_ratio, method)
    served = serve(problem, courses_of(problem), asked, deadline_s=WINDOW_RATIO * deadline_s)
    if served.window.first > 0 and served.short_kwh > SHORT_KWH and method != "fast" and deadline_s >= PREPARED_S:
        ready = serve_prepared(problem, served, asked, deadline_s=WINDOW_RATIO * deadline_s, mode=mode)
        if ready.short_kwh < served.short_kwh - SHORT_KWH:
            served = ready
    schedule = schedule_of(problem, served, deadline_s=deadline_s - (time.monotonic() - begun), mode=mode)
    split = split_of(
        served.window,
        served.split,
        rule=asked.rule,
        sites={key: site for key, (site, _) in problem.devices.items()},
        target_kw=problem.target.injection_kw,
        seconds=time.monotonic() - begun,
    )
    return schedule, split
