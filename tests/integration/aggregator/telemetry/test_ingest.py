"""Telemetry in: duplicates, late, shuffled and bad posts converge to one table."""

import gzip
import random
from datetime import UTC, date, datetime, timedelta

import numpy as np
import orjson
import pytest
from django.db import connection

from aggregator.gateways.models import Gateway
from aggregator.kernel.periods import Grid, midnight
from aggregator.support import clock
from aggregator.telemetry.domain import SeriesIn
from aggregator.telemetry.models import ChargingSession, TelemetrySample
from aggregator.telemetry.operations import ingest
from aggregator.telemetry.queries import latest, power, sessions, soc
from tests.integration.aggregator.sites import small_site

pytestmark = pytest.mark.django_db
DAY = date(2025, 7, 2)
START = midnight(DAY)
NOW = START + timedelta(hours=12)
QUARTER = timedelta(minutes=15)


def series(site, kind="pv", *, starts_at=START, values=(1.0, 2.0, 3.0, 4.0), resolution_s=900, **more) -> SeriesIn:
    return SeriesIn(
        asset=site.public_ids[kind], starts_at=starts_at.isoformat(), resolution_s=resolution_s, injection_kw=list(values), **more
    )


def table() -> list[tuple]:
    return list(TelemetrySample.objects.order_by("asset_id", "at").values_list("asset_id", "at", "injection_kw", "soc_ratio", "quality"))


def put(site, *rows, received_at=NOW):
    return ingest(gateway=site.gateway, series=rows, received_at=received_at)


def test_a_post_is_stored_and_the_same_again_changes_nothing():
    site = small_site()
    rows = [series(site), series(site, "storage", soc_ratio=[0.5, 0.5, None, 0.4], values=[None, -100.0, None, 50.0])]
    first = put(site, *rows)
    assert (first.accepted, first.duplicates, first.rejected) == (7, 0, ())
    before = table()
    again = put(site, *rows, received_at=NOW + timedelta(hours=1))
    assert (again.accepted, again.duplicates) == (0, 7)
    assert table() == before
    assert set(TelemetrySample.objects.values_list("received_at", flat=True)) == {NOW}


def test_a_repeated_value_replaces_and_a_missing_one_does_not():
    site = small_site()
    put(site, series(site, soc_ratio=[0.1, 0.2, 0.3, 0.4]))
    report = put(site, series(site, values=[None, 9.0, 3.0, None]), received_at=NOW + QUARTER)
    assert (report.accepted, report.duplicates) == (1, 1)
    assert [row[2] for row in table()] == [1.0, 9.0, 3.0, 4.0]
    assert [row[3] for row in table()] == [0.1, 0.2, 0.3, 0.4]


def test_a_bad_series_is_refused_by_name_and_the_rest_is_kept():
    north, south = small_site("north"), small_site("south")
    report = put(
        north,
        series(south),
        series(north, starts_at=datetime(1970, 1, 1, tzinfo=UTC)),
        series(north, values=[1e308]),
        series(north),
        SeriesIn(asset=None, starts_at=None, resolution_s=None, injection_kw=None),
    )
    assert report.accepted == 4
    assert [(one.index, one.refusal.code.removeprefix("telemetry.")) for one in report.rejected] == [
        (0, "asset_unknown"),
        (1, "too_old"),
        (2, "column_refused"),
        (4, "asset_unknown"),
    ]
    assert {row[0] for row in table()} == {north.asset_ids["pv"]}


@pytest.mark.parametrize("seed", range(3))
def test_shuffled_duplicated_and_split_posts_converge(seed):
    site = small_site()
    chance = random.Random(seed)
    values = [float(k) for k in range(40)]
    pieces = [
        series(site, kind, starts_at=START + first * QUARTER, values=values[first : first + 8])
        for kind in ("pv", "load")
        for first in (0, 4, 8, 16, 24, 32)
    ]
    pieces += pieces[::2]
    chance.shuffle(pieces)
    for k in range(0, len(pieces), 5):
        put(site, *pieces[k : k + 5], received_at=NOW + timedelta(minutes=k))
    found = power(
        asset_ids=[site.asset_ids["load"], site.asset_ids["pv"]], grid=Grid(START, QUARTER, 40), known_at=NOW + timedelta(hours=1)
    )
    np.testing.assert_array_equal(found, [values, values])
    assert TelemetrySample.objects.count() == 80


