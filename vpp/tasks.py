"""The beat's knock on the day cycle."""

from celery import shared_task
from django.conf import settings

from aggregator.support import clock
from aggregator.support.models import ReplayClock
from vpp import daycycle


@shared_task(name="vpp.tick")
def tick() -> None:
    # While a day is replayed its own driver asks, whenever it moves the clock.
    if settings.VPP_ALLOW_TWIN and ReplayClock.objects.exists():
        return
    daycycle.tick(now=clock.now())
