"""Make a plan: gather, solve outside any transaction, check, store, and have it sent."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db import transaction

from aggregator.assets.domain import kind_of
from aggregator.assets.models import Portfolio
from aggregator.assets.operations import write_commitment
from aggregator.dispatch import queries
from aggregator.dispatch.domain import (
    FirmBlock,
    ProblemRefused,
    Relaxed,
    Schedule,
    Target,
    Violation,
    changes,
    check_schedule,
    explain,
    solve_schedule,
)
from aggregator.dispatch.domain.setpoints import Setting, settings_of
from aggregator.dispatch.models import DispatchPlan, Setpoint
from aggregator.dispatch.operations._inputs import Gathered, Prices, gather
from aggregator.dispatch.operations._nowcast import load_drift
from aggregator.forecasts.operations import forecast_availability
from aggregator.kernel.errors import Anticipated
from aggregator.kernel.fingerprint import fingerprint
from aggregator.kernel.periods import Grid
from aggregator.support.alarms import raise_alarm
from aggregator.support.arrays import pack_f4
from aggregator.support.jobs import enqueue

# How long a gateway may take to answer; afterwards its assets count as not reached (fallback).
ACKNOWLEDGE_WITHIN = {
    "schedule": timedelta(minutes=30),
    "instruction": timedelta(minutes=5),
    "redispatch": timedelta(minutes=5),
    "stop": timedelta(minutes=5),
}
DEADLINE_S = 60.0


class StopActive(Anticipated):
    code = "dispatch.stop_active"
    text = "A global stop is active: nothing is planned or sent until it is released."
    status = 409


@dataclass(frozen=True)
class Order:
    """Everything that a plan is asked for, on `grid` from its first period that is not over."""

    portfolio_id: int
    purpose: str
    reference: str
    grid: Grid
    run_id: int
    prices: Prices
    issued_at: datetime
    deadline_s: float
    firm: FirmBlock | None = None
    target: Target | None = None
    excluded: tuple[int, ...] = ()
    root: str = ""
    weather_run_id: int | None = None
    drift_kw: Mapping[int, float] = field(default_factory=dict)


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

    What cannot be met is the plan's shortfall. Older setpoints of the same assets and periods are superseded.
    Raises ProblemRefused, StopActive.
    """
    prices = Prices(injection_value_cny_per_kwh, import_adder_cny_per_kwh, demand_price_cny_per_kw, _mean(injection_value_cny_per_kwh))
    excluded = tuple(sorted(set(exclude_asset_ids)))
    order = Order(portfolio_id, "instruction", reference, grid, run_id, prices, issued_at, deadline_s, target=target, excluded=excluded)
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
    prices = Prices(
        injection_value_cny_per_kwh=np.array(given["injection_value_cny_per_kwh"]),
        import_adder_cny_per_kwh={int(site): np.array(values) for site, values in given["import_adder_cny_per_kwh"].items()},
        demand_price_cny_per_kw={int(site): value for site, value in given["demand_price_cny_per_kw"].items()},
        terminal_value_cny_per_kwh=given["terminal_value_cny_per_kwh"],
    )
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
        raise ProblemRefused(why="the injection value is missing in some periods")
    return float(np.mean(values))


def make_plan(order: Order) -> DispatchPlan:
    found = _same(order)
    if found is not None:
        return found
    if queries.active_stop(portfolio_id=order.portfolio_id) is not None:
        raise StopActive()
    order = _from_now(order)
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
    solved = solve_schedule(gathered.problem, deadline_s=order.deadline_s)
    return _store(order, gathered, solved)


def _same(order: Order) -> DispatchPlan | None:
    return DispatchPlan.objects.filter(portfolio_id=order.portfolio_id, purpose=order.purpose, reference=order.reference).first()


