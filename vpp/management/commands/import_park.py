"""`manage.py import_park DIR [--data-root DIR] [--dry-run]`: load a park folder, or say what is wrong with it."""

from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from vpp.management.console import refusals_shown
from vpp.park_folder.loader import ImportReport, load_park


class Command(BaseCommand):
    help = "Load a park folder (park.yaml and its series); importing it twice is importing it once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--data-root", type=Path, help="folder of measured data that park.yaml points into")
        parser.add_argument("--until", type=date.fromisoformat, help="last day of history, YYYY-MM-DD (default: as declared)")
        parser.add_argument("--dry-run", action="store_true", help="check everything, store nothing")

    def handle(self, *args: Any, folder: Path, data_root: Path | None, until: date | None, dry_run: bool, **options: Any) -> None:
        console = Console()
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        bar_shown = Progress(*columns, console=console, transient=True)
        with refusals_shown(console, after=_("Nothing was loaded.")), bar_shown as progress:
            bar = progress.add_task(str(folder), total=None)
            report = load_park(
                park_dir=folder,
                data_root=data_root,
                until_day=until,
                dry_run=dry_run,
                progress=lambda text: progress.update(bar, description=text, advance=1),
            )
        self._print(console, report)

    def _print(self, console: Console, report: ImportReport) -> None:
        for notice in report.notices:
            console.print(str(notice), style="yellow", markup=False, soft_wrap=True)
        if report.unchanged:
            console.print(_("%(park)s: unchanged") % {"park": report.park})
            return
        title = _("%(park)s: checked, nothing stored (dry run)") if report.dry_run else _("%(park)s: loaded")
        table = Table(title=title % {"park": report.park})
        table.add_column(_("rows"))
        table.add_column(_("new or changed"), justify="right")
        for name, count in report.rows.items():
            table.add_row(name, str(count))
        console.print(table)
