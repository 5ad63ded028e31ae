"""`manage.py bench WHAT [--json]`: measure, compare with a reference in the same run, say whether the goal is met."""

import argparse
import importlib
import json
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from vpp.bench.memory import PeakMemory

# A benchmark is a module with add_arguments(parser), run(options=, progress=) -> dict, and GOALS, or goals(options) where they
# depend on the size. A figure may be a dict (its rows are named figure.key) or a list of dicts (printed as a table of its own).
BENCHES = {
    "telemetry": "vpp.bench.telemetry",
    "optimise": "vpp.bench.optimise",
    "dispatch": "vpp.bench.dispatch",
    "bids": "vpp.bench.bids",
    "sharded": "vpp.bench.sharded",
    "accuracy": "vpp.bench.accuracy.command",
}
WIDTH = 160  # of tables in files and pipes
INTERRUPTED = 130  # what a shell says of Ctrl-C
SIGNS = {">=": lambda found, goal: found >= goal, "<=": lambda found, goal: found <= goal}


class Command(BaseCommand):
    help = "Measure a part of the product. --json prints one JSON object on stdout and nothing else there."
    requires_system_checks: list[str] = []  # nothing is served: a bare checkout may measure what needs no database

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
        whole = {"start_memory_mib": round(memory.start_mib, 1), "peak_memory_mib": round(memory.peak_mib, 1)}
        figures = whole | figures  # a benchmark that measured a part of itself says so
        if options["json"]:
            self.stdout.write(json.dumps(figures))
        else:
            self._print(figures, bench.goals(options) if hasattr(bench, "goals") else bench.GOALS)

    def _module(self, name: str) -> ModuleType:
        return importlib.import_module(name)

    def _print(self, figures: dict[str, Any], goals: dict[str, tuple[str, float]]) -> None:
        table = Table("figure", "found", "goal", "met")
        for name, found in _rows(figures):
            sign, goal = goals.get(name, ("", 0)) if found is not None else ("", 0)
            met = ("yes" if SIGNS[sign](found, goal) else "NO") if sign else ""
            table.add_row(name, _shown(found), f"{sign} {goal:,}" if sign else "", met)
        console = Console(file=self.stdout, width=None if self.stdout.isatty() else WIDTH)
        console.print(table)
        for name, found in figures.items():
            if _is_table(found):
                console.print(_cases(name, found))


def _is_table(found: Any) -> bool:
    return isinstance(found, list) and bool(found) and isinstance(found[0], dict)


def _rows(figures: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, found in figures.items():
        if isinstance(found, dict):
            yield from ((f"{name}.{key}", value) for key, value in found.items())
        elif not _is_table(found):
            yield name, found


def _shown(found: Any) -> str:
    if isinstance(found, float):
        return f"{found:,.2f}" if abs(found) >= 1000 else f"{found:.4g}"
    return f"{found:,}" if isinstance(found, int) else str(found)


def _cases(name: str, cases: list[dict[str, Any]]) -> Table:
    table = Table(*cases[0], title=name)
    for case in cases:
        table.add_row(*(_shown(value) for value in case.values()))
    return table
