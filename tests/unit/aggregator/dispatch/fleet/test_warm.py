"""Compiling happens before the deadline runs, and one warm-up compiles all that a plan needs."""

import pytest

from aggregator.dispatch.domain.fleet import _sweep, plan, responses
from aggregator.dispatch.domain.fleet._jit import COMPILED
from aggregator.dispatch.domain.fleet.plan import plan_fleet
from aggregator.dispatch.domain.fleet.warm import warm_up
from tests.unit.aggregator.dispatch.fleet.parks import tiny
from tests.unit.aggregator.dispatch.fleet.test_deadline import Ticking

KERNELS = (_sweep.sweep, responses._stores, responses._fills, responses._calls)


@pytest.mark.skipif(not COMPILED, reason="numba is not installed: nothing is compiled")
def test_a_plan_compiles_nothing_after_the_warm_up() -> None:
    warm_up()
    before = [list(kernel.signatures) for kernel in KERNELS]  # type: ignore[attr-defined]
    assert all(before)
    plan_fleet(tiny(3), deadline_s=30, mode="fleet")
    assert [list(kernel.signatures) for kernel in KERNELS] == before  # type: ignore[attr-defined]


def test_the_deadline_runs_after_the_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Ticking()

    def long() -> None:
        clock.now += 1e6

    monkeypatch.setattr(plan, "warm_up", long)
    assert plan_fleet(tiny(3), deadline_s=1e5, mode="fleet", clock=clock).status == "at_gap"
