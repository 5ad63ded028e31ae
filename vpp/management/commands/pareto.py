"""`manage.py pareto PARK --day YYYY-MM-DD`: what less carbon, or more use of own generation, costs on a day."""

import json
import sys
from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from aggregator.assets.models import Portfolio
from aggregator.dispatch.domain.pareto import LEAST_POINTS
from aggregator.dispatch.queries import ParetoFacts, pareto_report
from aggregator.support import clock
from vpp.management.console import refusals_shown
from vpp.pareto_report import day_pareto_report


class Command(BaseCommand):
    help = "Plans of a day of which none is better in money, carbon and use of own generation. Nothing is sent."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("park", help="code of a park that is loaded")
        parser.add_argument("--day", type=date.fromisoformat, required=True, help="delivery day, YYYY-MM-DD")
        parser.add_argument("--portfolio", help="its code, where the park has several")
        parser.add_argument("--points", type=int, default=LEAST_POINTS, help="at least so many on every path")
        parser.add_argument("--factor", type=float, metavar="KG_PER_KWH", help="grid emissions; without it carbon is left out")
        parser.add_argument("--factor-source", default="", metavar="TEXT", help="who says so: document and year; needed with --factor")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, park: str, day: date, **options: Any) -> None:
        console = Console(stderr=options["json"])
        portfolio_id = _portfolio(park, options["portfolio"])
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed:.0f} plans"), TimeElapsedColumn())
        with refusals_shown(console), Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task(f"{park} {day}", total=None)
            made = day_pareto_report(
                portfolio_id=portfolio_id,
                day=day,
                now=clock.now(),
                factor_kg_per_kwh=options["factor"],
                factor_source=options["factor_source"],
                points=options["points"],
                say=lambda solved: progress.update(task, completed=solved),
            )
        report = pareto_report(report_id=made.pk)
        if options["json"]:
            sys.stdout.write(json.dumps(_plain(park, report), ensure_ascii=False) + "\n")
            return
        _print(console, park, report)


def _portfolio(park: str, code: str | None) -> int:
    rows = Portfolio.objects.filter(park__code=park)
    found = list((rows if code is None else rows.filter(code=code)).order_by("code").values_list("pk", "code"))
    if not found:
        raise CommandError(f"{park} has no such portfolio; is the park loaded?")
    if len(found) > 1:
        raise CommandError(f"{park} has several portfolios: add --portfolio, one of {', '.join(c for _, c in found)}")
    return int(found[0][0])


def _plain(park: str, report: ParetoFacts) -> dict[str, Any]:
    return {
        "park": park,
        "day": report.day.isoformat(),
        "computed_at": report.computed_at.isoformat(),
        "factor_source": report.factor_source,
        "factor_kg_per_kwh": report.mean_factor_kg_per_kwh,
        "points": report.points,
        "paths": report.paths,
        "dropped": report.dropped,
        "notes": report.notes,
        "seconds": round(report.seconds, 3),
        "inputs_hash": report.inputs_hash,
    }


def _print(console: Console, park: str, report: ParetoFacts) -> None:
    source = f"{report.mean_factor_kg_per_kwh:.4f} kg/kWh ({report.factor_source})" if report.factor_source else "no emission factor known"
    headers = ("cost CNY", "carbon kg", "own use", "import kWh", "export kWh", "curtailed kWh", "shed kWh", "gap", "paths")
    table = Table("", *headers, title=f"{park} {report.day}: {source}")
    for k, point in enumerate(report.points):
        flows = point["flows"]
        on = ", ".join(name for name, path in report.paths.items() if k in path)
        energies = (flows[name] for name in ("import_kwh", "export_kwh", "curtailed_kwh", "shed_kwh"))
        table.add_row(
            point["aim"],
            f"{point['cost_cny']:,.2f}",
            "-" if point["carbon_kg"] is None else f"{point['carbon_kg']:,.1f}",
            "-" if point["self_consumption_ratio"] is None else f"{point['self_consumption_ratio']:.2%}",
            *(f"{kwh:,.0f}" for kwh in energies),
            "-" if point["gap_ratio"] is None else f"{point['gap_ratio']:.3%}",
            on,
        )
    console.print(table)
    for note in report.notes:
        console.print(", ".join(str(value) for value in note.values()), markup=False)
    console.print(f"{len(report.dropped)} further plans were found and are worse; {report.seconds:.1f} s")
