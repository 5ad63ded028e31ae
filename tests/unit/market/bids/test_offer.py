"""The spot offer: monotone steps from whole-day plans, the baseline in the window and in the fallback."""

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest

from aggregator.dispatch.domain import FirmBlock, safe_plan
from market.bids.domain import explain_spot, offer, spot_offer
from market.bids.domain.steps import OfferForm, cleared_kw
from tests.unit.market.bids.park import GRID, N, base_kw, park, prices

FORM = OfferForm(Decimal(-100), Decimal(1500), Decimal("0.01"), Decimal(10), 1, 10)
EXPECTED = prices()
SCENARIOS = np.vstack([EXPECTED, prices(cheap=-50), prices(cheap=250, dear=500), prices(cheap=0, dear=1400), np.full(N, 350.0)])


@pytest.fixture(scope="module")
def made():
    problem, assets = park()
    return spot_offer(problem, assets=assets, scenarios_cny_per_mwh=SCENARIOS, baseline_kw=base_kw(), form=FORM, deadline_s=30)


def test_every_period_has_a_monotone_curve_on_the_market_steps(made):
    assert made.solver_status in ("optimal", "at_gap")
    assert made.dropped_scenarios == 0
    for steps in made.steps:
        for lower, upper in pairwise(steps):
            assert lower.price_cny_per_mwh < upper.price_cny_per_mwh
            assert lower.injection_kw < upper.injection_kw
        assert all(step.injection_kw % 10 == 0 for step in steps)


def test_cheap_hours_offer_less_injection_than_dear_hours(made):
    night, evening = made.expected_kw[:6].sum(), made.expected_kw[18:21].sum()
    assert night < base_kw()[:6].sum()  # the battery charges
    assert evening > base_kw()[18:21].sum()  # and discharges


def test_a_dearer_market_is_never_cleared_at_less_injection(made):
    for steps in made.steps:
        accepted = [cleared_kw(steps, Decimal(price)) for price in range(-100, 1500, 100)]
        assert accepted == sorted(accepted)


def test_every_period_is_explained(made):
    problem, _ = park()
    rows = explain_spot(problem, made)
    assert [row["starts_at"] for row in rows] == [at.isoformat() for at in GRID.starts]
    assert {row["reason"] for row in rows} == {"price_responsive", "price_independent"}
    dear = np.flatnonzero(made.plan.up_kw["battery"] >= 999)
    assert dear.size
    assert {rows[t]["limit"] for t in dear} <= {"power_limit", "energy_limit"}


def test_the_demand_response_window_is_offered_at_the_baseline_once():
    problem, assets = park()
    baseline = base_kw() + 37.0
    block = FirmBlock(slice(18, 20), baseline[18:20], 1.5, 600.0, 600.0)
    made = spot_offer(problem, assets=assets, scenarios_cny_per_mwh=SCENARIOS, baseline_kw=baseline, form=FORM, deadline_s=30, firm=block)
    for t in (18, 19):
        assert [float(step.injection_kw) for step in made.steps[t]] == [round(baseline[t] / 10) * 10]
        assert made.steps[t][0].price_cny_per_mwh == FORM.price_floor_cny_per_mwh
        assert made.plan.portfolio_kw[t] >= baseline[t] + 600 - 1e-3
    reasons = [row["reason"] for row in explain_spot(problem, made)]
    assert [t for t, reason in enumerate(reasons) if reason == "demand_response_window"] == [18, 19]


def test_without_any_solution_the_baseline_is_bid_and_the_status_says_so(monkeypatch):
    problem, assets = park()
    monkeypatch.setattr(offer, "solve_schedule", lambda problem, *, deadline_s: safe_plan(problem))
    made = spot_offer(problem, assets=assets, scenarios_cny_per_mwh=SCENARIOS, baseline_kw=base_kw(), form=FORM, deadline_s=30)
    assert made.solver_status == "fallback"
    assert made.expected_value_cny is None
    assert [[float(step.injection_kw) for step in steps] for steps in made.steps] == [[round(kw / 10) * 10] for kw in base_kw()]
    assert {row["reason"] for row in explain_spot(problem, made)} == {"baseline_fallback"}


def test_a_solution_that_the_check_refuses_is_not_used(monkeypatch):
    problem, assets = park()
    honest = offer.solve_schedule

    def liar(problem, *, deadline_s):
        schedule = honest(problem, deadline_s=deadline_s)
        if problem.injection_value_cny_per_kwh[0] != EXPECTED[0] / 1000:
            return schedule
        return replace(schedule, injection_kw=schedule.injection_kw | {"pv": schedule.injection_kw["pv"] + 100.0})

    monkeypatch.setattr(offer, "solve_schedule", liar)
    made = spot_offer(problem, assets=assets, scenarios_cny_per_mwh=SCENARIOS, baseline_kw=base_kw(), form=FORM, deadline_s=30)
    assert made.dropped_scenarios == 1


def test_the_same_inputs_make_the_same_offer(made):
    problem, assets = park()
    again = spot_offer(problem, assets=assets, scenarios_cny_per_mwh=SCENARIOS, baseline_kw=base_kw(), form=FORM, deadline_s=30)
    assert again.steps == made.steps
    assert again.expected_value_cny == made.expected_value_cny
