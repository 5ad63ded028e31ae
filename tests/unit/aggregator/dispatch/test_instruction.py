"""An instruction over a window: as well served as anybody could, by cost or by the declared rule, and energy promised once only."""

import json
from dataclasses import replace

import numpy as np
import pulp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.assets.domain import Calls, Device, Session, Stay, Store
from aggregator.dispatch.domain import GroupProblem, ProblemRefused, ScheduleProblem, SiteProblem, Target, check_schedule, explain
from aggregator.dispatch.domain._bulk import BulkHighs
from aggregator.dispatch.domain._solver import FencedCbc
from aggregator.dispatch.domain.instruction import solve_instruction
from aggregator.dispatch.domain.instruction.plan import Asked, serve
from aggregator.dispatch.domain.instruction.reference import courses_of
from aggregator.dispatch.domain.setpoints import settings_of
from aggregator.dispatch.domain.split import Rule, SplitRefused
from aggregator.dispatch.domain.split.window_check import check_window
from tests.unit.aggregator.dispatch.instruction_oracle import best_of
from tests.unit.aggregator.dispatch.parks import Park, battery, chargers, grid_of, park_of, parks, plant, pv

slow = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
RULES = ("cost", "pro_rata", "rotation", "floor")
WATT = 1e-3


def real_reference(park: Park) -> dict[str, np.ndarray]:
    """Injections of the reference that every device can really do."""
    return courses_of(park.problem).injection_kw


@st.composite
def asked_parks(draw) -> Park:
    """A park with a reference of its own, and a target that changes from period to period, with a gap or not."""
    park = draw(parks())
    n = len(park.problem.grid)
    numbers = lambda low, high: np.array([round(x, 2) for x in draw(st.lists(st.floats(low, high), min_size=n, max_size=n))])  # noqa: E731
    reference = {}
    for key, row in park.facts.items():
        base = row.envelope.base_kw.copy()
        if row.kind == "storage" and draw(st.booleans()):
            base = numbers(-40, 40)
        if row.kind == "pv" and draw(st.booleans()):
            base = base * numbers(0, 1)
        reference[key] = base
    park = park.asked(reference_kw=reference)
    first = draw(st.integers(0, 2))
    end = draw(st.integers(first + 1, n))
    direction = draw(st.sampled_from([1, -1]))
    target = np.full(n, np.nan)
    total = sum(real_reference(park).values())
    target[first:end] = (total + direction * numbers(-20, 250))[first:end]
    if end - first > 2 and draw(st.booleans()):
        target[first + 1] = np.nan
    return park.asked(target=Target(target, direction))


def arguments(park: Park, rule: str) -> dict:
    turns = {key: float(k) for k, key in enumerate(sorted(park.facts))}
    return {"rule": Rule(rule), "turn_hours": turns, "floor_ratio": {"a": 0.3, "b": 0.3}}


@slow
@given(asked_parks(), st.sampled_from(RULES), st.sampled_from(["auto", "fast"]))
def test_every_answer_keeps_every_limit_and_adds_up(park: Park, rule: str, method: str) -> None:
    problem = park.problem
    schedule, split = solve_instruction(problem, deadline_s=20.0, method=method, **arguments(park, rule))
    assert check_schedule(problem=problem, schedule=schedule, assets=park.facts) == []
    sign, wanted = problem.target.direction, problem.wanted
    rest = schedule.portfolio_kw + sign * (schedule.shortfall_kw - schedule.overshoot_kw) - problem.target.injection_kw
    np.testing.assert_allclose(rest[wanted], 0.0, atol=2e-5)
    assert split.status != "fallback"
    json.dumps(split.as_json(), allow_nan=False)
    rows = {row.period: row for row in split.periods}
    assert sorted(rows) == np.flatnonzero(wanted).tolist()
    for t, row in rows.items():
        assert row.need_kw == pytest.approx(row.given_kw + row.shortfall_kw - row.overshoot_kw, abs=1e-9)
        assert row.target_kw == pytest.approx(schedule.portfolio_kw[t] + sign * (row.shortfall_kw - row.overshoot_kw), abs=1e-6)
    why = explain(problem, schedule)
    settings_of(problem=problem, schedule=schedule, assets=park.facts, why=why)


