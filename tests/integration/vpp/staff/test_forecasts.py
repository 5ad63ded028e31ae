"""Forecast pages: what was said, what was known, what came of it, in words; every staff role reads, nobody else."""

import csv
import io
import json
import re

import numpy as np
import pytest
from django.urls import reverse

from aggregator.assets.models import Asset
from aggregator.forecasts.models import ForecastRun, WeatherForecast
from aggregator.support import clock
from aggregator.support.arrays import pack_f4
from aggregator.telemetry.domain import OUT_OF_RANGE
from tests.integration.aggregator.forecasts.stored import ROOM_KW, intervened, measured, scored, stored_run
from tests.integration.market.settlement.tiny_day import DAY, GRID, HOUR, TinyDay, build, member, staff
from tests.integration.vpp.staff.rows import visit
from vpp.staff.forecast_accuracy import kind_rows

pytestmark = pytest.mark.django_db

ISSUED = GRID.starts_at - 14 * HOUR
NOON = GRID.starts[12]
KW = {"A-load": -100.0, "A-pv": 60.0, "B-load": -200.0, "B-storage": 0.0}
N_KNOWN = 24


@pytest.fixture
def made(settings) -> TinyDay:
    """The day is over; its first half of A's load was moved by us."""
    settings.VPP_ALLOW_TWIN = True
    day = build()
    clock.set_replay(GRID.ends_at + HOUR)
    assets = {code: asset_of(code) for code in KW}
    means = {assets[code]: kw for code, kw in KW.items()} | {None: sum(KW.values())}
    stored_run(day.portfolio, issued_at=ISSUED, grid=GRID, mean_kw=means, notes=["wide_band:A-load", "stale_state:B-storage"])
    for code, kw in KW.items():
        measured(assets[code], GRID, np.full(24, kw - 5.0), marks={3: OUT_OF_RANGE} if code == "A-load" else None)
    intervened(assets["A-load"], GRID, slice(0, 12))
    WeatherForecast.objects.create(
        park=day.park,
        day=DAY,
        available_at=ISSUED - HOUR,
        resolution_s=3600,
        columns=["ghi"],
        values=pack_f4(np.zeros(24)),
        source="a made-up weather service",
    )
    return day


def asset_of(code: str) -> Asset:
    return Asset.objects.get(code=code)


def data(page: str, name: str) -> dict:
    found = re.search(rf'<script id="{name}" type="application/json">(.*?)</script>', page, re.DOTALL)
    assert found, name
    return json.loads(found[1])


def shown(path: str = "staff:forecasts", role: str = "operator", language: str = "en", **query) -> str:
    answer = visit(staff(role), reverse(path), language=language, **query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_fan_has_the_stored_numbers_and_what_was_measured(made: TinyDay) -> None:
    page = shown()
    curves = data(page, "forecast-curves")
    whole = sum(KW.values())
    assert set(curves["mean_kw"]) == {whole}
    assert (curves["p10_kw"][0], curves["p90_kw"][0]) == (whole - 10, whole + 10)
    assert curves["actual_kw"] == [whole - 20.0] * N_KNOWN
    assert (curves["up_firm_kw"][0], curves["down_optimistic_kw"][0]) == (ROOM_KW["firm"], 2 * ROOM_KW["optimistic"])
    assert "drawing 240.0 kW" in page
    assert "-240" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL), "a raw sign"


def test_what_is_not_known_yet_is_no_zero(made: TinyDay) -> None:
    clock.set_replay(NOON)
    assert set(data(shown(), "forecast-curves")["actual_kw"]) == {None}


def test_what_was_known_then_is_said_in_words(made: TinyDay) -> None:
    page = shown()
    assert "too few past errors: the band is all that is physically possible" in page
    assert "5" * 64 in page
    assert "a made-up weather service" in page
    assert "2025-06-11 09:00" in page, "when the weather was issued"
    chinese = visit(staff("auditor"), reverse("staff:forecasts"), language="zh-hans").content.decode()
    assert "too few past errors" not in chinese


def test_days_that_taught_nothing_are_named(made: TinyDay) -> None:
    yesterday = type(GRID)(GRID.starts_at - 24 * HOUR, HOUR, 24)
    intervened(asset_of("A-load"), yesterday, slice(2, 4))
    assert re.search(r"06-11 moved by us: 1 asset\b", shown()), "known at the issue"


def test_one_asset_has_its_own_fan_and_the_periods_that_were_moved(made: TinyDay) -> None:
    page = shown(asset=str(asset_of("A-load").public_id))
    curves = data(page, "forecast-curves")
    assert set(curves["mean_kw"]) == {KW["A-load"]}
    assert len(curves["moved"]) == 12
    assert "state of charge or temperature too old" not in page, "that is another asset's"


