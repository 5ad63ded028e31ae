"""The beat's knock on the day cycle, and jobs that span both apps."""

from datetime import date, datetime
from typing import Any

from celery import shared_task
from django.conf import settings

from aggregator.dispatch.domain.pareto import LEAST_POINTS
from aggregator.support import clock
from aggregator.support.jobs import job_task
from aggregator.support.models import ReplayClock
from vpp import daycycle
from vpp.pareto_report import day_pareto_report


@shared_task(name="vpp.tick")
def tick() -> None:
    # While a day is replayed its own driver asks, whenever it moves the clock.
    if settings.VPP_ALLOW_TWIN and ReplayClock.objects.exists():
        return
    daycycle.tick(now=clock.now())


@job_task("vpp.pareto_report", leases=20)  # some dozen plans, of up to a minute each
def pareto_report(payload: dict[str, Any], *, now: datetime) -> dict[str, Any]:
    made = day_pareto_report(
        portfolio_id=payload["portfolio_id"],
        day=date.fromisoformat(payload["day"]),
        now=now,
        factor_kg_per_kwh=payload.get("factor_kg_per_kwh"),
        factor_source=payload.get("factor_source", ""),
        points=payload.get("points", LEAST_POINTS),
    )
    return {"report": str(made.public_id)}