@slow
@given(asked_parks(), st.sampled_from(RULES), st.sampled_from(["auto", "fast"]))
def test_nobody_moves_against_the_instruction_and_injections_that_move_are_whole_watts(park: Park, rule: str, method: str) -> None:
    problem = park.problem
    asked = Asked(Rule(rule), arguments(park, rule)["turn_hours"], arguments(park, rule)["floor_ratio"], method)
    served = serve(problem, courses_of(problem), asked, deadline_s=20.0)
    columns, split = served.window.columns, served.split
    assert check_window(columns, split.change_kw, split.called) == []
    assert (split.change_kw >= 0).all()
    assert not split.change_kw[:, columns.need_kw <= 0].any()
    for k in np.setdiff1d(np.arange(len(served.window.keys)), columns.loads.whole_assets):
        moved = split.change_kw[k] > 0
        watts = (columns.injection_kw[k] + columns.direction * split.change_kw[k])[moved] / WATT
        np.testing.assert_allclose(watts, np.rint(watts), atol=1e-5)


@slow
@given(asked_parks())
def test_by_pulp_nobody_could_serve_more_or_the_same_for_less(park: Park) -> None:
    """Against one plain model over devices: shortfall at its price, overshoot and costs together."""
    problem = replace(
        park.problem,
        sites={k: replace(s, import_adder_cny_per_kwh=np.zeros(6), demand_price_cny_per_kw=0.0) for k, s in park.problem.sites.items()},
    )
    served = serve(problem, courses_of(problem), Asked(Rule("cost"), None, None, "pulp"), deadline_s=30.0)
    best = best_of(problem, real_reference(Park(problem, park.facts)))
    price = problem.shortfall_price_cny_per_kwh
    over = served.split.overshoot_kw.sum() * served.window.columns.hours * problem.overshoot_price_cny_per_kwh
    ours, theirs = served.split.cost_cny + over + price * served.short_kwh, best.cost_cny + price * best.short_kwh
    assert served.split.status in ("optimal", "at_gap", "timeout") or not served.window.columns.need_kw.any()
    assert ours <= theirs + 0.01 * abs(best.cost_cny) + 2e-3 * price * best.short_kwh + 0.5


@slow
@given(asked_parks())
def test_the_fast_path_is_never_better_than_the_model_by_more_than_its_gap(park: Park) -> None:
    courses = courses_of(park.problem)
    one, other = (serve(park.problem, courses, Asked(Rule("cost"), None, None, method), deadline_s=30.0) for method in ("pulp", "fast"))
    hours = one.window.columns.hours

    def money(served) -> float:
        short, over = served.split.shortfall_kw.sum(), served.split.overshoot_kw.sum()
        return served.split.cost_cny + hours * (
            park.problem.shortfall_price_cny_per_kwh * short + park.problem.overshoot_price_cny_per_kwh * over
        )

    assert money(one) <= money(other) + 0.01 * abs(one.split.cost_cny) + 2e-3 * abs(money(one)) + 0.5


@slow
@given(asked_parks(), st.sampled_from(RULES), st.randoms(use_true_random=False))
def test_the_order_of_assets_changes_nothing(park: Park, rule: str, random) -> None:
    keys = list(park.problem.devices)
    random.shuffle(keys)
    shuffled = park.asked(devices={key: park.problem.devices[key] for key in keys}, sites=dict(reversed(park.problem.sites.items())))
    one, _ = solve_instruction(park.problem, deadline_s=20.0, **arguments(park, rule))
    other, _ = solve_instruction(shuffled.problem, deadline_s=20.0, **arguments(park, rule))
    for key in keys:
        np.testing.assert_array_equal(one.injection_kw[key], other.injection_kw[key])


