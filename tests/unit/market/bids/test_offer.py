"""The spot offer: monotone curves in the market's form over joint scenarios, the baseline in the window and in the fallback."""

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.assets.domain import generation, load, parse_spec
from aggregator.dispatch.domain import AssetFacts, FirmBlock, ScheduleProblem, SiteProblem, device_of, safe_plan
from market.bids.domain import explain_spot, offer, scenario_rows, spot_offer
from market.bids.domain.curve_problem import Promise
from market.bids.domain.policy import POLICY
from market.bids.domain.risk import ReserveTerms
from market.bids.domain.risk import curves as risk_curves
from market.bids.domain.steps import OfferForm, cleared_kw, form_problem
from tests.unit.market.bids.park import GRID, N, base_kw, joint, park

FORM = OfferForm(Decimal(-100), Decimal(1500), Decimal("0.01"), Decimal(10), 1, 10)
FAST = replace(POLICY, deadline_s=60.0)
SCENARIOS = joint(20)


def offered(*, scenarios=SCENARIOS, form=FORM, policy=FAST, promise=None, baseline=None, stored_kwh=1000.0, reserve=None):
    problem, assets = park(stored_kwh=stored_kwh)
    return spot_offer(
        problem,
        assets=assets,
        scenarios=scenarios,
        baseline_kw=base_kw() if baseline is None else baseline,
        form=form,
        policy=policy,
        promise=promise,
        reserve=reserve,
    )


@pytest.fixture(scope="module")
def made():
    return offered()


def accepted(made, scenarios, t, s):
    return cleared_kw(made.steps[t], Decimal(str(scenarios.prices_cny_per_mwh[s, t])))


def test_every_period_has_a_monotone_curve_in_the_market_s_form(made):
    assert made.solver_status in ("optimal", "at_gap")
    assert made.refused == ""
    assert all(form_problem(steps, FORM) == "" for steps in made.steps)
    assert sum(len(steps) > 1 for steps in made.steps) > 3


def test_the_offered_steps_accept_what_the_curves_were_priced_with(made):
    for t in range(N):
        for s in range(len(SCENARIOS)):
            assert float(accepted(made, SCENARIOS, t, s)) == pytest.approx(made.position_kw[t] + made.curves.accepted_kw[s, t], abs=1e-6)


def test_a_dearer_market_is_never_cleared_at_less_injection(made):
    for steps in made.steps:
        quantities = [cleared_kw(steps, Decimal(price)) for price in range(-100, 1500, 100)]
        assert quantities == sorted(quantities)


def test_cheap_hours_offer_less_injection_than_dear_hours(made):
    night, evening = made.expected_kw[:6].sum(), made.expected_kw[18:21].sum()
    assert night < base_kw()[:6].sum()  # the battery charges
    assert evening > base_kw()[18:21].sum()  # and discharges
    positions = np.array([[float(accepted(made, SCENARIOS, t, s)) for t in range(N)] for s in range(len(SCENARIOS))])
    assert positions[:, :6].sum() < len(SCENARIOS) * base_kw()[:6].sum()
    assert positions[:, 18:21].sum() > len(SCENARIOS) * base_kw()[18:21].sum()


def test_what_is_sold_is_what_is_delivered_but_for_the_weather(made):
    """A deviation costs more than it earns, so the position stands where the scenarios deliver, not at the certified ends."""
    off = made.curves.delivered_kw - made.asked.baseline_injection_kw - made.curves.accepted_kw
    assert np.abs(np.median(off, axis=0)).max() < 150
    tight = offered(scenarios=replace(joint(6, weather_kw=0.0), load_kw=np.zeros((6, N))))
    off = tight.curves.delivered_kw - tight.asked.baseline_injection_kw - tight.curves.accepted_kw
    assert np.abs(off).mean() < 20  # lots, and turns half-way between the points