def test_a_later_issue_is_shown_where_it_begins(made: TinyDay) -> None:
    late = stored_run(made.portfolio, issued_at=NOON, grid=GRID.tail(12), mean_kw={None: -1.0, asset_of("A-load"): -1.0})
    page = shown(run=str(late.public_id), day=DAY.isoformat())
    assert data(page, "forecast-curves")["mean_kw"] == [None] * 12 + [-1.0] * 12
    assert "re-issue" in page
    assert str(ForecastRun.objects.get(issued_at=ISSUED).public_id) in page, "the other issue can be chosen"


def test_the_table_is_exported(made: TinyDay) -> None:
    answer = visit(staff("operator"), reverse("staff:forecasts"), format="csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(rows) == N_KNOWN
    assert float(rows[0]["p10_kw"]) == sum(KW.values()) - 10
    assert [row["moved_assets"] for row in rows] == ["1"] * 12 + ["0"] * 12


def test_scored_days_with_persistence_and_the_corridor(made: TinyDay) -> None:
    run = ForecastRun.objects.get(issued_at=ISSUED)
    scored(run, "portfolio", 0.10, 0.25, 0.95)
    scored(run, "storage", None, None, None, "follows_schedule")
    page = shown("staff:forecast-accuracy")
    figures = data(page, "accuracy-figures")
    assert (figures["nmae"], figures["persistence"], figures["coverage"]) == ([10.0], [25.0], [95.0])
    assert "60.0 %" in page, "smaller than persistence by"
    assert "outside the corridor" in page
    assert "follows our schedule: not scored" in page
    rows = kind_rows([])
    assert rows == []


def test_calibration_and_leads_say_how_many_values_stand_behind(made: TinyDay) -> None:
    page = shown("staff:forecast-accuracy")
    names = {one["name"] for one in data(page, "accuracy-figures")["calibration"]}
    assert names == {"interruptible load", "solar"}
    assert '<td class="number">36</td>' in page, "24 of B's load and the 12 of A's that were left alone"
    assert "36 values" in page
    assert "None has been yet" in page, "no day was scored"


def test_a_kind_that_was_not_scored_is_not_found(made: TinyDay) -> None:
    scored(ForecastRun.objects.get(issued_at=ISSUED), "portfolio", 0.1, 0.2, 0.8)
    assert visit(staff("operator"), reverse("staff:forecast-accuracy"), kind="nuclear").status_code == 404


def test_data_quality_counts_marks_gaps_and_what_was_intervened(made: TinyDay) -> None:
    person = staff("auditor")
    answer = visit(person, reverse("staff:forecast-quality"), format="csv")
    rows = {row["asset"]: row for row in csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))}
    assert set(rows) == set(KW)
    load = rows["A-load"]
    assert (load["out_of_range"], load["flatline"], load["folded_values"]) == ("1", "0", "24")
    assert float(load["completeness_ratio"]) == pytest.approx(24 / (14 * 24))
    assert float(load["intervened_ratio"]) == pytest.approx(12 / (14 * 24))
    assert load["notes"] == "wide_band"
    page = visit(person, reverse("staff:forecast-quality"), enterprise="B").content.decode()
    assert "state of charge or temperature too old" in page
    assert "A-load" not in page


def test_empty_pages_say_why(made: TinyDay) -> None:
    ForecastRun.objects.all().delete()
    person = staff("operator")
    assert "No forecast covers this day" in visit(person, reverse("staff:forecasts")).content.decode()
    accuracy = visit(person, reverse("staff:forecast-accuracy")).content.decode()
    assert "No day-ahead forecast has enough measured values" in accuracy
    assert "not in it" in visit(person, reverse("staff:forecast-quality")).content.decode()
    assert visit(person, reverse("staff:forecasts"), day="soon").status_code == 404


def test_a_product_without_a_portfolio_opens() -> None:
    person = staff("operator")
    for name in ("forecasts", "forecast-accuracy", "forecast-quality"):
        assert visit(person, reverse(f"staff:{name}")).status_code == 200


@pytest.mark.parametrize("name", ["forecasts", "forecast-accuracy", "forecast-quality"])
def test_every_staff_role_reads_and_nobody_else(made: TinyDay, name: str) -> None:
    path = reverse(f"staff:{name}")
    for role in ("operator", "settlement", "auditor"):
        assert visit(staff(role), path).status_code == 200
    assert visit(None, path).status_code == 302
    assert visit(member("A"), path).status_code == 403
