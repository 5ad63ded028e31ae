"""The export share goes before an instruction: what curtailing for it would take from the day's share stays short."""

import numpy as np
import pytest

from aggregator.dispatch.domain import SiteProblem, Target, check_schedule
from aggregator.dispatch.domain.instruction import solve_instruction
from tests.unit.aggregator.dispatch.parks import battery, grid_of, park_of, plant, pv

METHODS = ["auto", "fast"]


def served(facts, target_kw, *, method: str, **so_far: float):
    n = len(target_kw)
    site = SiteProblem(1000.0, 1000.0, np.zeros(n), export_share_ratio=0.2, **so_far)
    park = park_of(grid_of(n), facts, value=[0.3] * n, sites={"s": site})
    planned = {key: row.envelope.base_kw for key, row in facts.items()}
    park = park.asked(target=Target(np.array(target_kw), -1), reference_kw=planned)
    schedule, _ = solve_instruction(park.problem, deadline_s=20, method=method)
    assert check_schedule(problem=park.problem, schedule=schedule, assets=park.facts) == []
    assert schedule.relaxed == ()
    made = sum(schedule.injection_kw[key].sum() for key in park.problem.generators)
    day_kwh = site.exported_so_far_kwh + schedule.export_kw["s"].sum()
    return schedule, 0.2 * (site.generated_so_far_kwh + made) - day_kwh


@pytest.mark.parametrize("method", METHODS)
def test_the_share_is_kept_and_the_instruction_is_short(method: str) -> None:
    """60 kWh have gone out of 300: every kWh of the day's sun is needed for that."""
    grid = grid_of(2)
    facts = {"p": pv(grid, [50.0, 50.0]), "l": plant(grid, [200.0, 200.0])}
    schedule, left = served(facts, [-200.0, np.nan], method=method, generated_so_far_kwh=200.0, exported_so_far_kwh=60.0)
    assert schedule.shortfall_kw[0] == pytest.approx(50.0, abs=2e-3)
    assert left >= -1e-2


@pytest.mark.parametrize("method", METHODS)
def test_as_much_is_curtailed_as_the_share_allows(method: str) -> None:
    grid = grid_of(3)
    facts = {"p": pv(grid, [50.0, 50.0, 50.0]), "l": plant(grid, [200.0] * 3)}
    schedule, left = served(facts, [-200.0, -200.0, np.nan], method=method, generated_so_far_kwh=200.0, exported_so_far_kwh=60.0)
    assert schedule.shortfall_kw[:2].sum() == pytest.approx(50.0, abs=1e-2)
    assert left == pytest.approx(0.0, abs=1e-2)


@pytest.mark.parametrize("method", METHODS)
def test_what_goes_out_is_curtailed_freely_and_stores_help(method: str) -> None:
    grid = grid_of(2)
    facts = {"p": pv(grid, [100.0, 100.0]), "l": plant(grid, [80.0, 80.0]), "b": battery(grid, stored_kwh=50.0)}
    schedule, left = served(facts, [-30.0, np.nan], method=method)
    assert schedule.shortfall_kw.max() < 5e-3
    assert left >= -1e-2


def test_exports_before_the_window_give_way_where_that_serves_it() -> None:
    """The joint schedule curtails what would go out first, so that later less has to be generated."""
    grid = grid_of(4)
    facts = {"p": pv(grid, [100.0, 100.0, 50.0, 50.0]), "l": plant(grid, [70.0, 70.0, 200.0, 200.0])}
    target = [np.nan, np.nan, -200.0, np.nan]
    schedule, left = served(facts, target, method="auto")
    assert schedule.shortfall_kw.max() < 5e-3
    assert left >= -1e-2
    assert served(facts, target, method="fast")[0].shortfall_kw[2] == pytest.approx(50.0, abs=5e-3)
