"""`manage.py bench WHAT [--json]`: measure, compare with a reference in the same run, say whether the goal is met."""

import argparse
import importlib
import json
from types import ModuleType
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from vpp.bench.memory import PeakMemory

# A benchmark is a module with add_arguments(parser), run(options=, progress=) -> dict, and GOALS.
BENCHES = {"telemetry": "vpp.bench.telemetry"}
INTERRUPTED = 130  # what a shell says of Ctrl-C
SIGNS = {">=": lambda found, goal: found >= goal, "<=": lambda found, goal: found <= goal}


class Command(BaseCommand):
    help = "Measure a part of the product. --json prints one JSON object on stdout and nothing else there."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parts = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
        for name, module in BENCHES.items():
            part = parts.add_parser(name)
            part.add_argument("--json", action="store_true", help="one JSON object on stdout")
            self._module(module).add_arguments(part)

    def handle(self, *args: Any, **options: Any) -> None:
        bench = self._module(BENCHES[options["what"]])
        columns = (SpinnerColumn(), TextColumn("{task.description}"), *Progress.get_default_columns()[1:], TimeElapsedColumn())
        try:
            with PeakMemory() as memory, Progress(*columns, console=Console(stderr=True)) as progress:
                figures = bench.run(options=options, progress=progress)
        except KeyboardInterrupt:
            raise CommandError("Interrupted; what the benchmark had made is removed.", returncode=INTERRUPTED) from None
        figures |= {"start_memory_mib": round(memory.start_mib, 1), "peak_memory_mib": round(memory.peak_mib, 1)}
        if options["json"]:
            self.stdout.write(json.dumps(figures))
        else:
            self._print(figures, bench.GOALS)

    def _module(self, name: str) -> ModuleType:
        return importlib.import_module(name)

    def _print(self, figures: dict[str, Any], goals: dict[str, tuple[str, float]]) -> None:
        table = Table("figure", "found", "goal", "met")
        for name, found in figures.items():
            sign, goal = goals.get(name, ("", 0))
            met = ("yes" if SIGNS[sign](found, goal) else "NO") if sign else ""
            table.add_row(name, f"{found:,}" if isinstance(found, (int, float)) else str(found), f"{sign} {goal:,}" if sign else "", met)
        Console(file=self.stdout).print(table)