def held(park: Park, change_kw: float | list[float], window: slice, direction: int = 1, **more) -> Park:
    """The park asked for a change from what it does anyway."""
    park = park.asked(reference_kw={key: row.envelope.base_kw for key, row in park.facts.items()})
    target = np.full(len(park.problem.grid), np.nan)
    target[window] = sum(real_reference(park).values())[window] + direction * np.asarray(change_kw)
    return park.asked(target=Target(target, direction), **more)


LOSSLESS = {"charge_efficiency": 1.0, "discharge_efficiency": 1.0, "soc_min_ratio": 0.0, "soc_max_ratio": 1.0}


@pytest.mark.parametrize("method", ["auto", "fast"])
def test_a_cheap_battery_is_not_emptied_before_the_end_of_the_window_needs_it(method: str) -> None:
    """The dear plant can shed for two hours only, at 80 kW: the battery has to serve the other two."""
    grid = grid_of(4)
    facts = {
        "a": battery(grid, stored_kwh=100.0, **LOSSLESS),
        "l": plant(grid, np.full(4, 100.0), max_call_hours=2, max_calls_per_day=1, shed_cost_cny_per_kwh=3.0),
    }
    schedule, _ = solve_instruction(held(park_of(grid, facts, value=[0.5] * 4), 50.0, slice(0, 4)).problem, deadline_s=20.0, method=method)
    np.testing.assert_allclose(schedule.shortfall_kw, 0.0, atol=1e-3)
    assert schedule.stored_kwh["a"][-1] >= -1e-6


@pytest.mark.parametrize("method", ["auto", "fast"])
def test_energy_goes_to_the_period_in_which_nobody_else_can_help(method: str) -> None:
    """10 kWh for two periods; the curtailed plant can only help in the second."""
    grid = grid_of(2)
    facts = {"a": battery(grid, stored_kwh=10.0, discharge_kw=10.0, **LOSSLESS), "p": pv(grid, [0.0, 10.0])}
    park = park_of(grid, facts, value=[0.5] * 2, reference_kw={"a": np.zeros(2), "p": np.zeros(2)})
    schedule, _ = solve_instruction(park.asked(target=Target(np.array([10.0, 10.0]))).problem, deadline_s=20.0, method=method)
    np.testing.assert_allclose(schedule.shortfall_kw, 0.0, atol=2e-3)


def test_what_cannot_be_served_is_missing_evenly() -> None:
    grid = grid_of(4)
    park = park_of(grid, {"a": battery(grid, stored_kwh=40.0, **LOSSLESS)}, value=[0.5] * 4)
    schedule, split = solve_instruction(held(park, 20.0, slice(0, 4)).problem, deadline_s=20.0)
    assert schedule.shortfall_kw.sum() == pytest.approx(40.0, abs=0.01)
    assert schedule.shortfall_kw.max() <= 10.0 + 5.0
    assert split.assets["a"].used_ratio == pytest.approx(1.0, abs=1e-3)


def twins(n: int = 4) -> dict:
    grid = grid_of(n)
    spec = {"energy_kwh": 400.0, "stored_kwh": 300.0, "discharge_kw": 50.0}
    return {
        "e1/s/a": battery(grid, site="e1/s", **spec),
        "e2/s/b": battery(grid, site="e2/s", wear_cny_per_kwh=0.3, **{**spec, "discharge_kw": 100.0}),
        "e2/s/c": battery(grid, site="e2/s", wear_cny_per_kwh=0.3, **spec),
    }


