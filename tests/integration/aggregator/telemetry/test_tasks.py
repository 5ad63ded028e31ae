"""Upkeep: partitions for the coming days, one fold job a day."""

from datetime import date, timedelta

import pytest
from django.db import connection

from aggregator.kernel.periods import midnight
from aggregator.support import clock
from aggregator.support.models import Job
from aggregator.telemetry import tasks
from aggregator.telemetry.models import TelemetryDay
from aggregator.telemetry.partitions import existing_days
from tests.integration.aggregator.sites import small_site
from tests.integration.aggregator.telemetry.test_ingest import put, series

pytestmark = pytest.mark.django_db
DAY = date(2025, 7, 2)


def test_upkeep_intends_each_day_once():
    clock.set_replay(midnight(DAY) + timedelta(hours=30))
    tasks.maintain_partitions()
    tasks.maintain_partitions()
    assert sorted(Job.objects.values_list("name", "key")) == [
        ("aggregator.telemetry.drop_old", "2025-07-02"),
        ("aggregator.telemetry.fold", "2025-07-02"),
    ]
    if connection.vendor == "postgresql":
        assert date(2025, 7, 4) in existing_days()


def test_the_fold_job_may_run_twice():
    site = small_site()
    put(site, series(site, starts_at=midnight(DAY)), received_at=midnight(DAY) + timedelta(hours=12))
    now = midnight(DAY) + timedelta(hours=30)
    assert tasks.fold({"day": "2025-07-02"}, now=now) == {"rows": 1}
    assert tasks.fold({"day": "2025-07-02"}, now=now) == {"rows": 0}
    assert TelemetryDay.objects.get().revision == 1