def test_beyond_the_rating_is_kept_and_marked():
    site = small_site()
    put(site, series(site, values=[999.0, 5000.0]))
    assert [row[4] for row in table()] == [0, 4]
    grid = Grid(START, QUARTER, 2)
    assert power(asset_ids=[site.asset_ids["pv"]], grid=grid, known_at=NOW).tolist() == [[999.0, 5000.0]]
    assert np.isnan(power(asset_ids=[site.asset_ids["pv"]], grid=grid, known_at=NOW, good_only=True)).tolist() == [[False, True]]


def test_power_knows_only_what_had_been_received_and_asks_for_half_a_period():
    site = small_site()
    pv = site.asset_ids["pv"]
    put(site, series(site, values=[6.0] * 8, resolution_s=60), received_at=NOW)
    put(site, series(site, starts_at=START + QUARTER, values=[8.0] * 7, resolution_s=60), received_at=NOW + QUARTER)
    grid = Grid(START, QUARTER, 2)
    assert np.isnan(power(asset_ids=[pv], grid=grid, known_at=NOW - QUARTER)).all()
    later = power(asset_ids=[pv, site.asset_ids["load"]], grid=grid, known_at=NOW + QUARTER)
    np.testing.assert_array_equal(later, [[6.0, np.nan], [np.nan, np.nan]])


def test_state_of_charge_and_the_latest_sample():
    site = small_site()
    storage = site.asset_ids["storage"]
    put(site, series(site, "storage", soc_ratio=[0.5, 0.6, None, None], values=[-10.0, -20.0, None, None]))
    np.testing.assert_array_equal(soc(asset_ids=[storage], grid=Grid(START, QUARTER, 3), known_at=NOW), [[0.5, 0.6, np.nan]])
    found = latest(asset_ids=[storage, site.asset_ids["pv"]], at=NOW)
    assert set(found) == {storage}
    assert (found[storage].ends_at, found[storage].injection_kw, found[storage].soc_ratio) == (START + 2 * QUARTER, -20.0, 0.6)
    assert latest(asset_ids=[storage], at=NOW - timedelta(minutes=1)) == {}
    assert latest(asset_ids=[storage], at=NOW + timedelta(days=3)) == {}


def test_a_charging_session_opens_and_closes_and_the_past_does_not_know_its_end():
    site = small_site()
    station = site.asset_ids["ev_station"]
    came, left = START + timedelta(hours=8), START + timedelta(hours=17)
    opened = {"session_key": "s1", "plugged_in_at": came.isoformat(), "need_kwh": 30}
    closed = {"session_key": "s1", "plugged_in_at": came.isoformat(), "plugged_out_at": left.isoformat(), "energy_kwh": 28.5}
    for session, received_at in ((opened, came), (closed, left), (closed, left)):
        put(site, series(site, "ev_station", starts_at=received_at - QUARTER, values=[-20.0], sessions=[session]), received_at=received_at)
    assert ChargingSession.objects.count() == 1
    window = {"asset_ids": [station], "starts_at": START, "ends_at": START + timedelta(days=1)}
    (noon,) = sessions(**window, known_at=START + timedelta(hours=12))[station]
    assert (noon.plugged_out_at, noon.energy_kwh, noon.need_kwh) == (None, None, 30)
    (night,) = sessions(**window, known_at=left)[station]
    assert (night.plugged_out_at, night.energy_kwh, night.need_kwh) == (left, 28.5, 30)
    assert sessions(**window, known_at=came - QUARTER)[station] == []


def post(client, site, body: bytes, **headers):
    headers = {"Authorization": f"Bearer {site.api_key}"} | headers
    return client.post("/api/v1/telemetry", body, content_type="application/json", headers=headers, secure=True)