@pytest.mark.parametrize("method", ["auto", "fast"])
def test_pro_rata_gives_equal_fractions_where_nothing_binds(method: str) -> None:
    grid = grid_of(4)
    park = held(park_of(grid, twins(), value=[0.5] * 4), 80.0, slice(0, 4))
    schedule, split = solve_instruction(park.problem, deadline_s=20.0, rule=Rule("pro_rata"), method=method)
    can_hold = {"e1/s/a": 50.0, "e2/s/b": (300.0 - 40.0) * 0.95 / 4, "e2/s/c": 50.0}  # kW: b has power for more, but not energy
    for key, kw in can_hold.items():
        np.testing.assert_allclose(schedule.injection_kw[key], 80.0 * kw / sum(can_hold.values()), atol=2 * WATT)
    assert split.jain_asset == pytest.approx(1.0, abs=1e-6)
    assert split.enterprises["e1"].share_ratio == pytest.approx(50.0 / sum(can_hold.values()), abs=1e-4)
    assert all(row.price_cny_per_kwh is None for row in split.periods)


@pytest.mark.parametrize("method", ["auto", "fast"])
def test_rotation_calls_those_that_waited_longest_of_the_equally_dear(method: str) -> None:
    grid = grid_of(4)
    park = held(park_of(grid, twins(), value=[0.5] * 4), 100.0, slice(0, 4))
    turns = {"e1/s/a": 500.0, "e2/s/b": 2.0, "e2/s/c": 30.0}
    schedule, _ = solve_instruction(park.problem, deadline_s=20.0, rule=Rule("rotation"), turn_hours=turns, method=method)
    for key, kw in (("e1/s/a", 50.0), ("e2/s/c", 50.0), ("e2/s/b", 0.0)):  # a is in a cheaper tier, c waited longer than b
        np.testing.assert_allclose(schedule.injection_kw[key], kw, atol=2 * WATT)


@pytest.mark.parametrize("method", ["auto", "fast"])
def test_the_floor_goes_before_cost(method: str) -> None:
    grid = grid_of(4)
    park = held(park_of(grid, twins(), value=[0.5] * 4), 40.0, slice(0, 4))
    _, cheapest = solve_instruction(park.problem, deadline_s=20.0, method=method)
    _, split = solve_instruction(park.problem, deadline_s=20.0, rule=Rule("floor"), floor_ratio={"e2/s": 0.25}, method=method)
    assert cheapest.enterprises["e1"].share_ratio > 0.99
    assert split.enterprises["e2"].share_ratio == pytest.approx(0.25, abs=1e-3)
    assert split.cost_cny > cheapest.cost_cny


def test_the_price_of_the_last_kwh_is_that_of_the_dearest_who_is_needed() -> None:
    grid = grid_of(2)
    facts = {
        "a": battery(grid, wear_cny_per_kwh=0.1, energy_kwh=400.0, **LOSSLESS),
        "b": battery(grid, wear_cny_per_kwh=0.4, energy_kwh=400.0, **LOSSLESS),
    }
    park = park_of(grid, facts, value=[0.5, 0.5])
    _, little = solve_instruction(held(park, 30.0, slice(0, 2)).problem, deadline_s=20.0)
    _, much = solve_instruction(held(park, 80.0, slice(0, 2)).problem, deadline_s=20.0)
    assert [row.price_cny_per_kwh for row in little.periods] == pytest.approx([0.6, 0.6])  # wear and the energy's worth
    assert [row.price_cny_per_kwh for row in much.periods] == pytest.approx([0.9, 0.9])
    assert little.cost_cny == pytest.approx(2 * 30 * 0.6, rel=1e-3)


def test_a_store_is_charged_before_the_window_where_it_would_be_short() -> None:
    grid = grid_of(4)
    park = park_of(grid, {"a": battery(grid, stored_kwh=0.0, **LOSSLESS)}, value=[0.5] * 4)
    schedule, _ = solve_instruction(held(park, 40.0, slice(2, 4)).problem, deadline_s=20.0)
    np.testing.assert_allclose(schedule.shortfall_kw, 0.0, atol=1e-3)
    assert (schedule.down_kw["a"][:2] > 0).any()


def test_a_call_of_the_window_ends_after_it_in_time() -> None:
    grid = grid_of(6)
    facts = {"l": plant(grid, np.full(6, 100.0), max_call_hours=3, max_calls_per_day=1)}
    park = held(park_of(grid, facts, value=[9.0] * 6), 60.0, slice(0, 2))
    schedule, _ = solve_instruction(park.problem, deadline_s=20.0)
    assert check_schedule(problem=park.problem, schedule=schedule, assets=park.facts) == []
    np.testing.assert_allclose(schedule.up_kw["l"], [60, 60, 80, 0, 0, 0], atol=2 * WATT)


