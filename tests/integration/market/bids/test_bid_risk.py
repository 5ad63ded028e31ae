"""The risk behind a spot bid: which scenarios it was computed with, what is stored of them, and what a refusal leaves."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from django.db import IntegrityError, transaction

from aggregator.assets.models import Commitment
from aggregator.dispatch.models import OptimisationRun
from aggregator.forecasts.operations import forecast_availability
from aggregator.forecasts.queries import latest_run
from aggregator.support.models import Alarm
from aggregator.telemetry.models import TelemetryDay
from market.bids.domain import POLICY
from market.bids.domain import offer as offer_domain
from market.bids.domain.risk import CurveRefused
from market.bids.models import Bid
from market.bids.operations import prepare_bids
from market.bids.operations._planning import planning_day
from market.bids.operations._scenarios import scenarios_of
from market.bids.queries import bids_on
from market.prices.models import PriceCurve
from tests.integration.market.bids.offers import demand_bid, spot_bid
from tests.integration.market.world import DAY, GRID, at, eve, make_world, publish_prices

pytestmark = pytest.mark.django_db

NOW = eve("10:15")
SMALL = replace(POLICY, scenarios=6, points=3)


def ready():
    world = make_world()
    forecast_availability(portfolio_id=world.portfolio_id, issued_at=eve("10:00"), grid=GRID)
    return world


def prepared(world, policy=SMALL):
    (pk,) = prepare_bids(portfolio_id=world.portfolio_id, delivery_day=DAY, now=NOW, policy=policy)
    return Bid.objects.get(pk=pk)


def scenarios(world, *, now=NOW):
    plan = planning_day(portfolio_id=world.portfolio_id, day=DAY)
    run = latest_run(portfolio_id=world.portfolio_id, grid=GRID, known_at=now)
    return scenarios_of(plan, run, now=now, policy=POLICY)


def test_the_figures_of_the_risk_stand_with_the_bid_and_its_run():
    world = ready()
    bid = prepared(world, POLICY)
    assert bid.n_scenarios == len(bid.scenarios) == POLICY.scenarios >= 20
    assert (bid.risk_weight, bid.risk_confidence) == (POLICY.risk_weight, POLICY.risk_confidence)
    costs = np.array([row["cost_cny"] for row in bid.scenarios])
    assert bid.expected_cost_cny == pytest.approx(costs.mean(), abs=0.01)
    assert bid.expected_value_cny == pytest.approx(-bid.expected_cost_cny)
    assert bid.expected_cost_cny <= bid.value_at_risk_cny <= bid.cvar_cny <= costs.max() + 0.01
    weighed = (1 - bid.risk_weight) * bid.expected_cost_cny + bid.risk_weight * bid.cvar_cny
    assert bid.lower_bound_cny <= weighed
    assert sum(row["probability"] for row in bid.scenarios) == pytest.approx(1)
    assert bid.relief_kwh == 0
    run = OptimisationRun.objects.get()
    assert bid.optimisation_run == run
    assert (run.purpose, run.mode) == ("bid", "curves")
    assert run.status in ("optimal", "at_gap")
    assert run.cost_cny == pytest.approx(weighed)
    assert (run.lower_bound_cny, run.inputs_hash, run.violations) == (bid.lower_bound_cny, bid.inputs_hash, 0)
    assert (run.n_periods, run.n_assets, run.n_sites) == (96, 3, 1)
    assert run.details["n_scenarios"] == bid.n_scenarios
    assert run.details["deviation_basis"] == "assumed"


def test_the_facts_say_the_same_as_the_row():
    world = ready()
    bid = prepared(world)
    (facts,) = bids_on(portfolio_id=world.portfolio_id, day=DAY)
    assert facts.risk.cvar_cny == bid.cvar_cny
    assert facts.risk.run_public_id == bid.optimisation_run.public_id
    assert facts.risk.n_scenarios == bid.n_scenarios
    assert facts.risk.scenarios[0].day == date.fromisoformat(bid.scenarios[0]["day"])
    assert facts.risk.scenarios[0].cost_cny == bid.scenarios[0]["cost_cny"]


def test_demand_response_and_older_bids_have_no_risk():
    world = make_world()
    demand_bid(world)
    spot_bid(world)
    assert [facts.risk for facts in bids_on(portfolio_id=world.portfolio_id, day=DAY)] == [None, None]


# -- the scenarios


def test_every_price_day_comes_with_the_generation_and_load_of_the_same_day():
    made = scenarios(ready())
    assert made.labels[1:] == tuple(day.isoformat() for day in made.days[1:])
    # the prices of the day before delivery are known, the rest of that day is not: another day stands in
    assert (made.availability, made.days[0], made.labels[0]) == ("crossed_days", DAY - timedelta(days=1), made.labels[1])
    assert len(set(made.days)) == len(made) == POLICY.scenarios
    assert max(made.days) < DAY
    # the load of this world wobbles from day to day; the sun does not, and the forecast knows its course
    assert np.abs(made.load_kw).max() > 5
    assert np.abs(made.load_kw.mean(axis=0)).max() < 1e-6


def test_what_is_known_later_is_not_used():
    world = ready()
    before = scenarios(world)
    late = eve("23:00")
    TelemetryDay.objects.filter(asset_id=world.asset_ids["load"], starts_at__lt=at("00:00", day=before.days[3] + timedelta(days=1))).filter(
        starts_at__gte=at("00:00", day=before.days[3])
    ).update(available_at=late)
    PriceCurve.objects.filter(day=before.days[0]).update(available_at=late)
    after = scenarios(world)
    assert before.days[0] not in after.days
    assert before.days[3] in after.days
    assert before.days[3].isoformat() not in after.labels


def test_a_day_on_which_the_load_was_moved_is_no_example():
    world = ready()
    day = scenarios(world).days[2]
    Commitment.objects.create(
        asset_id=world.asset_ids["load"],
        kind="intervened",
        starts_at=at("06:00", day=day),
        ends_at=at("18:00", day=day),
        available_at=at("06:00", day=day),
        reference="test",
    )
    made = scenarios(world)
    assert day.isoformat() not in made.labels
    assert day in made.days


def test_without_measured_days_the_quantiles_of_the_forecast_stand_in():
    world = ready()
    TelemetryDay.objects.all().delete()
    made = scenarios(world)
    assert made.availability == "quantile_paths"
    assert set(made.labels) == {"p10", "mean", "p90"}
    assert len(made) == POLICY.scenarios
    bid = prepared(world)
    assert bid.availability == "quantile_paths"
    assert bid.optimisation_run.details["availability"] == "quantile_paths"


def test_fewer_days_are_used_as_they_are_and_their_number_is_said():
    world = ready()
    keep = sorted(PriceCurve.objects.values_list("day", flat=True))[-8:]
    PriceCurve.objects.exclude(day__in=keep).delete()
    bid = prepared(world, replace(POLICY, points=3))
    assert bid.n_scenarios == len({row["day"] for row in bid.scenarios}) == 6  # two of the eight are a weekend
    assert bid.optimisation_run.details["n_scenarios"] == 6
    assert bid.solver_status in ("optimal", "at_gap", "timeout")


def test_one_known_day_is_offered_independently_of_the_price():
    world = ready()
    PriceCurve.objects.exclude(day=max(scenarios(world).days)).delete()
    bid = prepared(world)
    assert bid.n_scenarios == 3
    assert bid.availability == "quantile_paths"
    assert bid.steps.count() == len(GRID)
    assert {row["reason"] for row in bid.explanations} == {"price_independent"}


def test_real_time_prices_say_what_a_deviation_costs():
    world = ready()
    assumed = scenarios(world).deviation
    assert (assumed.basis, assumed.days) == ("assumed", 0)
    for back in range(1, 12):
        day = DAY - timedelta(days=back)
        publish_prices(world.park_id, day, available_at=at("00:30", day=day + timedelta(days=1)), market="real_time")
    known = scenarios(world).deviation
    assert known.basis == "real_time_history"
    assert known.cny_per_mwh.tolist() == [POLICY.least_deviation_cny_per_mwh] * len(GRID)  # in this world the two prices are the same


# -- what a refusal leaves, and what the database does not take


def test_refused_curves_leave_the_baseline_an_alarm_and_no_costs(monkeypatch):
    def refuse(problem, **how):
        raise CurveRefused(why="the test says so")

    monkeypatch.setattr(offer_domain, "bid_curves", refuse)
    world = ready()
    bid = prepared(world)
    assert bid.solver_status == "fallback"
    assert bid.steps.count() == len(GRID)
    assert {row["reason"] for row in bid.explanations} == {"baseline_fallback"}
    assert (bid.cvar_cny, bid.expected_cost_cny, bid.optimisation_run, bid.expected_value_cny) == (None, None, None, None)
    assert bid.n_scenarios == len(bid.scenarios) == SMALL.scenarios
    assert {row["cost_cny"] for row in bid.scenarios} == {None}
    alarm = Alarm.objects.get(kind="bid.curves_refused")
    assert alarm.fields["reason"] == "the test says so"
    assert not OptimisationRun.objects.exists()


def test_the_database_holds_the_risk_together():
    world = make_world()
    whole = {
        "n_scenarios": 3,
        "risk_weight": 0.2,
        "risk_confidence": 0.9,
        "expected_cost_cny": 1.0,
        "value_at_risk_cny": 2.0,
        "cvar_cny": 3.0,
    }
    spot_bid(world)
    rows = Bid.objects.all()
    rows.update(**whole)
    for change in (
        {"cvar_cny": 1.5},
        {"cvar_cny": None},
        {"risk_weight": 1.2},
        {"risk_confidence": 1.0},
        {"n_scenarios": 0},
        {"availability": "guessed"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**(whole | change))
