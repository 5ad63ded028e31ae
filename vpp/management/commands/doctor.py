"""`manage.py doctor`: every problem of this installation, each with the line that mends it."""

from typing import Any

from cryptography.fernet import Fernet
from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console

from vpp import doctor


class Command(BaseCommand):
    help = "Name each problem of this installation with its mend. Exit status 1 where something is broken."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--new-key", action="store_true", help="print a new key for VPP_SECRET_KEYS and stop")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["new_key"]:
            self.stdout.write(Fernet.generate_key().decode())
            return
        findings = doctor.examine()
        console = Console()
        for finding in findings:
            mark = "[green]ok[/]" if finding.ok else "[red]broken[/]"
            console.print(f"{mark:>16}  {finding.what}: {finding.seen}", highlight=False)
            if not finding.ok:
                console.print(f"{'':10}-> {finding.mend}", highlight=False, markup=False)
        if not all(finding.ok for finding in findings):
            raise SystemExit(1)
