"""An awarded demand response is promised period by period: each quantity at its own price."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.dispatch.domain import check_schedule, solve_schedule
from market.bids.operations._schedule import firm_block
from tests.unit.market.bids.park import GRID, base_kw, park

FIRST = 14
PERIODS = st.lists(st.tuples(st.integers(0, 900), st.integers(0, 3000)), min_size=1, max_size=4).filter(
    lambda rows: any(kw for kw, _ in rows)
)


def block_of(rows, *, sign=1):
    bid = SimpleNamespace(resolution=timedelta(hours=1), baseline_kw=base_kw())
    award = SimpleNamespace(
        starts=GRID.starts[FIRST : FIRST + len(rows)],
        injection_kw=tuple(Decimal(sign * kw) for kw, _ in rows),
        price_cny_per_mwh=tuple(Decimal(price) for _, price in rows),
        bid=bid,
    )
    return firm_block(SimpleNamespace(grid=GRID), award)


@given(PERIODS, st.sampled_from([1, -1]))
def test_every_period_has_its_own_quantity_and_price(rows, sign):
    block = block_of(rows, sign=sign)
    assert block.window == slice(FIRST, FIRST + len(rows))
    assert block.fixed_kw.tolist() == [kw for kw, _ in rows]
    np.testing.assert_allclose(block.price_cny_per_kwh, [price / 1000 for _, price in rows])
    assert block.direction == sign
    left = block.tail(FIRST + 1, len(GRID))
    if len(rows) == 1:
        assert left is None
    else:
        assert left.fixed_kw.tolist() == block.fixed_kw.tolist()[1:]
        assert (left.window.start, len(left.baseline_kw), len(left.price_cny_per_kwh)) == (0, len(rows) - 1, len(rows) - 1)


@settings(max_examples=15, deadline=None)
@given(PERIODS)
def test_the_plan_keeps_what_each_period_promises_and_is_paid_for_that(rows):
    problem, assets = park()
    asked = replace(problem, injection_value_cny_per_kwh=np.full(len(GRID), 0.4), firm=block_of(rows))
    plan = solve_schedule(asked, deadline_s=30)
    assert check_schedule(problem=asked, schedule=plan, assets=assets) == []
    moved = plan.portfolio_kw[asked.firm.window] - asked.firm.baseline_kw
    promised = np.array([kw for kw, _ in rows])
    short = plan.shortfall_kw[asked.firm.window]
    assert (moved + short >= promised - 1e-3).all()
    assert (short[promised == 0] == 0).all()  # where nothing was awarded nothing is owed
    free = solve_schedule(replace(asked, firm=replace(asked.firm, price_cny_per_kwh=0.0)), deadline_s=30)
    if not short.any() and not free.shortfall_kw.any():
        pay = float(sum(kw * price / 1000 for kw, price in rows))
        assert abs(free.objective_cny - plan.objective_cny - pay) < 2e-3 * (abs(plan.objective_cny) + pay)
