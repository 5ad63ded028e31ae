"""What commands that act by hand, or read a park folder, have in common at the terminal."""

import getpass
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from rich.console import Console

from aggregator.kernel.errors import Anticipated
from aggregator.support.problems import text_of
from vpp.park_folder.problems import ParkRefused

REASON_CODE = "connection"


def add_connection_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--endpoint", required=True, metavar="URL", help="where our messages go: https on the public internet")
    parser.add_argument("--rotate", action="store_true", help="make new credentials, which are printed once")
    parser.add_argument("--reason", required=True, help="a sentence for the audit record")


def person() -> str:
    """Who sits at this terminal, for the audit record."""
    return f"console: {getpass.getuser()}"


@contextmanager
def refusals_shown(console: Console, *, after: str = "") -> Iterator[None]:
    """What was foreseen ends the command in words, then `after`; of a park folder every problem stands on its own line."""
    try:
        yield
    except ParkRefused as refused:
        for problem in refused.problems:
            console.print(str(problem), style="red", markup=False, soft_wrap=True)
        raise CommandError(_("%(count)s problem(s); nothing was loaded") % {"count": len(refused.problems)}) from None
    except Anticipated as refused:
        raise CommandError(f"{refused.code}: {text_of(refused)} {after}".rstrip()) from refused
