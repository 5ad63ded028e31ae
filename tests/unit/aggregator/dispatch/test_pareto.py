"""No point of a Pareto report beats another in everything, its ends are the optima, and its energies add up."""

from dataclasses import replace
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.dispatch.domain import ProblemRefused, SiteProblem, Violation, _pareto_search, check_schedule, solve_schedule
from aggregator.dispatch.domain.pareto import CarbonFactor, NoParetoReport, ParetoPoint, ParetoSet, efficient, pareto_set
from tests.unit.aggregator.dispatch.parks import Park, battery, grid_of, park_of, parks, plant, pv

few = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def factor_of(n: int) -> CarbonFactor:
    """Dirtier in the evening."""
    return CarbonFactor(0.4 + 0.3 * np.arange(n) / n, "a test")


def day_park() -> Park:
    """Half-hours; more sun at noon than is used, an evening peak, batteries whose wear is dearer than the network."""
    n = 48
    grid, hours = grid_of(n, minutes=30), np.arange(n) / 2
    sun = 900 * np.clip(np.sin((hours - 6) / 12 * np.pi), 0, None)
    facts = {}
    for site, share in (("a", 1.0), ("b", 0.7)):
        facts[f"{site}/pv"] = pv(grid, share * sun, site=site)
        facts[f"{site}/store"] = battery(
            grid, site=site, energy_kwh=2000.0, charge_kw=500.0, discharge_kw=500.0, stored_kwh=800.0, wear_cny_per_kwh=0.3
        )
        facts[f"{site}/press"] = plant(grid, 300 + 50 * np.sin(hours), site=site, shed_cost_cny_per_kwh=2.0, all_or_nothing=True)
    sites = {site: SiteProblem(2000.0, 2000.0, np.full(n, 0.2), 1.1) for site in ("a", "b")}
    return park_of(grid, facts, value=0.35 + 0.15 * np.sin((hours - 14) / 24 * 4 * np.pi), sites=sites)


@pytest.fixture(scope="module")
def day() -> tuple[Park, ParetoSet]:
    park = day_park()
    return park, pareto_set(park.problem, assets=park.facts, factor=factor_of(48))


def figures(point: ParetoPoint) -> tuple[float, ...]:
    """What counts, less is better."""
    return tuple(x for x in (point.cost_cny, point.carbon_kg, -(point.self_consumption_ratio or 0.0)) if x is not None)


def assert_sound(found: ParetoSet) -> None:
    for one, other in permutations(found.points, 2):
        mine, theirs = np.array(figures(one)), np.array(figures(other))
        assert not ((mine <= theirs).all() and (mine < theirs - 1e-6 * (1 + abs(theirs))).any()), "dominated"
    for name, path in found.paths.items():
        which = 1 if name == "carbon" else -1
        for cheaper, better in pairwise([figures(found.points[k]) for k in path]):
            assert cheaper[0] < better[0]
            assert cheaper[which] > better[which]
    for point in found.points:
        flows = point.flows
        brought = flows.generated_kwh + flows.import_kwh + flows.discharged_kwh
        assert brought == pytest.approx(flows.export_kwh + flows.charged_kwh + flows.consumed_kwh, abs=1e-6)
        assert flows.available_kwh == pytest.approx(flows.generated_kwh + flows.curtailed_kwh, abs=1e-6)
        assert flows.exported_generation_kwh <= min(flows.export_kwh, flows.generated_kwh) + 1e-6
        assert point.lower_bound_cny is not None
        assert point.lower_bound_cny <= point.weighted_cost_cny + 1e-6


def test_a_day_has_seven_points_to_either_aim(day: tuple[Park, ParetoSet]) -> None:
    park, found = day
    assert_sound(found)
    for name, path in found.paths.items():
        assert len(path) >= 7, name
        assert found.points[path[0]].aim == "money"
        assert found.points[path[-1]].aim == name
    assert found.notes == ()
    assert all(check_schedule(problem=park.problem, schedule=p.schedule, assets=park.facts) == [] for p in found.points)


def test_no_plan_costs_less_than_a_point_s_bound_at_its_prices(day: tuple[Park, ParetoSet]) -> None:
    _, found = day
    for point, other in permutations(found.points, 2):
        if point.price_cny_per_kg is not None:
            assert other.cost_cny + point.price_cny_per_kg * other.carbon_kg >= point.lower_bound_cny - 1e-6


def test_emptying_the_stores_saves_no_carbon(day: tuple[Park, ParetoSet]) -> None:
    park, found = day
    clean = found.points[found.paths["carbon"][-1]]
    gained = 0.0
    for key in ("a/store", "b/store"):
        device = park.problem.devices[key][1]
        gained += device.terminal_value_ratio * (clean.schedule.stored_kwh[key][-1] - 800.0)
    assert clean.stored_carbon_kg == pytest.approx(factor_of(48).kg_per_kwh.mean() * gained, abs=1e-6)
    assert clean.carbon_kg == pytest.approx(clean.import_carbon_kg - clean.stored_carbon_kg)


