"""What one more unit of the limit that binds an asset would be worth, at the values that the plan has at its site.

Each store, or stay of a two-way car, against the site's values is a small linear programme; the reduced costs of its bounds
are the prices. Many of them make one model, for they do not touch one another. See Bertsimas and Tsitsiklis, Introduction to
Linear Optimization, 4.3.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pulp

from aggregator.assets.domain import Store, within_reach
from aggregator.dispatch.domain._bulk import BulkHighs, ModelBuilder
from aggregator.dispatch.domain.problem import ScheduleProblem
from aggregator.dispatch.domain.reasons import Why
from aggregator.dispatch.domain.schedule import Schedule

MOST_STORES = 1000  # of those that a limit binds, the first ones by key
TOGETHER = 100  # stores in one programme: a larger one takes more than its share
POWER = {"charge_power": "charge", "plugged_power": "charge", "discharge_power": "discharge"}
ENERGY = {"soc_floor", "soc_ceiling", "departure_need"}
RESERVE = "reserve"


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

    Power limits: per kWh more in the period. Energy limits: per kWh more in the store. Reserve: per unit
    less of what is held back. must_run and call_limits: what shedding one
    more kWh would have earned. available_power: what one more kWh of sun or wind is worth. Without the sites' values: empty;
    stores beyond MOST_STORES: NaN.
    """
    if not schedule.values_cny_per_kwh:
        return {}
    duals = _duals(problem, schedule, why, deadline_s)
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
        elif row.limit == RESERVE and duals is not None:
            found[t] = max(duals.charge[t], duals.discharge[t], duals.energy[t])
        elif row.limit in ("must_run", "call_limits"):
            found[t] = max(0.0, value[t] - device.up_cost_cny_per_kwh)
        elif row.limit == "available_power":
            found[t] = max(0.0, value[t])
    return found


@dataclass(frozen=True)
class _Stored:
    """A store in the periods `window` in which it is there: all of them, or the stay of a car."""

    key: str
    window: slice
    store: Store
    left_cny_per_kwh: float


def _duals(problem: ScheduleProblem, schedule: Schedule, why: Mapping[str, tuple[Why, ...]], deadline_s: float) -> dict[str, _Duals]:
    """Of every store that a limit binds, at its site's values; nothing of those for which no solver proves an answer."""
    bound = {key for key, rows in why.items() if any(row.limit in POWER or row.limit in ENERGY or row.limit == RESERVE for row in rows)}
    parts = [part for key in problem.asset_keys if key in bound for part in _stored(problem, key)][:MOST_STORES]
    found: dict[str, _Duals] = {}
    groups = [parts[begin : begin + TOGETHER] for begin in range(0, len(parts), TOGETHER)]
    for group in groups:
        for part, rows in zip(group, _reduced_costs(problem, schedule, group, deadline_s / len(groups)), strict=False):
            own = found.setdefault(part.key, _Duals(*(np.zeros(len(problem.grid)) for _ in range(3))))
            for course, row in zip((own.charge, own.discharge, own.energy), rows, strict=True):
                course[part.window] = row
    return found


def _stored(problem: ScheduleProblem, key: str) -> Iterator[_Stored]:
    device, n = problem.devices[key][1], len(problem.grid)
    left = problem.terminal_price_cny_per_kwh * device.terminal_value_ratio
    if device.store is not None:
        yield _Stored(key, slice(0, n), device.store, left)
    for stay in device.stays:
        length = stay.end - stay.first
        least = np.full(length, stay.min_kwh)
        least[-1] = max(stay.min_kwh, stay.end_kwh)
        store = Store(stay.initial_kwh, least, np.full(length, stay.max_kwh), stay.eta_in, stay.eta_out)
        yield _Stored(key, slice(stay.first, stay.end), store, left if stay.end == n else 0.0)


def _reduced_costs(problem: ScheduleProblem, schedule: Schedule, parts: list[_Stored], deadline_s: float) -> list[list[np.ndarray]]:
    """Of each part those of charge, discharge [CNY/kWh] and level; empty without a proven answer."""
    builder, h = ModelBuilder("worth"), problem.grid.hours
    for part in parts:
        (site, device), store, window = problem.devices[part.key], part.store, part.window
        n, value = window.stop - window.start, schedule.values_cny_per_kwh[site][window]
        up, down = device.up_kw[window], device.down_kw[window]
        bounds = within_reach(store, up_kw=up, down_kw=down, hours=h)
        charge = builder.variables([0.0] * n, down.tolist(), (h * value).tolist())
        discharge = builder.variables([0.0] * n, up.tolist(), (h * (device.up_cost_cny_per_kwh - value)).tolist())
        level = builder.variables(bounds.min_kwh.tolist(), bounds.max_kwh.tolist(), [0.0] * (n - 1) + [-part.left_cny_per_kwh])
        for t in range(n):
            drift = 0.0 if store.drift_kwh is None else float(store.drift_kwh[t])
            terms = [(level[t], 1.0), (charge[t], -h * store.eta_in), (discharge[t], h / store.eta_out)]
            if t:
                terms.append((level[t - 1], -store.keep_ratio))
            builder.row(terms, pulp.LpConstraintEQ, drift + (0.0 if t else store.keep_ratio * store.initial_kwh))
    model = builder.finish()
    try:
        model.solve(BulkHighs(time_limit=deadline_s))
    except pulp.PulpSolverError:  # a plan is explained without these prices rather than not at all
        return []
    if model.sol_status != pulp.LpSolutionOptimal:
        return []
    reduced = np.abs(np.asarray(model.solverModel.getSolution().col_dual))
    lengths = [part.window.stop - part.window.start for part in parts for _ in range(3)]
    rows = np.split(reduced, np.cumsum(lengths)[:-1])
    return [[rows[3 * k] / h, rows[3 * k + 1] / h, rows[3 * k + 2]] for k in range(len(parts))]
