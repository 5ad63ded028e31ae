from datetime import datetime, timedelta
from typing import Any

from aggregator.forecasts import operations
from aggregator.kernel.periods import Grid
from aggregator.support.jobs import job_task


@job_task("aggregator.forecasts.forecast")
def forecast(payload: dict[str, Any], *, now: datetime) -> dict[str, Any]:
    grid = Grid(datetime.fromisoformat(payload["starts_at"]), timedelta(seconds=payload["resolution_s"]), payload["n_periods"])
    run = operations.forecast_availability(
        portfolio_id=payload["portfolio_id"], issued_at=datetime.fromisoformat(payload["issued_at"]), grid=grid
    )
    return {"run_id": run.pk, "notes": run.notes}


@job_task("aggregator.forecasts.score")
def score(payload: dict[str, Any], *, now: datetime) -> dict[str, Any]:
    scores = operations.score_run(run_id=payload["run_id"], known_at=now)
    return {"scored": sorted(scores)}
