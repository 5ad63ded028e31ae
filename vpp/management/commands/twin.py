"""`manage.py twin PARK --day YYYY-MM-DD --url URL`: the park twin against a product that runs in other processes."""

from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from vpp.management.commands.run_day import park_folder
from vpp.management.console import refusals_shown
from vpp.park_folder.reader import read_descriptor
from vpp.replay.conductor import replay_day
from vpp.replay.interruption import ends_on_interrupt
from vpp.replay.screen import progress_bar, result_table
from vpp.replay.summary import summary_of


class Command(BaseCommand):
    help = "Play a park's day with web server and worker running elsewhere, on the same database and broker, to watch it there."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("park", help="a park folder, or the code of one in fixtures/parks")
        parser.add_argument("--day", type=date.fromisoformat, required=True, help="delivery day, YYYY-MM-DD")
        parser.add_argument("--url", default="http://127.0.0.1:8000", help="where the product's web server is")
        parser.add_argument("--data-root", type=Path, help="folder of measured data that the park points at")
        parser.add_argument("--speed", type=float, default=600.0, help="business seconds per second")

    def handle(self, *args: Any, park: str, day: date, url: str, **options: Any) -> None:
        if settings.EMBEDDED_BROKER:
            raise CommandError("The broker in memory is seen by one process only: set REDIS_URL here and there, or use run_day.")
        console, folder = Console(), park_folder(park)
        again = f"Interrupted. What was decided stays; the next `twin {park} --day {day}` goes on."
        with ends_on_interrupt(console, again), refusals_shown(console):
            with progress_bar(console, f"{folder.name} {day}") as say:
                replay_day(park_dir=folder, day=day, say=say, data_root=options["data_root"], speed=options["speed"], product_url=url)
            summary = summary_of(park_code=read_descriptor(folder).code, day=day)
        result_table(console, summary)
