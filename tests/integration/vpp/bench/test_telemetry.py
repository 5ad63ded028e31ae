"""The telemetry benchmark on a small scale: it measures what it says, leaves nothing behind, prints one object."""

import json
import os
import subprocess
import sys

import psycopg
import pytest

from tests import services

KEYS = {"points_per_second", "http_points_per_second", "p99_ms", "rows_added_by_replay", "start_memory_mib", "peak_memory_mib"}


def bench(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "TEST_DATABASE_URL", "REDIS_URL")}
    command = [sys.executable, "manage.py", "bench", "telemetry", *arguments]
    return subprocess.run(command, env=env | environment, capture_output=True, text=True, timeout=300, check=False)


def scratch_databases(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        return {name for (name,) in connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'vpp_bench_%'")}


def test_sqlite_is_refused_with_a_clear_message():
    done = bench("--json")
    assert done.returncode != 0
    assert done.stdout == ""
    assert "PostgreSQL" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.services
def test_one_json_object_and_no_database_left_behind():
    url = services.database_url()[0]
    before = scratch_databases(url)
    done = bench("--rows", "20000", "--rounds", "1", "--posts", "10", "--json", TEST_DATABASE_URL=url)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert set(figures) >= KEYS
    assert figures["rows_present"] == 20_000
    assert figures["rows_added_by_replay"] == 0
    assert figures["bytes_added_by_replay"] == 0
    assert figures["peak_memory_mib"] >= figures["start_memory_mib"] > 0
    assert scratch_databases(url) <= before
