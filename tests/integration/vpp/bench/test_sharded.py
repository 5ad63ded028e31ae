"""The benchmark of a fleet in shards on a small scale: the published keys, no violation, and nobody left behind."""

import json
import os
import subprocess
import sys

import pytest
import redis

from tests import services

KEYS = {
    *("assets", "periods", "seed", "objective_cny", "lower_bound_cny", "gap_ratio", "cpu_seconds", "wall_seconds", "peak_memory_mib"),
    *("violations", "mode", "shards", "workers", "largest_worker_mib", "all_workers_mib", "messages", "column_mib", "disk_mib"),
}
ELSEWHERE = ("DATABASE_URL", "TEST_DATABASE_URL", "REDIS_URL", "TEST_REDIS_URL")


def bench(*arguments: str, **urls: str) -> tuple[int, subprocess.CompletedProcess[str]]:
    """Process number and result."""
    env = {name: value for name, value in os.environ.items() if name not in ELSEWHERE} | urls
    command = [sys.executable, "manage.py", "bench", "sharded", *arguments]
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, err = process.communicate(timeout=300)
    return process.pid, subprocess.CompletedProcess(command, process.returncode, out, err)


@pytest.mark.services
def test_one_json_object_with_the_published_keys_and_nobody_left() -> None:
    url = services.redis_url()[0]
    pid, done = bench("--assets", "1600", "--shards", "3", "--json", TEST_DATABASE_URL=services.database_url()[0], TEST_REDIS_URL=url)
    assert done.returncode == 0, done.stderr[-3000:]
    figures = json.loads(done.stdout)
    assert set(figures) >= KEYS
    assert (figures["assets"], figures["shards"], figures["violations"], figures["mode"]) == (1600, 3, 0, "sharded")
    assert figures["messages"] == 4 * 3 + 2
    assert figures["lower_bound_cny"] <= figures["objective_cny"]
    running = subprocess.run(["ps", "-eo", "args="], capture_output=True, text=True, check=True).stdout
    assert f"-{pid}@local" not in running
    assert list(redis.Redis.from_url(url).scan_iter(f"vppbench-{pid}:*")) == []


@pytest.mark.parametrize("urls", [{}, {"TEST_REDIS_URL": "redis://127.0.0.1:1/0"}], ids=["no Redis", "no PostgreSQL"])
def test_without_services_it_is_refused(urls: dict[str, str]) -> None:
    _, done = bench("--assets", "1600", **urls)
    assert done.returncode != 0
    assert "Set " in done.stderr
