"""`manage.py make_park_history DIR [--seed N]`: write the synthetic series of a park folder."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from rich.console import Console
from rich.table import Table

from vpp.park_folder.reader import read_descriptor
from vpp.twin.history import write_history


class Command(BaseCommand):
    help = "Write series/*.parquet of a synthetic park from a seed; the same seed gives the same values."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--seed", type=int, help="default: the seed of the park's twin section")

    def handle(self, *args: Any, folder: Path, seed: int | None, **options: Any) -> None:
        park = read_descriptor(folder)
        seed = park.twin.seed if seed is None else seed
        written = write_history(park=park, folder=folder, seed=seed)
        table = Table("file", "rows", "kB", title=f"{folder}, seed {seed}: synthetic")
        for file in written:
            table.add_row(file.path.name, str(file.rows), f"{file.n_bytes / 1000:.0f}")
        Console().print(table)
