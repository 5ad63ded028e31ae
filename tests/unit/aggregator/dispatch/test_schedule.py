"""Every schedule keeps every limit, says what it could not do, and is as good as trying everything."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.assets.domain import Device, Session
from aggregator.dispatch.domain import (
    FirmBlock,
    GroupProblem,
    ProblemRefused,
    SiteProblem,
    Target,
    check_schedule,
    explain,
    holdable_block,
    safe_plan,
    solve_schedule,
)
from aggregator.dispatch.domain.reasons import LIMITS, REASONS
from tests.unit.aggregator.dispatch.parks import Park, battery, chargers, grid_of, networks, park_of, parks, plant, pv

slow = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def solved(park: Park, seconds: float = 20.0, mode: str | None = None):
    schedule = solve_schedule(park.problem, deadline_s=seconds, mode=mode)
    assert check_schedule(problem=park.problem, schedule=schedule, assets=park.facts) == []
    return schedule


@slow
@given(parks(), st.sampled_from(["reference", "fleet"]))
def test_every_schedule_passes_the_independent_check(park: Park, mode: str) -> None:
    schedule = solved(park, mode=mode)
    assert schedule.status in ("optimal", "at_gap")
    assert schedule.mode == mode
    safe = safe_plan(park.problem)
    if not safe.relaxed:  # otherwise it is cheap at the owner's expense
        assert schedule.objective_cny <= safe.objective_cny + 1e-3


@slow
@given(networks(), st.sampled_from(["reference", "fleet"]))
def test_transformers_and_export_shares_are_kept_or_said_to_give_way(park: Park, mode: str) -> None:
    schedule = solved(park, mode=mode)
    assert schedule.mode == mode
    safe = safe_plan(park.problem)
    assert check_schedule(problem=park.problem, schedule=safe, assets=park.facts) == []
    if not safe.relaxed:
        assert schedule.relaxed == ()
        assert schedule.objective_cny <= safe.objective_cny + 1e-3


@slow
@given(parks() | networks())
def test_both_modes_answer_the_same_question_and_none_undercuts_the_bound(park: Park) -> None:
    exact, fleet = solved(park, mode="reference"), solved(park, mode="fleet")
    slack = 1e-6 * max(1.0, abs(exact.certificate.safe_cost_cny))
    assert exact.certificate.safe_cost_cny == pytest.approx(fleet.certificate.safe_cost_cny)
    if exact.relaxed or fleet.relaxed:  # the bound is for keeping the owner's limits
        assert None in (exact.gap_ratio, fleet.gap_ratio)
        return
    assert max(exact.certificate.lower_bound_cny, fleet.certificate.lower_bound_cny) <= exact.certificate.cost_cny + slack
    assert exact.certificate.lower_bound_cny <= fleet.certificate.cost_cny + slack


@slow
@given(parks())
def test_the_safe_plan_passes_the_check_too(park: Park) -> None:
    for schedule in (safe_plan(park.problem), safe_plan(_with_target(park, 40.0, 1).problem)):
        assert schedule.status == "fallback"
    assert check_schedule(problem=park.problem, schedule=safe_plan(park.problem), assets=park.facts) == []
    asked = _with_target(park, 40.0, 1)
    assert check_schedule(problem=asked.problem, schedule=safe_plan(asked.problem), assets=asked.facts) == []


def _with_target(park: Park, change_kw: float, direction: int) -> Park:
    base = sum(device.fixed_kw for _, device in park.problem.devices.values())
    target = np.full(len(park.problem.grid), np.nan)
    target[2:4] = base[2:4] + direction * change_kw
    return park.asked(target=Target(target, direction))


@slow
@given(parks(), st.sampled_from([1, -1]), st.floats(0, 300))
def test_target_is_sum_plus_shortfall_in_the_direction_asked_for(park: Park, direction: int, change_kw: float) -> None:
    asked = _with_target(park, round(change_kw, 1), direction)
    schedule = solved(asked)
    wanted = asked.problem.wanted
    rest = schedule.portfolio_kw + direction * (schedule.shortfall_kw - schedule.overshoot_kw)
    np.testing.assert_allclose(rest[wanted], asked.problem.target.injection_kw[wanted], atol=1e-3)
    assert (schedule.shortfall_kw >= 0).all()
    assert (schedule.overshoot_kw >= 0).all()


@slow
@given(parks(), st.sampled_from([1, -1]))
def test_the_firm_block_is_kept_or_its_shortfall_said(park: Park, direction: int) -> None:
    base = sum(device.fixed_kw for _, device in park.problem.devices.values())[2:5]
    asked = FirmBlock(slice(2, 5), base, 3.0, 100.0, None, direction)
    offered = holdable_block(park.problem, asked, deadline_s=20)
    assert offered is not None
    assert 0 <= offered <= 100.0
    for fixed_kw in (offered, 60.0):
        schedule = solved(park.asked(firm=replace(asked, fixed_kw=fixed_kw)))
        moved = direction * (schedule.portfolio_kw[2:5] - base) + schedule.shortfall_kw[2:5]
        assert (moved >= fixed_kw - 1e-3).all() or not fixed_kw
        if fixed_kw == offered:
            assert schedule.shortfall_kw.max() <= 1e-2  # nothing is offered that is not there


@slow
@given(parks(), st.randoms(use_true_random=False))
def test_the_order_of_assets_changes_nothing(park: Park, random) -> None:
    keys = list(park.problem.devices)
    random.shuffle(keys)
    shuffled = park.asked(devices={key: park.problem.devices[key] for key in keys}, sites=dict(reversed(park.problem.sites.items())))
    one, other = solved(park), solved(shuffled)
    for key in keys:
        np.testing.assert_array_equal(one.injection_kw[key], other.injection_kw[key])


def test_a_thousand_times_the_size_costs_a_thousand_times_as_much() -> None:
    grid = grid_of(8)
    value = [0.2, 0.1, -0.3, 0.1, 0.9, 1.0, 0.4, 0.2]

    def park(size: float) -> Park:
        facts = {
            "b": battery(grid, energy_kwh=100 * size, charge_kw=50 * size, discharge_kw=50 * size, wear_cny_per_kwh=0.05),
            "p": pv(grid, np.zeros(8)),
        }
        sites = {"s": SiteProblem(40 * size, 30 * size, np.full(8, 0.2), 0.5)}
        return park_of(grid, facts, value=value, sites=sites)

    small, large = solved(park(1.0)), solved(park(1000.0))
    assert large.objective_cny == pytest.approx(1000 * small.objective_cny, rel=1e-6)
    np.testing.assert_allclose(large.injection_kw["b"], 1000 * small.injection_kw["b"], rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("value", [[0.1, 0.9, 0.2, 0.8], [-0.8, -0.8, 0.5, 0.1], [0.5, 0.5, 0.5, 0.5], [0.9, 0.1, 0.9, -0.2]])
@pytest.mark.parametrize("efficiency", [1.0, 0.8])
def test_storage_is_as_good_as_trying_everything(value: list[float], efficiency: float) -> None:
    """All schedules on a lattice that holds the vertices: none is cheaper."""
    grid = grid_of(4)
    spec = {"energy_kwh": 40.0, "charge_kw": 20.0, "discharge_kw": 20.0, "soc_min_ratio": 0.0, "soc_max_ratio": 1.0}
    facts = {"b": battery(grid, stored_kwh=20.0, charge_efficiency=efficiency, discharge_efficiency=efficiency, **spec)}
    park = park_of(grid, facts, value=value)
    worth = park.problem.terminal_price_cny_per_kwh * efficiency

    def cost(levels: tuple[float, ...]) -> float:
        total, before = 0.0, 20.0
        for price, level in zip(value, levels, strict=True):
            change = level - before
            power = change / efficiency if change > 0 else change * efficiency
            if abs(power) > 20.0 + 1e-9:
                return np.inf
            total, before = total + price * power, level
        return total - worth * before

    best = min(cost(levels) for levels in product(np.arange(0, 41, 4.0), repeat=4))
    assert solved(park).objective_cny <= best + 1e-6


def test_at_a_strongly_negative_price_nothing_charges_and_discharges_at_once() -> None:
    grid = grid_of(4)
    park = park_of(grid, {"b": battery(grid, stored_kwh=95.0, charge_efficiency=0.8, discharge_efficiency=0.8)}, value=[-2, -2, -2, 0.5])
    schedule = solved(park)
    assert not ((schedule.up_kw["b"] > 1e-6) & (schedule.down_kw["b"] > 1e-6)).any()


def test_an_interruption_is_called_once_and_not_too_long() -> None:
    grid = grid_of(8)
    facts = {"l": plant(grid, np.full(8, 100.0), max_calls_per_day=1, max_call_hours=2)}
    schedule = solved(park_of(grid, facts, value=[1, 1, 0.1, 0.1, 2, 2, 2, 0.1]))
    np.testing.assert_allclose(schedule.up_kw["l"], [0, 0, 0, 0, 80, 80, 0, 0], atol=1e-4)


def test_a_running_interruption_may_go_on_but_not_beyond_its_length() -> None:
    grid = grid_of(4)
    facts = {"l": plant(grid, np.full(4, 100.0), running=1, notice=2, max_calls_per_day=1, max_call_hours=2)}
    schedule = solved(park_of(grid, facts, value=[2, 2, 2, 2]))
    np.testing.assert_allclose(schedule.up_kw["l"], [80, 0, 0, 0], atol=1e-4)


def test_the_owners_limit_gives_way_last_and_is_named() -> None:
    grid = grid_of(2)
    facts = {"l": plant(grid, [100.0, 20.0], sheddable=False)}
    schedule = solved(park_of(grid, facts, value=[0.5, 0.5], sites={"s": SiteProblem(60.0, 0.0, np.zeros(2))}))
    assert [(r.site, r.limit, r.period, round(r.by_kw, 3)) for r in schedule.relaxed] == [("s", "import_limit", 0, 40.0)]


@pytest.mark.parametrize("mode", ["reference", "fleet"])
def test_no_sun_is_curtailed_that_keeps_a_transformer_inside_its_limit(mode: str) -> None:
    """At a negative price the site would rather import everything; its transformer cannot carry that."""
    grid = grid_of(2)
    facts = {"l": plant(grid, [100.0, 100.0], sheddable=False), "p": pv(grid, [90.0, 90.0])}
    groups = {"s:t": GroupProblem("s", 30.0, 30.0)}
    schedule = solved(park_of(grid, facts, value=[-0.5, 0.5], groups=groups, group_of={"l": "s:t", "p": "s:t"}), mode=mode)
    assert schedule.relaxed == ()
    assert schedule.injection_kw["p"][0] >= 70.0 - 1e-4
    if mode == "reference":  # the fleet may stop within its gap
        np.testing.assert_allclose(schedule.injection_kw["p"], [70.0, 90.0], atol=1e-4)


@pytest.mark.parametrize("mode", ["reference", "fleet"])
def test_the_sun_that_a_feeder_cannot_carry_is_stored_or_curtailed(mode: str) -> None:
    grid = grid_of(2)
    facts = {"b": battery(grid, stored_kwh=50.0, charge_kw=20.0, discharge_kw=20.0), "p": pv(grid, [100.0, 10.0])}
    groups = {"s:t": GroupProblem("s", 30.0, 60.0), "s:f": GroupProblem("s", 30.0, 50.0, parent="s:t")}
    schedule = solved(park_of(grid, facts, value=[0.3, 0.9], groups=groups, group_of={"b": "s:f", "p": "s:f"}), mode=mode)
    assert schedule.relaxed == ()
    np.testing.assert_allclose(schedule.injection_kw["b"], [-20.0, 20.0], atol=1e-4)
    np.testing.assert_allclose(schedule.injection_kw["p"], [70.0, 10.0], atol=1e-4)


@pytest.mark.parametrize("mode", ["reference", "fleet"])
@pytest.mark.parametrize("share", [0.0, 0.2])
def test_a_site_exports_its_share_and_no_more(mode: str, share: float) -> None:
    grid = grid_of(4)
    facts = {"l": plant(grid, [10.0, 10.0, 60.0, 60.0], sheddable=False), "p": pv(grid, [80.0, 80.0, 20.0, 20.0])}
    sites = {"s": SiteProblem(200.0, 200.0, np.full(4, 0.1), export_share_ratio=share)}
    schedule = solved(park_of(grid, facts, value=[0.3, 0.3, 0.3, 0.3], sites=sites), mode=mode)
    assert schedule.relaxed == ()
    assert schedule.export_kw["s"].sum() == pytest.approx(share * schedule.injection_kw["p"].sum(), abs=1e-3)


@pytest.mark.parametrize("mode", ["reference", "fleet"])
@pytest.mark.parametrize(("generated", "exported", "left"), [(200.0, 10.0, 60.0), (0.0, 10.0, 20.0), (0.0, 30.0, 0.0), (0.0, 900.0, 0.0)])
def test_the_share_is_of_the_whole_day(mode: str, generated: float, exported: float, left: float) -> None:
    """150 kWh of sun are left, 30 of them not to be curtailed; a fifth of the day's may go out, less what has gone."""
    grid = grid_of(2)
    facts = {
        "l": plant(grid, [10.0, 70.0], sheddable=False),
        "p": pv(grid, [80.0, 40.0]),
        "r": pv(grid, [10.0, 20.0], curtailable=False),
    }
    sites = {
        "s": SiteProblem(
            200.0, 200.0, np.full(2, 0.1), export_share_ratio=0.2, generated_so_far_kwh=generated, exported_so_far_kwh=exported
        )
    }
    park = park_of(grid, facts, value=[0.3, 0.3], sites=sites)
    schedule = solved(park, mode=mode)
    used = sum(float(schedule.injection_kw[key].sum()) for key in ("p", "r"))
    assert schedule.export_kw["s"].sum() == pytest.approx(max(0.0, 0.2 * (generated + used) - exported), abs=1e-3)
    assert schedule.export_kw["s"].sum() <= left + 1e-3
    assert schedule.relaxed == ()
    assert check_schedule(problem=park.problem, schedule=schedule, assets=park.facts) == []


