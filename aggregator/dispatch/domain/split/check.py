"""An independent opinion on a split: every limit again from the problem's own columns, in kW, with own sums."""

from dataclasses import dataclass

import numpy as np

from aggregator.dispatch.domain.split.problem import SplitProblem

TOLERANCE_KW = 1e-6
RELATIVE = 1e-9
SUM_KW = 0.1  # what an instruction may be missed by


@dataclass(frozen=True)
class SplitViolation:
    """`limit` (number | room | direction | unit | site_room | sum) is broken by `by_kw` at row `index` of assets or sites."""

    limit: str
    index: int
    by_kw: float


def check_split(problem: SplitProblem, change_kw: np.ndarray, shortfall_kw: float) -> list[SplitViolation]:
    """Everything that is broken; empty = the setpoints may be sent. change_kw (N,) signed, as sent."""
    if change_kw.shape != problem.site.shape or not np.isfinite(change_kw.sum()):
        return [SplitViolation("number", 0, float("nan"))]
    sign = 1.0 if problem.change_kw >= 0 else -1.0
    room, cap = (problem.up_room_kw, problem.site_up_kw) if sign > 0 else (problem.down_room_kw, problem.site_down_kw)
    moved = sign * change_kw
    of_site = np.bincount(problem.site, moved, len(cap)) if len(moved) else np.zeros(len(cap))
    found = _over("room", moved - room, room) + _over("site_room", of_site - cap, cap)
    if len(moved) and moved.min() < 0:
        found += _over("direction", -moved, room)
    steps = change_kw / problem.unit_kw
    steps -= np.rint(steps)
    found += _over("unit", np.abs(steps, out=steps) * problem.unit_kw, moved)
    missed = abs(abs(problem.change_kw) - shortfall_kw - float(moved.sum()))
    if not (missed <= SUM_KW and shortfall_kw >= 0):
        found.append(SplitViolation("sum", 0, max(missed, -shortfall_kw)))
    return found


def _over(limit: str, excess_kw: np.ndarray, size_kw: np.ndarray) -> list[SplitViolation]:
    if not len(excess_kw) or excess_kw.max() <= TOLERANCE_KW:
        return []
    bad = np.flatnonzero(excess_kw > TOLERANCE_KW + RELATIVE * np.abs(size_kw))
    return [SplitViolation(limit, int(k), float(excess_kw[k])) for k in bad]
