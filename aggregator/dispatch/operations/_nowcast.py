"""What loads do now against what the plan thought tells what they will do next: the drift that a re-dispatch makes up for."""

from collections.abc import Collection
from datetime import datetime, timedelta

import numpy as np

from aggregator.assets import queries as assets
from aggregator.assets.domain import kind_of
from aggregator.dispatch import queries
from aggregator.forecasts import queries as forecasts
from aggregator.kernel.periods import Grid, day_of
from aggregator.telemetry import queries as telemetry

CELL = timedelta(minutes=5)
CELLS_SEEN = 3


def load_drift(plan: queries.PlanFacts, *, excluded: Collection[int], now: datetime) -> dict[int, float]:
    """Per asset id: measured injection minus the plan's, mean of the newest cells since the plan [kW]; on top of the drift
    that the plan already knew. Only kinds that drift, only assets that are heard and not `excluded`."""
    known = {int(asset_id): kw for asset_id, kw in plan.inputs.get("drift_kw", {}).items()}
    wanted = np.flatnonzero(np.isfinite(plan.target_kw))
    if plan.forecast_run_id is None or not len(wanted):
        return known
    members = assets.members_on(portfolio_id=plan.portfolio_id, day=day_of(plan.grid.starts_at))
    ids = [m.asset_id for m in members if kind_of(m.kind).drifts and m.asset_id not in excluded]
    since = max(plan.grid.starts[wanted[0]], plan.issued_at)
    cells = (now - since) // CELL
    if cells < 1 or not ids:
        return known
    # Whole cells, counted back from now, so that none began before the plan.
    grid = Grid(now - min(cells, CELLS_SEEN) * CELL, CELL, min(cells, CELLS_SEEN))
    measured = telemetry.power(asset_ids=ids, grid=grid, known_at=now)
    expected = expected_kw(plan, ids, grid, known, now)
    found = dict(known)
    for asset_id, row in zip(ids, measured - expected, strict=True):
        seen = row[np.isfinite(row)]
        if len(seen):
            found[asset_id] = known.get(asset_id, 0.0) + float(seen.mean())
    return found


def expected_kw(plan: queries.PlanFacts, ids: list[int], grid: Grid, known: dict[int, float], now: datetime) -> np.ndarray:
    """(n_assets, n_cells) injection that the plan counted on [kW]: its setpoints, elsewhere the forecast and the known drift."""
    assert plan.forecast_run_id is not None
    envelopes = forecasts.envelopes(run_id=plan.forecast_run_id, level="expected")
    out = np.full((len(ids), len(grid)), np.nan)
    for row, asset_id in zip(out, ids, strict=True):
        envelope = envelopes.get(asset_id)
        if envelope is not None:
            row[:] = [envelope.base_kw[envelope.grid.index(at)] + known.get(asset_id, 0.0) for at in grid.starts]
    for told in queries.in_force(asset_ids=ids, starts_at=grid.starts_at, ends_at=grid.ends_at, known_at=now):
        if told.planned_kw is not None:
            out[ids.index(told.asset_id), grid.window(told.starts_at, told.ends_at)] = told.planned_kw
    return out
