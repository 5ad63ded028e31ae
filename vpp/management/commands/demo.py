"""`manage.py demo`: the demo park, one delivery day, then the web pages."""

import socket
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.table import Table

from aggregator.kernel.errors import Anticipated
from aggregator.support.problems import text_of
from vpp import embedded
from vpp.management.commands.run_day import park_folder, write_json
from vpp.park_folder.reader import read_descriptor
from vpp.replay.conductor import PING_SECONDS, replay_day, worker_answers
from vpp.replay.database import migrate_if_needed
from vpp.replay.logins import Login, demo_logins
from vpp.replay.screen import progress_bar, result_table
from vpp.replay.summary import summary_of

PARK = "demo"
WAIT_FOR_WORKER = 10  # pings


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
        if migrate_if_needed():
            console.print("The database was brought up to date.")
        with ExitStack() as parts:
            if not settings.EMBEDDED_BROKER:
                parts.enter_context(worker_process(folder))
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
        park_dir = park_folder(PARK)
        day = read_descriptor(park_dir).replay.first
        try:
            with progress_bar(console, f"{PARK} {day}") as say:
                played = replay_day(park_dir=park_dir, day=day, speed=speed, say=say)
        except Anticipated as refused:
            raise CommandError(f"{refused.code}: {text_of(refused)}") from refused
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


@contextmanager
def worker_process(folder: Path) -> Iterator[None]:
    """A separate worker for a real broker, unless one answers already; it ends with the demo."""
    if worker_answers():
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "celery", "-A", "vpp.celery", "worker", "--concurrency", "2", "--loglevel", "warning"]
    with (folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=settings.BASE_DIR)
        try:
            for _ in range(WAIT_FOR_WORKER):
                if process.poll() is not None:
                    raise CommandError(f"The worker ended with status {process.returncode}; see {log.name}.")
                if worker_answers():
                    break
            else:
                raise CommandError(f"The worker did not answer within {WAIT_FOR_WORKER * PING_SECONDS:.0f} s; see {log.name}.")
            yield
        finally:
            process.terminate()
            process.wait()
