"""What was promised with a plan goes on in the plans that follow it, instructions included."""

from dataclasses import replace
from datetime import datetime

import numpy as np

from aggregator.dispatch import queries
from aggregator.dispatch.domain import FirmBlock, Target
from aggregator.kernel.periods import Grid


def block_of(plan: queries.PlanFacts) -> FirmBlock | None:
    """The firm block of a plan, on the plan's grid."""
    given = plan.inputs.get("firm")
    if given is None:
        return None
    arrays = {name: np.array(values) for name, values in given.items() if isinstance(values, list)}
    return FirmBlock(**{**given, **arrays, "window": slice(*given["window"])})


def promised_after(*, portfolio_id: int, target: Target, grid: Grid, at: datetime) -> FirmBlock | None:
    """On `grid`, what the plan in force at `at` has promised for the periods after the target's last one. Inside the target the
    instruction says what is to be done.
    """
    plan = queries.current_plan(portfolio_id=portfolio_id, at=at)
    block = None if plan is None else block_of(plan)
    asked = np.flatnonzero(np.isfinite(target.injection_kw))
    if plan is None or block is None or not len(asked) or plan.grid.resolution != grid.resolution:
        return None
    end = int(asked[-1]) + 1
    before = (plan.grid.starts_at - grid.starts_at) // grid.resolution  # periods of `grid` before the plan's first one
    later = block.tail(max(0, end - before), len(plan.grid))
    if later is None:
        return None
    by = max(end, before)
    return replace(later, window=slice(later.window.start + by, later.window.stop + by))
