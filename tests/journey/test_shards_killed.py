"""A fleet in shards on PostgreSQL and Redis: the same plan from one process or two, whoever is killed in the middle."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from tests import services
from tests.journey.demo_process import ROOT, environment, manage, scratch_database

pytestmark = pytest.mark.services

SHARDS = 4
LONGEST_S = 120
LEASE_S = "4"
BEGIN = f"""
from tests.integration.aggregator.dispatch.shards import begin, small_park
begin(small_park(), {SHARDS}, reference="{{reference}}")
"""
RESULT = """
import json
from aggregator.dispatch.models import FleetRun
from tests.integration.aggregator.dispatch.shards import result
print("RESULT" + json.dumps(result(FleetRun.objects.get(reference="{reference}"))))
"""
ALONE = BEGIN + "from tests.integration.aggregator.dispatch.shards import work\nwork()\n" + RESULT


def answer(code: str, reference: str, env: dict[str, str]) -> dict[str, Any]:
    printed = manage("shell", "-v", "0", "-c", code.format(reference=reference), env=env)
    return json.loads(printed.partition("RESULT")[2] or "{}")


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The plan of a worker inside the process that asks, on SQLite and without a broker."""
    env = environment(tmp_path_factory.mktemp("alone"))
    manage("migrate", "-v", "0", env=env)
    return answer(ALONE, "alone", env)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with scratch_database(f"vpp_shards_{os.getpid()}") as url:
        manage("migrate", "-v", "0", env=environment(tmp_path_factory.mktemp("migrated"), DATABASE_URL=url))
        yield url


class Stage:
    """One run on the services: its processes are in groups of their own, so that nobody is left in the end."""

    def __init__(self, folder: Path, database: str, redis_url: str) -> None:
        self.folder, self.database = folder, database
        self.env = environment(folder, DATABASE_URL=database, REDIS_URL=redis_url, VPP_JOB_LEASE_SECONDS=LEASE_S)
        self.reference = folder.name
        self._processes: list[subprocess.Popen] = []

    def begin(self) -> None:
        answer(BEGIN, self.reference, self.env)

    def worker(self, *paused: str) -> subprocess.Popen:
        """An ordinary worker, or one that pauses at (step, call)."""
        plain = ["-m", "celery", "-A", "vpp.celery", "worker", "--pool", "solo", "--loglevel", "warning"]
        return self.start(*(["-m", "tests.journey.paused_worker", *paused, str(self.folder)] if paused else plain))

    def start(self, *arguments: str) -> subprocess.Popen:
        with (self.folder / "told.log").open("ab") as log:
            command = [sys.executable, *arguments]
            self._processes.append(subprocess.Popen(command, cwd=ROOT, env=self.env, stdout=log, stderr=log, start_new_session=True))
        return self._processes[-1]

    def states(self) -> tuple[str, list[str]]:
        with psycopg.connect(self.database) as connection:
            run, state = connection.execute("select id, state from aggregator_fleetrun where reference = %s", [self.reference]).fetchone()
            shards = connection.execute("select state from aggregator_fleetshard where run_id = %s order by number", [run]).fetchall()
        return state, [shard for (shard,) in shards]

    def wait(self, until: Callable[[], bool]) -> None:
        deadline = time.monotonic() + LONGEST_S
        while not until():
            told = (self.folder / "told.log").read_text()[-3000:]
            assert time.monotonic() < deadline, f"{self.states()}\n{told}"
            time.sleep(0.1)

    def paused(self) -> None:
        self.wait((self.folder / "paused").exists)

    def plan(self) -> dict[str, Any]:
        """Of the run, when it has ended."""
        self.wait(lambda: self.states()[0] in ("done", "failed"))
        return answer(RESULT, self.reference, self.env)

    def end(self) -> None:
        for process in self._processes:
            kill(process)


def kill(process: subprocess.Popen) -> None:
    """The process and its children, as a power cut would."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def members(group: int) -> list[str]:
    """Processes of a group that are still there."""
    listed = subprocess.run(["ps", "-eo", "pgid=,stat=,args="], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if line.split()[0] == str(group) and not line.split()[1].startswith("Z")]


@contextmanager
def staged(folder: Path, database: str, redis_url: str) -> Iterator[Stage]:
    stage = Stage(folder, database, redis_url)
    try:
        yield stage
    finally:
        stage.end()


@pytest.fixture
def stage(tmp_path: Path, database: str) -> Iterator[Stage]:
    with staged(tmp_path, database, services.redis_url()[0]) as found:
        yield found


@pytest.mark.parametrize("workers", [1, 2])
def test_the_plan_does_not_depend_on_the_number_of_workers(stage: Stage, expected: dict[str, Any], workers: int) -> None:
    for _ in range(workers):
        stage.worker()
    stage.begin()
    assert stage.plan() == expected


@pytest.mark.parametrize(("step", "call", "others"), [("guided", 2, "summed"), ("settled", 2, "guided")])
def test_a_killed_worker_costs_a_retry_and_nothing_else(stage: Stage, expected: dict[str, Any], step: str, call: int, others: str) -> None:
    victim = stage.worker(step, str(call))
    stage.begin()
    stage.paused()
    _, shards = stage.states()
    assert others in shards, "it was to die in the middle"
    kill(victim)
    assert members(victim.pid) == []
    stage.worker()
    assert stage.plan() == expected


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="services: no redis-server to start and kill here")
def test_a_killed_redis_costs_a_second_ring_and_nothing_else(tmp_path: Path, database: str, expected: dict[str, Any]) -> None:
    """It dies while a turn is computed, so the next one's ring is lost; an empty one comes back, and the sweeper rings."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = own_redis(port)
    try:
        with staged(tmp_path, database, f"redis://127.0.0.1:{port}/0") as stage:
            stage.worker("settled", "2")
            stage.start("-m", "celery", "-A", "vpp.celery", "beat", "--loglevel", "warning", "--pidfile", "", "--max-interval", "1")
            stage.begin()
            stage.paused()
            kill(server)
            (tmp_path / "go").touch()
            stage.wait(lambda: stage.states()[1][1] != "guided")  # its result was written nevertheless
            assert stage.states()[1][2] == "guided", "the next turn was to be lost"
            server = own_redis(port)
            assert stage.plan() == expected
    finally:
        kill(server)


def own_redis(port: int) -> subprocess.Popen:
    """A Redis that forgets everything when it dies."""
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    client, deadline = redis.Redis(port=port), time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            client.ping()
            return server
        except redis.ConnectionError:
            time.sleep(0.05)
    raise AssertionError("the Redis of this test did not start")
