"""Matching a park's day: versions by inputs, and missing meters that match nothing."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from aggregator.support.arrays import MISSING_I8, unpack_i8
from market.green.models import GreenLoad, GreenMatch, GreenMatchRun
from market.green.operations import NothingToMatch, match_day
from market.green.queries import green_share
from tests.integration.market.settlement.tiny_day import DAY, SETTLE_AT, build, hours, read

pytestmark = pytest.mark.django_db


@pytest.fixture
def tiny():
    return build()


def match(tiny, at=SETTLE_AT):
    return match_day(park_id=tiny.park.pk, day=DAY, as_of=at)


def totals():
    rows = GreenMatch.objects.filter(run=GreenMatchRun.objects.latest("version")).select_related("consumer")
    return {(row.consumer.code if row.consumer else None, row.path): row.total_wh for row in rows}


def test_own_load_first_then_the_neighbour(tiny):
    match(tiny)
    assert totals() == {("A", "on_site"): 40_000, ("B", "neighbour"): 20_000}


def test_the_same_meters_give_the_same_run(tiny):
    assert match(tiny).pk == match(tiny, SETTLE_AT + timedelta(days=1)).pk
    assert GreenMatchRun.objects.count() == 1


def test_the_unmatched_rest_of_a_meter_stands_once_in_a_run(tiny):
    rest = {"run": match(tiny), "generation_point": tiny.points["A-pv"], "consumer": None, "path": "unmatched", "wh": b"", "total_wh": 0}
    GreenMatch.objects.create(**rest)
    with pytest.raises(IntegrityError), transaction.atomic():
        GreenMatch.objects.create(**rest)


def test_a_revision_makes_the_next_version_and_keeps_the_first(tiny):
    first = match(tiny)
    read(tiny.points["A-pv"], DAY, hours(0, 0, 0, 70), revision=2, at=SETTLE_AT)
    second = match(tiny)
    assert (first.version, second.version) == (1, 2)
    assert totals() == {("A", "on_site"): 50_000, ("B", "neighbour"): 20_000}
    assert GreenMatch.objects.filter(run=first).count() == 2


def test_what_the_battery_takes_is_neither_load_nor_green(tiny):
    # A battery at B charges 30 kWh at 13:00 out of B's import of 155: B consumed 125.
    read(tiny.points["B-storage"], DAY, hours(0, 0, 0, -30), revision=2, at=SETTLE_AT)
    match(tiny)
    share = green_share(enterprise_id=tiny.sites["B"].enterprise_id, day=DAY)
    assert share.load_kwh[13] == 125


def test_a_missing_storage_meter_leaves_the_consumption_unknown(tiny):
    tiny.points["B-storage"].readings.filter(day=DAY).delete()
    match(tiny)
    load = unpack_i8(GreenLoad.objects.get(enterprise=tiny.sites["B"].enterprise).wh)
    assert (load == MISSING_I8).all()
    assert totals() == {("A", "on_site"): 40_000, (None, "unmatched"): 20_000}
    share = green_share(enterprise_id=tiny.sites["B"].enterprise_id, day=DAY)
    assert set(share.share_ratio) == {None}
    assert share.day_share_ratio is None


def test_no_readings_at_all_is_refused(tiny):
    with pytest.raises(NothingToMatch):
        match(tiny, SETTLE_AT - timedelta(days=2))
    assert not GreenMatchRun.objects.exists()
