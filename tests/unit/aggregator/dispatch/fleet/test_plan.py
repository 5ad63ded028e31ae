"""Plans of the fleet mode: every limit holds, the bound is a bound, true sweeps never raise the cost, order means nothing."""

import subprocess
import sys
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.dispatch.domain import _bulk
from aggregator.dispatch.domain.fleet._sweep import CALLS, FILLS, STORES
from aggregator.dispatch.domain.fleet.checker import check_fleet
from aggregator.dispatch.domain.fleet.cost import cost_of, flows_of
from aggregator.dispatch.domain.fleet.plan import plan_fleet
from aggregator.dispatch.domain.fleet.problem import FleetProblem
from aggregator.dispatch.domain.fleet.reference import solve_reference
from aggregator.dispatch.domain.fleet.schedules import Schedules
from tests.unit.aggregator.dispatch.fleet.parks import tiny

ROOT = Path(__file__).resolve().parents[5]
seeds = st.integers(0, 100_000)
OWNERS = ("above its limit", "above its share")  # what gives way last, and is named; physical limits never do


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_bound_optimum_and_plan_stand_in_this_order(seed: int) -> None:
    problem = tiny(seed)
    plan, exact = plan_fleet(problem, deadline_s=30, mode="fleet"), solve_reference(problem, deadline_s=30)
    if any(violation.kind.endswith(OWNERS) for violation in check_fleet(problem, exact)):
        return  # an owner's limit had to give way: the bound is that of plans that keep it
    slack = 1e-6 * max(1.0, abs(exact.certificate.cost_cny))
    assert plan.certificate.lower_bound_cny <= exact.certificate.cost_cny + slack
    assert exact.certificate.lower_bound_cny <= plan.certificate.cost_cny + slack or check_fleet(problem, plan) != ()


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_assets_keep_their_physical_limits_and_the_balance_holds(seed: int) -> None:
    problem = tiny(seed)
    plan = plan_fleet(problem, deadline_s=30, mode="fleet")
    assert [v for v in check_fleet(problem, plan) if not v.kind.endswith(OWNERS)] == []


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_true_sweeps_never_raise_the_cost(seed: int) -> None:
    """Without rules that the sweeps only price (share of exports, peaks), every sweep lowers the cost or leaves it."""
    problem = tiny(seed, groups=False)
    e = len(problem.sites)
    plain = replace(
        problem.sites,
        export_share_ratio=np.full(e, np.inf),
        demand_price_cny_per_kw=np.zeros(e),
        import_limit_kw=np.full(e, 1e5),
        export_limit_kw=np.full(e, 1e5),
        sell_cny_per_kwh=np.maximum(problem.sites.sell_cny_per_kwh, 0.0),
        buy_cny_per_kwh=np.maximum(problem.sites.buy_cny_per_kwh, problem.sites.sell_cny_per_kwh.clip(0.0)),
    )
    market = replace(problem.market, over_price_cny_per_kwh=np.zeros(problem.periods))  # so that nothing pays to be curtailed
    problem = replace(problem, sites=plain, market=market)
    schedules, nothing = Schedules(problem), np.zeros(e)
    costs = []
    for which in (STORES | FILLS | CALLS, STORES, FILLS, CALLS, STORES):
        schedules.true(share_price_cny_per_kwh=nothing, spill_cny_per_kwh=nothing, which=which)
        moves = schedules.moves
        costs.append(cost_of(problem, moves, flows_of(problem, moves, np.ones(problem.periods))))
    assert all(later <= before + 1e-7 * max(1.0, abs(before)) for before, later in pairwise(costs))


@pytest.mark.parametrize("seed", range(4))
def test_the_plan_does_not_depend_on_the_number_of_threads(seed: int) -> None:
    problem = tiny(seed, n_sites=6, n_stores=14, n_fills=8, n_calls=8)
    one, two = (plan_fleet(problem, deadline_s=30, mode="fleet", threads=threads) for threads in (1, 2))
    np.testing.assert_array_equal(one.moves.store_kw, two.moves.store_kw)
    assert one.certificate == two.certificate


def scaled(problem: FleetProblem, kw: float, cny: float) -> FleetProblem:
    """The same fleet in other units: powers and energies times `kw`, money per energy so that totals are times `cny`."""

    def by_unit(part):
        changed = {}
        for column in fields(part):
            name, values = column.name, getattr(part, column.name)
            if "cny_per_kw" in name:  # per kWh and per kW alike
                values = values * (cny / kw)
            elif name.endswith(("_kw", "_kwh")):
                values = values * kw
            changed[name] = values
        return replace(part, **changed)

    names = ("sites", "stores", "fills", "calls", "market", "groups", "profiles")
    return replace(problem, **{name: by_unit(getattr(problem, name)) for name in names})


@pytest.mark.parametrize("seed", range(4))
def test_units_do_not_change_the_plan(seed: int) -> None:
    problem = tiny(seed)
    plan, other = (plan_fleet(p, deadline_s=30, mode="reference") for p in (problem, scaled(problem, 4.0, 4.0)))
    assert other.certificate.cost_cny == pytest.approx(4.0 * plan.certificate.cost_cny, rel=1e-3, abs=1e-6)


def test_small_fleets_are_planned_exactly_and_large_ones_by_prices() -> None:
    small, large = tiny(1), tiny(1, n_sites=8, n_stores=80, n_fills=30, n_calls=30)
    assert plan_fleet(small, deadline_s=30).mode == "reference"
    assert plan_fleet(large, deadline_s=30).mode == "fleet"
    assert plan_fleet(small, deadline_s=30, mode="fleet").mode == "fleet"


@pytest.mark.parametrize("seed", range(3))
def test_polishing_lowers_the_cost_and_leaves_the_bound(seed: int) -> None:
    problem = tiny(seed, n_sites=4, n_stores=16, n_fills=6, n_calls=6, periods=12)
    rough, fine = (plan_fleet(problem, deadline_s=30, mode="fleet", polish_s=s) for s in (0.0, 5.0))
    assert fine.certificate.lower_bound_cny == rough.certificate.lower_bound_cny
    assert fine.certificate.cost_cny <= rough.certificate.cost_cny + 1e-6 * abs(rough.certificate.cost_cny)


def test_without_highs_the_safe_plan_stands_and_keeps_the_limits_of_assets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_bulk, "highspy", None)
    problem = tiny(3)
    plan = plan_fleet(problem, deadline_s=30, mode="fleet")
    assert (plan.status, plan.certificate.lower_bound_cny) == ("fallback", -np.inf)
    assert [v for v in check_fleet(problem, plan) if not v.kind.endswith(OWNERS)] == []


def test_the_schedules_of_the_loop_do_not_need_highs_to_be_imported() -> None:
    hidden = "import sys; sys.modules['highspy'] = None; from aggregator.dispatch.domain import BulkHighs; print(BulkHighs().available())"
    done = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "False", done.stderr
