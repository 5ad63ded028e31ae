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


def _fleet_run_failed(payload: dict[str, Any], error: str) -> None:
    operations.fail_fleet_run(error=error, run_id=payload.get("run_id"), shard_id=payload.get("shard_id"))


@jobs.job_task("aggregator.dispatch.fleet_sum", on_dead=_fleet_run_failed)
def fleet_sum(payload: dict[str, Any], *, now: datetime) -> None:
    operations.sum_shard(shard_id=payload["shard_id"])


@jobs.job_task("aggregator.dispatch.fleet_price", on_dead=_fleet_run_failed)
def fleet_price(payload: dict[str, Any], *, now: datetime) -> None:
    operations.price_market(run_id=payload["run_id"])


@jobs.job_task("aggregator.dispatch.fleet_guide", on_dead=_fleet_run_failed)
def fleet_guide(payload: dict[str, Any], *, now: datetime) -> None:
    operations.guide_shard(shard_id=payload["shard_id"])


@jobs.job_task("aggregator.dispatch.fleet_settle", on_dead=_fleet_run_failed)
def fleet_settle(payload: dict[str, Any], *, now: datetime) -> None:
    operations.settle_shard(shard_id=payload["shard_id"])


@jobs.job_task("aggregator.dispatch.fleet_close", on_dead=_fleet_run_failed)
def fleet_close(payload: dict[str, Any], *, now: datetime) -> None:
    operations.close_shard(shard_id=payload["shard_id"])


@jobs.job_task("aggregator.dispatch.fleet_finish", on_dead=_fleet_run_failed)
def fleet_finish(payload: dict[str, Any], *, now: datetime) -> None:
    operations.finish_fleet_run(run_id=payload["run_id"], now=now)