@pytest.fixture
def urls(settings):
    settings.ROOT_URLCONF = "tests.integration.aggregator.telemetry.urls"


@pytest.mark.usefixtures("urls")
def test_the_api_answers_per_series(client):
    site = small_site()
    clock.set_replay(NOW)
    good = {"asset": site.public_ids["pv"], "starts_at": START.isoformat(), "resolution_s": 900, "injection_kw": [1.5, None, 2]}
    body = orjson.dumps({"series": [good, {**good, "starts_at": "2025-07-02T00:00:00"}]})
    answer = post(client, site, body)
    assert answer.status_code == 200
    assert (answer.json()["accepted"], answer.json()["duplicates"]) == (2, 0)
    assert [(one["index"], one["reason"]) for one in answer.json()["rejected"]] == [(1, "telemetry.time_refused")]
    again = post(client, site, gzip.compress(body), **{"Content-Encoding": "gzip"})
    assert (again.json()["accepted"], again.json()["duplicates"]) == (0, 2)
    assert Gateway.objects.get(pk=site.gateway.id).last_seen_at == NOW


@pytest.mark.usefixtures("urls")
@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b'{"series": []}', {"Authorization": "Bearer wrong"}, 401),
        (b'{"series": 1}', {}, 400),
        (b'{"series": [1]}', {}, 400),
        (b"{", {}, 400),
        (gzip.compress(b"[" * 9_000_000), {"Content-Encoding": "gzip"}, 413),
        (b" " * (8 * 1024 * 1024 + 1), {}, 413),
        (b"{}", {"Content-Encoding": "br"}, 415),
    ],
)
def test_the_api_refuses_with_problem_json(client, body, headers, status):
    answer = post(client, small_site(), body, **headers)
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"]
    assert ("WWW-Authenticate" in answer) == (status == 401)


def test_a_day_without_partition_is_made_when_it_is_first_written():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no partitions")
    from aggregator.telemetry.partitions import existing_days

    site = small_site()
    put(site, series(site), series(site, starts_at=START - timedelta(days=3)))
    assert {START.date(), (START - timedelta(days=3)).date()} <= set(existing_days())


@pytest.mark.django_db(transaction=True)
def test_a_day_dropped_by_another_process_is_made_again():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no partitions")
    site = small_site()
    put(site, series(site))
    with connection.cursor() as cursor:  # as another process would: this one still believes in the day
        cursor.execute(f"DROP TABLE aggregator_telemetrysample_{START.astimezone(UTC):%Y%m%d}")
    assert put(site, series(site)).accepted == 4
    assert len(table()) == 4


@pytest.mark.django_db(transaction=True)
def test_a_session_that_lost_its_temporary_table_gets_another():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite needs no temporary table")
    site = small_site()
    put(site, series(site))
    with connection.cursor() as cursor:  # as a connection pooler may
        cursor.execute("DISCARD ALL")
    assert put(site, series(site, values=[9.0])).accepted == 1
    assert len(table()) == 4


def test_many_series_of_one_post_find_their_assets_however_the_id_is_written():
    site = small_site()
    pv, load = site.public_ids["pv"], site.public_ids["load"]
    names = [pv.upper(), "{" + load + "}", pv.replace("-", ""), "not an id", 7, None, small_site("south").public_ids["pv"]]
    rows = [series(site, starts_at=START + k * QUARTER, values=[1.0]) for k in range(30)]
    more = [series(site, starts_at=START + (40 + k) * QUARTER, values=[2.0])._replace(asset=name) for k, name in enumerate(names)]
    for chosen in (rows + more, more):
        report = put(site, *chosen)
        assert [(one.index, one.refusal.code) for one in report.rejected] == [
            (len(chosen) - 4 + k, "telemetry.asset_unknown") for k in range(4)
        ]
    assert {row[0] for row in table()} == {site.asset_ids["pv"], site.asset_ids["load"]}
    assert len(table()) == 33
