"""Readings with revisions, as known at a time, and the baseline of a portfolio."""

from dataclasses import replace
from datetime import date, timedelta
from functools import partial

import numpy as np
import orjson
import pytest

from aggregator.assets.operations import write_commitment
from aggregator.kernel.periods import Grid, delivery_day, midnight
from aggregator.metering.domain import MISSING_WH, Adjustment, BaselineMethod, BaselineUnavailable, ReadingIn
from aggregator.metering.models import MeterReading
from aggregator.metering.operations import PointOfAnotherSite, import_readings, register_point
from aggregator.metering.queries import (
    day_readings,
    latest_available_at,
    net_injection_wh,
    points_of_assets,
    points_of_sites,
    portfolio_baseline,
)
from aggregator.support import clock
from tests.integration.aggregator.sites import small_site

pytestmark = pytest.mark.django_db
DAY = date(2025, 7, 16)
D1 = midnight(DAY) + timedelta(days=1, hours=2)
EVENING_BEFORE = midnight(DAY) - timedelta(hours=6)


def reading(site, *, day=DAY, kwh="10.000", export="0.000", n=96, **more) -> ReadingIn:
    values = {"import_kwh": [kwh] * n, "export_kwh": [export] * n} | more
    return ReadingIn(metering_point=site.connection_code, day=day.isoformat(), resolution_s=900, **values)


def put(*readings, available_at=D1, **more):
    return import_readings(readings=readings, available_at=available_at, source="test", **more)


def test_a_day_again_is_a_duplicate_and_another_value_is_the_next_revision():
    site = small_site()
    assert (put(reading(site)).accepted, put(reading(site)).duplicates) == (1, 1)
    later = D1 + timedelta(days=3)
    report = put(reading(site, kwh="11.125", reason="wrong multiplier"), available_at=later)
    assert (report.accepted, report.revisions) == (1, 1)
    (point,) = points_of_sites(site_ids=[site.site_id])
    first, second = (day_readings(point_ids=[point.id], day=DAY, as_of=at)[point.id] for at in (D1, later))
    assert (first.revision, first.import_wh[0], first.net_wh[0]) == (1, 10_000, -10_000)
    assert (second.revision, second.import_wh[0], second.reason) == (2, 11_125, "wrong multiplier")
    assert day_readings(point_ids=[point.id], day=DAY, as_of=D1 - timedelta(seconds=1)) == {}
    newest = partial(latest_available_at, site_ids=[site.site_id])
    assert (newest(day=DAY, known_at=D1), newest(day=DAY, known_at=later)) == (D1, later)
    assert newest(day=DAY - timedelta(days=1), known_at=later) is None


def test_a_revision_without_reason_says_so_and_two_in_one_post_count_up():
    site = small_site()
    put(reading(site), reading(site, kwh="1"), reading(site, kwh="1"))
    assert list(MeterReading.objects.order_by("revision").values_list("revision", "reason")) == [(1, ""), (2, "no reason given")]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"n": 95}, "length_refused"),
        ({"kwh": "-1"}, "quantity_refused"),
        ({"kwh": 1.5}, "quantity_refused"),
        ({"day": DAY + timedelta(days=1)}, "day_refused"),
        ({"quality": "guessed"}, "quality_refused"),
    ],
)
def test_a_bad_reading_is_refused_by_name_and_the_rest_is_kept(changes, code):
    site = small_site()
    report = put(reading(site, **changes), reading(site))
    assert [(one.index, one.refusal.code) for one in report.rejected] == [(0, f"metering.{code}")]
    assert report.accepted == 1


def test_days_of_23_and_25_hours_have_their_own_length():
    site = small_site(time_zone="Europe/Berlin")
    late = midnight(date(2025, 12, 1))
    for day, n in ((date(2025, 3, 30), 92), (date(2025, 10, 26), 100)):
        assert put(reading(site, day=day, n=n), available_at=late).accepted == 1
        assert put(reading(site, day=day, n=96), available_at=late).rejected
    assert net_injection_wh(site_ids=[site.site_id], days=[date(2025, 3, 30), date(2025, 10, 26)], as_of=late).shape == (1, 192)


def test_net_injection_is_exact_and_missing_where_any_meter_is():
    north, south = small_site("north"), small_site("south")
    register_point(site_id=south.site_id, code="second")
    put(reading(north, kwh="1.001", export="3.002"), reading(south))
    found = net_injection_wh(site_ids=[south.site_id, north.site_id], days=[DAY], as_of=D1)
    assert found.dtype == np.int64
    assert set(found[0]) == {MISSING_WH}
    assert set(found[1]) == {2_001}


