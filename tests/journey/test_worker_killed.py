"""The day on PostgreSQL and Redis, its worker killed in the middle, against the same day on SQLite: the same money."""

import os
from typing import Any

import pytest

from tests.journey.demo_process import Played, money

VOLATILE = {"steps", "peak_memory_mib", "start_memory_mib"}


@pytest.mark.services
@pytest.mark.skipif(os.environ.get("VPP_TEST_SERVICES") != "1", reason="compares two passes; runs in the PostgreSQL pass")
def test_a_killed_worker_costs_time_and_no_fen(played: Played, embedded_day: dict[str, Any]) -> None:
    expected, summary = embedded_day["summary"], played.summary
    timeouts = (expected["solver_timeouts"], summary["solver_timeouts"])
    assert timeouts == (0, 0), f"solvers ran into their wall-clock limit {timeouts}: the machine is too busy for the comparison"
    assert money(played.env) == embedded_day["money"]
    assert {k: v for k, v in summary.items() if k not in VOLATILE} == {k: v for k, v in expected.items() if k not in VOLATILE}
