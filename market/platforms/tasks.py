"""The outbox's doorbell and sweeper. Both find their work in rows."""

from celery import shared_task

from aggregator.support import clock
from market.platforms import operations


@shared_task(name="market.platforms.deliver")
def deliver() -> None:
    operations.deliver_due(wall=clock.wall_now(), now=clock.now())


@shared_task(name="market.platforms.sweep_outbox")
def sweep_outbox() -> None:
    operations.deliver_due(wall=clock.wall_now(), now=clock.now())
