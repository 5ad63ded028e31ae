"""Memory of this process and its children [MiB]."""

import os
import threading
from pathlib import Path
from types import TracebackType

MIB = 1024 * 1024
EVERY_SECONDS = 0.5
FAMILY_EVERY = 10  # samples: to look through all processes costs more than the sample


def resident_mib() -> float:
    """This process and its descendants now; platforms without /proc give the process's own maximum."""
    if not Path("/proc/self/statm").exists():
        return _own_maximum_mib()
    return _resident_mib(_family())


def _resident_mib(family: list[int]) -> float:
    return sum(_pages(pid) for pid in family) * os.sysconf("SC_PAGE_SIZE") / MIB


def _own_maximum_mib() -> float:
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    import sys

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MIB


def _family() -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [os.getpid()]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


def _pages(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0


class PeakMemory:
    """Samples twice a second while it is open; a new child is seen within five seconds."""

    def __enter__(self) -> "PeakMemory":
        self.start_mib = self.peak_mib = resident_mib()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)
        self._thread.start()
        return self

    def _watch(self) -> None:
        if not Path("/proc/self/statm").exists():
            return  # the maximum that is asked for at the end has everything in it
        family, looks = _family(), 0
        while not self._over.wait(EVERY_SECONDS):
            looks += 1
            if looks % FAMILY_EVERY == 0:
                family = _family()
            self.peak_mib = max(self.peak_mib, _resident_mib(family))

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()
        self.peak_mib = max(self.peak_mib, resident_mib())
