from celery import shared_task

from aggregator.support import clock, jobs
from aggregator.support.models import Heartbeat


@shared_task(name="aggregator.support.sweep")
def sweep() -> None:
    jobs.sweep(wall=clock.wall_now())


@shared_task(name="aggregator.support.heartbeat")
def heartbeat() -> None:
    Heartbeat.objects.update_or_create(part="beat", defaults={"at": clock.wall_now()})
