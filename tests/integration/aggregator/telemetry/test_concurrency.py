"""Many senders at once, and upkeep in the middle of it: nothing is lost, nothing is doubled."""

import random
import threading
from datetime import date, timedelta

import numpy as np
import pytest
from django.db import connection, connections

from aggregator.kernel.periods import Grid, midnight
from aggregator.telemetry.models import TelemetrySample
from aggregator.telemetry.operations import drop_old
from aggregator.telemetry.queries import power
from tests.integration.aggregator.sites import small_site
from tests.integration.aggregator.telemetry.test_ingest import put, series

pytestmark = pytest.mark.django_db(transaction=True)
START = midnight(date(2025, 7, 2))
QUARTER = timedelta(minutes=15)
NOW = START + timedelta(days=20)
VALUES = [float(k) for k in range(96)]


def together(*works):
    """Run all at once; raises what any of them raised."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    failures = []

    def run(work):
        try:
            work()
        except BaseException as failure:  # noqa: BLE001  (shown by the caller)
            failures.append(failure)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def sender(site, seed):
    pieces = [
        series(site, kind, starts_at=START + k * QUARTER, values=VALUES[k : k + 12]) for kind in ("pv", "load") for k in range(0, 96, 6)
    ]

    def work():
        mine = list(pieces)
        random.Random(seed).shuffle(mine)
        for k in range(0, len(mine), 4):
            put(site, *mine[k : k + 4], received_at=NOW)

    return work


def found(site):
    ids = [site.asset_ids["pv"], site.asset_ids["load"]]
    return power(asset_ids=ids, grid=Grid(START, QUARTER, 96), known_at=NOW)


def test_the_same_points_from_four_senders_at_once():
    site = small_site()
    together(*(sender(site, seed) for seed in range(4)))
    np.testing.assert_array_equal(found(site), [VALUES, VALUES])
    assert TelemetrySample.objects.count() == 192


def test_dropping_the_day_while_stragglers_arrive_loses_nothing():
    site = small_site()

    def upkeep():
        for _ in range(6):
            drop_old(now=NOW)

    together(sender(site, 1), upkeep, sender(site, 2))
    np.testing.assert_array_equal(found(site), [VALUES, VALUES])
    drop_old(now=NOW)
    assert TelemetrySample.objects.count() == 0
    np.testing.assert_array_equal(found(site), [VALUES, VALUES])