def test_every_period_is_explained(made):
    problem, _ = park()
    rows = explain_spot(problem, made)
    assert [row["starts_at"] for row in rows] == [at.isoformat() for at in GRID.starts]
    assert {row["reason"] for row in rows} <= {"price_responsive", "price_independent"}
    dear = np.flatnonzero(made.plan.up_kw["battery"] >= 999)
    assert dear.size
    assert {rows[t]["limit"] for t in dear} <= {"power_limit", "energy_limit"}


def test_the_demand_response_window_is_offered_at_the_baseline_once():
    baseline = base_kw() + 37.0
    promise = Promise(FirmBlock(slice(18, 20), baseline[18:20], 1.5, 600.0, 600.0), shortfall_cny_per_kwh=2.25)
    made = offered(promise=promise, baseline=baseline)
    assert made.refused == ""
    for t in (18, 19):
        assert [float(step.injection_kw) for step in made.steps[t]] == [round(baseline[t] / 10) * 10]
        assert made.steps[t][0].price_cny_per_mwh == FORM.price_floor_cny_per_mwh
        assert made.plan.portfolio_kw[t] >= baseline[t] + 600 - 1e-3
        assert (made.curves.accepted_kw[:, t] == 0).all()
        # the promise is kept on top of the position in all scenarios but those of the worst weather
        assert np.mean(made.curves.delivered_kw[:, t] >= made.position_kw[t] + 600 - 1) > 0.8
    reasons = [row["reason"] for row in explain_spot(park()[0], made)]
    assert [t for t, reason in enumerate(reasons) if reason == "demand_response_window"] == [18, 19]
    row, curves = scenario_rows(made, SCENARIOS, hours=1.0)[0], made.curves
    off = curves.delivered_kw[0] - made.asked.baseline_injection_kw - curves.accepted_kw[0]
    assert row["delivered_mwh"] - row["accepted_mwh"] == pytest.approx(off.sum() / 1000, abs=2e-3)  # a deviation, not the order


def test_one_price_is_offered_independently_of_the_price():
    one = joint(1)
    three = replace(
        one,
        prices_cny_per_mwh=np.repeat(one.prices_cny_per_mwh, 3, axis=0),
        days=one.days * 3,
        labels=("p10", "mean", "p90"),
        availability="quantile_paths",
        generation_kw=np.zeros((3, N)),
        load_kw=np.outer([-50, 0, 50], np.ones(N)),
    )
    made = offered(scenarios=three)
    assert made.refused == ""
    assert all(len(steps) == 1 for steps in made.steps)
    assert {row["reason"] for row in explain_spot(park()[0], made)} == {"price_independent"}


@pytest.mark.parametrize("count", [2, 3, 5])
def test_fewer_scenarios_are_enough(count):
    made = offered(scenarios=joint(count))
    assert made.refused == ""
    assert len(made.curves.scenario_cost_cny) == count


def test_without_a_solver_the_baseline_is_bid_and_the_status_says_so(monkeypatch):
    monkeypatch.setattr(offer, "solve_schedule", lambda problem, *, deadline_s: safe_plan(problem))
    monkeypatch.setattr(risk_curves.Search, "run", lambda self: None)
    made = offered()
    assert (made.solver_status, made.refused) == ("fallback", "no_solution")
    assert made.expected_value_cny is None
    assert [[float(step.injection_kw) for step in steps] for steps in made.steps] == [[round(kw / 10) * 10] for kw in base_kw()]
    assert made.expected_kw.tolist() == base_kw().tolist()
    assert {row["reason"] for row in explain_spot(park()[0], made)} == {"baseline_fallback"}
    rows = scenario_rows(made, SCENARIOS, hours=1.0)
    assert {(row["cost_cny"], row["delivered_mwh"], row["relief_kwh"]) for row in rows} == {(None, None, None)}
    assert {row["accepted_mwh"] for row in rows} == {round(float(made.position_kw.sum()) / 1000, 3)}


