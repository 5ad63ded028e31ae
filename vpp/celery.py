"""The Celery application, and all periodic work on one screen.

Intent is a row (aggregator.support.models.Job); Celery is only the doorbell, so nothing here
carries data. A Redis or worker that dies costs a second ring by the sweeper, never a job.
"""

import os

from celery import Celery
from celery.signals import beat_init, worker_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vpp.settings")

# Discovered in VppConfig.ready(): models must be loaded first.
TOPICS = [
    "aggregator.support",
    "aggregator.telemetry",
    "aggregator.metering",
    "aggregator.forecasts",
    "aggregator.dispatch",
    "market.platforms",
    "market.prices",
    "market.bids",
    "market.instructions",
    "market.settlement",
    "vpp",
]

app = Celery("vpp")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.set_default()
app.conf.beat_schedule = {
    "ring due jobs again": {"task": "aggregator.support.sweep", "schedule": 10.0},
    "deliver waiting messages": {"task": "market.platforms.sweep_outbox", "schedule": 10.0},
    "the day's steps that are due": {"task": "vpp.tick", "schedule": 30.0},
    "heartbeat": {"task": "aggregator.support.heartbeat", "schedule": 30.0},
    "telemetry partitions": {"task": "aggregator.telemetry.maintain_partitions", "schedule": 3600.0},
}


@beat_init.connect
@worker_init.connect
def refuse_unsafe_parts(**_: object) -> None:
    from vpp.checks import refuse_unsafe_start

    refuse_unsafe_start()
