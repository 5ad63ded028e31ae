"""A plan's rows: the plan, the run behind it, its setpoints, what it supersedes and what it intervenes in."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

import numpy as np
from django.db import transaction

from aggregator.assets.domain import kind_of
from aggregator.assets.models import Portfolio
from aggregator.assets.operations import write_commitment
from aggregator.dispatch import queries
from aggregator.dispatch.domain import BindingLimit, FirmBlock, Relaxed, Violation, changes
from aggregator.dispatch.domain.setpoints import STANDING, Setting, settings_of
from aggregator.dispatch.models import DispatchPlan, OptimisationRun, Setpoint
from aggregator.dispatch.operations._inputs import Gathered
from aggregator.dispatch.operations._order import Order
from aggregator.dispatch.operations._solve import Solved
from aggregator.kernel.fingerprint import fingerprint
from aggregator.kernel.periods import Grid
from aggregator.support.alarms import raise_alarm
from aggregator.support.arrays import pack_f4
from aggregator.support.jobs import enqueue

SAME_KW, SAME_RATIO = 0.5, 0.01  # a rolling schedule does not repeat what differs by less, of the asset's rating
# How long a gateway may take to answer; afterwards its assets count as not reached (fallback).
ACKNOWLEDGE_WITHIN = {
    "schedule": timedelta(minutes=30),
    "instruction": timedelta(minutes=5),
    "redispatch": timedelta(minutes=5),
    "replan": timedelta(minutes=30),
    "stop": timedelta(minutes=5),
}


def same_order(order: Order) -> DispatchPlan | None:
    return DispatchPlan.objects.filter(portfolio_id=order.portfolio_id, purpose=order.purpose, reference=order.reference).first()


def store(order: Order, gathered: Gathered, found: Solved) -> DispatchPlan:
    """The plan with the run behind it, its setpoints, and the job that sends them; the same order again returns the first plan."""
    solved, violations = found.schedule, found.violations
    settings = settings_of(problem=gathered.problem, schedule=solved, assets=gathered.facts, why=found.why)
    grid, inputs = order.grid, _inputs(order) | {"objective": asdict(gathered.objective)}
    with transaction.atomic():
        Portfolio.objects.select_for_update().get(pk=order.portfolio_id)
        earlier = same_order(order)
        if earlier is not None:
            return earlier
        digest = _digest(inputs, gathered)
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
            explanations=_explanations(found, grid),
            relaxed_limits=[_relaxed(r, grid, gathered) for r in solved.relaxed],
            solver_status=solved.status,
            objective_cny=solved.objective_cny,
            violations=[_violation(v, grid) for v in violations],
            notes=gathered.notes,
            forecast_run_id=order.run_id,
            inputs=inputs,
            inputs_hash=digest,
            run=_run(order, gathered, found, digest),
        )
        _alarms(plan, found)
        if violations:
            return plan
        standing = _standing(plan, grid, settings, gathered) if order.purpose == "replan" else {}
        released = _supersede(plan, grid, settings, gathered, kept=standing.values())
        fresh = [setting for setting in settings if (setting.asset, setting.period) not in standing]
        rows = [_setpoint(plan, grid, setting, gathered.ids) for setting in [*fresh, *released]]
        Setpoint.objects.bulk_create(rows, batch_size=1000)
        _write_interventions(plan, grid, settings, gathered)
        enqueue(name="aggregator.dispatch.send", key=str(plan.public_id), payload={"plan_id": plan.pk})
    return plan


def _explanations(found: Solved, grid: Grid) -> list[dict[str, Any]]:
    """A row where an asset's reason or limit changes; `price_cny_per_kwh`: the largest worth of the limit until the next row."""
    rows = []
    for key in sorted(found.why):
        begun = changes(found.why[key])
        ends = [t for t, _ in begun[1:]] + [len(grid)]
        for (t, row), end in zip(begun, ends, strict=True):
            worth = found.worths[key][t:end] if key in found.worths else np.full(1, np.nan)
            price = round(float(np.nanmax(worth)), 4) if np.isfinite(worth).any() else None
            starts_at = grid.starts[t].isoformat()
            rows.append({"asset": key, "starts_at": starts_at, "reason": row.reason, "limit": row.limit, "price_cny_per_kwh": price})
    return rows


def _alarms(plan: DispatchPlan, found: Solved) -> None:
    """Nothing sent, the safe plan sent instead, or no solver at all: each is said."""
    key, at = str(plan.public_id), plan.issued_at
    if found.violations:
        raise_alarm(kind="plan.violation", key=key, severity="critical", at=at, plan=key, violations=len(found.violations))
    elif found.refused:
        raise_alarm(kind="plan.refused", key=key, severity="critical", at=at, plan=key, violations=len(found.refused))
    elif found.schedule.status == "fallback":
        raise_alarm(kind="plan.fallback", key=key, severity="warning", at=at, plan=key)
    if found.details.get("split", {}).get("status") == "fallback":
        raise_alarm(kind="plan.split_fallback", key=key, severity="warning", at=at, plan=key)
    if found.schedule.relaxed:
        worst = max(found.schedule.relaxed, key=lambda row: row.by_kw)
        raise_alarm(
            kind="plan.limit_gave_way",
            key=key,
            severity="critical",
            at=at,
            plan=key,
            subject=worst.site,
            limit=worst.limit,
            by_kw=round(worst.by_kw, 1),
        )