def test_a_running_call_goes_on_without_another_one() -> None:
    grid = grid_of(3)
    facts = {"l": plant(grid, np.full(3, 100.0), running=1, notice=3, max_call_hours=2, max_calls_per_day=1, all_or_nothing=True)}
    park = held(park_of(grid, facts, value=[0.1] * 3), 80.0, slice(0, 3))
    for method in ("auto", "fast"):
        schedule, _ = solve_instruction(park.problem, deadline_s=20.0, method=method)
        np.testing.assert_allclose(schedule.up_kw["l"], [80, 0, 0], atol=2 * WATT)
        np.testing.assert_allclose(schedule.shortfall_kw, [0, 80, 80], atol=2 * WATT)


@pytest.mark.parametrize("first", [0, 1])
def test_a_running_call_that_ends_is_followed_by_its_rebound(first: int) -> None:
    grid = grid_of(6)
    spec = {"max_call_hours": 3, "max_calls_per_day": 1, "all_or_nothing": True, "rebound_hours": 3, "rebound_ratio": 0.25}
    facts = {"a": battery(grid, energy_kwh=400.0), "l": plant(grid, np.full(6, 100.0), running=1, **spec)}
    park = held(park_of(grid, facts, value=[0.5] * 6), 10.0, slice(first, 2))
    schedule, _ = solve_instruction(park.problem, deadline_s=20.0)
    assert check_schedule(problem=park.problem, schedule=schedule, assets=park.facts) == []
    np.testing.assert_allclose(schedule.injection_kw["l"], [-120, -120, -120, -100, -100, -100], atol=2 * WATT)
    np.testing.assert_allclose(schedule.shortfall_kw, 0.0, atol=2 * WATT)


def test_a_planned_call_with_ramp_and_rebound_is_kept_through_the_window() -> None:
    grid = grid_of(6)
    spec = {"max_call_hours": 3, "all_or_nothing": True, "ramp_minutes": 60, "rebound_hours": 2, "rebound_ratio": 0.25}
    facts = {"a": battery(grid, energy_kwh=400.0), "l": plant(grid, np.full(6, 100.0), **spec)}
    park = park_of(grid, facts, value=[0.5] * 6, reference_kw={"a": np.zeros(6), "l": np.array([-60.0, -20.0, -20.0, -100, -100, -100])})
    total = sum(real_reference(park).values())
    target = np.where(np.arange(6) < 4, total + 10.0, np.nan)
    asked = park.asked(target=Target(target))
    schedule, _ = solve_instruction(asked.problem, deadline_s=20.0)
    assert check_schedule(problem=asked.problem, schedule=schedule, assets=asked.facts) == []
    np.testing.assert_allclose(schedule.injection_kw["l"], [-60, -20, -20, -120, -120, -100], atol=2 * WATT)


def test_calls_rest_in_between() -> None:
    n = 6
    device = Device(np.full(n, -50.0), np.full(n, 50.0), np.zeros(n), 0.5, calls=Calls(3, 1, 0, all_or_nothing=True, rest_periods=2))
    problem = of_devices({"l": device}, target=np.zeros(n))
    for method in ("auto", "fast"):
        schedule, _ = solve_instruction(problem, deadline_s=20.0, method=method)
        on = np.flatnonzero(schedule.on["l"])
        assert len(on) == 2
        assert (np.diff(on) >= 3).all()


def of_devices(devices: dict[str, Device], *, target: np.ndarray, direction: int = 1, **more) -> ScheduleProblem:
    n = len(target)
    return ScheduleProblem(
        grid=grid_of(n),
        sites={"s": SiteProblem(1e4, 1e4, np.zeros(n))},
        devices={key: ("s", device) for key, device in devices.items()},
        injection_value_cny_per_kwh=np.full(n, 0.5),
        target=Target(target, direction),
        **more,
    )


