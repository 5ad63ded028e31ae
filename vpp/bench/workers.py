"""Celery workers of a benchmark's own: separate processes on its scratch database and on queues that nobody else sees."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from celery import Celery, current_app
from django.core.management.base import CommandError

from vpp.bench.memory import tree_mib

READY_SECONDS = 120
END_SECONDS = 30
# One process each, one job at a time: what is counted as a worker is one core's work.
COMMAND = ("worker", "--pool", "solo", "--without-mingle", "--without-gossip", "--without-heartbeat", "--loglevel", "warning")


def broker_url() -> str:
    """The Redis by REDIS_URL, else TEST_REDIS_URL. Raises CommandError: workers in other processes need one."""
    for name in ("REDIS_URL", "TEST_REDIS_URL"):
        url = os.environ.get(name, "")
        if url.startswith(("redis://", "rediss://")):
            return url
    raise CommandError(
        "This benchmark measures separate worker processes, which need Redis; the broker in memory is seen by one process only. "
        "Set REDIS_URL or TEST_REDIS_URL to redis://host:6379/number."
    )


def cpu_seconds_of(pid: int) -> float:
    """User and system time of a process that runs on this machine; 0 where it does not."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")  # fields 14 and 15 of proc(5)


class Workers:
    """Running worker processes. CPU and memory are theirs alone, not the database's."""

    def __init__(self, processes: list[subprocess.Popen]) -> None:
        self._pids = [process.pid for process in processes]

    def __len__(self) -> int:
        return len(self._pids)

    @property
    def cpu_seconds(self) -> float:
        """Since each began."""
        return sum(cpu_seconds_of(pid) for pid in self._pids)

    @property
    def memory_mib(self) -> list[float]:
        """Resident memory of each."""
        return [tree_mib(pid) for pid in self._pids]


@contextmanager
def celery_workers(count: int, *, database_url: str) -> Iterator[Workers]:
    """`count` workers that are ready; rings of this process reach them. In the end no process and no key is left."""
    if not Path("/proc/self/stat").exists():
        raise CommandError("This benchmark reads the workers' CPU and memory from /proc, which this machine does not have.")
    url, prefix = broker_url(), f"vppbench-{os.getpid()}:"
    app: Celery = current_app._get_current_object()
    before = {name: app.conf[name] for name in ("broker_url", "broker_transport_options")}
    app.conf.update(broker_url=url, broker_transport_options={"global_keyprefix": prefix})
    own = {"DATABASE_URL": database_url, "REDIS_URL": url, "VPP_QUEUE_PREFIX": prefix, "DEBUG": "0"}
    environment = {**os.environ, **own, "VPP_ALLOW_EMBEDDED": "1", "VPP_ALLOW_TWIN": "0", "VPP_HTTPS_ONLY": "0"}
    processes: list[subprocess.Popen] = []
    try:
        for k in range(count):
            command = [sys.executable, "-m", "celery", "-A", "vpp.celery", *COMMAND, "--hostname", f"bench{k}-{os.getpid()}@local"]
            processes.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True))
        _wait_until_ready(app, processes)
        yield Workers(processes)
    finally:
        _end(processes)
        app.conf.update(before)
        broker = redis.Redis.from_url(url)
        for key in broker.scan_iter(f"{prefix}*"):
            broker.delete(key)


def _wait_until_ready(app: Celery, processes: list[subprocess.Popen]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while len(app.control.ping(timeout=1.0)) < len(processes):
        if any(process.poll() is not None for process in processes) or time.monotonic() > deadline:
            raise CommandError("The workers did not start; their complaints stand above.")


def _end(processes: list[subprocess.Popen]) -> None:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + END_SECONDS
    for process in processes:
        try:
            process.wait(max(deadline - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
