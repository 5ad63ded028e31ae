"""Peak memory counts the process and its children."""

import subprocess
import sys

from vpp.bench.memory import PeakMemory


def test_a_child_counts():
    hungry = "x = bytearray(150_000_000); x[::4096] = b'1' * len(x[::4096]); import time; time.sleep(0.4)"
    with PeakMemory() as memory:
        subprocess.run([sys.executable, "-c", hungry], check=True)
    assert memory.peak_mib - memory.start_mib > 100
