"""What a fleet run takes while it runs: CPU and memory of the workers, CPU of the database's sessions, rings that were repeated."""

import time
from pathlib import Path
from typing import Any

import redis
from django.db import connection

from aggregator.support import clock, jobs
from vpp.bench.workers import Workers, broker_url, cpu_seconds_of

LOOK_S = 0.25
SWEEP_S = 10.0  # as the schedule of vpp/celery.py


class Watch:
    """Begins when it is made. `look` waits a moment, and rings what is due again, as the schedule does in production."""

    def __init__(self, workers: Workers) -> None:
        self._workers, self._broker = workers, redis.Redis.from_url(broker_url())
        self._began = self._swept_at = time.perf_counter()
        self._cpu = workers.cpu_seconds + time.process_time()
        self._sessions = {pid: (cpu_seconds_of(pid), cpu_seconds_of(pid)) for pid in _sessions()}
        self._commands, self._wal = self._sent(), _wal_bytes()
        self._stored_s = self._own_cpu = 0.0
        self._largest_mib = self._all_mib = 0.0
        self._rung = 0

    def handed_in(self) -> None:
        """The inputs are stored: what this process does from here on is waiting."""
        self._stored_s, self._own_cpu = time.perf_counter() - self._began, time.process_time()

    def look(self) -> None:
        time.sleep(LOOK_S)
        memory = self._workers.memory_mib
        self._largest_mib, self._all_mib = max(self._largest_mib, *memory), max(self._all_mib, sum(memory))
        for pid in _sessions():
            now = cpu_seconds_of(pid)
            first, last = self._sessions.get(pid, (0.0, 0.0))
            self._sessions[pid] = (first, max(last, now))
        if time.perf_counter() - self._swept_at > SWEEP_S:
            self._swept_at = time.perf_counter()
            self._rung += jobs.sweep(wall=clock.wall_now())

    def figures(self) -> dict[str, Any]:
        return {
            "cpu_seconds": round(self._workers.cpu_seconds + self._own_cpu - self._cpu, 2),
            "wall_seconds": round(time.perf_counter() - self._began, 2),
            "store_seconds": round(self._stored_s, 2),
            "database_cpu_seconds": round(sum(last - first for first, last in self._sessions.values()), 2),
            "largest_worker_mib": round(self._largest_mib, 1),
            "all_workers_mib": round(self._all_mib, 1),
            "rings_repeated": self._rung,
            "redis_commands": self._sent() - self._commands,  # of the whole server, as is the log of writes
            "database_log_mib": round((_wal_bytes() - self._wal) / 2**20, 1),
        }

    def _sent(self) -> int:
        return int(self._broker.info("stats")["total_commands_processed"])


def _sessions() -> list[int]:
    """Processes of the database that serve this database, where it runs on this machine."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        pids = [int(pid) for (pid,) in cursor.fetchall()]
    return [pid for pid in pids if _name(pid).startswith("postgres")]


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _wal_bytes() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")
        return int(cursor.fetchone()[0])