def test_points_belong_to_one_place():
    north, south = small_site("north"), small_site("south")
    sub = register_point(site_id=north.site_id, code="pv-meter", asset_id=north.asset_ids["pv"])
    assert register_point(site_id=north.site_id, code="pv-meter", asset_id=north.asset_ids["pv"]) == sub
    assert points_of_assets(asset_ids=list(north.asset_ids.values()))[north.asset_ids["pv"]].code == "pv-meter"
    assert [point.code for point in points_of_sites(site_ids=[north.site_id], kind="connection")] == ["north-meter"]
    for wrong in ({"code": "pv-meter"}, {"code": "x", "asset_id": north.asset_ids["pv"]}):
        with pytest.raises(PointOfAnotherSite):
            register_point(site_id=south.site_id, **wrong)


def test_a_gateway_may_only_tell_of_its_own_site(client, settings):
    settings.ROOT_URLCONF = "tests.integration.aggregator.telemetry.urls"
    north, south = small_site("north"), small_site("south")
    clock.set_replay(D1)
    readings = [vars(reading(site)) for site in (north, south)]
    answer = client.post(
        "/api/v1/readings:batch",
        orjson.dumps({"readings": readings}),
        content_type="application/json",
        headers={"Authorization": f"Bearer {north.api_key}"},
        secure=True,
    )
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert (body["accepted"], body["duplicates"]) == (1, 0)
    assert [(one["index"], one["reason"]) for one in body["rejected"]] == [(1, "metering.point_unknown")]
    assert client.post("/api/v1/readings:batch", b"{}", content_type="application/json", secure=True).status_code == 401


LAST_5 = BaselineMethod()
WINDOW = Grid(midnight(DAY) + timedelta(hours=14), timedelta(minutes=15), 8)


def a_month(*sites, skip=()):
    for lag in range(1, 31):
        day = DAY - timedelta(days=lag)
        rows = [reading(site, day=day, kwh=str(10 + k)) for k, site in enumerate(sites) if (site.site_id, day) not in skip]
        put(*rows, available_at=midnight(day) + timedelta(days=1, hours=2))


def ask(*sites, method=LAST_5, known_at=D1, notified_at=EVENING_BEFORE):
    return portfolio_baseline(
        site_ids=[site.site_id for site in sites], grid=WINDOW, method_params=method, notified_at=notified_at, known_at=known_at
    )


def test_members_are_summed_or_the_meters_are_and_it_is_said():
    north, south = small_site("north"), small_site("south")
    a_month(north, south)
    found = ask(north, south)
    assert found.injection_kwh.tolist() == [-21.0] * 8
    assert len(found.day_injection_kwh) == 96
    assert (found.aggregation, set(found.members)) == ("members", {north.site_id, south.site_id})
    summed = ask(north, south, method=replace(LAST_5, aggregation="summed"))
    assert summed.injection_kwh.tolist() == [-21.0] * 8
    assert (summed.aggregation, set(summed.members)) == ("summed", {None})


def test_event_days_count_from_when_they_were_known():
    site = small_site()
    a_month(site)
    event = date(2025, 7, 15)
    starts_at = midnight(event) + timedelta(hours=10)
    write_commitment(
        asset_id=site.asset_ids["load"],
        kind="event_day",
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=2),
        available_at=starts_at,
        reference="x",
    )
    baseline = ask(site).members[site.site_id]
    assert event not in baseline.days_used
    assert (event, "event_day") in baseline.days_excluded


def test_what_was_not_known_yet_is_not_used():
    site = small_site()
    a_month(site)
    known_at = midnight(date(2025, 7, 15)) + timedelta(hours=1)  # readings of the 14th come at 02:00
    assert ask(site, known_at=known_at).members[site.site_id].days_used[0] == date(2025, 7, 11)


def test_the_same_day_adjusts_only_by_what_was_metered_before_the_notification():
    site = small_site()
    a_month(site)
    today = ["12.000"] * 52 + ["1.000"] * 44
    put(reading(site, import_kwh=today))
    method = replace(LAST_5, adjustment=Adjustment())
    noon = delivery_day(DAY, resolution=timedelta(hours=1)).starts[12]
    assert ask(site, method=method, notified_at=noon).injection_kwh[0] == pytest.approx(-12.0)
    assert ask(site, method=method).injection_kwh[0] == pytest.approx(-10.0)


def test_a_site_without_history_is_named():
    north, south = small_site("north"), small_site("south")
    a_month(north)
    with pytest.raises(BaselineUnavailable, match="south-site"):
        ask(north, south)
