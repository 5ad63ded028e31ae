"""Jobs of dispatch."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from aggregator.dispatch import operations
from aggregator.support import clock, jobs


class GatewaysWaiting(jobs.TryLater):
    code = "dispatch.gateways_waiting"
    text = "%(count)s gateways have not taken the plan yet."


@jobs.job_task("aggregator.dispatch.send")
def send(payload: dict[str, Any], *, now: datetime) -> dict[str, Any]:
    report = operations.send(plan_id=payload["plan_id"], wall=clock.wall_now(), now=now)
    if report.waiting:
        raise GatewaysWaiting(count=report.waiting)
    return asdict(report)


@jobs.job_task("aggregator.dispatch.verify")
def verify(payload: dict[str, Any], *, now: datetime) -> dict[str, Any]:
    return asdict(operations.verify(portfolio_id=payload["portfolio_id"], now=now))


@jobs.job_task("aggregator.dispatch.redispatch")
def redispatch(payload: dict[str, Any], *, now: datetime) -> dict[str, Any]:
    plan = operations.redispatch(
        plan_id=payload["plan_id"], failed_asset_ids=payload["failed_asset_ids"], now=now, cause=payload.get("cause", "")
    )
    return {"plan": None if plan is None else str(plan.public_id)}
