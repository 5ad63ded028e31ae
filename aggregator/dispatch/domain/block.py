"""How much demand response a portfolio can hold: found on summed assets, proven by a plan of every single one."""

import time
from dataclasses import replace

from aggregator.dispatch.domain.fleet.block import block_kw
from aggregator.dispatch.domain.fleet.devices import columns_of
from aggregator.dispatch.domain.problem import FirmBlock, ScheduleProblem
from aggregator.dispatch.domain.schedule import solve_schedule

ROUNDS = 5
HELD_KW = 1e-3


def holdable_block(problem: ScheduleProblem, block: FirmBlock, *, deadline_s: float) -> float | None:
    """The constant quantity [kW], at most `block.max_kw`, that pays best at the block's price and that a plan holds in every period.

    0 where none pays or holds. None where no solver answers within about `deadline_s` [s]. The problem's own firm block and the
    block's `fixed_kw` are left out.
    """
    until = time.monotonic() + deadline_s
    fleet = columns_of(replace(problem, firm=None, target=None))
    value = problem.injection_value_cny_per_kwh[block.window]
    found = block_kw(
        fleet,
        window=block.window,
        baseline_kw=block.baseline_kw,
        direction=block.direction,
        gain_cny_per_kw=problem.grid.hours * float((block.price_cny_per_kwh - block.direction * value).sum()),
        max_kw=max(0.0, block.max_kw),
        deadline_s=deadline_s / ROUNDS,
    )
    for _ in range(ROUNDS):
        if not found or found <= HELD_KW:
            return found if found is None else 0.0
        promised = replace(block, fixed_kw=found)
        plan = solve_schedule(replace(problem, firm=promised, target=None), deadline_s=(until - time.monotonic()) / 2)
        if plan.status == "fallback":
            return None
        short_kw = float(plan.shortfall_kw.max(initial=0.0))
        if short_kw <= HELD_KW:
            return found
        found -= short_kw
    return 0.0
