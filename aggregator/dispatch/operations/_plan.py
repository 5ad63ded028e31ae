"""Make a plan: gather, solve outside any transaction, check, store, and have it sent."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import numpy as np

from aggregator.dispatch import queries
from aggregator.dispatch.domain import FirmBlock, ProblemRefused, Target
from aggregator.dispatch.models import DispatchPlan
from aggregator.dispatch.operations._inputs import Prices, gather
from aggregator.dispatch.operations._nowcast import load_drift
from aggregator.dispatch.operations._order import Order, from_now
from aggregator.dispatch.operations._promises import block_of, promised_after
from aggregator.dispatch.operations._solve import solved_plan
from aggregator.dispatch.operations._store import same_order, store
from aggregator.forecasts.operations import forecast_availability
from aggregator.kernel.errors import Anticipated
from aggregator.kernel.fingerprint import fingerprint
from aggregator.kernel.periods import Grid

DEADLINE_S = 60.0


class StopActive(Anticipated):
    code = "dispatch.stop_active"
    text = "A global stop is active: nothing is planned or sent until it is released."
    status = 409


def schedule(
    *,
    portfolio_id: int,
    grid: Grid,
    run_id: int,
    injection_value_cny_per_kwh: np.ndarray,
    import_adder_cny_per_kwh: Mapping[int, np.ndarray],
    demand_price_cny_per_kw: Mapping[int, float],
    firm: FirmBlock | None,
    reference: str,
    issued_at: datetime,
    deadline_s: float = DEADLINE_S,
) -> DispatchPlan:
    """Plan `grid` at these prices [CNY/kWh, CNY/kW; per site id], send it. The same reference again returns the same plan.

    Raises ProblemRefused (a price or forecast is missing), StopActive.
    """
    prices = Prices(injection_value_cny_per_kwh, import_adder_cny_per_kwh, demand_price_cny_per_kw, _mean(injection_value_cny_per_kwh))
    order = Order(portfolio_id, "schedule", reference, grid, run_id, prices, issued_at, deadline_s, firm=firm)
    return make_plan(order)


def dispatch(
    *,
    portfolio_id: int,
    grid: Grid,
    target: Target,
    run_id: int,
    injection_value_cny_per_kwh: np.ndarray,
    import_adder_cny_per_kwh: Mapping[int, np.ndarray],
    demand_price_cny_per_kw: Mapping[int, float],
    reference: str,
    issued_at: datetime,
    deadline_s: float = DEADLINE_S,
    exclude_asset_ids: Collection[int] = (),
) -> DispatchPlan:
    """Disaggregate `target` (on `grid`, NaN = nothing asked) from the running period to the end of the grid.

    What cannot be met is the plan's shortfall; what is promised for later is kept. Older setpoints of the same assets and periods
    are superseded.
    Raises ProblemRefused, StopActive.
    """
    prices = Prices(injection_value_cny_per_kwh, import_adder_cny_per_kwh, demand_price_cny_per_kw, _mean(injection_value_cny_per_kwh))
    excluded = tuple(sorted(set(exclude_asset_ids)))
    firm = promised_after(portfolio_id=portfolio_id, target=target, grid=grid, at=issued_at)
    order = Order(
        portfolio_id, "instruction", reference, grid, run_id, prices, issued_at, deadline_s, firm=firm, target=target, excluded=excluded
    )
    return make_plan(order)


def redispatch(
    *, plan_id: int, failed_asset_ids: Collection[int], now: datetime, cause: str = "", deadline_s: float = DEADLINE_S
) -> DispatchPlan | None:
    """The same target again without the assets that failed, for the rest of its window.

    With a `cause` (the portfolio is short) wind and sun are forecast anew, and loads go on as far from their
    forecast as they are now; otherwise everything keeps the forecast of the instruction.
    Once per set of failed assets and `cause`; None where there was no target or its window is over.
    Raises NotFound, ProblemRefused, StopActive.
    """
    plan = queries.plan(plan_id=plan_id)
    wanted = np.flatnonzero(np.isfinite(plan.target_kw))
    if plan.forecast_run_id is None or not len(wanted) or plan.grid.starts[wanted[-1]] + plan.grid.resolution <= now:
        return None
    given = plan.inputs
    excluded = tuple(sorted({*given["excluded"], *failed_asset_ids}))
    prices = Prices.of(given)
    order = Order(
        portfolio_id=plan.portfolio_id,
        purpose="redispatch",
        reference=f"{given['root']}:again-{fingerprint([plan.inputs['root'], excluded, cause])[:12]}",
        grid=plan.grid,
        run_id=plan.forecast_run_id,
        weather_run_id=(_fresh_forecast(plan, now) if cause else None) or given.get("weather_run_id"),
        drift_kw=load_drift(plan, excluded=excluded, now=now) if cause else _drift(given),
        prices=prices,
        issued_at=now,
        deadline_s=deadline_s,
        firm=block_of(plan),
        target=Target(plan.target_kw, given["direction"]),
        excluded=excluded,
        root=given["root"],
    )
    return make_plan(order)


def _fresh_forecast(plan: queries.PlanFacts, now: datetime) -> int | None:
    """Run of what the weather does by now; None where none can be made."""
    rest = plan.grid.tail(max(0, (now - plan.grid.starts_at) // plan.grid.resolution))
    try:
        return forecast_availability(portfolio_id=plan.portfolio_id, issued_at=now, grid=rest).pk
    except Anticipated:
        return None


def _drift(given: Mapping[str, Any]) -> dict[int, float]:
    return {int(asset_id): kw for asset_id, kw in given.get("drift_kw", {}).items()}


def _mean(values: np.ndarray) -> float:
    if not np.isfinite(values).all() or not len(values):
        raise ProblemRefused(why="value_incomplete")
    return float(np.mean(values))


def make_plan(order: Order) -> DispatchPlan:
    found = same_order(order)
    if found is not None:
        return found
    if queries.active_stop(portfolio_id=order.portfolio_id) is not None:
        raise StopActive()
    order = from_now(order)
    gathered = gather(
        portfolio_id=order.portfolio_id,
        grid=order.grid,
        run_id=order.run_id,
        prices=order.prices,
        issued_at=order.issued_at,
        firm=order.firm,
        target=order.target,
        excluded=order.excluded,
        weather_run_id=order.weather_run_id,
        drift_kw=order.drift_kw,
    )
    return store(order, gathered, solved_plan(order, gathered))
