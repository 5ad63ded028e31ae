"""The Pareto report of a portfolio's day: prices, promises and forecasts from where the market keeps them, one call below."""

from collections.abc import Callable
from datetime import date, datetime

import numpy as np

from aggregator.dispatch.domain.pareto import LEAST_POINTS, CarbonFactor
from aggregator.dispatch.models import ParetoReport
from aggregator.dispatch.operations import make_pareto_report
from aggregator.forecasts.queries import latest_run
from market.bids.operations import ForecastMissing, day_ahead_value, planning_day, planning_prices
from market.bids.operations._schedule import firm_block
from market.bids.queries import awards_on


def day_pareto_report(
    *,
    portfolio_id: int,
    day: date,
    now: datetime,
    factor_kg_per_kwh: float | None = None,
    factor_source: str = "",
    points: int = LEAST_POINTS,
    say: Callable[[int], None] | None = None,
) -> ParetoReport:
    """As the day was known when it was scheduled, or is known `now` if that is earlier; awarded demand response is kept.

    `factor_kg_per_kwh`: emissions of a kWh from the grid all day, with who says so; None = not known, carbon is left out.
    Raises DayAheadPricesMissing, ForecastMissing, NoParetoReport, ProblemRefused, and what planning refuses.
    """
    plan = planning_day(portfolio_id=portfolio_id, day=day)
    known_at = min(now, plan.times.schedule_at)
    value = day_ahead_value(plan, now=known_at)
    run = latest_run(portfolio_id=portfolio_id, grid=plan.grid, known_at=known_at)
    if run is None:
        raise ForecastMissing(day=day.isoformat())
    demand = awards_on(portfolio_id=portfolio_id, day=day, known_at=known_at).get("demand_response")
    known = factor_kg_per_kwh is not None
    return make_pareto_report(
        portfolio_id=portfolio_id,
        day=day,
        grid=plan.grid,
        run_id=run.id,
        prices=planning_prices(plan, value_cny_per_mwh=value),
        factor=CarbonFactor(np.full(len(plan.grid), factor_kg_per_kwh), factor_source) if known else None,
        issued_at=known_at,
        firm=None if demand is None else firm_block(plan, demand),
        points=points,
        say=say,
    )