def _digest(inputs: dict[str, Any], gathered: Gathered) -> str:
    """One hash of all that the optimiser was given; the same problem has the same hash at any time."""
    problem = gathered.problem
    given = replace(problem, sites={}, devices={}, groups={}, group_of={}, reference_kw={}, running_calls={}, firm=None)  # in inputs
    parts = (problem.sites, problem.devices, problem.groups, problem.group_of, problem.reference_kw, problem.running_calls)
    return fingerprint([inputs, given, *(sorted(part.items()) for part in parts)])


def _run(order: Order, gathered: Gathered, found: Solved, digest: str) -> OptimisationRun:
    solved, grid, problem = found.schedule, order.grid, gathered.problem
    certificate = solved.certificate
    return OptimisationRun.objects.create(
        portfolio_id=order.portfolio_id,
        purpose=order.purpose,
        reference=order.reference,
        computed_at=order.issued_at,
        starts_at=grid.starts_at,
        resolution_s=int(grid.resolution.total_seconds()),
        n_periods=len(grid),
        n_assets=len(problem.devices),
        n_sites=len(problem.sites),
        mode=solved.mode,
        status=solved.status,
        cost_cny=solved.objective_cny if certificate is None else certificate.cost_cny,
        lower_bound_cny=solved.lower_bound_cny,
        safe_cost_cny=None if certificate is None else certificate.safe_cost_cny,
        stages={stage: round(seconds, 4) for stage, seconds in solved.seconds.items()},
        limits=[_limit(row, grid, gathered) for row in solved.limits],
        violations=len(found.refused),
        details={"refused": [_violation(v, grid) for v in found.refused], "solver_notes": list(solved.notes), **found.details},
        inputs_hash=digest,
    )


def _limit(row: BindingLimit, grid: Grid, gathered: Gathered) -> dict[str, Any]:
    return {
        "limit": row.limit,
        "subject": gathered.sites.get(row.subject, row.subject),
        "starts_at": grid.starts[row.periods[0]].isoformat(),
        "periods": len(row.periods),
        "price": round(row.price, 6),
        "unit": row.unit,
    }


def _relaxed(row: Relaxed, grid: Grid, gathered: Gathered) -> dict[str, Any]:
    starts_at = grid.starts[row.period].isoformat()
    return {"site": gathered.sites.get(row.site, row.site), "limit": row.limit, "starts_at": starts_at, "by_kw": round(row.by_kw, 3)}


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
        "firm": None if order.firm is None else _block(order.firm, len(order.grid)),
    }


def _block(firm: FirmBlock, periods: int) -> dict[str, Any]:
    start, stop, _ = firm.window.indices(periods)
    plain = {name: values.tolist() if isinstance(values, np.ndarray) else values for name, values in vars(firm).items()}
    return {**plain, "window": [start, stop]}


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


def _standing(plan: DispatchPlan, grid: Grid, settings: list[Setting], gathered: Gathered) -> dict[tuple[str, int], int]:
    """(asset, period) -> the setpoint in force that already says what the new plan would say, but for next to nothing."""
    cut = max(grid.starts_at, plan.issued_at)
    keys = {asset_id: key for key, asset_id in gathered.ids.items()}
    wanted = {(setting.asset, setting.period): setting for setting in settings}
    older = Setpoint.objects.filter(asset_id__in=keys, state__in=queries.IN_FORCE, ends_at__gt=cut, starts_at__lt=grid.ends_at)
    found = {}
    for pk, asset_id, starts_at, ends_at, kind, value_kw in older.values_list("pk", "asset_id", "starts_at", "ends_at", "kind", "value_kw"):
        key = keys[asset_id]
        window = grid.window(max(starts_at, cut), ends_at)
        setting = wanted.get((key, window.start))
        if window.stop - window.start != 1 or setting is None or setting.kind != kind:
            continue
        if abs(setting.value_kw - value_kw) <= max(SAME_KW, SAME_RATIO * gathered.facts[key].spec.rated_kw):
            found[key, window.start] = pk
    return found


def _supersede(plan: DispatchPlan, grid: Grid, settings: list[Setting], gathered: Gathered, *, kept: Collection[int] = ()) -> list[Setting]:
    """End what older plans say about these periods, but for what is `kept`. Where the new plan is silent, take it back in words:
    a gateway goes on with an old setpoint until it hears a newer one.
    """
    cut = max(grid.starts_at, plan.issued_at)
    keys = {asset_id: key for key, asset_id in gathered.ids.items()}
    older = Setpoint.objects.filter(asset_id__in=keys, state__in=queries.OPEN, ends_at__gt=cut, starts_at__lt=grid.ends_at)
    older = older.exclude(pk__in=kept)
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
    """Loads, cars and generation do not show their natural course here; storage has none, and a limit that stands above what is
    expected leaves it.
    """
    periods: dict[str, list[int]] = {}
    for setting in settings:
        if setting.kind != "injection_kw" and setting.reason != STANDING:
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
