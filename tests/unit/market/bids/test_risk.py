"""Bid curves with CVaR: monotone, priced by definition, deliverable, inside what is certified; flat where nothing solves."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pulp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.dispatch.domain import BulkHighs
from market.bids.domain.risk import (
    CurveProblem,
    CurveRefused,
    VirtualFill,
    VirtualLoad,
    VirtualPark,
    VirtualStore,
    _solve,
    accepted_kw,
    bid_curves,
    check_curves,
    conditional_value_at_risk,
    price_points,
    value_at_risk,
)
from market.bids.domain.risk._bound import dual_bound
from market.bids.domain.risk._model import CurveModel
from market.bids.domain.risk.problem import in_units
from market.bids.domain.steps import OfferForm, cleared_kw, curve

N, S, K, HOURS = 6, 5, 4, 1.0
FINE_KW = 1e-6  # a lot so small that rounding does not count
SEEDS = st.integers(0, 10_000)
few = settings(max_examples=12, deadline=None)


def store(**changes) -> VirtualStore:
    row = np.ones(N)
    plain = VirtualStore(100 * row, 100 * row, 0 * row, 250 * row, 0 * row, 120.0, 100.0, 0.95, 0.95, 0.02)
    return replace(plain, **changes)


def park(rng: np.random.Generator) -> VirtualPark:
    row = np.ones(N)
    buy = rng.uniform(0.3, 1.2, N)
    reach = np.cumsum(np.full(N, 40.0) * HOURS)
    return VirtualPark(
        import_limit_kw=900.0,
        export_limit_kw=300.0,
        buy_cny_per_kwh=buy,
        sell_cny_per_kwh=buy - rng.uniform(0.02, 0.3, N),
        fixed_injection_kw=-rng.uniform(100, 400, (S, N)),
        generation_kw=rng.uniform(0, 300, (S, N)),
        stores=(store(),),
        fills=(VirtualFill(80 * row, 0.4 * reach, reach),),
        loads=(VirtualLoad(60 * row, 150.0, 0.5, 0.2),),
        export_share_ratio=0.3,
        demand_price_cny_per_kw=rng.choice([0.0, 2.0]),
        peak_so_far_kw=200.0,
    )


def problem(seed: int, *, parks: int = 1) -> CurveProblem:
    rng = np.random.default_rng(seed)
    prices = np.maximum(rng.uniform(0.1, 0.9, N) * rng.uniform(0.4, 1.8, (S, N)), 0.01)
    row = np.zeros(N)
    return CurveProblem(
        hours=HOURS,
        prices_cny_per_kwh=prices,
        points_cny_per_kwh=price_points(prices, K),
        parks=tuple(park(rng) for _ in range(parks)),
        baseline_injection_kw=-rng.uniform(0, 300, N) * parks,
        over_cny_per_kwh=np.full(N, 0.05),
        under_cny_per_kwh=1.5 * prices + 0.1,
        certified_least_kw=row - 200 * parks,
        certified_most_kw=row + 200 * parks,
        reserved_up_kw=row,
        reserved_down_kw=row,
        locked_kw=row + np.nan,
        fixed_cost_cny=np.zeros(S),
    )


def curves_of(asked: CurveProblem, *, risk_weight: float = 0.5, lot_kw: float = FINE_KW, **options):
    return bid_curves(asked, confidence=0.7, risk_weight=risk_weight, deadline_s=60, lot_kw=lot_kw, **options)


def only(asked: CurveProblem, s: int) -> CurveProblem:
    """The same day with scenario s alone."""
    row = slice(s, s + 1)
    parks = [replace(p, fixed_injection_kw=p.fixed_injection_kw[row], generation_kw=p.generation_kw[row]) for p in asked.parks]
    return replace(
        asked,
        prices_cny_per_kwh=asked.prices_cny_per_kwh[row],
        points_cny_per_kwh=price_points(asked.prices_cny_per_kwh[row], K),
        parks=tuple(parks),
        under_cny_per_kwh=asked.under_cny_per_kwh[row],
        fixed_cost_cny=asked.fixed_cost_cny[row],
    )


@few
@given(SEEDS, st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([1, 2]), st.sampled_from([FINE_KW, 10.0]))
def test_curves_are_monotone_in_whole_lots_and_proven_good(seed, risk_weight, parks, lot_kw):
    asked = problem(seed, parks=parks)
    made = curves_of(asked, risk_weight=risk_weight, lot_kw=lot_kw)
    assert made.status in ("optimal", "at_gap")
    assert check_curves(asked, made) == ()
    assert (np.diff(made.quantity_kw, axis=1) >= 0).all()
    assert made.lower_bound_cny <= made.objective_cny + 1e-6 * abs(made.objective_cny)
    if lot_kw == FINE_KW:
        assert made.objective_cny - made.lower_bound_cny <= 2e-3 * max(1.0, np.abs(made.scenario_cost_cny).max())
    assert made.relief_kwh.max() < 1e-3


@few
@given(SEEDS)
def test_the_reported_risk_is_its_definition_and_what_the_programme_minimised(seed):
    asked = in_units(problem(seed), 100.0)
    model = CurveModel(asked, confidence=0.7, risk_weight=0.5, tail=np.ones(S, dtype=bool))
    model.program.solve(BulkHighs(solver="simplex"))
    made = curves_of(asked, solvers=["highs_simplex"])
    worst_first = np.sort(made.scenario_cost_cny)[::-1]
    assert made.cvar_cny == pytest.approx((worst_first[0] + 0.5 * worst_first[1]) / 1.5)  # 30 % of five scenarios
    assert made.value_at_risk_cny == worst_first[1]
    assert made.expected_cost_cny == pytest.approx(made.scenario_cost_cny.mean())
    assert made.objective_cny == pytest.approx((made.expected_cost_cny + made.cvar_cny) / 2)
    assert made.objective_cny == pytest.approx(pulp.value(model.program.objective), rel=1e-5, abs=1e-4)
    assert dual_bound(model) == pytest.approx(pulp.value(model.program.objective), rel=1e-7, abs=1e-6)


@pytest.mark.parametrize(("confidence", "at_risk", "conditional"), [(0.5, 2.0, 3.5), (0.75, 3.0, 4.0), (0.9, 4.0, 4.0), (0.6, 3.0, 3.625)])
def test_risk_of_four_costs(confidence, at_risk, conditional):
    cost = np.array([4.0, 1.0, 3.0, 2.0])
    assert value_at_risk(cost, confidence) == at_risk
    assert conditional_value_at_risk(cost, confidence) == pytest.approx(conditional)


@few
@given(SEEDS)
def test_more_weight_on_the_tail_never_makes_it_dearer_nor_the_mean_cheaper(seed):
    asked = problem(seed)
    neutral, middle, averse = (curves_of(asked, risk_weight=weight) for weight in (0.0, 0.5, 1.0))
    slack = 1e-3 * np.abs(neutral.scenario_cost_cny).max()
    assert averse.cvar_cny <= middle.cvar_cny + slack <= neutral.cvar_cny + 2 * slack
    assert neutral.expected_cost_cny <= middle.expected_cost_cny + slack <= averse.expected_cost_cny + 2 * slack


@few
@given(SEEDS)
def test_a_wrong_guess_of_the_tail_changes_nothing(seed):
    asked = problem(seed)
    right = curves_of(asked)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_solve, "likely_tail", lambda problem, confidence: right.scenario_cost_cny <= np.median(right.scenario_cost_cny))
        wrong = curves_of(asked)
    scale = np.abs(right.scenario_cost_cny).max()
    assert wrong.objective_cny == pytest.approx(right.objective_cny, rel=1e-4, abs=1e-4 * scale)
    assert wrong.lower_bound_cny == pytest.approx(right.lower_bound_cny, rel=1e-4, abs=1e-4 * scale)


@few
@given(SEEDS, st.sampled_from([0.0, 90.0, -40.0]))
def test_one_scenario_is_the_deterministic_optimum(seed, credit_kwh):
    asked = only(problem(seed), 0)
    asked = replace(asked, parks=tuple(replace(p, export_credit_kwh=credit_kwh) for p in asked.parks))
    assert curves_of(asked).objective_cny == pytest.approx(_plain_optimum(asked), rel=1e-4, abs=0.05)


def _plain_optimum(asked: CurveProblem) -> float:
    """The day's cost where all is known, in PuLP's own words."""
    model, t, p = pulp.LpProblem("day", pulp.LpMinimize), range(N), asked.parks[0]

    def flows(name, most=None):
        return [model.add_variable(f"{name}{k}", 0, None if most is None else float(most[k])) for k in t]

    battery, cars, press = p.stores[0], p.fills[0], p.loads[0]
    row = np.ones(N)
    bought, sold = flows("bought", p.import_limit_kw * row), flows("sold", p.export_limit_kw * row)
    sun, into, out = flows("sun", p.generation_kw[0]), flows("into", battery.charge_kw), flows("out", battery.discharge_kw)
    car, shed, over, under = flows("car", cars.charge_kw), flows("shed", press.shed_kw), flows("over"), flows("under")
    accepted = [model.add_variable(f"q{k}", -200, 200) for k in t]
    above = model.add_variable("above", 0)
    price, late = asked.prices_cny_per_kwh[0], asked.under_cny_per_kwh[0]
    model += (
        pulp.lpSum(p.buy_cny_per_kwh[k] * bought[k] - p.sell_cny_per_kwh[k] * sold[k] - price[k] * accepted[k] for k in t)
        + pulp.lpSum(0.05 * over[k] + late[k] * under[k] + 0.02 * out[k] + 0.5 * shed[k] for k in t)
        + p.demand_price_cny_per_kw * above
    )
    model += pulp.lpSum(sold) <= 0.3 * pulp.lpSum(sun) + p.export_credit_kwh
    model += pulp.lpSum(shed) <= 150
    for k in t:
        back = 0.2 * shed[k - 1] if k else 0
        model += sold[k] - bought[k] == p.fixed_injection_kw[0, k] + sun[k] + out[k] - into[k] - car[k] + shed[k] - back
        model += sold[k] - bought[k] == asked.baseline_injection_kw[k] + accepted[k] + over[k] - under[k]
        held = 120 + pulp.lpSum(0.95 * into[j] - out[j] / 0.95 for j in range(k + 1))
        model += held <= 250
        model += held >= (100 if k == N - 1 else 0)
        model += pulp.lpSum(car[: k + 1]) <= cars.most_kwh[k]
        model += pulp.lpSum(car[: k + 1]) >= cars.least_kwh[k]
        model += above >= bought[k] - 200
    model.solve(pulp.HiGHS(msg=False))
    return pulp.value(model.objective)


def test_a_site_that_has_exported_its_share_exports_nothing_more_and_still_bids():
    plain = problem(4)
    credit = np.where(np.arange(S) < 2, -5000.0, 200.0)
    asked = replace(plain, parks=tuple(replace(p, export_credit_kwh=credit) for p in plain.parks))
    made = curves_of(asked)
    assert made.status != "fallback"
    assert (made.delivered_kw[:2] <= 1e-2).all()
    assert made.relief_kwh.max() < 1e-2
    with pytest.raises(CurveRefused, match="shape"):
        replace(plain, parks=tuple(replace(p, export_credit_kwh=np.zeros(N + 3)) for p in plain.parks))


@few
@given(SEEDS, st.sampled_from([FINE_KW, 25.0]))
def test_what_is_promised_of_a_scenario_can_be_delivered_at_its_own_prices(seed, lot_kw):
    asked = problem(seed)
    made = curves_of(asked, lot_kw=lot_kw)
    assert made.accepted_kw == pytest.approx(accepted_kw(asked, made.quantity_kw))
    for s in range(S):
        replayed = curves_of(replace(only(asked, s), locked_kw=made.accepted_kw[s]))
        assert replayed.objective_cny <= made.scenario_cost_cny[s] + 1e-4 * abs(made.scenario_cost_cny[s]) + 1e-2


def test_a_dear_hour_is_sold_and_a_cheap_one_bought():
    prices = np.array([[0.1, 0.1, 0.1, 0.1, 1.0, 1.0], [0.1, 0.1, 0.1, 0.1, 1.2, 1.2]])
    calm = replace(park(np.random.default_rng(1)), fixed_injection_kw=np.full(N, -300.0), generation_kw=np.zeros(N))
    calm = replace(calm, buy_cny_per_kwh=np.full(N, 0.5), sell_cny_per_kwh=np.full(N, 0.4), fills=(), loads=(), demand_price_cny_per_kw=0.0)
    asked = replace(
        problem(1),
        prices_cny_per_kwh=prices,
        points_cny_per_kwh=price_points(prices, K),
        parks=(calm,),
        baseline_injection_kw=np.full(N, -300.0),
        under_cny_per_kwh=1.5 * prices + 0.1,
        fixed_cost_cny=np.zeros(2),
    )
    made = curves_of(asked, lot_kw=1.0)
    assert made.quantity_kw[4:].sum(axis=0) == pytest.approx(0.95 * (250 - 100), abs=2)  # all that it may give
    assert (made.quantity_kw[:4].sum(axis=0) < 0).all()


@few
@given(SEEDS)
def test_a_closed_gate_is_left_alone(seed):
    asked = problem(seed)
    locked = np.where(np.arange(N) < 3, np.array([33.3, -250.0, 0.0, 0, 0, 0]), np.nan)  # -250 is more than is certified today
    asked = replace(asked, locked_kw=locked)
    made = curves_of(asked, lot_kw=10.0)
    assert (made.quantity_kw[:3] == locked[:3, None]).all()
    assert check_curves(asked, made) == ()


@few
@given(SEEDS)
def test_quantities_stay_inside_certified_less_reserved_capability(seed):
    row = np.ones(N)
    asked = problem(seed)
    asked = replace(asked, certified_least_kw=-70 * row, certified_most_kw=95 * row, reserved_up_kw=60 * row, reserved_down_kw=15 * row)
    made = curves_of(asked, lot_kw=10.0)
    assert made.quantity_kw.max() <= 30
    assert made.quantity_kw.min() >= -50
    assert check_curves(asked, made) == ()


def test_what_is_sold_beyond_certification_is_refused_by_name():
    asked = problem(3)
    with pytest.raises(CurveRefused, match="more than is certified"):
        replace(asked, reserved_up_kw=np.full(N, 250.0), reserved_down_kw=np.full(N, 160.0))
    narrow = replace(asked, certified_least_kw=np.full(N, 3.0), certified_most_kw=np.full(N, 8.0))
    with pytest.raises(CurveRefused, match="no whole lot"):
        curves_of(narrow, lot_kw=10.0)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"prices_cny_per_kwh": np.full((S, N), np.nan)}, "missing"),
        ({"points_cny_per_kwh": np.zeros((N, K))}, "do not rise"),
        ({"over_cny_per_kwh": np.full(N, -9.0)}, "too much and too little"),
        ({"baseline_injection_kw": np.zeros(N + 1)}, "shape"),
    ],
)
def test_numbers_that_cannot_be_are_refused(changes, why):
    with pytest.raises(CurveRefused, match=why):
        replace(problem(3), **changes)


@few
@given(SEEDS, st.sampled_from([1e-3, 1e3]))
def test_another_unit_changes_nothing(seed, unit):
    asked = problem(seed)
    made, other = curves_of(asked, lot_kw=10.0), curves_of(in_units(asked, unit), lot_kw=10.0 / unit)
    assert other.objective_cny * unit == pytest.approx(made.objective_cny, rel=1e-4, abs=1e-2)
    assert np.abs(other.lower_bound_cny * unit - made.lower_bound_cny) <= 1e-4 * np.abs(made.scenario_cost_cny).max()


@few
@given(SEEDS)
def test_the_order_of_parks_changes_nothing(seed):
    asked = problem(seed, parks=2)
    made, other = curves_of(asked), curves_of(replace(asked, parks=asked.parks[::-1]))
    assert other.objective_cny == pytest.approx(made.objective_cny, rel=1e-4, abs=0.05)


@few
@given(SEEDS)
def test_stepped_curves_are_accepted_as_the_market_clears_them(seed):
    asked = replace(problem(seed), stepped=True)
    made = curves_of(asked, lot_kw=10.0)
    form = OfferForm(Decimal(0), Decimal(3000), Decimal("0.0001"), Decimal(10), 1, 10)
    for t in range(N):
        steps = curve(prices_cny_per_mwh=1000 * asked.points_cny_per_kwh[t], injection_kw=made.quantity_kw[t], form=form)
        for s in range(S):
            price = Decimal(repr(float(1000 * asked.prices_cny_per_kwh[s, t])))
            assert float(cleared_kw(steps, price)) == made.accepted_kw[s, t]


def test_a_scenario_that_does_not_fit_its_connection_says_by_how_much():
    asked = problem(5)
    too_much = asked.parks[0].fixed_injection_kw.copy()
    too_much[2, 3] = -1500.0
    made = curves_of(replace(asked, parks=(replace(asked.parks[0], fixed_injection_kw=too_much),)))
    assert made.status != "fallback"
    assert made.relief_kwh[2] > 1
    assert np.delete(made.relief_kwh, 2).max() < 1e-3


def test_without_a_solver_the_baseline_is_offered_at_any_price():
    asked = replace(problem(7), locked_kw=np.where(np.arange(N) == 1, 12.5, np.nan))
    made = curves_of(asked, lot_kw=10.0, solvers=())
    assert made.status == "fallback"
    assert made.cvar_cny is None
    assert made.gap_ratio is None
    assert (np.delete(made.quantity_kw, 1, axis=0) == 0).all()
    assert (made.quantity_kw[1] == 12.5).all()
    assert check_curves(asked, made) == ()


def test_a_solver_that_fails_is_followed_by_the_next(monkeypatch):
    asked, tried = problem(8), []

    def broken(**options):
        tried.append(options["solver"])
        raise RuntimeError("killed")

    sound = curves_of(asked)
    monkeypatch.setattr(_solve, "BulkHighs", broken)
    made = curves_of(asked)
    assert tried == ["ipm", "simplex"]
    assert made.solver == "cbc"
    assert made.objective_cny == pytest.approx(sound.objective_cny, rel=1e-3, abs=0.5)


def test_a_solver_that_lies_is_not_believed(monkeypatch):
    honest = _solve.BulkHighs

    class Liar(honest):
        def actualSolve(self, lp):  # noqa: N802
            status = super().actualSolve(lp)
            for column in lp.variables()[:200]:
                column.varValue = 1.0
            return status

    monkeypatch.setattr(_solve, "BulkHighs", Liar)
    made = curves_of(problem(9), solvers=("highs_ipm", "highs_simplex"))
    assert made.status == "fallback"


@pytest.mark.parametrize(
    ("rule", "spoil"),
    [
        ("falls", lambda q: q - 10.0 * np.arange(K)),
        ("above_certified", lambda q: q + 500.0),
        ("below_certified", lambda q: q - 500.0),
        ("not_a_lot", lambda q: q + 1.0),
        ("shape", lambda q: q[:, :1]),
    ],
)
def test_the_check_names_what_is_broken(rule, spoil):
    asked = problem(11)
    made = curves_of(asked, lot_kw=10.0)
    assert rule in {found.rule for found in check_curves(asked, replace(made, quantity_kw=spoil(np.zeros((N, K)))))}
    assert {found.rule for found in check_curves(asked, replace(made, cvar_cny=made.cvar_cny + 5))} == {"risk_figures"}


@given(SEEDS, st.integers(1, 9))
@settings(max_examples=20, deadline=None)
def test_price_points_rise_and_span_the_scenarios(seed, points):
    prices = np.round(np.random.default_rng(seed).uniform(0, 0.5, (4, N)), 1)  # ties
    found = price_points(prices, points)
    assert (np.diff(found, axis=1) > 0).all()
    assert found[:, 0] == pytest.approx(prices.min(axis=0))
    if points > 1:
        assert (found[:, -1] >= prices.max(axis=0) - 1e-12).all()