@few
@given(parks())
def test_every_report_is_sound_and_its_ends_are_the_optima(park: Park) -> None:
    factor = factor_of(len(park.problem.grid))
    try:
        found = pareto_set(park.problem, assets=park.facts, factor=factor, points=4)
    except NoParetoReport:
        # Only where the plain plan breaks what no plan can keep.
        plain = solve_schedule(park.problem, deadline_s=20.0)
        assert plain.status == "fallback" or check_schedule(problem=park.problem, schedule=plain, assets=park.facts)
        return
    assert_sound(found)
    cheapest = solve_schedule(park.problem, deadline_s=20.0)
    within = 1e-6 + 2e-4 * abs(cheapest.objective_cny)
    if not cheapest.relaxed and not any(p.relaxed for p in found.points):
        assert found.points[0].cost_cny == pytest.approx(cheapest.objective_cny, abs=within)
        clean = min(p.carbon_kg for p in found.points)
        worst = found.points[found.paths["carbon"][0]].carbon_kg
        assert clean == pytest.approx(least_carbon(park, factor), abs=1e-3 + 2e-3 * (worst - clean) + 2e-4 * abs(clean))


def least_carbon(park: Park, factor: CarbonFactor) -> float:
    """The same day with carbon as its only price."""
    problem, mean = park.problem, float(factor.kg_per_kwh.mean())
    n = len(problem.grid)
    sites = {k: replace(s, import_adder_cny_per_kwh=factor.kg_per_kwh, demand_price_cny_per_kw=0.0) for k, s in problem.sites.items()}
    free = {k: (s, replace(d, up_cost_cny_per_kwh=0.0, down_cost_cny_per_kwh=0.0)) for k, (s, d) in problem.devices.items()}
    only = replace(problem, sites=sites, devices=free, injection_value_cny_per_kwh=np.zeros(n), terminal_value_cny_per_kwh=mean)
    stores = [d for _, d in problem.devices.values() if d.store is not None]
    held = sum(d.terminal_value_ratio * d.store.initial_kwh for d in stores)
    return solve_schedule(only, deadline_s=20.0).objective_cny + mean * held


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=12))
def test_efficient_is_what_nothing_beats(rows: list[tuple[int, int]]) -> None:
    costs, amounts = [float(a) for a, _ in rows], [float(b) for _, b in rows]
    kept = efficient(costs, amounts)
    beaten = [any(c <= costs[k] and a <= amounts[k] and (c, a) != rows[k] for c, a in rows) for k in range(len(rows))]
    assert {rows[k] for k in kept} == {rows[k] for k in range(len(rows)) if not beaten[k]}
    assert [costs[k] for k in kept] == sorted(costs[k] for k in kept)
    assert efficient([], []) == []


def test_gains_below_the_resolution_are_no_points() -> None:
    assert efficient([0.0, 5.0, 9.0], [100.0, 99.95, 0.0]) == [0, 2]


def test_without_a_factor_carbon_is_left_out(day: tuple[Park, ParetoSet]) -> None:
    park = day[0]
    found = pareto_set(park.problem, assets=park.facts, factor=None, points=2)
    assert list(found.paths) == ["self_consumption"]
    assert {"note": "carbon_left_out"} in found.notes
    assert found.points[0].carbon_kg is None


def test_a_day_that_cannot_be_traded_says_so() -> None:
    grid = grid_of(4)
    still = park_of(grid, {"l": plant(grid, np.full(4, 90.0), sheddable=False)}, value=np.full(4, 0.3))
    with pytest.raises(NoParetoReport):
        pareto_set(still.problem, assets=still.facts, factor=None)
    found = pareto_set(still.problem, assets=still.facts, factor=factor_of(4))
    assert [p.aim for p in found.points] == ["money"]
    assert {"note": "few_points", "path": "carbon", "found": 1, "wanted": 7} in found.notes


@pytest.mark.parametrize("values", [[0.5, np.nan], [0.5, -0.1], [0.0, 0.0]])
def test_a_factor_with_gaps_is_refused(values: list[float]) -> None:
    with pytest.raises(ProblemRefused):
        CarbonFactor(np.array(values), "a test")


def test_a_factor_without_source_or_of_another_day_is_refused() -> None:
    with pytest.raises(ProblemRefused):
        CarbonFactor(np.array([0.5]), " ")
    park = day_park()
    with pytest.raises(ProblemRefused):
        pareto_set(park.problem, assets=park.facts, factor=factor_of(3))


def test_a_plan_that_the_checker_refuses_is_no_point(monkeypatch: pytest.MonkeyPatch) -> None:
    grid = grid_of(6)
    facts = {"b": battery(grid), "p": pv(grid, [0, 90, 90, 0, 0, 0]), "l": plant(grid, np.full(6, 60.0), sheddable=False)}
    park = park_of(grid, facts, value=[0.1, 0.6, 0.6, 0.2, 0.3, 0.2])
    honest, calls = _pareto_search.check_schedule, []

    def second_is_bad(**given):
        calls.append(1)
        return [Violation("b", "soc_floor", 0, 1.0)] if len(calls) == 2 else honest(**given)

    monkeypatch.setattr(_pareto_search, "check_schedule", second_is_bad)
    found = pareto_set(park.problem, assets=park.facts, factor=factor_of(6), points=3)
    assert [row.why for row in found.dropped].count("violations") == 1
    assert {"note": "end_missing", "path": "carbon"} in found.notes  # it was the second plan
    assert "carbon" not in {point.aim for point in found.points}
