"""`make test`: everything on SQLite; integration and journey again on PostgreSQL with Redis.

The suite is cut into parts, each a pytest process of its own; as many run at once as the machine has processors.
They share nothing but the machine (own databases, own keys in Redis, own folders); what a part said is printed when
it has ended. The last lines count what was skipped, by reason. Arguments are handed to pytest, and only SQLite is used.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import exchange, services

SERVICES = "PostgreSQL, Redis, separate worker"
EMBEDDED = "SQLite, worker in this process"
DAYS, ROWS, SUMS = ["tests/journey", "tests/browser"], ["tests/integration"], ["tests/unit/aggregator"]
EMBEDDED_ROWS = [*ROWS, "tests/contract"]
REST = ["tests", *(f"--ignore={folder}" for folder in (*DAYS, *EMBEDDED_ROWS, *SUMS))]
LOOK_SECONDS = 0.2
TIDY_SECONDS = 30  # for fixtures to end what they started
Found = dict[str, Any]


@dataclass(frozen=True)
class Part:
    name: str
    paths: list[str]
    on_services: bool = False

    @property
    def title(self) -> str:
        return f"{self.name} ({SERVICES if self.on_services else EMBEDDED})"


# The longest first. The two plays of the day begin together: the second is compared with the first.
PLAYED = Part("days", DAYS)
PARTS = [
    PLAYED,
    Part("days", ["tests/journey"], on_services=True),
    Part("integration", ROWS, on_services=True),
    Part("integration", EMBEDDED_ROWS),
    Part("unit of the aggregator", SUMS),
    Part("the rest", REST),
]
ONCE = ["-m", "not services"]  # tests that bring their own PostgreSQL and Redis, in the parts on SQLite: the other parts have them


@dataclass
class Running:
    part: Part
    process: subprocess.Popen
    folder: Path
    began: float

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def result(self) -> Found:
        """{passed, failed, skipped, status} of a part that has ended; its words go to the screen."""
        words = self.folder / "words"
        if words.exists():
            print(f"\n=== {self.part.title}, {time.monotonic() - self.began:.0f} s ===\n{words.read_text(errors='replace')}", flush=True)
        report = self.folder / "report.json"
        found = json.loads(report.read_text()) if report.exists() else {"passed": 0, "failed": 1, "skipped": {}}
        return {**found, "status": self.process.returncode}


def end(running: list[Running]) -> None:
    """As Ctrl-C would, so that fixtures end what they started; then whatever is left of their processes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # impatience now would leave something behind
    for one in running:
        with suppress(ProcessLookupError):
            one.process.send_signal(signal.SIGINT)
    deadline = time.monotonic() + TIDY_SECONDS
    for one in running:
        with suppress(subprocess.TimeoutExpired):
            one.process.wait(max(0.0, deadline - time.monotonic()))
        with suppress(ProcessLookupError):
            os.killpg(one.process.pid, signal.SIGKILL)
        one.process.wait()


def start(part: Part, arguments: list[str], folder: Path, *, aloud: bool = False) -> Running:
    """A part in a process group of its own: Ctrl-C at the terminal reaches this process only, which hands it on."""
    own = folder / f"{part.name}-{'services' if part.on_services else 'embedded'}".replace(" ", "-")
    own.mkdir()
    env = {**os.environ, "VPP_VAR_DIR": str(own), "VPP_TEST_REPORT": str(own / "report.json")}
    if not aloud:
        env["VPP_TEST_EXCHANGE"] = str(folder)
    if part.on_services:
        env["VPP_TEST_SERVICES"] = "1"
        env["TEST_REDIS_URL"] = services.redis_of(PARTS.index(part))
    command = [sys.executable, "-m", "pytest", "-o", f"cache_dir={own / 'cache'}", *arguments]
    with nullcontext() if aloud else (own / "words").open("wb") as words:
        process = subprocess.Popen(command, env=env, stdout=words, stderr=words and subprocess.STDOUT, start_new_session=True)
    return Running(part, process, own, time.monotonic())


def run(folder: Path, *, lanes: int, with_services: bool) -> list[Found]:
    """Every part that can be, `lanes` at a time. However this ends, no process of it is left."""
    waiting = [part for part in PARTS if with_services or not part.on_services]
    running: list[Running] = []
    found: list[Found] = []
    try:
        while waiting or running:
            while waiting and len(running) < lanes:
                part = waiting.pop(0)
                running.append(start(part, part.paths + (ONCE if with_services and not part.on_services else []), folder))
                print(f"begun: {running[-1].part.title}", flush=True)
            time.sleep(LOOK_SECONDS)
            for one in [one for one in running if one.ended]:
                running.remove(one)
                found.append(one.result())
                if one.part is PLAYED:
                    exchange.close(folder)
    except BaseException:
        end(running)
        raise
    return found


def run_alone(arguments: list[str], folder: Path) -> list[Found]:
    """What was asked for, said as it happens."""
    one = start(Part("asked", []), arguments, folder, aloud=True)
    try:
        one.process.wait()
    except BaseException:
        end([one])
        raise
    return [one.result()]


def main() -> int:
    arguments = sys.argv[1:]
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
    why = services.missing("services")
    with tempfile.TemporaryDirectory() as temporary:
        if arguments:
            found = run_alone(arguments, Path(temporary))
        else:
            found = run(Path(temporary), lanes=max(2, os.cpu_count() or 2), with_services=not why)
    skips: dict[str, int] = {}
    for part in found:
        for reason, count in part["skipped"].items():
            skips[reason] = skips.get(reason, 0) + count
    if why and not arguments:
        skips[f"the parts on PostgreSQL and Redis: services: {why}"] = 1
    return told(found, skips, why)


def told(found: list[Found], skips: dict[str, int], why: str) -> int:
    """The last lines, and the status."""
    print("\nskipped, by reason:" if skips else "\nnothing was skipped")
    for reason, count in sorted(skips.items()):
        print(f"  {count:4d}  {reason}")
    status = max((abs(part["status"]) for part in found), default=1)
    if why and "services" in services.REQUIRED:
        print(f"VPP_REQUIRE names services, but: {why}")
        status = status or 1
    print(f"{sum(part['passed'] for part in found)} passed, {sum(part['failed'] for part in found)} failed, {sum(skips.values())} skipped")
    return status


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except KeyboardInterrupt:
        print("\nInterrupted; what was running has been ended.")
        raise SystemExit(130) from None
