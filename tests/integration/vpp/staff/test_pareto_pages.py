"""Pareto reports on screen: points and paths, what is left out and why, asking for one as a job."""

import csv
import io

import pytest
from django.test import Client
from django.urls import reverse

from aggregator.dispatch.models import ParetoReport
from aggregator.dispatch.queries import pareto_report
from aggregator.forecasts.models import ForecastRun
from aggregator.support.models import Job
from tests.integration.market.settlement.tiny_day import DAY, GRID, build, member, staff
from tests.integration.vpp.staff.rows import ISSUED, N, Planned, planned, visit
from tests.integration.vpp.staff.test_plans import data
from vpp.staff.pareto_page import pareto_picture

pytestmark = pytest.mark.django_db


def point(aim: str, cost: float, carbon: float | None, ratio: float | None, **more) -> dict:
    flows = {"import_kwh": 900.0, "export_kwh": 10.0, "curtailed_kwh": 1.0, "shed_kwh": 2.0}
    known = {
        "aim": aim,
        "cost_cny": cost,
        "carbon_kg": carbon,
        "self_consumption_ratio": ratio,
        "price_cny_per_kg": None,
        "gap_ratio": 0.001,
        "lower_bound_cny": cost - 1,
        "violations": [],
        "relaxed": 0,
        "flows": flows,
    }
    return {**known, **more}


@pytest.fixture
def made() -> Planned:
    return planned(build())


def report(made: Planned, **fields) -> ParetoReport:
    known = {
        "portfolio": made.day.portfolio,
        "day": DAY,
        "computed_at": ISSUED,
        "starts_at": GRID.starts_at,
        "resolution_s": 3600,
        "n_periods": N,
        "forecast_run": ForecastRun.objects.get(),
        "factor_source": "a document of tests, 2025",
        "factor_kg_per_kwh": [0.5] * N,
        "points": [
            point("money", 100.0, 500.0, 0.6),
            point("self_consumption", 110.0, 500.0, 0.7),
            point("between", 120.0, 450.0, 0.65, price_cny_per_kg=0.4, relaxed=2),
            point("carbon", 180.0, 400.0, 0.66, price_cny_per_kg=1.2),
        ],
        "paths": {"carbon": [0, 2, 3], "self_consumption": [0, 1]},
        "dropped": [{"cost_cny": 130.0, "carbon_kg": 480.0, "self_consumption_ratio": 0.6, "why": "dominated"}],
        "notes": [{"note": "few_points", "path": "carbon", "found": 3, "wanted": 7}, {"asset": "x", "note": "soc_stale"}],
        "seconds": 12.5,
        "inputs_hash": "c" * 64,
    }
    return ParetoReport.objects.create(**{**known, **fields})


def test_points_stand_on_their_paths_and_against_the_cheapest(made: Planned) -> None:
    picture = pareto_picture(pareto_report(report_id=report(made).pk))
    assert [(row.number, row.more_cny, row.less_kg) for row in picture.rows] == [
        (1, 0.0, 0.0),
        (2, 10.0, 0.0),
        (3, 20.0, 50.0),
        (4, 80.0, 100.0),
    ]
    assert [row.paths for row in picture.rows] == [["carbon", "self_consumption"], ["self_consumption"], ["carbon"], ["carbon"]]
    assert picture.charts["carbon"]["path"] == [[1, 100.0, 500.0], [3, 120.0, 450.0], [4, 180.0, 400.0]]
    assert picture.charts["carbon"]["others"] == [[2, 110.0, 500.0]]
    assert picture.n_assets_noted == 1


def test_the_page_names_factor_weights_and_what_was_worse(made: Planned) -> None:
    row = report(made)
    page = visit(staff("auditor"), reverse("staff:pareto", args=[row.public_id])).content.decode()
    assert "0.5000 kg/kWh (a document of tests, 2025)" in page
    assert "1.200 CNY/kg" in page
    assert "another plan is better in everything" in page
    assert "3 of 7" in page
    assert "1 asset was planned from substitute data" in page
    assert set(data(page, "pareto-points")) == {"carbon", "self_consumption"}


def test_without_a_factor_carbon_is_left_out_and_said_so(made: Planned) -> None:
    points = [point("money", 100.0, None, 0.6), point("self_consumption", 110.0, None, 0.7)]
    row = report(
        made,
        factor_source="",
        factor_kg_per_kwh=[],
        points=points,
        paths={"self_consumption": [0, 1]},
        notes=[{"note": "carbon_left_out"}],
        dropped=[],
    )
    page = visit(staff("operator"), reverse("staff:pareto", args=[row.public_id])).content.decode()
    assert "no emission factor of the grid is known" in page
    assert set(data(page, "pareto-points")) == {"self_consumption"}
    assert " kg</td>" not in page


def test_the_points_are_exported(made: Planned) -> None:
    answer = visit(staff("operator"), reverse("staff:pareto", args=[report(made).public_id]), format="csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [float(row["cost_cny"]) for row in rows] == [100.0, 110.0, 120.0, 180.0]
    assert rows[0]["price_cny_per_kg"] == ""


def ask(person, **fields):
    client = Client(headers={"host": "localhost", "accept-language": "en"})
    client.force_login(person)
    return client.post(reverse("staff:pareto-new"), {"day": DAY.isoformat(), **fields})


def test_an_operator_asks_for_a_report_as_a_job(made: Planned) -> None:
    answer = ask(staff("operator"), factor_kg_per_kwh="0.5", factor_source="a document, 2025")
    assert answer.status_code == 302
    job = Job.objects.get(name="vpp.pareto_report")
    assert job.payload == {
        "portfolio_id": made.day.portfolio.pk,
        "day": DAY.isoformat(),
        "factor_kg_per_kwh": 0.5,
        "factor_source": "a document, 2025",
    }
    assert "waits for a worker" in visit(staff("auditor"), reverse("staff:paretos")).content.decode()
    Job.objects.update(state="dead", error="no prices")
    assert "no prices" in visit(staff("settlement"), reverse("staff:paretos")).content.decode()


def test_a_factor_counts_only_with_its_source(made: Planned) -> None:
    answer = ask(staff("operator"), factor_kg_per_kwh="0.5")
    assert answer.status_code == 200
    assert "A factor counts only with its source." in answer.content.decode()
    assert not Job.objects.filter(name="vpp.pareto_report").exists()


def test_without_a_factor_carbon_is_not_asked_for(made: Planned) -> None:
    ask(staff("operator"), factor_source="a source of nothing")
    assert Job.objects.get(name="vpp.pareto_report").payload["factor_kg_per_kwh"] is None
    assert Job.objects.get(name="vpp.pareto_report").payload["factor_source"] == ""


def test_who_may_look_and_who_may_ask(made: Planned) -> None:
    row = report(made)
    readers = [reverse("staff:paretos"), reverse("staff:pareto", args=[row.public_id])]
    for role in ("operator", "settlement", "auditor"):
        person = staff(role)
        for path in readers:
            assert visit(person, path).status_code == 200
        assert visit(person, reverse("staff:pareto-new")).status_code == (200 if role == "operator" else 403)
    owner = member("A")
    for path in [*readers, reverse("staff:pareto-new")]:
        assert visit(None, path).status_code == 302
        assert visit(owner, path).status_code == 403


def test_an_empty_list_says_what_to_do(made: Planned) -> None:
    assert "No report has been computed for this portfolio" in visit(staff("operator"), reverse("staff:paretos")).content.decode()
