"""Limits that assets leave crossed when they answer one after the other, and what the site's own programme makes of them."""

import pytest

from aggregator.dispatch.domain.fleet import improve
from aggregator.dispatch.domain.fleet.checker import check_fleet
from aggregator.dispatch.domain.fleet.mend import crossed_kw
from aggregator.dispatch.domain.fleet.plan import plan_fleet
from tests.unit.aggregator.dispatch.fleet.parks import tiny

SEEDS = (10, 108)  # parks that the sweeps leave with a group several kW beyond its limit


@pytest.mark.parametrize("seed", SEEDS)
def test_a_limit_that_can_be_kept_is_kept(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = tiny(seed, n_sites=5, n_stores=20, n_fills=8, n_calls=6, periods=12)
    mended = plan_fleet(problem, deadline_s=30, mode="fleet")
    assert crossed_kw(problem, mended.moves, mended.flows) < 1e-3
    assert check_fleet(problem, mended) == ()
    monkeypatch.setattr(improve, "mend", lambda *_: 0)
    left = plan_fleet(problem, deadline_s=30, mode="fleet")
    assert crossed_kw(problem, left.moves, left.flows) > 1.0