@pytest.mark.parametrize("method", ["auto", "fast"])
def test_a_room_that_leaks_and_a_car_that_leaves_keep_their_bounds(method: str) -> None:
    n = 6
    room = Store(10.0, np.full(n, 4.0), np.full(n, 16.0), 1.0, 1.0, keep_ratio=0.9, drift_kwh=np.full(n, -0.5))
    cold = Device(np.zeros(n), np.zeros(n), np.full(n, 8.0), store=room)
    car = Device(np.zeros(n), np.full(n, 10.0), np.full(n, 10.0), stays=(Stay(1, 4, 20.0, 5.0, 40.0, 30.0, 0.9, 0.9),))
    reference = {"room": np.array([-3.0, -3, -3, -3, -3, -3]), "car": np.array([0.0, -10, -5, 0, 0, 0])}
    for direction, change in ((1, 12.0), (-1, 9.0)):
        target = sum(reference.values()) + direction * change
        problem = of_devices({"room": cold, "car": car}, target=target, direction=direction, reference_kw=reference)
        schedule, split = solve_instruction(problem, deadline_s=20.0, method=method)
        level = schedule.stored_kwh["room"]
        assert (level >= 4.0 - 1e-6).all()
        assert (level <= 16.0 + 1e-6).all()
        there = schedule.stored_kwh["car"][1:4]
        assert (there >= 5.0 - 1e-6).all()
        assert (there <= 40.0 + 1e-6).all()
        assert there[-1] >= 30.0 - 1e-6
        assert not schedule.injection_kw["car"][[0, 4, 5]].any()
        assert split.enterprises["s"].given_kwh > 0


@pytest.mark.parametrize("method", ["auto", "fast"])
def test_a_feeder_carries_no_more_than_it_can(method: str) -> None:
    n = 3
    store = Store(100.0, np.zeros(n), np.full(n, 200.0), 1.0, 1.0)
    devices = {key: Device(np.zeros(n), np.full(n, 40.0), np.full(n, 40.0), 0.1, store=store) for key in "abc"}
    more = {"groups": {"g": GroupProblem("s", 50.0, 50.0)}, "group_of": {"a": "g", "b": "g"}}
    schedule, _ = solve_instruction(of_devices(devices, target=np.full(n, 100.0), **more), deadline_s=20.0, method=method)
    behind = schedule.injection_kw["a"] + schedule.injection_kw["b"]
    assert (behind <= 50.0 + 1e-6).all()
    np.testing.assert_allclose(schedule.shortfall_kw, 100.0 - 50.0 - np.array([40.0, 40.0, 20.0]), atol=25.0)
    assert schedule.shortfall_kw.sum() == pytest.approx(300.0 - 150.0 - 100.0, abs=0.01)


def test_a_raised_demand_peak_is_paid_for_only_where_it_is_worth_it() -> None:
    """Both can take the energy; at one connection it would raise the month's peak."""
    grid = grid_of(2)
    facts = {"a": battery(grid, site="a", stored_kwh=0.0, **LOSSLESS), "b": battery(grid, site="b", stored_kwh=0.0, **LOSSLESS)}
    sites = {"a": SiteProblem(500, 500, np.zeros(2), 40.0), "b": SiteProblem(500, 500, np.zeros(2), 0.0)}
    park = held(park_of(grid, facts, value=[0.5] * 2, sites=sites), 40.0, slice(0, 2), -1)
    schedule, _ = solve_instruction(park.problem, deadline_s=20.0)
    assert schedule.import_kw["a"].max() < 0.01
    np.testing.assert_allclose(schedule.import_kw["b"], 40.0, atol=2 * WATT)


