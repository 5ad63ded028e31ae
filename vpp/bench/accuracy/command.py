"""`manage.py bench accuracy`: the forecasting engine on public measured series, as far as the folder has them."""

import argparse
import importlib
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.progress import Progress

from vpp.bench.accuracy.figures import Figure

TASKS = {
    "pv": "vpp.bench.accuracy.pv",
    "wind": "vpp.bench.accuracy.wind",
    "loads": "vpp.bench.accuracy.loads",
    "price": "vpp.bench.accuracy.price",
    "ev": "vpp.bench.accuracy.ev",
}
GOALS: dict[str, tuple[str, float]] = {"goals_missed": ("<=", 0)}  # each figure carries its own


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data-root", type=Path, required=True, help="folder of measured data")
    parser.add_argument("--task", choices=TASKS, action="append", help="only this kind; may be repeated")


def run(*, options: dict[str, Any], progress: Progress) -> dict[str, Any]:
    tables = {task: importlib.import_module(TASKS[task]).measure(options["data_root"], progress) for task in options["task"] or TASKS}
    every = [figure for table in tables.values() for figure in table]
    met = [figure.reached for figure in every]
    totals = {"figures": len(every), "not_measured": sum(figure.value is None for figure in every)}
    goals = {"goals": sum(figure.goal is not None for figure in every), "goals_met": met.count(True), "goals_missed": met.count(False)}
    return totals | goals | {task: rows(table) for task, table in tables.items()}


def rows(figures: Iterable[Figure]) -> list[dict[str, Any]]:
    """As they are printed and written to JSON; a number that is not one is no figure."""
    return [
        {
            "task": figure.task,
            "series": figure.series,
            "figure": figure.name,
            "value": figure.value if figure.value is None or math.isfinite(figure.value) else None,
            "unit": figure.unit,
            "goal": "" if figure.goal is None else f"{'>=' if figure.at_least else '<='} {figure.goal:g}",
            "met": {True: "yes", False: "NO", None: ""}[figure.reached],
            "note": figure.note,
        }
        for figure in figures
    ]
