"""Complete days become arrays; late points revise them; dropping a day loses nothing."""

from datetime import date, timedelta

import numpy as np
import pytest

from aggregator.kernel.periods import Grid, midnight
from aggregator.support.arrays import unpack_f4
from aggregator.telemetry.domain import SessionFacts
from aggregator.telemetry.models import TelemetryDay, TelemetrySample
from aggregator.telemetry.operations import DayValues, drop_old, fold_day, import_days, import_sessions, prepare_partitions
from aggregator.telemetry.operations._imports import DayRefused
from aggregator.telemetry.queries import latest, power, soc
from tests.integration.aggregator.sites import small_site
from tests.integration.aggregator.telemetry.test_ingest import put, series

pytestmark = pytest.mark.django_db
DAY = date(2025, 7, 2)
START = midnight(DAY)
QUARTER = timedelta(minutes=15)
EVENING = START + timedelta(days=1)
VALUES = [float(k) for k in range(96)]
GRID = Grid(START, QUARTER, 96)


def a_full_day(site, received_at=EVENING):
    put(site, series(site, values=VALUES), series(site, "storage", values=VALUES, soc_ratio=[0.5] * 96), received_at=received_at)


def test_a_day_is_folded_once():
    site = small_site()
    a_full_day(site)
    assert fold_day(day=DAY) == 3  # power of two assets, state of charge of one
    assert fold_day(day=DAY) == 0
    row = TelemetryDay.objects.get(asset_id=site.asset_ids["pv"], day=DAY, series="injection_kw")
    assert unpack_f4(row.values).tolist() == VALUES
    assert (row.resolution_s, row.revision, row.available_at, row.starts_at) == (900, 1, EVENING, START)


def test_a_late_point_revises_the_folded_day():
    site = small_site()
    a_full_day(site)
    fold_day(day=DAY)
    late = EVENING + timedelta(hours=3)
    put(site, series(site, starts_at=START + 4 * QUARTER, values=[400.0]), received_at=late)
    row = TelemetryDay.objects.get(asset_id=site.asset_ids["pv"], day=DAY, series="injection_kw")
    assert unpack_f4(row.values)[3:6].tolist() == [3.0, 400.0, 5.0]
    assert (row.revision, row.available_at) == (2, late)
    put(site, series(site, starts_at=START + 4 * QUARTER, values=[400.0]), received_at=late + QUARTER)
    assert TelemetryDay.objects.get(pk=row.pk).revision == 2
    assert TelemetryDay.objects.get(asset_id=site.asset_ids["storage"], series="injection_kw").revision == 1


def test_folded_and_hot_say_the_same():
    site = small_site()
    a_full_day(site)
    ids = [site.asset_ids["storage"], site.asset_ids["pv"]]
    hot = power(asset_ids=ids, grid=GRID, known_at=EVENING)
    fold_day(day=DAY)
    both = power(asset_ids=ids, grid=GRID, known_at=EVENING)
    TelemetrySample.objects.all().delete()
    cold = power(asset_ids=ids, grid=GRID, known_at=EVENING)
    np.testing.assert_array_equal(hot, [VALUES, VALUES])
    np.testing.assert_array_equal(both, hot)
    np.testing.assert_array_equal(cold, hot)
    assert soc(asset_ids=ids, grid=GRID, known_at=EVENING)[0].tolist() == [0.5] * 96
    assert latest(asset_ids=ids, at=EVENING)[ids[0]].soc_ratio == 0.5
    assert np.isnan(power(asset_ids=ids, grid=GRID, known_at=EVENING - QUARTER)).all()


def test_old_days_are_folded_and_dropped_and_a_straggler_still_arrives():
    site = small_site()
    pv = site.asset_ids["pv"]
    a_full_day(site)
    later = EVENING + timedelta(days=20)
    prepare_partitions(now=later)
    assert START.date() in drop_old(now=later)
    assert TelemetrySample.objects.count() == 0
    assert drop_old(now=later) == []
    np.testing.assert_array_equal(power(asset_ids=[pv], grid=GRID, known_at=later), [VALUES])
    put(site, series(site, starts_at=START, values=[77.0]), received_at=later)
    assert power(asset_ids=[pv], grid=GRID, known_at=later)[0, :2].tolist() == [77.0, 1.0]
    drop_old(now=later)
    assert TelemetrySample.objects.count() == 0
    assert power(asset_ids=[pv], grid=GRID, known_at=later)[0, :2].tolist() == [77.0, 1.0]


def days(values, n=1, first=DAY):
    return [
        DayValues(first + timedelta(days=k), np.array(values), 900, midnight(first + timedelta(days=k + 1)) + timedelta(hours=2))
        for k in range(n)
    ]


def test_import_is_idempotent_and_a_change_is_a_revision():
    site = small_site()
    load = site.asset_ids["load"]
    what = {"asset_id": load, "series": "injection_kw", "source": "a file"}
    assert vars(import_days(**what, days=days(VALUES, 3))) == {"created": 3, "changed": 0, "unchanged": 0}
    assert vars(import_days(**what, days=days(VALUES, 3))) == {"created": 0, "changed": 0, "unchanged": 3}
    changed = [*days(VALUES, 1), *days([*VALUES[:-1], np.nan], 1, DAY + timedelta(days=1))]
    assert vars(import_days(**what, days=changed)) == {"created": 0, "changed": 1, "unchanged": 1}
    assert TelemetryDay.objects.get(asset_id=load, day=DAY + timedelta(days=1)).revision == 2
    known = midnight(DAY) + timedelta(days=1, hours=2)
    found = power(asset_ids=[load], grid=Grid(START, timedelta(hours=1), 48), known_at=known)
    assert found[0, :2].tolist() == [1.5, 5.5]
    assert np.isnan(found[0, 24:]).all()


@pytest.mark.parametrize(("values", "resolution_s"), [(VALUES[:-1], 900), ([*VALUES[:-1], np.inf], 900), (VALUES, 700)])
def test_a_bad_day_stops_the_import(values, resolution_s):
    site = small_site()
    with pytest.raises(DayRefused):
        import_days(
            asset_id=site.asset_ids["load"],
            series="injection_kw",
            source="",
            days=[*days(VALUES), DayValues(DAY + timedelta(days=1), np.array(values), resolution_s, EVENING)],
        )
    assert TelemetryDay.objects.count() == 0


def test_days_of_23_and_25_hours():
    site = small_site(time_zone="Europe/Berlin")
    what = {"asset_id": site.asset_ids["load"], "series": "injection_kw", "source": ""}
    for day, hours in ((date(2025, 3, 30), 23), (date(2025, 10, 26), 25)):
        import_days(**what, days=[DayValues(day, np.arange(float(hours)), 3600, EVENING)])
        with pytest.raises(DayRefused):
            import_days(**what, days=[DayValues(day, np.arange(24.0), 3600, EVENING)])


def test_past_sessions_are_known_as_they_happened():
    site = small_site()
    stay = SessionFacts("s1", START, START + timedelta(hours=8), 20.0, 25.0)
    assert import_sessions(asset_id=site.asset_ids["ev_station"], sessions=[stay]) == 1
    assert import_sessions(asset_id=site.asset_ids["ev_station"], sessions=[stay]) == 0
