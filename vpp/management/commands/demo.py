"""`manage.py demo`: the demo park, one delivery day, then the web pages."""

import os
import signal
import socket
import subprocess
import sys
from argparse import ArgumentParser
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.table import Table

from vpp import embedded
from vpp.management.commands.run_day import park_folder, write_json
from vpp.management.console import refusals_shown
from vpp.park_folder.reader import read_descriptor
from vpp.replay.conductor import PING_SECONDS, replay_day, worker_answers
from vpp.replay.database import migrate_if_needed
from vpp.replay.interruption import ends_on_interrupt
from vpp.replay.logins import Login, demo_logins
from vpp.replay.quiet import free_what_the_dead_hold
from vpp.replay.screen import progress_bar, result_table
from vpp.replay.summary import summary_of

PARK = "demo"
WAIT_FOR_WORKER = 10  # pings
WORKER_ENDS_SECONDS = 2.0


class Command(BaseCommand):
    help = "Play the demo park's day, once, and serve the web pages on 127.0.0.1."
    requires_system_checks: list[str] = []  # the production checks have refused already (manage.py), the rest is noise here

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--no-serve", action="store_true", help="write the summary and end")
        parser.add_argument("--port", type=int, default=8000, help="first port to try")
        parser.add_argument("--speed", type=float, help="business seconds per second, to watch the day")

    def handle(self, *args: Any, no_serve: bool, port: int, speed: float | None, **options: Any) -> None:
        console, folder = Console(), settings.VAR_DIR / "demo"
        self._allowed()
        with ExitStack() as parts:
            worker = WorkerProcess(folder)
            with ends_on_interrupt(console, "Interrupted. What was decided stays; the next `make demo` goes on.", before=worker.end):
                if migrate_if_needed():
                    console.print("The database was brought up to date.")
                if not settings.EMBEDDED_BROKER:
                    worker.start()
                    parts.callback(worker.end)
                summary = self._play(console, speed)
                write_json(summary, str(folder / "summary.json"))
                result_table(console, summary)
                console.print(f"Written to {folder / 'summary.json'}")
                logins = demo_logins(park_code=PARK, keep=folder / "logins.json")
            if not no_serve:
                self._serve(console, parts, logins, port)

    def _allowed(self) -> None:
        if not (settings.VPP_ALLOW_TWIN and (settings.VPP_ALLOW_EMBEDDED or not settings.EMBEDDED)):
            raise CommandError(
                "The demo is for machines without real data: set VPP_ALLOW_EMBEDDED=1 VPP_ALLOW_TWIN=1, as `make demo` does."
            )

    def _play(self, console: Console, speed: float | None) -> dict[str, Any]:
        with refusals_shown(console):
            park_dir = park_folder(PARK)
            day = read_descriptor(park_dir).replay.first
            with progress_bar(console, f"{PARK} {day}") as say:
                played = replay_day(park_dir=park_dir, day=day, speed=speed, say=say)
        if not played:
            console.print(f"{day} was played already; nothing was changed.")
        return summary_of(park_code=PARK, day=day)

    def _serve(self, console: Console, parts: ExitStack, logins: list[Login], port: int) -> None:
        if settings.EMBEDDED_BROKER:
            parts.enter_context(embedded.worker())
        listener = parts.enter_context(embedded.free_port(first=port))
        console.print(_welcome(logins, listener))
        embedded.serve(listener)
        console.print("Stopped.")


def _welcome(logins: list[Login], listener: socket.socket) -> Table:
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    table = Table("user", "password", "begins at", title=f"Demo mode, synthetic data: {address}  (Ctrl-C ends it)")
    for login in logins:
        table.add_row(login.user, login.password, f"{address}{login.place}  {login.enterprise}".strip())
    return table


class WorkerProcess:
    """A separate worker for a real broker, unless one answers already; it ends with the demo."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when a worker answers."""
        if worker_answers():
            return
        free_what_the_dead_hold()
        self._folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "celery", "-A", "vpp.celery", "worker", "--concurrency", "2", "--loglevel", "warning"]
        with (self._folder / "worker.log").open("ab") as log:
            process = self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=settings.BASE_DIR, start_new_session=True)
        for _ in range(WAIT_FOR_WORKER):
            if process.poll() is not None:
                raise CommandError(f"The worker ended with status {process.returncode}; see {log.name}.")
            if worker_answers():
                return
        self.end()
        raise CommandError(f"The worker did not answer within {WAIT_FOR_WORKER * PING_SECONDS:.0f} s; see {log.name}.")

    def end(self) -> None:
        """Work that takes longer than a moment is broken off: it is rows, and goes on next time."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=WORKER_ENDS_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)  # with the processes of its pool
            self._process.wait()
