"""What the pass on SQLite tells the pass on PostgreSQL that runs beside it: the embedded day, as one file."""

import json
import os
import time
from pathlib import Path
from typing import Any

FOLDER = "VPP_TEST_EXCHANGE"
NAME = "embedded_day.json"
CLOSED = "first_pass_ended"


def leave(found: dict[str, Any]) -> None:
    """Publish the day, whole or not at all."""
    if os.environ.get(FOLDER):
        target = Path(os.environ[FOLDER]) / NAME
        part = target.with_suffix(".part")
        part.write_text(json.dumps(found))
        part.replace(target)


def close(folder: Path) -> None:
    """The first pass has ended: what has not been published will not be."""
    (folder / CLOSED).touch()


def take(*, longest_seconds: float) -> dict[str, Any] | None:
    """The day as the other pass published it; None where there is no other pass, or it ended without."""
    if not os.environ.get(FOLDER):
        return None
    folder = Path(os.environ[FOLDER])
    deadline = time.monotonic() + longest_seconds
    while time.monotonic() < deadline:
        ended = (folder / CLOSED).exists()
        if (folder / NAME).exists():
            return json.loads((folder / NAME).read_text())
        if ended:
            break
        time.sleep(0.5)
    return None
