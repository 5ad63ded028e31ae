"""Run the product's commands as a stranger would: in their own process, on their own database."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from tests import services

ROOT = Path(__file__).resolve().parents[2]
LONGEST_SECONDS = 900


def environment(var: Path, **more: str) -> dict[str, str]:
    """The embedded default, whatever the test run itself uses; `more` names services."""
    clean = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL", "VPP_QUEUE_PREFIX")}
    own = {"VPP_VAR_DIR": str(var), "VPP_QUEUE_PREFIX": f"{services.PREFIX}{var.name}:", "DATABASE_URL": "", "REDIS_URL": ""}
    return {**clean, "VPP_ALLOW_EMBEDDED": "1", "VPP_ALLOW_TWIN": "1", **own, **more}


def manage(*arguments: str, env: dict[str, str]) -> str:
    """Output of `manage.py ...`; a failure shows it."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env=env, capture_output=True, text=True, timeout=LONGEST_SECONDS
    )
    assert done.returncode == 0, f"manage.py {' '.join(arguments)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@dataclass(frozen=True)
class Played:
    """A demo that was played: its folder, its environment, its summary, what it printed."""

    folder: Path
    env: dict[str, str]
    summary: dict[str, Any]
    output: str


def demo(env: dict[str, str]) -> Played:
    """`manage.py demo --no-serve`."""
    output, folder = manage("demo", "--no-serve", env=env), Path(env["VPP_VAR_DIR"])
    return Played(folder, env, json.loads((folder / "demo" / "summary.json").read_text()), output)


@contextmanager
def scratch_database(name: str) -> Iterator[str]:
    """DATABASE_URL of a database that exists for the length of the block."""
    import psycopg

    maintenance = services.database_url()[0]
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(f'drop database if exists "{name}" with (force)')
        connection.execute(f'create database "{name}"')
    try:
        yield urlunsplit(urlsplit(maintenance)._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(maintenance, autocommit=True) as connection:
            connection.execute(f'drop database if exists "{name}" with (force)')


# Everything that must be equal to the fen, whoever carried the work out.
MONEY = """
import json
from market.settlement.models import SettlementLine, SettlementRun, Statement, StatementLine
runs = list(SettlementRun.objects.order_by("delivery_day", "version").values_list(
    "delivery_day", "version", "market_total_fen", "enterprises_total_fen", "operator_total_fen"))
lines = list(SettlementLine.objects.order_by("run__version", "contract__number", "component").values_list(
    "run__version", "contract__number", "component", "quantity_kwh", "gross_fen", "enterprise_fen", "operator_fen"))
statements = list(Statement.objects.order_by("run__version", "contract__number").values_list(
    "run__version", "contract__number", "total_fen"))
rows = list(StatementLine.objects.order_by("statement__run__version", "statement__contract__number", "number").values_list(
    "statement__run__version", "statement__contract__number", "number", "component", "quantity_kwh", "amount_fen", "correction_of_version"))
# Databases order the operator's lines, which have no contract, differently: sorted as text here.
print("MONEY" + json.dumps([sorted(part, key=str) for part in (runs, lines, statements, rows)], default=str))
"""


def money(env: dict[str, str]) -> list:
    """Runs, lines, statements and their lines as plain values."""
    output = manage("shell", "-v", "0", "-c", MONEY, env=env)
    return json.loads(output.partition("MONEY")[2])
