"""`make test`: everything on SQLite; beside it, integration and journey again on PostgreSQL with Redis.

Arguments are handed to pytest and then only the first pass runs: `make test ARGS="tests/unit -k money"`.
The two passes share nothing but the machine (own databases, own keys in Redis, own folders); the second
one's words are printed when the first has ended. The last lines count what was skipped, by reason.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import exchange, services

FIRST = "SQLite, worker in this process"
SECOND = "PostgreSQL, Redis, separate worker"
SECOND_PASS = ["tests/integration", "tests/journey"]
Found = dict[str, Any]


@dataclass
class Pass:
    """A pytest run as a process; its words go to the screen or to a file."""

    title: str
    process: subprocess.Popen
    folder: Path
    quiet: bool

    def result(self) -> Found:
        """{passed, failed, skipped, status}, once it has ended."""
        status = self.process.wait()
        if self.quiet:
            print(f"\n=== {self.title} ===\n{(self.folder / 'words').read_text(errors='replace')}", flush=True)
        report = self.folder / "report.json"
        found = json.loads(report.read_text()) if report.exists() else {"passed": 0, "failed": 1, "skipped": {}}
        return {**found, "status": status}


def start(title: str, arguments: list[str], folder: Path, *, quiet: bool = False, **environment: str) -> Pass:
    folder.mkdir()
    env = {**os.environ, "VPP_VAR_DIR": str(folder), "VPP_TEST_REPORT": str(folder / "report.json"), **environment}
    command = [sys.executable, "-m", "pytest", "-o", f"cache_dir={folder / 'cache'}", *arguments]
    if not quiet:
        print(f"\n=== {title} ===", flush=True)
        return Pass(title, subprocess.Popen(command, env=env), folder, quiet)
    with (folder / "words").open("wb") as words:
        return Pass(title, subprocess.Popen(command, env=env, stdout=words, stderr=subprocess.STDOUT), folder, quiet)


def run_passes(arguments: list[str], *, both: bool) -> list[Found]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if not both:
            return [start(FIRST, arguments or ["tests"], folder / "first").result()]
        second = start(SECOND, SECOND_PASS, folder / "second", quiet=True, VPP_TEST_SERVICES="1", VPP_TEST_EXCHANGE=temporary)
        try:
            found = start(FIRST, ["tests"], folder / "first", VPP_TEST_EXCHANGE=temporary).result()
            exchange.close(folder)
            print("\nThe second pass runs beside the first; waiting for its end ...", flush=True)
            return [found, second.result()]
        finally:
            second.process.terminate()


def main() -> int:
    arguments = sys.argv[1:]
    why = services.missing("services")
    passes = run_passes(arguments, both=not arguments and not why)
    skips: dict[str, int] = {}
    for found in passes:
        for reason, count in found["skipped"].items():
            skips[reason] = skips.get(reason, 0) + count
    if why and not arguments:
        skips[f"second pass: services: {why}"] = 1
    passed = sum(found["passed"] for found in passes)
    failed = sum(found["failed"] for found in passes)
    print("\nskipped, by reason:" if skips else "\nnothing was skipped")
    for reason, count in sorted(skips.items()):
        print(f"  {count:4d}  {reason}")
    status = max(found["status"] for found in passes)
    if why and "services" in services.REQUIRED:
        print(f"VPP_REQUIRE names services, but: {why}")
        status = status or 1
    print(f"{passed} passed, {failed} failed, {sum(skips.values())} skipped")
    return status


if __name__ == "__main__":
    raise SystemExit(main())
