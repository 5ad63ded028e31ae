"""A wall clock around work that cannot be interrupted: a solver inside this process that does not come back.

The thread that hangs cannot be ended from outside; it is left behind, and ends with its process. Two of them are enough: then
nothing more is begun here until one has come back, so that a process does not fill up with lost work.
"""

import threading
from collections.abc import Callable

MOST_LOST = 2

_lost: list[threading.Thread] = []


class WorkLost(RuntimeError):
    """The work did not end in time, or too much that did not end is still running."""


def within(seconds: float, work: Callable[[], object]) -> None:
    """Do `work` in a thread of its own for at most `seconds` [s]. What it raises is raised here.

    Raises WorkLost; the thread may then still be writing to what it was given, so let go of that.
    """
    _lost[:] = [thread for thread in _lost if thread.is_alive()]
    if len(_lost) >= MOST_LOST:
        raise WorkLost(f"{len(_lost)} solves of this process have not come back")
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as problem:  # noqa: BLE001  (handed to whoever waits)
            failed.append(problem)

    thread = threading.Thread(target=run, name="watched solve", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        _lost.append(thread)
        raise WorkLost(f"no end within {seconds:.1f} s")
    if failed:
        raise failed[0]
