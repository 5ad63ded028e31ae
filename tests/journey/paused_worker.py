"""A Celery worker that stops in the middle of a step of a fleet run, where a test wants to kill it or something else.

    python -m tests.journey.paused_worker STEP CALL FOLDER

At the CALLth time that STEP (a function of dispatch.domain.fleet.shard_steps) has been computed, before anything of it is
written, FOLDER/paused appears, and the worker goes on when FOLDER/go does.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

COMMAND = ("worker", "--pool", "solo", "--without-mingle", "--without-gossip", "--loglevel", "warning")


def main(step: str, call: int, folder: Path) -> None:
    from vpp.celery import app

    app.loader.import_default_modules()
    from aggregator.dispatch.operations import _shards

    setattr(_shards, step, _paused(getattr(_shards, step), call, folder))
    app.worker_main(COMMAND)


def _paused(function: Callable[..., Any], call: int, folder: Path) -> Callable[..., Any]:
    calls = iter(range(1, 1_000))

    def pausing(*args: Any, **kwargs: Any) -> Any:
        found = function(*args, **kwargs)
        if next(calls) == call:
            (folder / "paused").touch()
            while not (folder / "go").exists():
                time.sleep(0.05)
        return found

    return pausing


if __name__ == "__main__":
    import django

    django.setup()
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
