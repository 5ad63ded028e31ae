"""Peak memory of this process and its children, sampled while a benchmark runs."""

import os
import resource
import sys
import threading
from pathlib import Path

MIB = 1024 * 1024
EVERY_S = 0.05


def _own_mib(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0.0  # it ended meanwhile
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


def _children(pid: int) -> list[int]:
    try:
        lists = [Path(task, "children").read_text().split() for task in Path(f"/proc/{pid}/task").iterdir()]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [int(child) for children in lists for child in children]


def tree_mib(pid: int | None = None) -> float:
    """Resident memory of a process (default: this one) and its descendants [MiB].

    Where there is no /proc: the peak of this process alone.
    """
    if not Path("/proc/self/statm").exists():
        unit = MIB if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    root = os.getpid() if pid is None else pid
    return _own_mib(root) + sum(tree_mib(child) for child in _children(root))


class PeakMemory:
    """`with PeakMemory() as memory:` then memory.start_mib and memory.peak_mib."""

    def __enter__(self) -> "PeakMemory":
        self.start_mib = self.peak_mib = tree_mib()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._over.wait(EVERY_S):
            self.peak_mib = max(self.peak_mib, tree_mib())

    def __exit__(self, *failure: object) -> None:
        self._over.set()
        self._thread.join()
        self.peak_mib = max(self.peak_mib, tree_mib())
