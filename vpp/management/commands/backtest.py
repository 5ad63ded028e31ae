"""`manage.py backtest PARK`: how the forecasts would have done on the days that are stored."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from aggregator.support import clock
from vpp.backtest.plan import plan_of
from vpp.backtest.report import report
from vpp.backtest.run import run
from vpp.backtest.screen import show
from vpp.management.commands.run_day import write_json
from vpp.management.console import refusals_shown

INTERRUPTED = 130  # what a shell says of Ctrl-C
WIDTH = 140  # of tables in files and pipes


class Command(BaseCommand):
    help = "Forecast past days again with what was known then, and score them. Nothing is stored in the database."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("park", help="code of a park that is loaded")
        parser.add_argument("--from", dest="first", type=date.fromisoformat, metavar="DAY", help="first delivery day, YYYY-MM-DD")
        parser.add_argument("--to", dest="last", type=date.fromisoformat, metavar="DAY", help="last one; default: the last two weeks")
        parser.add_argument("--portfolio", metavar="CODE", help="only this one")
        parser.add_argument("--kind", help="only assets of this kind; then no figures of the portfolio")
        parser.add_argument("--fresh", action="store_true", help="start anew where an earlier run could be continued")
        parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="write the figures there; without FILE print them only")

    def handle(self, *args: Any, park: str, **options: Any) -> None:
        console = Console(stderr=options["json"] == "-", width=None if self.stdout.isatty() else WIDTH)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with refusals_shown(console):
            asked = {name: options[name] for name in ("portfolio", "kind", "first", "last")}
            plan = plan_of(park=park, **asked, now=clock.now())
            try:
                with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
                    bar = progress.add_task(park, total=None)
                    totals, inputs = run(
                        plan,
                        root=settings.VAR_DIR / "backtest",
                        fresh=options["fresh"],
                        say=lambda text, done, total: progress.update(bar, description=text, completed=done, total=total),
                    )
            except KeyboardInterrupt:
                again = _("Interrupted. Finished days are kept; the same command goes on.")
                raise CommandError(again, returncode=INTERRUPTED) from None
        found = report(plan, totals, inputs=inputs)
        write_json(found, options["json"])
        show(console, found)