def test_an_export_beyond_the_share_is_named_once() -> None:
    grid = grid_of(4)
    facts = {"p": pv(grid, [80.0, 80.0, 0.0, 0.0], curtailable=False)}
    schedule = solved(park_of(grid, facts, value=[0.3] * 4, sites={"s": SiteProblem(200.0, 200.0, np.zeros(4), export_share_ratio=0.2)}))
    assert [(r.site, r.limit, r.period, round(r.by_kw, 3)) for r in schedule.relaxed] == [("s", "export_share", 0, 32.0)]


def test_a_car_leaves_with_its_energy_and_waits_for_the_low_price() -> None:
    grid = grid_of(4)
    facts = {"e": chargers(grid, (Session("c", 0.0, 4.0, 20.0),))}
    schedule = solved(park_of(grid, facts, value=[0.9, 0.8, 0.1, 0.7]))
    np.testing.assert_allclose(schedule.injection_kw["e"], [0, 0, -20, 0], atol=1e-4)


def test_the_demand_charge_flattens_the_peak() -> None:
    grid = grid_of(3)
    facts = {"b": battery(grid, stored_kwh=60.0), "l": plant(grid, [50.0, 90.0, 50.0], sheddable=False)}
    flat = solved(park_of(grid, facts, value=[0.5] * 3, sites={"s": SiteProblem(500, 500, np.zeros(3), 10.0)}))
    assert flat.import_kw["s"].max() < 60
    covered = solved(park_of(grid, facts, value=[0.5] * 3, sites={"s": SiteProblem(500, 500, np.zeros(3), 10.0, peak_so_far_kw=90.0)}))
    assert covered.objective_cny == pytest.approx(
        900 + 0.5 * 190 - 0.5 * 0.95 * covered.stored_kwh["b"][-1] - 0.5 * covered.up_kw["b"].sum()
    )