def _from_now(order: Order) -> Order:
    """Cut off the periods that are over; the running one stays."""
    first = max(0, (order.issued_at - order.grid.starts_at) // order.grid.resolution)
    if first >= len(order.grid):
        raise ProblemRefused(why="the periods are over")
    target = None if order.target is None else replace(order.target, injection_kw=order.target.injection_kw[first:])
    if target is not None and not np.isfinite(target.injection_kw).any():
        raise ProblemRefused(why="the target's periods are over")
    firm = order.firm
    if firm is not None and first:
        start, stop, _ = firm.window.indices(len(order.grid))
        gone = max(0, first - start)
        window = slice(max(0, start - first), max(0, stop - first))
        firm = replace(firm, window=window, baseline_kw=firm.baseline_kw[gone:]) if window.stop > window.start else None
    return replace(
        order, grid=order.grid.tail(first), target=target, firm=firm, prices=order.prices.tail(first), root=order.root or order.reference
    )


def _store(order: Order, gathered: Gathered, solved: Schedule) -> DispatchPlan:
    violations = check_schedule(problem=gathered.problem, schedule=solved, assets=gathered.facts)
    why = explain(gathered.problem, solved)
    settings = settings_of(problem=gathered.problem, schedule=solved, assets=gathered.facts, why=why)
    grid, inputs = order.grid, _inputs(order)
    explanations = [
        {"asset": key, "starts_at": grid.starts[t].isoformat(), "reason": row.reason, "limit": row.limit}
        for key in sorted(why)
        for t, row in changes(why[key])
    ]
    with transaction.atomic():
        Portfolio.objects.select_for_update().get(pk=order.portfolio_id)
        found = _same(order)
        if found is not None:
            return found
        plan = DispatchPlan.objects.create(
            portfolio_id=order.portfolio_id,
            purpose=order.purpose,
            reference=order.reference,
            sequence=next_sequence(order.portfolio_id),
            issued_at=order.issued_at,
            starts_at=grid.starts_at,
            resolution_s=int(grid.resolution.total_seconds()),
            n_periods=len(grid),
            target_kw=b"" if order.target is None else pack_f4(order.target.injection_kw),
            planned_kw=pack_f4(solved.portfolio_kw),
            shortfall_kw=pack_f4(solved.shortfall_kw),
            site_kw={gathered.sites[s]: np.round(solved.export_kw[s] - solved.import_kw[s], 3).tolist() for s in sorted(gathered.sites)},
            explanations=explanations,
            relaxed_limits=[_relaxed(r, grid, gathered) for r in solved.relaxed],
            solver_status=solved.status,
            objective_cny=solved.objective_cny,
            violations=[_violation(v, grid) for v in violations],
            notes=gathered.notes,
            forecast_run_id=order.run_id,
            inputs=inputs,
            inputs_hash=fingerprint([inputs, [gathered.facts[k].stored_kwh for k in sorted(gathered.facts)], str(order.issued_at)]),
        )
        if violations:
            key = str(plan.public_id)
            raise_alarm(kind="plan.violation", key=key, severity="critical", at=order.issued_at, plan=key, violations=len(violations))
            return plan
        released = _supersede(plan, grid, settings, gathered)
        rows = [_setpoint(plan, grid, setting, gathered.ids) for setting in [*settings, *released]]
        Setpoint.objects.bulk_create(rows, batch_size=1000)
        _write_interventions(plan, grid, settings, gathered)
        enqueue(name="aggregator.dispatch.send", key=str(plan.public_id), payload={"plan_id": plan.pk})
    return plan


def _relaxed(row: Relaxed, grid: Grid, gathered: Gathered) -> dict[str, Any]:
    starts_at = grid.starts[row.period].isoformat()
    return {"site": gathered.sites[row.site], "limit": row.limit, "starts_at": starts_at, "by_kw": round(row.by_kw, 3)}


def _violation(row: Violation, grid: Grid) -> dict[str, Any]:
    return {"subject": row.subject, "limit": row.limit, "starts_at": grid.starts[row.period].isoformat(), "by": row.by}


def next_sequence(portfolio_id: int) -> int:
    """Under the portfolio's row lock."""
    last = DispatchPlan.objects.filter(portfolio_id=portfolio_id).order_by("-sequence").values_list("sequence", flat=True).first()
    return (last or 0) + 1


def _inputs(order: Order) -> dict[str, Any]:
    prices = order.prices
    return {
        "root": order.root,
        "injection_value_cny_per_kwh": prices.injection_value_cny_per_kwh.tolist(),
        "import_adder_cny_per_kwh": {str(k): np.asarray(v).tolist() for k, v in sorted(prices.import_adder_cny_per_kwh.items())},
        "demand_price_cny_per_kw": {str(k): float(v) for k, v in sorted(prices.demand_price_cny_per_kw.items())},
        "terminal_value_cny_per_kwh": prices.terminal_value_cny_per_kwh,
        "direction": 1 if order.target is None else order.target.direction,
        "excluded": list(order.excluded),
        "weather_run_id": order.weather_run_id,
        "drift_kw": {str(asset_id): round(kw, 3) for asset_id, kw in sorted(order.drift_kw.items())},
        "firm_kw": None if order.firm is None or order.firm.fixed_kw is None else order.firm.fixed_kw,
    }


def _setpoint(plan: DispatchPlan, grid: Grid, setting: Setting, ids: Mapping[str, int]) -> Setpoint:
    starts_at = grid.starts[setting.period]
    return Setpoint(
        plan=plan,
        asset_id=ids[setting.asset],
        kind=setting.kind,
        starts_at=max(starts_at, plan.issued_at),  # in the running period from now on
        ends_at=starts_at + grid.resolution,
        value_kw=setting.value_kw,
        planned_kw=setting.planned_kw,
        fallback_kw=setting.fallback_kw,
        reason=setting.reason,
        limit=setting.limit,
        acknowledge_by=plan.issued_at + ACKNOWLEDGE_WITHIN[plan.purpose],
    )


def _supersede(plan: DispatchPlan, grid: Grid, settings: list[Setting], gathered: Gathered) -> list[Setting]:
    """End what older plans say about these periods. Where the new plan is silent, take it back in words:
    a gateway goes on with an old setpoint until it hears a newer one.
    """
    cut = max(grid.starts_at, plan.issued_at)
    keys = {asset_id: key for key, asset_id in gathered.ids.items()}
    older = Setpoint.objects.filter(asset_id__in=keys, state__in=queries.OPEN, ends_at__gt=cut, starts_at__lt=grid.ends_at)
    said = {(setting.asset, setting.period) for setting in settings}
    released: dict[tuple[str, int], Setting] = {}
    for asset_id, starts_at, ends_at in older.values_list("asset_id", "starts_at", "ends_at"):
        key = keys[asset_id]
        window = grid.window(max(starts_at, cut), ends_at)
        for period in range(window.start, window.stop):
            if (key, period) not in said:
                released[key, period] = _release(gathered, key, period)
    # The running one was in force until now: it ends here, and keeps its state.
    older.filter(starts_at__lt=cut).update(ends_at=cut)
    older.filter(starts_at__gte=cut).update(state="superseded")
    return [released[place] for place in sorted(released)]


def _release(gathered: Gathered, key: str, period: int) -> Setting:
    facts = gathered.facts[key]
    kind = kind_of(facts.kind)
    fallback_kw = kind.physics.fallback(facts.spec).value_kw
    device = gathered.problem.devices[key][1]
    return Setting(key, period, kind.setpoint_kind, fallback_kw, float(device.fixed_kw[period]), fallback_kw, "released", "")


def _write_interventions(plan: DispatchPlan, grid: Grid, settings: list[Setting], gathered: Gathered) -> None:
    """Loads, cars and generation do not show their natural course here; storage has none."""
    periods: dict[str, list[int]] = {}
    for setting in settings:
        if setting.kind != "injection_kw":
            periods.setdefault(setting.asset, []).append(setting.period)
    for key in sorted(periods):
        run: list[int] = []
        for t in [*sorted(periods[key]), -1]:
            if run and t != run[-1] + 1:
                write_commitment(
                    asset_id=gathered.ids[key],
                    kind="intervened",
                    starts_at=max(grid.starts[run[0]], plan.issued_at),
                    ends_at=grid.starts[run[-1]] + grid.resolution,
                    available_at=plan.issued_at,
                    reference=f"plan {plan.public_id}",
                )
                run = []
            run.append(t)
