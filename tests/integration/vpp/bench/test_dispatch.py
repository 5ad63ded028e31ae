"""The benchmark of splitting an instruction on a small scale: the published keys, no violation, nothing missed."""

import json
import os
import subprocess
import sys

import pytest

KEYS = {
    *("assets", "target_kw", "shortfall_kw", "compute_ms", "error_kw", "violations", "pulp_ms", "merit_ms", "raw_lp_ms"),
    *("fast_cost_ratio", "pulp_cost_ratio", "pulp_to_fast_cost_gap_ratio", "jain", "rules", "peak_memory_mib", "start_memory_mib"),
    *("periods", "mode", "seed", "objective_cny", "lower_bound_cny", "gap_ratio", "cpu_seconds", "wall_seconds"),
}


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "TEST_DATABASE_URL", "REDIS_URL")}
    command = [sys.executable, "manage.py", "bench", "dispatch", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("direction", [[], ["--down"]], ids=["up", "down"])
def test_one_json_object_with_the_published_keys_and_no_violation(direction):
    done = bench("--assets", "600", "--rounds", "3", "--json", *direction)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert set(figures) >= KEYS
    assert figures["lower_bound_cny"] <= figures["objective_cny"] + 1e-9
    assert figures["target_kw"] * (-1 if direction else 1) > 0
    assert (figures["assets"], figures["violations"], figures["pulp_status"]) == (600, 0, "optimal")
    assert figures["error_kw"] <= 0.1
    assert figures["pulp_to_fast_cost_gap_ratio"] <= 0.01
    assert figures["merit_cost_ratio"] == pytest.approx(0.0, abs=1e-4)  # the raw LP is the cheapest there is
    assert [row["rule"] for row in figures["rules"]] == ["cost", "pro_rata", "rotation", "floor"]


def test_a_park_without_assets_is_refused():
    done = bench("--assets", "0")
    assert done.returncode != 0
    assert "At least" in done.stderr