def test_nobody_moves_against_an_instruction() -> None:
    """Charging one storage to discharge another would meet a later target; the plan falls short instead."""
    grid = grid_of(2)
    facts = {"a": battery(grid, stored_kwh=10.0), "b": battery(grid, stored_kwh=60.0)}
    target = Target(np.array([20.0, 50.0]))
    reference = {"a": np.zeros(2), "b": np.zeros(2)}
    schedule = solved(park_of(grid, facts, value=[0.1, 0.1], target=target, reference_kw=reference))
    assert not schedule.down_kw["a"].any()
    assert not schedule.down_kw["b"].any()
    assert schedule.shortfall_kw.sum() == pytest.approx(70 - 50 * 0.95, abs=1e-3)


@slow
@given(parks())
def test_every_reason_and_limit_has_a_name(park: Park) -> None:
    asked = _with_target(park, 50.0, 1)
    why = explain(asked.problem, solved(asked))
    assert {row.reason for rows in why.values() for row in rows} <= set(REASONS)
    assert {row.limit for rows in why.values() for row in rows} <= set(LIMITS)


def test_a_gap_in_the_prices_is_refused_not_filled() -> None:
    grid = grid_of(2)
    with pytest.raises(ProblemRefused, match="missing"):
        park_of(grid, {"b": battery(grid)}, value=[0.5, np.nan])


