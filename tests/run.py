"""`make test`: everything on SQLite, then integration and journey again on PostgreSQL with Redis.

Arguments are handed to pytest and then only the first pass runs: `make test ARGS="tests/unit -k money"`.
The last lines count what was skipped, by reason.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests import services

SECOND_PASS = ["tests/integration", "tests/journey"]


def run_pass(title: str, arguments: list[str], **environment: str) -> dict:
    """Run pytest once; {passed, failed, skipped, status}."""
    print(f"\n=== {title} ===", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        env = {**os.environ, "VPP_VAR_DIR": folder, "VPP_TEST_REPORT": str(report), **environment}
        done = subprocess.run([sys.executable, "-m", "pytest", *arguments], env=env)
        found = json.loads(report.read_text()) if report.exists() else {"passed": 0, "failed": 1, "skipped": {}}
    return {**found, "status": done.returncode}


def main() -> int:
    arguments = sys.argv[1:]
    passes = [run_pass("SQLite, worker in this process", arguments or ["tests"])]
    skips = dict(passes[0]["skipped"])
    why = services.missing("services")
    if not arguments and not why:
        passes.append(run_pass("PostgreSQL, Redis, separate worker", SECOND_PASS, VPP_TEST_SERVICES="1"))
        for reason, count in passes[1]["skipped"].items():
            skips[reason] = skips.get(reason, 0) + count
    elif not arguments:
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
