"""`manage.py run_day PARK --day YYYY-MM-DD`: play one delivery day of any park with its twin."""

import contextlib
import json
import sys
from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from vpp.management.console import refusals_shown
from vpp.park_folder.reader import read_descriptor
from vpp.replay.conductor import replay_day
from vpp.replay.database import migrate_if_needed
from vpp.replay.interruption import ends_on_interrupt
from vpp.replay.screen import progress_bar, result_table
from vpp.replay.summary import summary_of


class Command(BaseCommand):
    help = "Play one delivery day of a park: history, forecast, bid, award, setpoints, meters, statements. Again changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("park", help="a park folder, or the code of one in fixtures/parks")
        parser.add_argument("--day", type=date.fromisoformat, required=True, help="delivery day, YYYY-MM-DD")
        parser.add_argument("--data-root", type=Path, help="folder of measured data that the park points at")
        parser.add_argument("--json", metavar="FILE", help="write the summary there; - prints it and nothing else to standard output")
        parser.add_argument("--seed", type=int, help="of the twin's chance; the park's own unless said otherwise")
        parser.add_argument("--speed", type=float, help="business seconds per second, to watch; as fast as possible unless said otherwise")

    def handle(self, *args: Any, park: str, day: date, **options: Any) -> None:
        console = Console(stderr=options["json"] == "-")
        folder = park_folder(park)
        again = f"Interrupted. What was decided stays; the next `run_day {park} --day {day}` goes on."
        with ends_on_interrupt(console, again), refusals_shown(console):
            migrate_if_needed()
            with progress_bar(console, f"{folder.name} {day}") as say:
                played = replay_day(
                    park_dir=folder, day=day, data_root=options["data_root"], seed=options["seed"], speed=options["speed"], say=say
                )
            summary = summary_of(park_code=read_descriptor(folder).code, day=day)
        if not played:
            console.print(f"{day} was played already; nothing was changed.")
        write_json(summary, options["json"])
        result_table(console, summary)


def park_folder(park: str) -> Path:
    """The folder named, or the one with this code among the fixtures."""
    for folder in (Path(park), settings.BASE_DIR / "fixtures" / "parks" / park):
        if (folder / "park.yaml").is_file():
            return folder
    raise CommandError(f"{park} is neither a park folder (with park.yaml) nor the code of one in fixtures/parks")


def write_json(summary: dict[str, Any], target: str | None) -> None:
    if target is None:
        return
    text = json.dumps(summary, ensure_ascii=False, indent=2) + "\n"
    if target == "-":
        sys.stdout.write(text)
        return
    with contextlib.suppress(FileExistsError):
        Path(target).parent.mkdir(parents=True)
    Path(target).write_text(text, encoding="utf-8")
