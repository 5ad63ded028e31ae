"""The rolling schedule at the prices that count by now."""

from datetime import datetime

from aggregator.assets.queries import portfolio
from aggregator.dispatch.models import DispatchPlan
from aggregator.dispatch.operations import Course, replan
from aggregator.kernel.periods import Grid, day_of, midnight
from market.prices.queries import curve

KWH_PER_MWH = 1000


def replan_day(*, portfolio_id: int, now: datetime) -> DispatchPlan | None:
    """See `dispatch.operations.replan`; with the day's real-time prices as far as they are known at `now`."""
    facts, day = portfolio(portfolio_id=portfolio_id), day_of(now)
    known = curve(park_id=facts.park_id, market="real_time", day=day, known_at=now)
    course = None
    if known is not None:
        grid = Grid(midnight(day), known.resolution, len(known.cny_per_mwh))
        course = Course(grid, known.cny_per_mwh / KWH_PER_MWH)
    return replan(portfolio_id=portfolio_id, now=now, real_time=course)
