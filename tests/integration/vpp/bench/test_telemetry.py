"""The telemetry benchmark on a small scale: it measures what it says, leaves nothing behind, prints one object."""

import json
import os
import signal
import subprocess
import sys
import time

import psycopg
import pytest

from tests import services

KEYS = {"points_per_second", "http_points_per_second", "p99_ms", "rows_added_by_replay", "start_memory_mib", "peak_memory_mib"}
LARGE = {"large_http_points_per_second", "large_p99_ms", "post", "large_post", "clients", "web_workers"}


def started(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    env = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "TEST_DATABASE_URL", "REDIS_URL")}
    command = [sys.executable, "manage.py", "bench", "telemetry", *arguments]
    return subprocess.Popen(command, env=env | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finished(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    out, err = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def bench(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return finished(started(*arguments, **environment))


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
    assert set(figures) >= KEYS | LARGE
    assert figures["rows_present"] == 20_000
    assert figures["rows_added_by_replay"] == 0
    assert figures["bytes_added_by_replay"] == 0
    assert figures["peak_memory_mib"] >= figures["start_memory_mib"] > 0
    assert scratch_databases(url) <= before


@pytest.mark.services
@pytest.mark.parametrize("signalled", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_takes_its_database_along(signalled):
    url = services.database_url()[0]
    before = scratch_databases(url)
    process = started("--rows", "100000000", "--json", TEST_DATABASE_URL=url)
    own = f"vpp_bench_{process.pid}"
    until = time.monotonic() + 120
    while not _is_filling(url, own) and process.poll() is None and time.monotonic() < until:
        time.sleep(0.2)
    process.send_signal(signalled)
    done = finished(process)
    assert done.returncode == 130
    assert done.stdout == ""
    assert "Interrupted" in done.stderr
    assert "Traceback" not in done.stderr
    assert scratch_databases(url) <= before


def _is_filling(url: str, name: str) -> bool:
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT 1 FROM pg_stat_activity WHERE datname = %s AND query LIKE 'INSERT INTO aggregator_telemetry%%'", [name]
        )
        return found.fetchone() is not None
