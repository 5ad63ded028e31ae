"""Whatever is asked, under every rule and method: sums, rooms, caps and direction hold, and nothing else matters."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.dispatch.domain.split import Rule, SplitProblem, SplitRefused, check_split, curves, split_instruction
from tests.unit.aggregator.dispatch.split.parks import UNIT_KW, directed, park, parks, per_site, rules

METHOD = st.sampled_from(["fast", "pulp"])
QUICK = settings(max_examples=30, deadline=None)


def split(problem: SplitProblem, rule: Rule, method: str = "fast"):
    found = split_instruction(problem, rule=rule, deadline_s=20.0, method=method)
    assert check_split(problem, found.change_kw, found.shortfall_kw) == []
    return found


@QUICK
@given(parks(), rules(), METHOD)
def test_target_is_sum_and_shortfall_exactly(problem, rule, method) -> None:
    found = split(problem, rule, method)
    missed = problem.change_kw - found.change_kw.sum() - problem.direction * found.shortfall_kw
    assert missed == pytest.approx(0.0, abs=1e-9)
    assert found.status == ("optimal" if method == "pulp" and found.change_kw.any() else "fast")
    room, caps = directed(problem)
    pool = np.minimum(per_site(problem, room), caps).sum()
    assert found.shortfall_kw == pytest.approx(max(0.0, abs(problem.change_kw) - pool), abs=1e-6)


@QUICK
@given(parks(), rules(), METHOD, st.floats(-500.0, 500.0), st.sampled_from([0.1, 0.01, 1e-3]))
def test_with_any_change_and_unit_at_most_one_unit_is_left_out_and_nothing_overshot(problem, rule, method, change, unit) -> None:
    found = split(replace(problem, change_kw=change, unit_kw=unit), rule, method)
    left_out = abs(change) - found.shortfall_kw - np.abs(found.change_kw).sum()
    assert -1e-9 <= left_out < unit + 1e-9
    np.testing.assert_allclose(found.change_kw / unit, np.rint(found.change_kw / unit), atol=1e-6)


@QUICK
@given(parks(), rules(), METHOD)
def test_nobody_moves_against_the_instruction_and_rooms_and_caps_hold(problem, rule, method) -> None:
    moved = problem.direction * split(problem, rule, method).change_kw
    room, caps = directed(problem)
    assert (moved >= 0).all()
    assert (moved <= room + 1e-9).all()
    assert (per_site(problem, moved) <= caps + 1e-9).all()


@QUICK
@given(parks(), rules())
def test_an_instruction_of_nothing_moves_nobody(problem, rule) -> None:
    found = split(replace(problem, change_kw=0.0), rule)
    assert not found.change_kw.any()
    assert found.shortfall_kw == 0.0


@QUICK
@given(parks(), rules(), METHOD, st.integers(0, 1000))
def test_the_order_of_assets_and_sites_does_not_matter(problem, rule, method, seed) -> None:
    rng = np.random.default_rng(seed)
    sites = rng.permutation(len(problem.site_up_kw))  # old site of each new one
    new_site = np.argsort(sites)[problem.site]
    order = np.lexsort((rng.random(len(new_site)), new_site))
    shuffled = replace(
        problem,
        site=new_site[order],
        **{name: getattr(problem, name)[order] for name in ("down_room_kw", "up_room_kw", "cost_cny_per_kwh", "turn_hours")},
        **{name: getattr(problem, name)[sites] for name in ("site_down_kw", "site_up_kw", "floor_ratio")},
    )
    one, other = split(problem, rule, method), split(shuffled, rule, method)
    assert other.shortfall_kw == pytest.approx(one.shortfall_kw, abs=1e-9)
    assert other.cost_cny_per_hour == pytest.approx(one.cost_cny_per_hour, rel=1e-6, abs=1e-2)
    np.testing.assert_allclose(other.change_kw, one.change_kw[order], atol=1.01 * UNIT_KW)  # which of two gets the last watt


@QUICK
@given(parks(), rules(), METHOD)
def test_units_of_power_and_money_do_not_matter(problem, rule, method) -> None:
    larger = {name: getattr(problem, name) * 10 for name in ("down_room_kw", "up_room_kw", "site_down_kw", "site_up_kw", "change_kw")}
    fine = replace(problem, unit_kw=10 * UNIT_KW, cost_cny_per_kwh=problem.cost_cny_per_kwh / 1000, **larger)
    scaled_rule = replace(rule, fairness_cny_per_kwh=rule.fairness_cny_per_kwh / 1000, tier_cny_per_kwh=rule.tier_cny_per_kwh / 1000)
    one, other = split(problem, rule, method), split(fine, scaled_rule, method)
    np.testing.assert_allclose(other.change_kw, 10 * one.change_kw, atol=1.01 * fine.unit_kw)


def test_beyond_the_pool_everything_goes() -> None:
    problem = park(2, share=3.0)
    room, caps = directed(problem)
    for name in ("cost", "pro_rata", "rotation", "floor"):
        moved = split(problem, Rule(name)).change_kw
        np.testing.assert_allclose(per_site(problem, moved), np.minimum(per_site(problem, room), caps), atol=1e-9)


def test_a_near_deadline_takes_the_fast_path_and_a_far_one_pulp() -> None:
    problem = park(1, assets=60, sites=5)
    assert split_instruction(problem, deadline_s=0.0).method == "water"
    assert split_instruction(problem, rule=Rule("cost", 0.0), deadline_s=0.0).method == "merit"
    far = split_instruction(problem, deadline_s=20.0)
    assert (far.method, far.status) == ("curves", "optimal")
    assert far.cross_check_ratio == pytest.approx(0.0, abs=1e-3)


def raising(*_: object, **__: object) -> None:
    raise RuntimeError("solver broke")


def test_without_highs_cbc_answers(monkeypatch) -> None:
    problem = park(1, assets=60, sites=5)
    want = split(problem, Rule())
    monkeypatch.setattr(curves, "BulkHighs", raising)
    found = split(problem, Rule(), "pulp")
    assert found.status == "optimal"
    assert found.cost_cny_per_hour == pytest.approx(want.cost_cny_per_hour, rel=1e-3)


def test_without_any_solver_the_fast_path_answers(monkeypatch) -> None:
    monkeypatch.setattr(curves, "BulkHighs", raising)
    monkeypatch.setattr(curves, "FencedCbc", raising)
    found = split(park(1, assets=60, sites=5), Rule(), "pulp")
    assert (found.method, found.status) == ("water", "fallback")


@pytest.mark.parametrize("solver", ["stopped", "wrong", "none"])
def test_a_solver_that_calls_a_wrong_point_optimal_is_not_believed(monkeypatch, solver) -> None:
    import pulp

    class Lying(pulp.LpSolver):
        def actualSolve(self, lp, **_):  # noqa: N802
            for variable in lp.variables():
                variable.varValue = {"stopped": 0.0, "wrong": -5.0, "none": None}[solver]
            lp.assignStatus(pulp.LpStatusOptimal, pulp.LpSolutionOptimal)
            return pulp.LpStatusOptimal

    monkeypatch.setattr(curves, "BulkHighs", lambda **_: Lying())
    monkeypatch.setattr(curves, "FencedCbc", lambda **_: Lying())
    found = split(park(1, assets=60, sites=5), Rule(), "pulp")
    assert found.status == "fallback"


@pytest.mark.parametrize(
    "changes",
    [
        {"site": np.array([1, 0, 0])},
        {"site": np.array([0, 0, 7])},
        {"up_room_kw": np.array([1.0, -1.0, 2.0])},
        {"up_room_kw": np.array([1.0, np.nan, 2.0])},
        {"cost_cny_per_kwh": np.array([0.1, 0.2])},
        {"cost_cny_per_kwh": np.array([0.1, 0.2, np.inf])},
        {"weight_kw": np.array([1.0, 0.0, 1.0])},
        {"floor_ratio": np.array([0.6, 0.6])},
        {"change_kw": float("nan")},
        {"unit_kw": 0.0},
        {"unit_kw": 1.0},
    ],
)
def test_a_column_that_cannot_be_is_refused_by_name(changes) -> None:
    whole = {
        "site": np.array([0, 0, 1]),
        "down_room_kw": np.ones(3),
        "up_room_kw": np.ones(3),
        "cost_cny_per_kwh": np.ones(3),
        "site_down_kw": np.ones(2),
        "site_up_kw": np.ones(2),
        "change_kw": 1.0,
    }
    SplitProblem(**whole)
    with pytest.raises(SplitRefused):
        SplitProblem(**{**whole, **changes})


def test_a_park_without_assets_falls_short_by_all() -> None:
    none = np.zeros(0)
    problem = SplitProblem(np.zeros(0, dtype=int), none, none, none, np.ones(2), np.ones(2), change_kw=-40.0)
    for name in ("cost", "pro_rata"):
        assert split(problem, Rule(name)).shortfall_kw == 40.0


def test_unknown_rules_and_methods_are_refused() -> None:
    with pytest.raises(SplitRefused):
        Rule("by_name")
    with pytest.raises(SplitRefused):
        split_instruction(park(1), deadline_s=1.0, method="by_hand")
    with pytest.raises(SplitRefused):
        split_instruction(park(1, turn_hours=None), rule=Rule("rotation"), deadline_s=1.0)
    with pytest.raises(SplitRefused):
        split_instruction(park(1, floor_ratio=None), rule=Rule("floor"), deadline_s=1.0)
