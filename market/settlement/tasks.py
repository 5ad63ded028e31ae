"""Jobs of this topic."""

from datetime import date, datetime
from typing import Any

from aggregator.support.jobs import job_task
from market.settlement import operations


@job_task("market.settlement.settle")
def settle(payload: dict[str, Any], *, now: datetime) -> dict[str, Any]:
    """Payload: portfolio_id, day (YYYY-MM-DD), as_of (default now), reason."""
    run = operations.close_day(
        portfolio_id=payload["portfolio_id"],
        day=date.fromisoformat(payload["day"]),
        as_of=datetime.fromisoformat(payload["as_of"]) if "as_of" in payload else now,
        reason=payload.get("reason", ""),
        now=now,
    )
    return {"run": str(run.public_id), "version": run.version, "market_total_fen": run.market_total_fen}
