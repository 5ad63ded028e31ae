"""The rolling schedule is asked at the real-time prices that are known by then."""

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from aggregator.dispatch.operations import Course
from market.bids.operations import _rolling, replan_day
from market.prices.operations import record_prices
from tests.integration.aggregator.dispatch.park import DAY, MIDNIGHT, QUARTER, build, listening

pytestmark = pytest.mark.django_db


def test_only_prices_that_are_published_by_now_count(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as one, listening() as two:
        park = build(endpoints={"a": one, "b": two})
    asked: list[Course | None] = []
    monkeypatch.setattr(_rolling, "replan", lambda *, portfolio_id, now, real_time: asked.append(real_time))
    known_at = MIDNIGHT + timedelta(hours=10)
    prices: list[Decimal | None] = [Decimal("300")] * 40 + [Decimal("-50.5")] * 4 + [None] * 52
    record_prices(
        park_id=park.portfolio.park_id,
        market="real_time",
        day=DAY,
        resolution=QUARTER,
        prices=prices,
        available_at=known_at,
        source="test",
        synthetic=True,
    )
    for now in (known_at - QUARTER, known_at):
        replan_day(portfolio_id=park.portfolio.pk, now=now)
    early, late = asked
    assert early is None
    assert late is not None
    assert (late.grid.starts_at, late.grid.resolution, len(late.grid)) == (MIDNIGHT, QUARTER, 96)
    np.testing.assert_allclose(late.cny_per_kwh[38:46], [0.3, 0.3, -0.0505, -0.0505, -0.0505, -0.0505, np.nan, np.nan])