def test_a_device_with_a_negative_range_is_refused() -> None:
    grid = grid_of(1)
    park = park_of(grid, {"b": battery(grid)}, value=[0.5])
    with pytest.raises(ProblemRefused, match="negative range"):
        replace(park.problem, devices={"b": ("s", Device(np.zeros(1), np.array([-1.0]), np.zeros(1)))})


def test_the_safe_plan_stays_inside_the_connection() -> None:
    grid = grid_of(3)
    facts = {"p": pv(grid, [100.0, 100.0, 20.0]), "l": plant(grid, np.full(3, 50.0))}
    for limit_kw, expected in ((0.0, 0.0), (30.0, 30.0)):
        safe = safe_plan(park_of(grid, facts, value=[0.3] * 3, sites={"s": SiteProblem(500.0, limit_kw, np.zeros(3))}).problem)
        assert safe.export_kw["s"][:2] == pytest.approx([expected] * 2)
        assert safe.relaxed == ()
    cars = {f"e{k}": chargers(grid, (Session(f"c{k}", 0.0, 3.0, 20.0),)) for k in range(5)}
    safe = safe_plan(park_of(grid, cars, value=[0.3] * 3, sites={"s": SiteProblem(60.0, 0.0, np.zeros(3))}).problem)
    assert safe.import_kw["s"].max() <= 60.0 + 1e-6
    assert safe.import_kw["s"].sum() == pytest.approx(100.0)


