"""The same day on PostgreSQL and Redis, with a separate worker that is killed in the middle: the same money."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.journey.demo_process import LONGEST_SECONDS, ROOT, Played, environment, manage, money

CONSULT = """
from aggregator.dispatch.models import Setpoint
from aggregator.support.models import Job
print("DONE", Setpoint.objects.exclude(outcome="pending").count(), Job.objects.filter(state="done").count())
"""


def start_worker(env: dict[str, str], log: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "celery", "-A", "vpp.celery", "worker", "--concurrency", "2", "--loglevel", "warning"]
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=log.open("ab"), stderr=subprocess.STDOUT, start_new_session=True)


def kill(worker: subprocess.Popen) -> None:
    """The process and its children, as a power cut would."""
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()


@pytest.mark.services
@pytest.mark.skipif(os.environ.get("VPP_TEST_SERVICES") == "1", reason="the first pass has compared it with SQLite")
def test_a_killed_worker_costs_time_and_no_fen(played: Played, service_urls: tuple[str, str], tmp_path: Path) -> None:
    database_url, redis_url = service_urls
    env = environment(tmp_path, DATABASE_URL=database_url, REDIS_URL=redis_url, VPP_JOB_LEASE_SECONDS="10")
    expected = played.summary
    manage("migrate", "-v", "0", env=env)
    worker = start_worker(env, tmp_path / "worker.log")
    summary_file = tmp_path / "summary.json"
    command = [sys.executable, "manage.py", "run_day", "demo", "--day", expected["delivery_day"], "--json", str(summary_file)]
    with (tmp_path / "run_day.log").open("wb") as log:
        run = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_until_the_day_has_begun(run, env)
            assert worker.poll() is None, "the worker ended by itself: " + (tmp_path / "worker.log").read_text()[-3000:]
            kill(worker)
            time.sleep(1)
            assert run.poll() is None, "the day ended before the worker was killed: the test shows nothing"
            worker = start_worker(env, tmp_path / "worker.log")
            status = wait_for(run, worker)
        finally:
            run.kill()
            kill(worker)
    assert status == 0, (tmp_path / "run_day.log").read_text()[-3000:] + (tmp_path / "worker.log").read_text()[-3000:]
    summary = json.loads(summary_file.read_text())
    timeouts = (expected["solver_timeouts"], summary["solver_timeouts"])
    assert timeouts == (0, 0), f"solvers ran into their wall-clock limit {timeouts}: the machine is too busy for the comparison"
    assert money(env) == money(played.env)
    volatile = {"steps", "peak_memory_mib", "start_memory_mib"}
    assert {k: v for k, v in summary.items() if k not in volatile} == {k: v for k, v in expected.items() if k not in volatile}


def wait_for(run: subprocess.Popen, worker: subprocess.Popen) -> int:
    """Status of the run; at once when the second worker is gone, for then it cannot end."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while run.poll() is None and worker.poll() is None and time.monotonic() < deadline:
        time.sleep(0.5)
    return run.poll() if run.poll() is not None else -1


def wait_until_the_day_has_begun(run: subprocess.Popen, env: dict[str, str]) -> None:
    """Until some setpoints were judged: the middle of the delivery day."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < deadline:
        assert run.poll() is None, "the day ended before its middle"
        judged = manage("shell", "-v", "0", "-c", CONSULT, env=env).partition("DONE")[2].split()
        if int(judged[0]) > 300:
            return
        time.sleep(1)
    raise AssertionError("the delivery day did not begin")
