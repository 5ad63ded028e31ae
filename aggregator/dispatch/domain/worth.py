"""What one more unit of the limit that binds an asset would be worth, at the values that the plan has at its site.

Each store against the site's values is a small linear programme; the reduced costs of its bounds are the prices. All stores
make one model, for they do not touch one another. See Bertsimas and Tsitsiklis, Introduction to Linear Optimization, 4.3.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pulp

from aggregator.assets.domain import Device, Store, within_reach
from aggregator.dispatch.domain._bulk import BulkHighs, ModelBuilder
from aggregator.dispatch.domain.problem import ScheduleProblem
from aggregator.dispatch.domain.reasons import Why
from aggregator.dispatch.domain.schedule import Schedule

MOST_ASSETS = 300  # about a second; above, only the shared limits are priced
POWER = {"charge_power": "charge", "plugged_power": "charge", "discharge_power": "discharge"}
ENERGY = {"soc_floor", "soc_ceiling", "departure_need"}


@dataclass(frozen=True)
class _Duals:
    """Per period, >= 0 [CNY/kWh]: of the power bounds and of the energy bounds of one store."""

    charge: np.ndarray
    discharge: np.ndarray
    energy: np.ndarray


def limit_worths(
    problem: ScheduleProblem, schedule: Schedule, why: Mapping[str, tuple[Why, ...]], *, deadline_s: float
) -> dict[str, np.ndarray]:
    """Per asset key (n_periods,) [CNY/kWh], NaN where no limit binds or nothing can be said.

    Power limits: per kWh more in the period. Energy limits: per kWh more in the store. must_run and call_limits: what shedding one
    more kWh would have earned. available_power: what one more kWh of sun or wind is worth. Empty for large parks or without values.
    """
    if not schedule.values_cny_per_kwh or len(problem.devices) > MOST_ASSETS:
        return {}
    duals = _duals(problem, schedule, deadline_s)
    return {key: _of_asset(problem, schedule, key, rows, duals.get(key)) for key, rows in why.items()}


def _of_asset(problem: ScheduleProblem, schedule: Schedule, key: str, rows: tuple[Why, ...], duals: _Duals | None) -> np.ndarray:
    site, device = problem.devices[key]
    value = schedule.values_cny_per_kwh[site]
    found = np.full(len(rows), np.nan)
    for t, row in enumerate(rows):
        if row.limit in POWER and duals is not None:
            found[t] = getattr(duals, POWER[row.limit])[t]
        elif row.limit in ENERGY and duals is not None:
            found[t] = duals.energy[t]
        elif row.limit in ("must_run", "call_limits"):
            found[t] = max(0.0, value[t] - device.up_cost_cny_per_kwh)
        elif row.limit == "available_power":
            found[t] = max(0.0, value[t])
    return found


def _duals(problem: ScheduleProblem, schedule: Schedule, deadline_s: float) -> dict[str, _Duals]:
    """Of every store, at its site's values; empty without a solver's proven answer."""
    builder, n, h = ModelBuilder("worth"), len(problem.grid), problem.grid.hours
    stores = list(_stores(problem))
    places: list[list[list[pulp.LpVariable]]] = []
    for site, device, store in stores:
        value = schedule.values_cny_per_kwh[site]
        bounds = within_reach(store, up_kw=device.up_kw, down_kw=device.down_kw, hours=h)
        left = problem.terminal_price_cny_per_kwh * device.terminal_value_ratio
        charge = builder.variables([0.0] * n, device.down_kw.tolist(), (h * value).tolist())
        discharge = builder.variables([0.0] * n, device.up_kw.tolist(), (h * (device.up_cost_cny_per_kwh - value)).tolist())
        level = builder.variables(bounds.min_kwh.tolist(), bounds.max_kwh.tolist(), [0.0] * (n - 1) + [-left])
        for t in range(n):
            drift = 0.0 if store.drift_kwh is None else float(store.drift_kwh[t])
            terms = [(level[t], 1.0), (charge[t], -h * store.eta_in), (discharge[t], h / store.eta_out)]
            if t:
                terms.append((level[t - 1], -store.keep_ratio))
            builder.row(terms, pulp.LpConstraintEQ, drift + (0.0 if t else store.keep_ratio * store.initial_kwh))
        places.append([charge, discharge, level])
    if not stores:
        return {}
    model = builder.finish()
    try:
        model.solve(BulkHighs(time_limit=deadline_s))
    except Exception:  # noqa: BLE001  (a plan is explained without prices rather than not at all)
        return {}
    if model.sol_status != pulp.LpSolutionOptimal:
        return {}
    reduced = np.abs(np.asarray(model.solverModel.getSolution().col_dual)).reshape(len(stores), 3, n)
    keys = [key for key in problem.asset_keys if problem.devices[key][1].store is not None]
    return {key: _Duals(row[0] / h, row[1] / h, row[2]) for key, row in zip(keys, reduced, strict=True)}


def _stores(problem: ScheduleProblem) -> Iterator[tuple[str, Device, Store]]:
    for key in problem.asset_keys:
        site, device = problem.devices[key]
        if device.store is not None:
            yield site, device, device.store
