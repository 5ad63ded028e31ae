"""A plan says when what assets share stands in their way: feeder, export share, sold reserve, the promise."""

from dataclasses import replace

import numpy as np

from aggregator.assets.domain.storage import Held
from aggregator.dispatch.domain import FirmBlock, GroupProblem, SiteProblem, explain, solve_schedule
from tests.unit.aggregator.dispatch.parks import Park, battery, grid_of, park_of, plant, pv


def why(park: Park, key: str) -> list[tuple[str, str]]:
    schedule = solve_schedule(park.problem, deadline_s=20)
    return [(row.reason, row.limit) for row in explain(park.problem, schedule, park.facts)[key]]


def test_a_feeder_that_is_full_is_named() -> None:
    grid = grid_of(2)
    groups = {"s:f": GroupProblem("s", 30.0, 50.0)}
    park = park_of(grid, {"p": pv(grid, [100.0, 10.0])}, value=[0.3, 0.3], groups=groups, group_of={"p": "s:f"})
    assert why(park, "p") == [("group_export_limit", "group_export_limit"), ("free_run", "available_power")]
    stored = park_of(
        grid,
        {"b": battery(grid, stored_kwh=20.0, charge_kw=40.0)},
        value=[0.1, 0.9],
        groups={"s:f": GroupProblem("s", 30.0, 500.0)},
        group_of={"b": "s:f"},
    )
    assert why(stored, "b")[0] == ("low_price_charge", "group_import_limit")


def test_an_export_share_that_is_used_up_is_named() -> None:
    grid = grid_of(2)
    sites = {"s": SiteProblem(200.0, 200.0, np.zeros(2), export_share_ratio=0.2)}
    facts = {"l": plant(grid, [10.0, 60.0], sheddable=False), "p": pv(grid, [80.0, 20.0])}
    assert why(park_of(grid, facts, value=[0.3, 0.3], sites=sites), "p")[0] == ("export_share", "export_share")


def test_reserve_that_is_sold_is_named_in_place_of_the_batterys_own_limit() -> None:
    grid = grid_of(2)
    none = np.zeros(2)
    held = Held(up_kw=np.array([0.0, 30.0]), down_kw=none, up_kwh=np.array([20.0, 20.0]), down_kwh=none)
    facts = {"b": replace(battery(grid, stored_kwh=90.0, energy_kwh=100.0), held=held)}
    rows = why(park_of(grid, facts, value=[0.2, 0.9]), "b")
    assert rows[1] == ("high_price_discharge", "reserve")


def test_a_promise_that_holds_somebody_back_is_named() -> None:
    """The second hour is cheap, but the block leaves no room to charge."""
    grid = grid_of(3)
    facts = {"b": battery(grid, stored_kwh=50.0), "l": plant(grid, np.full(3, 40.0), sheddable=False)}
    firm = FirmBlock(slice(1, 2), np.full(1, -40.0), 2.0, 10.0, np.zeros(1) + 10.0, 1)
    rows = why(park_of(grid, facts, value=[0.5, 0.05, 0.9], firm=firm), "b")
    assert rows[1] == ("serve_firm_block", "promise")