def test_a_promise_is_never_kept_by_overloading_a_transformer() -> None:
    """The dearest shortfall is cheaper than crossing a limit, in both modes."""
    grid = grid_of(4)
    facts = {f"b{k}": battery(grid, stored_kwh=90.0) for k in range(4)}
    groups = {"t": GroupProblem("s", 60.0, 60.0)}
    block = FirmBlock(slice(1, 3), np.zeros(2), 3.0, 150.0, 150.0, 1)
    park = park_of(
        grid,
        facts,
        value=[0.3] * 4,
        firm=block,
        shortfall_price_cny_per_kwh=60.0,
        groups=groups,
        group_of={"b0": "t", "b1": "t", "b2": "t"},
    )
    for mode in ("reference", "fleet"):
        schedule = solved(park, mode=mode)
        assert schedule.relaxed == ()
        assert schedule.shortfall_kw.sum() == pytest.approx(300.0 - 2 * 60.0 - 85.0 * 0.95, abs=0.5)  # of b3 85 kWh can be had


def test_money_in_another_unit_is_the_same_plan() -> None:
    grid = grid_of(6)
    facts = {"b": battery(grid), "p": pv(grid, [0, 40, 80, 80, 40, 0]), "l": plant(grid, np.full(6, 60.0), shed_cost_cny_per_kwh=50.0)}
    value = np.array([0.1, 0.2, 0.5, 0.9, 1.2, 0.3])
    plain, dear = (
        solved(park_of(grid, facts, value=value * k, sites={"s": SiteProblem(90.0, 50.0, np.full(6, 0.1 * k))}), mode="fleet")
        for k in (1, 30)
    )
    np.testing.assert_allclose(plain.injection_kw["b"], dear.injection_kw["b"], atol=1e-6)
    assert dear.certificate.lower_bound_cny == pytest.approx(30 * plain.certificate.lower_bound_cny, rel=1e-6)