def test_without_any_solver_the_fast_path_answers(monkeypatch) -> None:
    def broken(*_, **__):
        raise pulp.PulpSolverError("gone")

    monkeypatch.setattr(BulkHighs, "actualSolve", broken)
    monkeypatch.setattr(FencedCbc, "actualSolve", broken)
    grid = grid_of(4)
    park = held(park_of(grid, twins(), value=[0.5] * 4), 80.0, slice(0, 4))
    schedule, split = solve_instruction(park.problem, deadline_s=20.0)
    assert split.method == "periods"
    assert split.status == "fallback"
    assert schedule.status == "timeout"
    np.testing.assert_allclose(schedule.shortfall_kw, 0.0, atol=1e-3)
    assert check_schedule(problem=park.problem, schedule=schedule, assets=park.facts) == []


def test_a_solver_that_calls_nonsense_optimal_is_not_believed(monkeypatch) -> None:
    def liar(self, lp):
        for column in lp._variables:
            column.varValue = 1e6
        lp.assignStatus(pulp.LpStatusOptimal, pulp.LpSolutionOptimal)
        return pulp.LpStatusOptimal

    monkeypatch.setattr(BulkHighs, "actualSolve", liar)
    monkeypatch.setattr(FencedCbc, "actualSolve", liar)
    grid = grid_of(4)
    park = held(park_of(grid, twins(), value=[0.5] * 4), 80.0, slice(0, 4))
    schedule, split = solve_instruction(park.problem, deadline_s=20.0)
    assert split.status == "fallback"
    np.testing.assert_allclose(schedule.shortfall_kw, 0.0, atol=1e-3)


def test_a_deadline_that_is_near_leaves_no_time_for_pulp() -> None:
    grid = grid_of(4)
    park = held(park_of(grid, twins(), value=[0.5] * 4), 80.0, slice(0, 4))
    schedule, split = solve_instruction(park.problem, deadline_s=0.01)
    assert (split.method, split.status) == ("periods", "fast")
    np.testing.assert_allclose(schedule.shortfall_kw, 0.0, atol=1e-3)


def test_both_ways_agree_within_a_hundredth_where_energy_is_plenty() -> None:
    random = np.random.default_rng(5)
    for _ in range(10):
        grid = grid_of(6)
        facts = {
            f"e{k % 4}/s/{k}": battery(
                grid,
                site=f"e{k % 4}/s",
                energy_kwh=1000.0,
                stored_kwh=500.0,
                discharge_kw=float(random.uniform(10, 80)),
                wear_cny_per_kwh=float(random.uniform(0, 0.5)),
            )
            for k in range(12)
        }
        park = held(park_of(grid, facts, value=random.uniform(0.2, 0.9, 6)), random.uniform(50, 350, 6), slice(0, 6))
        _, split = solve_instruction(park.problem, deadline_s=20.0)
        assert split.method == "window"
        assert abs(split.cross_check_ratio) <= 0.01


def test_a_car_gets_its_energy_after_an_instruction_that_holds_it_back() -> None:
    grid = grid_of(6)
    facts = {"e": chargers(grid, (Session("c", 0.0, 6.0, 60.0),))}
    park = held(park_of(grid, facts, value=[0.5] * 6), 20.0, slice(0, 3))
    schedule, _ = solve_instruction(park.problem, deadline_s=20.0)
    assert -schedule.injection_kw["e"].sum() == pytest.approx(60.0, abs=0.01)
    np.testing.assert_allclose(schedule.shortfall_kw, 0.0, atol=1e-3)


def test_what_cannot_be_split_is_refused() -> None:
    grid = grid_of(2)
    park = park_of(grid, {"a": battery(grid)}, value=[0.5, 0.5])
    with pytest.raises(ProblemRefused, match="no target"):
        solve_instruction(park.problem, deadline_s=1.0)
    asked = held(park, 10.0, slice(0, 2))
    with pytest.raises(SplitRefused, match="last called"):
        solve_instruction(asked.problem, deadline_s=1.0, rule=Rule("rotation"))
    with pytest.raises(SplitRefused, match="no method"):
        solve_instruction(asked.problem, deadline_s=1.0, method="guess")
