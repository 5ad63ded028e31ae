"""Play the demo day on PostgreSQL and Redis with a separate worker that is killed with kill -9 in the middle."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.journey.demo_process import LONGEST_SECONDS, ROOT, Played, manage

JUDGED = 300  # setpoints, of some 4,600: the delivery day has begun
CONSULT = """
from aggregator.dispatch.models import Setpoint
print("JUDGED", Setpoint.objects.exclude(outcome="pending").count())
"""


def demo_with_a_killed_worker(env: dict[str, str]) -> Played:
    """`manage.py demo --no-serve` beside a worker that dies, and another one that is started a second later."""
    folder = Path(env["VPP_VAR_DIR"])
    manage("migrate", "-v", "0", env=env)
    worker = _start_worker(env, folder / "worker.log")
    told = folder / "demo.log"
    with told.open("wb") as log:
        run = subprocess.Popen([sys.executable, "manage.py", "demo", "--no-serve"], cwd=ROOT, env=env, stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait_until_the_day_has_begun(run, env)
            assert worker.poll() is None, "the worker ended by itself: " + (folder / "worker.log").read_text()[-3000:]
            _kill(worker)
            time.sleep(1)
            assert run.poll() is None, "the day ended before the worker was killed: it would show nothing"
            worker = _start_worker(env, folder / "worker.log")
            status = _wait_for(run, worker)
        finally:
            run.kill()
            _kill(worker)
    assert status == 0, told.read_text()[-3000:] + (folder / "worker.log").read_text()[-3000:]
    return Played(folder, env, json.loads((folder / "demo" / "summary.json").read_text()), told.read_text())


def _start_worker(env: dict[str, str], log: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "celery", "-A", "vpp.celery", "worker", "--concurrency", "2", "--loglevel", "warning"]
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=log.open("ab"), stderr=subprocess.STDOUT, start_new_session=True)


def _kill(worker: subprocess.Popen) -> None:
    """The process and its children, as a power cut would."""
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()


def _wait_for(run: subprocess.Popen, worker: subprocess.Popen) -> int:
    """Status of the run; at once when the second worker is gone, for then it cannot end."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while run.poll() is None and worker.poll() is None and time.monotonic() < deadline:
        time.sleep(0.5)
    status = run.poll()
    return -1 if status is None else status


def _wait_until_the_day_has_begun(run: subprocess.Popen, env: dict[str, str]) -> None:
    deadline = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < deadline:
        assert run.poll() is None, "the day ended before its middle"
        if int(manage("shell", "-v", "0", "-c", CONSULT, env=env).partition("JUDGED")[2]) > JUDGED:
            return
        time.sleep(2)
    raise AssertionError("the delivery day did not begin")
