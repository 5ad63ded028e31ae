"""An enterprise sees what is expected of its own assets, one by one and added up, and nothing of anybody else's."""

import csv
import io
import json
import re

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from aggregator.assets.models import Asset
from aggregator.support import clock
from tests.integration.aggregator.forecasts.stored import measured, stored_run
from tests.integration.market.settlement.tiny_day import DAY, GRID, HOUR, TinyDay, build, member
from tests.integration.vpp.staff.rows import visit

pytestmark = pytest.mark.django_db

ISSUED = GRID.starts_at - 14 * HOUR
KW = {"A-load": -100.0, "A-pv": 60.0, "B-load": -200.0, "B-storage": 0.0}
PATH = "/portal/forecasts/"


@pytest.fixture
def made(settings) -> TinyDay:
    settings.VPP_ALLOW_TWIN = True
    day = build()
    clock.set_replay(GRID.ends_at + HOUR)
    means = {asset_of(code): kw for code, kw in KW.items()} | {None: sum(KW.values())}
    stored_run(day.portfolio, issued_at=ISSUED, grid=GRID, mean_kw=means, notes=["wide_band:A-load", "stale_state:B-storage"])
    for code, kw in KW.items():
        measured(asset_of(code), GRID, np.full(24, kw - 5.0))
    return day


@pytest.fixture
def owner() -> User:
    return member("A")


def asset_of(code: str) -> Asset:
    return Asset.objects.get(code=code)


def curves(page: str) -> dict:
    found = re.search(r'<script id="forecast-curves" type="application/json">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_own_assets_are_added_up_with_the_widest_band(made: TinyDay, owner: User) -> None:
    page = visit(owner, PATH).content.decode()
    own = KW["A-load"] + KW["A-pv"]
    shown = curves(page)
    assert set(shown["mean_kw"]) == {own}
    assert (shown["p10_kw"][0], shown["p90_kw"][0]) == (own - 20, own + 20)
    assert set(shown["actual_kw"]) == {own - 10}
    assert "drawing 40.0 kW" in page
    assert "as if all assets were wrong at once" in page
    assert reverse("portal:forecasts") == PATH


def test_one_asset_and_one_site_can_be_chosen(made: TinyDay, owner: User) -> None:
    one = curves(visit(owner, PATH, of=str(asset_of("A-pv").public_id)).content.decode())
    assert set(one["mean_kw"]) == {KW["A-pv"]}
    assert one["up_firm_kw"][0] == 1.0
    site = curves(visit(owner, PATH, of=str(made.sites["A"].public_id)).content.decode())
    assert set(site["mean_kw"]) == {KW["A-load"] + KW["A-pv"]}


def test_how_good_it_was_is_said_of_every_own_asset(made: TinyDay, owner: User) -> None:
    page = visit(owner, PATH).content.decode()
    assert "5.0 %" in page, "5 kW of 100 kW of sun"
    assert "4.8 %" in page, "5 kW of 105 kW of mean draw"
    assert "too few past errors" in page


def test_nothing_of_others_is_told(made: TinyDay, owner: User) -> None:
    for of in (str(asset_of("B-load").public_id), str(made.sites["B"].public_id), "x"):
        assert visit(owner, PATH, of=of).status_code == 404
        assert visit(owner, PATH, of=of, enterprise="A", format="csv").status_code == 404
    assert visit(owner, PATH, enterprise="B").status_code == 404
    assert visit(None, PATH).status_code == 302
    page = visit(owner, PATH).content.decode()
    assert "B-" not in page
    assert "state of charge or temperature too old" not in page


def test_a_note_that_may_be_about_somebody_else_is_not_told(made: TinyDay, owner: User) -> None:
    """Codes are unique on a site only, and notes name codes."""
    Asset.objects.filter(code="A-load").update(code="same")
    Asset.objects.filter(code="B-load").update(code="same")
    run = made.portfolio.forecast_runs.get()
    run.notes = ["wide_band:same"]
    run.save()
    assert "too few past errors" not in visit(owner, PATH).content.decode()


def test_an_issue_without_own_assets_is_not_offered(made: TinyDay, owner: User) -> None:
    foreign = stored_run(made.portfolio, issued_at=ISSUED + HOUR, grid=GRID, mean_kw={None: 0.0, asset_of("B-load"): -1.0})
    page = visit(owner, PATH, run=str(foreign.public_id)).content.decode()
    assert f'value="{foreign.public_id}"' not in page
    assert set(curves(page)["mean_kw"]) == {KW["A-load"] + KW["A-pv"]}


def test_a_refused_asset_is_left_out_of_the_sum_and_that_is_said(made: TinyDay, owner: User) -> None:
    gone = made.portfolio.forecast_runs.get().quantiles.get(asset__code="A-load")
    gone.quality = "missing"
    gone.save()
    page = visit(owner, PATH).content.decode()
    assert set(curves(page)["mean_kw"]) == {KW["A-pv"]}
    assert "from substitute data" in page


def test_the_table_is_exported_and_an_empty_day_says_why(made: TinyDay, owner: User) -> None:
    answer = visit(owner, PATH, format="csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(rows) == len(GRID)
    assert float(rows[0]["mean_kw"]) == KW["A-load"] + KW["A-pv"]
    empty = visit(owner, PATH, day=DAY.replace(month=1).isoformat()).content.decode()
    assert "No forecast of your assets covers this day" in empty