def test_curves_stand_without_a_plan_and_the_status_says_that_one_is_missing(monkeypatch):
    monkeypatch.setattr(offer, "solve_schedule", lambda problem, *, deadline_s: safe_plan(problem))
    made = offered(scenarios=joint(3))
    assert (made.solver_status, made.refused, made.plan) == ("timeout", "", None)
    assert made.expected_kw.tolist() == base_kw().tolist()


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (lambda q: q - 1e6, "below_certified"),
        (lambda q: q + 3.0, "not_a_lot"),
        (lambda q: q[:, ::-1] + np.linspace(0, -50, q.shape[1]) * 10, "falls"),
    ],
)
def test_curves_that_break_a_rule_are_never_offered(monkeypatch, spoil, rule):
    honest = offer.bid_curves

    def liar(problem, **how):
        curves = honest(problem, **how)
        return replace(curves, quantity_kw=spoil(curves.quantity_kw))

    monkeypatch.setattr(offer, "bid_curves", liar)
    made = offered(scenarios=joint(4))
    assert made.solver_status == "fallback"
    assert made.refused == rule
    assert made.curves is None
    assert all(len(steps) == 1 for steps in made.steps)


def reserve_terms():
    """Six blocks of four hours, up only, well paid."""
    row = np.ones(6)
    return ReserveTerms(np.arange(N) // 4, 2.0 * row, row, row > 0, row < 0, lasting_hours=0.5, lot_kw=50.0, least_kw=100.0)


@pytest.mark.parametrize("also_alone", [False, True])
def test_a_refused_reserve_is_left_out_before_the_curves_are(monkeypatch, also_alone):
    honest = offer.bid_curves

    def liar(problem, **how):
        curves = honest(problem, **how)
        if curves.reserve is None:
            return replace(curves, quantity_kw=curves.quantity_kw + 3.0) if also_alone else curves
        return replace(curves, reserve=replace(curves.reserve, up_kw=curves.reserve.up_kw + 50.0))

    sound = offered(scenarios=joint(4), reserve=reserve_terms())
    assert sound.shares is not None
    assert (sound.refused, sound.reserve_refused) == ("", "")
    monkeypatch.setattr(offer, "bid_curves", liar)
    made = offered(scenarios=joint(4), reserve=reserve_terms())
    assert made.reserve_refused == "reserve_not_held"
    assert made.shares is None
    assert (made.refused, made.curves is None) == (("not_a_lot", True) if also_alone else ("", False))
    if not also_alone:
        assert made.curves.reserve is None
        assert sum(len(steps) > 1 for steps in made.steps) > 3


def at_a_share(*, curtailable):
    """A works that may export a fifth of what its sun makes: 1000 kW all day, of which it uses 900."""
    sun = parse_spec("pv", {"rated_kw": 2000, "curtailable": curtailable})
    press = parse_spec("load", {"rated_kw": 3000, "must_run_kw": 900, "sheddable": False})
    made_kw, used_kw = np.full(N, 1000.0), np.full(N, 900.0)
    assets = {
        "battery": park()[1]["battery"],
        "press": AssetFacts("works", "load", press, load.envelope(press, grid=GRID, load_kw=used_kw)),
        "pv": AssetFacts("works", "pv", sun, generation.envelope(sun, grid=GRID, available_kw=made_kw)),
    }
    problem = ScheduleProblem(
        grid=GRID,
        sites={"works": SiteProblem(4000, 1000, np.full(N, 0.2), export_share_ratio=0.2)},
        devices={key: (facts.site, device_of(facts)) for key, facts in assets.items()},
        injection_value_cny_per_kwh=np.zeros(N),
        terminal_value_cny_per_kwh=0.35,
        generators=frozenset({"pv"}),
    )
    return problem, assets, made_kw - used_kw


@pytest.mark.parametrize("weather_kw", [0.0, 150.0])
def test_generation_that_cannot_be_curtailed_counts_for_the_export_share_as_well(weather_kw):
    """At prices above zero nobody would curtail: both works are worth the same."""
    scenarios = joint(4, weather_kw=weather_kw)
    scenarios = replace(scenarios, prices_cny_per_mwh=np.maximum(scenarios.prices_cny_per_mwh, 5.0))
    lots = replace(FORM, quantity_step_kw=Decimal(1))
    value = {}
    for curtailable in (True, False):
        problem, assets, baseline = at_a_share(curtailable=curtailable)
        made = spot_offer(problem, assets=assets, scenarios=scenarios, baseline_kw=baseline, form=lots, policy=FAST)
        assert made.refused == ""
        assert made.curves.relief_kwh.max() < 1
        value[curtailable] = made.expected_value_cny
        exported_kwh = np.maximum(made.curves.delivered_kw, 0.0).sum(axis=1)
        assert (exported_kwh <= 0.2 * (24 * 1000 + scenarios.generation_kw.sum(axis=1)) + 1).all()
    assert value[True] > 1000
    assert value[False] == pytest.approx(value[True], abs=5)


def test_a_refused_problem_is_a_baseline_with_its_reason(monkeypatch):
    broken = joint(3)
    broken.load_kw[0, 0] = np.nan
    made = offered(scenarios=broken)
    assert made.solver_status == "fallback"
    assert "missing" in made.refused


def test_the_same_inputs_make_the_same_offer(made):
    again = offered()
    assert again.steps == made.steps
    assert again.expected_value_cny == made.expected_value_cny


def test_the_risk_is_that_of_the_rows(made):
    rows = scenario_rows(made, SCENARIOS, hours=1.0)
    assert sum(row["probability"] for row in rows) == pytest.approx(1.0)
    costs = np.array([row["cost_cny"] for row in rows])
    assert made.expected_value_cny == pytest.approx(-costs.mean(), abs=0.01)
    assert made.curves.cvar_cny == pytest.approx(np.sort(costs)[-2:].mean(), abs=0.01)  # 0.9 of 20: the two dearest
    assert [row["day"] for row in rows] == [day.isoformat() for day in SCENARIOS.days]
    assert rows[0]["accepted_mwh"] == pytest.approx((made.position_kw + made.curves.accepted_kw[0]).sum() / 1000, abs=1e-3)


def test_more_weight_on_the_tail_never_makes_the_tail_dearer():
    by_weight = [offered(policy=replace(FAST, risk_weight=weight)).curves for weight in (0.0, 0.5, 1.0)]
    lot_cny = 10.0  # rounding to lots
    for calm, careful in pairwise(by_weight):
        assert careful.cvar_cny <= calm.cvar_cny + lot_cny
        assert careful.expected_cost_cny >= calm.expected_cost_cny - lot_cny


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 1000),
    count=st.integers(2, 6),
    least=st.integers(1, 3),
    most=st.integers(3, 10),
    lot=st.sampled_from([10, 50, 100]),
    ordered=st.sampled_from([0, 300, -300]),
)
def test_any_offer_keeps_the_form_and_what_is_sold_elsewhere(seed, count, least, most, lot, ordered):
    form = replace(FORM, min_segments=least, max_segments=most, quantity_step_kw=Decimal(lot))
    promise = None
    if ordered:
        firm = FirmBlock(slice(12, 14), base_kw()[12:14], 0.8, 300.0, 300.0, 1 if ordered > 0 else -1)
        promise = Promise(firm, shortfall_cny_per_kwh=1.2)
    made = offered(scenarios=joint(count, seed=seed), form=form, promise=promise)
    assert made.refused == ""
    assert all(form_problem(steps, form) == "" for steps in made.steps)
    least_kw, most_kw = made.asked.certified_least_kw, made.asked.certified_most_kw
    open_periods = ~made.asked.locked
    change = made.curves.quantity_kw
    assert (np.diff(change, axis=1) >= 0).all()
    assert (change + made.asked.reserved_up_kw[:, None] <= most_kw[:, None] + 1e-6)[open_periods].all()
    assert (change - made.asked.reserved_down_kw[:, None] >= least_kw[:, None] - 1e-6)[open_periods].all()
    if promise is not None:
        assert all(len({step.injection_kw for step in made.steps[t]}) == 1 for t in (12, 13))
