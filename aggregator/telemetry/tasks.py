"""Periodic upkeep of the telemetry tables."""

from datetime import date, datetime, timedelta
from typing import Any

from celery import shared_task

from aggregator.kernel.periods import day_of
from aggregator.support import clock, jobs
from aggregator.telemetry import operations

# Stragglers of the evening before are folded with their day; later ones make a revision.
GRACE = timedelta(hours=6)


@shared_task(name="aggregator.telemetry.maintain_partitions")
def maintain_partitions() -> None:
    now = clock.now()
    operations.prepare_partitions(now=now)
    complete = day_of(now - GRACE) - timedelta(days=1)
    jobs.enqueue(name="aggregator.telemetry.fold", key=complete.isoformat(), payload={"day": complete.isoformat()})
    jobs.enqueue(name="aggregator.telemetry.drop_old", key=complete.isoformat())


@jobs.job_task("aggregator.telemetry.fold")
def fold(payload: dict[str, Any], *, now: datetime) -> dict[str, Any]:
    return {"rows": operations.fold_day(day=date.fromisoformat(payload["day"]))}


@jobs.job_task("aggregator.telemetry.drop_old")
def drop_old(payload: dict[str, Any], *, now: datetime) -> dict[str, Any]:
    return {"days": [day.isoformat() for day in operations.drop_old(now=now)]}
