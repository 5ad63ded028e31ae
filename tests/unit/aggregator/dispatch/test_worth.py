"""The price of a binding limit is what moving that limit by a little really changes."""

from dataclasses import replace

import numpy as np
import pytest

from aggregator.assets.domain import Stay
from aggregator.dispatch.domain import SiteProblem, Why, explain, solve_schedule, worth
from aggregator.dispatch.domain.worth import limit_worths
from tests.unit.aggregator.dispatch.parks import Park, battery, grid_of, park_of, plant, pv

VALUE = [0.1, 0.2, 0.9, 0.8, 0.3, 1.2]


def worths(park: Park, key: str) -> dict[str, np.ndarray]:
    schedule = solve_schedule(park.problem, deadline_s=20, mode="reference")
    why = explain(park.problem, schedule)
    found = limit_worths(park.problem, schedule, why, deadline_s=10)[key]
    return {"limit": np.array([row.limit for row in why[key]]), "price": found}


def two_ways(**changes) -> Park:
    """The generator's curtailment gives the site a value of its own to read."""
    grid = grid_of(6)
    spec = {"energy_kwh": 100.0, "charge_kw": 30.0, "discharge_kw": 25.0, "wear_cny_per_kwh": 0.02, "stored_kwh": 40.0, **changes}
    facts = {"b": battery(grid, **spec), "p": pv(grid, [0, 0, 20, 20, 0, 0])}
    return park_of(grid, facts, value=VALUE, sites={"s": SiteProblem(500.0, 500.0, np.full(6, 0.1))})


def cost(park: Park) -> float:
    return solve_schedule(park.problem, deadline_s=20, mode="reference").objective_cny


@pytest.mark.parametrize(("limit", "change"), [("discharge_power", {"discharge_kw": 25.01}), ("charge_power", {"charge_kw": 30.01})])
def test_one_more_kw_is_worth_the_sum_of_its_prices(limit: str, change: dict[str, float]) -> None:
    found = worths(two_ways(), "b")
    binding = found["limit"] == limit
    assert binding.any()
    assert float(found["price"][binding].sum()) == pytest.approx((cost(two_ways()) - cost(two_ways(**change))) / 0.01, rel=1e-3, abs=1e-6)


def test_a_load_that_may_not_be_called_again_tells_what_that_would_earn() -> None:
    grid = grid_of(4)
    facts = {"l": plant(grid, np.full(4, 100.0), max_calls_per_day=1, max_call_hours=1, shed_cost_cny_per_kwh=0.5)}
    found = worths(park_of(grid, facts, value=[0.9, 0.1, 1.5, 0.1]), "l")
    assert found["limit"].tolist() == ["call_limits", "", "must_run", ""]
    np.testing.assert_allclose(found["price"], [0.4, np.nan, 1.0, np.nan])


def test_without_values_nothing_is_said() -> None:
    park = two_ways()
    schedule = solve_schedule(park.problem, deadline_s=20)
    assert limit_worths(park.problem, replace(schedule, values_cny_per_kwh={}), explain(park.problem, schedule), deadline_s=10) == {}


def test_the_price_of_a_stay_is_what_a_change_of_it_brings() -> None:
    """A car for periods 1 to 4 that discharges at 10 kW into the dear ones."""
    grid = grid_of(6)
    facts = {"b": battery(grid, energy_kwh=100.0, charge_kw=30.0, discharge_kw=25.0, wear_cny_per_kwh=0.02, stored_kwh=40.0)}
    made = park_of(grid, facts, value=VALUE)
    site, device = made.problem.devices["b"]
    window = (np.arange(6) >= 1) & (np.arange(6) < 5)

    def solved(kw: float):
        stay = Stay(first=1, end=5, initial_kwh=20.0, min_kwh=5.0, max_kwh=60.0, end_kwh=6.0, eta_in=0.95, eta_out=0.95)
        car = replace(device, store=None, stays=(stay,), up_kw=np.where(window, kw, 0.0), down_kw=np.where(window, 10.0, 0.0))
        problem = replace(made.problem, devices={"b": (site, car)})
        return problem, solve_schedule(problem, deadline_s=20, mode="reference")

    (problem, plan), (_, more) = solved(10.0), solved(10.01)
    at_power = np.flatnonzero(plan.up_kw["b"] > 10.0 - 1e-6)
    assert len(at_power)
    why = {"b": tuple(Why("", limit="discharge_power" if t in at_power else "") for t in range(6))}
    found = limit_worths(problem, plan, why, deadline_s=10)["b"]
    assert np.isnan(np.delete(found, at_power)).all()
    gained = (plan.objective_cny - more.objective_cny) / 0.01
    assert found[at_power].sum() * problem.grid.hours == pytest.approx(gained, rel=1e-3, abs=1e-6)


def test_many_stores_are_priced_as_single_ones_are(monkeypatch: pytest.MonkeyPatch) -> None:
    one = worths(two_ways(), "b")
    monkeypatch.setattr(worth, "TOGETHER", 1)
    np.testing.assert_allclose(worths(two_ways(), "b")["price"], one["price"])
