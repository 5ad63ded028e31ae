"""The rolling schedule: every quarter of an hour a look at whether reality has left the plan; if so, the rest is planned anew.

What is carried over the seam: states of charge as measured, calls used and running, the peak that is charged already, the
promised block. What stands in force and would change by next to nothing is left alone, so that gateways are not told the same
thing all day.
"""

from datetime import datetime, timedelta

import numpy as np

from aggregator.assets import queries as assets
from aggregator.dispatch import queries
from aggregator.dispatch.models import DispatchPlan
from aggregator.dispatch.operations._inputs import Course, Prices
from aggregator.dispatch.operations._nowcast import expected_kw
from aggregator.dispatch.operations._order import Order
from aggregator.dispatch.operations._plan import DEADLINE_S, make_plan
from aggregator.dispatch.operations._promises import block_of
from aggregator.dispatch.operations._solve import OnlySafePlan
from aggregator.forecasts.operations import forecast_availability
from aggregator.kernel.periods import Grid, day_of
from aggregator.support.alarms import raise_alarm
from aggregator.telemetry import queries as telemetry

CELL = timedelta(minutes=5)
CELLS_SEEN = 3
DEPARTED_RATIO = 0.10  # of the largest planned injection or consumption


def replan(*, portfolio_id: int, now: datetime, real_time: Course | None = None, deadline_s: float = DEADLINE_S) -> DispatchPlan | None:
    """A new schedule for the rest of the running plan's periods; None where there is no reason for one.

    `real_time`: prices that are known by now. The day-ahead position is settled whatever is done now; what is changed from here
    on earns the real-time price, so it counts where it is known, and the day-ahead price stands for it elsewhere.

    No reason: no plan, a stop, no solver that finds one (an alarm says so), an instruction whose window is not over (its
    re-dispatch has its own rules), or a portfolio that does what was planned. Once per portfolio and period. Raises what
    forecasts and plans refuse.
    """
    plan = queries.current_plan(portfolio_id=portfolio_id, at=now)
    if plan is None or plan.forecast_run_id is None or queries.active_stop(portfolio_id=portfolio_id) is not None:
        return None
    # From the next period on: in the running one the machines have their orders already.
    first = (now - plan.grid.starts_at) // plan.grid.resolution + 1
    over = first >= len(plan.grid) or np.isfinite(plan.target_kw[first - 1 :]).any()
    if over or not _departed(plan, now):
        return None
    rest = plan.grid.tail(first)
    run = forecast_availability(portfolio_id=portfolio_id, issued_at=now, grid=rest)
    order = Order(
        portfolio_id=portfolio_id,
        purpose="replan",
        reference=f"rolling {rest.starts_at.isoformat()}",
        grid=plan.grid,
        run_id=run.pk,
        prices=Prices.of(plan.inputs).known(plan.grid, real_time),
        issued_at=now,
        deadline_s=deadline_s,
        firm=block_of(plan),
        not_before=rest.starts_at,
        optional=True,
    )
    try:
        return make_plan(order)
    except OnlySafePlan:
        key = f"{portfolio_id} {rest.starts_at.isoformat()}"
        raise_alarm(kind="plan.not_renewed", key=key, severity="warning", at=now, starts_at=rest.starts_at.isoformat())
        return None


def _departed(plan: queries.PlanFacts, now: datetime) -> bool:
    """Whether what the assets that are heard inject left what the plan counted on in the newest cells."""
    since = max(plan.grid.starts_at, plan.issued_at)
    cells = min((now - since) // CELL, CELLS_SEEN)
    if cells < 1:
        return False
    grid = Grid(now - cells * CELL, CELL, cells)
    members = assets.members_on(portfolio_id=plan.portfolio_id, day=day_of(plan.grid.starts_at))
    ids = [member.asset_id for member in members]
    gap = telemetry.power(asset_ids=ids, grid=grid, known_at=now) - expected_kw(plan, ids, grid, {}, now)
    heard = np.isfinite(gap)
    if not heard.any():
        return False
    off_kw = float(np.where(heard, gap, 0.0).sum(axis=0).mean())
    return abs(off_kw) > DEPARTED_RATIO * float(np.abs(plan.planned_kw).max(initial=0.0))
