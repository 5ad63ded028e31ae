"""The optimiser's benchmark on a small scale: one JSON object with the published keys, a table with the goals, clear refusals."""

import json
import os
import subprocess
import sys

import pytest

KEYS = {
    *("assets", "periods", "seed", "objective_cny", "lower_bound_cny", "gap_ratio", "flexibility_gap_ratio", "cpu_seconds"),
    *("wall_seconds", "peak_memory_mib", "start_memory_mib", "violations", "mode", "stages"),
}


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "TEST_DATABASE_URL", "REDIS_URL")}
    command = [sys.executable, "manage.py", "bench", "optimise", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize("park", [["--simple"], []], ids=["simple", "full"])
def test_one_json_object_with_the_published_keys_and_no_violation(park):
    done = bench("--assets", "100", "--json", *park)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert set(figures) >= KEYS
    assert (figures["assets"], figures["periods"], figures["seed"], figures["mode"]) == (100, 96, 7, "fleet")
    assert figures["violations"] == 0
    assert figures["lower_bound_cny"] <= figures["objective_cny"]
    assert figures["peak_memory_mib"] >= figures["start_memory_mib"] > 0
    assert figures["cpu_seconds"] > 0


def test_the_raw_reference_and_hard_days_stand_beside_the_plan_of_the_same_run():
    done = bench("--assets", "40", "--simple", "--reference", "milp", "--stress", "--seeds", "2", "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["violations"] == 0
    assert -1e-6 <= figures["gap_to_optimum_ratio"] <= figures["worst_gap_to_optimum_ratio"]
    assert figures["wall_to_raw_ratio"] > 0
    assert len(figures["cases"]) == 2 + 9
    assert {"worst_stress_gap_ratio", "penalties_x5_gap_ratio"} <= set(figures)


def test_people_get_a_table_with_the_goals():
    done = bench("--assets", "40", "--simple", "--seeds", "2")
    assert done.returncode == 0, done.stderr
    assert "violations" in done.stdout
    assert "cases" in done.stdout
    assert "yes" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--reference"], "--simple"),
        (["--simple", "--reference", "--assets", "5000"], "beyond"),
        (["--growth", "--assets", "500"], "Growth"),
        (["--assets", "5"], "At least"),
    ],
)
def test_what_cannot_be_measured_is_refused_with_a_reason(arguments, why):
    done = bench("--json", *arguments)
    assert done.returncode != 0
    assert done.stdout == ""
    assert why in done.stderr
    assert "Traceback" not in done.stderr
