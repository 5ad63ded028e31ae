"""The Pareto report of a day: computed once per inputs, checked, with its factor's source, and on the command line."""

import json
from datetime import timedelta
from itertools import pairwise

import pytest
from celery import current_app
from django.core.management import CommandError, call_command

from aggregator.dispatch.domain import _pareto_search, safe_plan
from aggregator.dispatch.domain.pareto import NoParetoReport
from aggregator.dispatch.models import DispatchPlan, ParetoReport, Setpoint
from aggregator.dispatch.queries import pareto_report
from aggregator.forecasts.operations import forecast_availability
from aggregator.kernel.errors import NotFound
from aggregator.support import clock, jobs
from aggregator.support.models import Job
from market.bids.operations import DayAheadPricesMissing, ForecastMissing
from tests.integration.market.world import DAY, GRID, eve, make_market, make_world, publish_prices
from vpp.pareto_report import day_pareto_report

pytestmark = pytest.mark.django_db
NOW = eve("18:30")
FACTOR = {"factor_kg_per_kwh": 0.5, "factor_source": "a document of 2023"}


@pytest.fixture
def world():
    made = make_world()
    forecast_availability(portfolio_id=made.portfolio_id, issued_at=eve("10:00"), grid=GRID)
    publish_prices(made.park_id, DAY, available_at=eve("17:30"))
    return made


def made(world, **changes) -> ParetoReport:
    return day_pareto_report(**{"portfolio_id": world.portfolio_id, "day": DAY, "now": NOW, **FACTOR, **changes})


def test_a_report_has_seven_points_from_money_to_carbon_and_sends_nothing(world) -> None:
    report = pareto_report(report_id=made(world).pk)
    path = [report.points[k] for k in report.paths["carbon"]]
    assert len(path) >= 7
    assert (path[0]["aim"], path[-1]["aim"]) == ("money", "carbon")
    for cheaper, cleaner in pairwise(path):
        assert cheaper["cost_cny"] < cleaner["cost_cny"]
        assert cheaper["carbon_kg"] > cleaner["carbon_kg"]
    for point in report.points:
        assert point["gap_ratio"] <= 1e-3
        assert point["lower_bound_cny"] <= point["weighted_cost_cny"] + 1e-6
        assert point["import_carbon_kg"] == pytest.approx(0.5 * point["flows"]["import_kwh"])
    assert report.factor_source == "a document of 2023"
    assert report.mean_factor_kg_per_kwh == 0.5
    assert not DispatchPlan.objects.exists()
    assert not Setpoint.objects.exists()


def test_the_same_inputs_are_computed_once_and_a_new_factor_again(world) -> None:
    first = made(world, points=2)
    assert made(world, points=2).pk == first.pk
    assert made(world, points=2, now=NOW + timedelta(days=3)).pk == first.pk  # what is known later does not count
    other = made(world, points=2, factor_kg_per_kwh=0.6)
    assert other.pk != first.pk
    assert list(ParetoReport.objects.filter(portfolio_id=world.portfolio_id, day=DAY).values_list("pk", flat=True)) == [other.pk, first.pk]


def test_without_a_factor_carbon_is_left_out_and_the_report_says_so(world) -> None:
    report = pareto_report(report_id=made(world, points=2, factor_kg_per_kwh=None, factor_source="").pk)
    assert {"note": "carbon_left_out"} in report.notes
    assert list(report.paths) == ["self_consumption"]
    assert {point["carbon_kg"] for point in report.points} == {None}
    assert report.mean_factor_kg_per_kwh is None


def test_missing_prices_and_forecasts_are_refused_by_name() -> None:
    world = make_market()
    with pytest.raises(DayAheadPricesMissing):
        made(world)
    publish_prices(world.park_id, DAY, available_at=eve("17:30"))
    with pytest.raises(ForecastMissing):
        made(world)


def test_without_a_solver_there_is_no_report(world, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pareto_search, "solve_schedule", lambda problem, **_: safe_plan(problem))
    with pytest.raises(NoParetoReport):
        made(world)
    assert not ParetoReport.objects.exists()


def test_an_unknown_report_is_not_found() -> None:
    with pytest.raises(NotFound):
        pareto_report(report_id=1)


def test_the_command_prints_the_report_as_json(world, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("pareto", "park", day=DAY, points=2, factor=0.5, factor_source="a document", json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["points"][0]["aim"] == "money"
    assert found["factor_source"] == "a document"
    call_command("pareto", "park", day=DAY, points=2)
    assert "no emission factor known" in capsys.readouterr().out


def test_the_command_refuses_in_words(world) -> None:
    with pytest.raises(CommandError, match="is the park loaded"):
        call_command("pareto", "elsewhere", day=DAY)
    with pytest.raises(CommandError, match="problem_refused"):
        call_command("pareto", "park", day=DAY, factor=0.5)


def test_as_a_job_it_is_made_once(world) -> None:
    clock.set_replay(NOW)
    payload = {"portfolio_id": world.portfolio_id, "day": DAY.isoformat(), "points": 2, **FACTOR}
    made = jobs.enqueue(name="vpp.pareto_report", key=f"{world.portfolio_id}/{DAY}", payload=payload)
    for _ in range(2):
        current_app.tasks["vpp.pareto_report"](made.pk)
    job = Job.objects.get(name="vpp.pareto_report")
    assert (job.state, job.error) == ("done", "")
    assert job.result == {"report": str(ParetoReport.objects.get().public_id)}
