"""The product path of an instruction that lasts some periods, timed part by part: what `solve_instruction` does for its window.

`window_devices_ms`: Python objects become columns, once. From these columns on: `window_compute_ms` is reference, needs and rooms,
the fast path, and the check; `window_pulp_ms` the same by PuLP. Not timed: what comes before and after the window.
"""

import gc
import time
from collections.abc import Callable
from statistics import median
from typing import Any, TypeVar

from aggregator.dispatch.domain.instruction.columns import Window, window_of
from aggregator.dispatch.domain.instruction.devices import park_of
from aggregator.dispatch.domain.instruction.reference import reference_of
from aggregator.dispatch.domain.split import Rule, WindowSplit, check_window, split_window
from vpp.bench.window_park import window_park

DEADLINE_S = 600.0  # never the limit here: what is measured is the time to the end
FAST_ROUNDS = 5
PULP_ROUNDS = 3

Made = TypeVar("Made")


def measure_window(*, assets: int, seed: int, per_site: int, periods: int, direction: int) -> dict[str, Any]:
    problem = window_park(assets, seed=seed, per_site=per_site, periods=periods, direction=direction)
    gc.collect()
    devices_ms, devices_cpu_ms, park = clocked(lambda: park_of(problem), FAST_ROUNDS)

    def once(method: str) -> tuple[Window, WindowSplit, int]:
        window = window_of(problem, reference_of(park), turn_hours=None, floor_ratio=None)
        split = split_window(window.columns, rule=Rule(), deadline_s=DEADLINE_S, method=method)
        return window, split, len(check_window(window.columns, split.change_kw, split.called))

    fast_ms, fast_cpu_ms, (window, fast, fast_broken) = clocked(lambda: once("fast"), FAST_ROUNDS)
    pulp_ms, pulp_cpu_ms, (_, pulp, pulp_broken) = clocked(lambda: once("pulp"), PULP_ROUNDS)
    missed = [abs(window.columns.need_kw - split.change_kw.sum(axis=0)).max() for split in (fast, pulp)]
    return {
        "window_periods": periods,
        "window_devices_ms": round(devices_ms, 1),
        "window_devices_cpu_ms": round(devices_cpu_ms, 1),
        "window_compute_ms": round(fast_ms, 1),
        "window_compute_cpu_ms": round(fast_cpu_ms, 1),
        "window_pulp_ms": round(pulp_ms, 1),
        "window_pulp_cpu_ms": round(pulp_cpu_ms, 1),
        "window_pulp_method": pulp.method,
        "window_pulp_status": pulp.status,
        "window_error_kw": float(max(missed)),  # whatever is missed or overshot in any period, true shortfall included
        "window_violations": fast_broken + pulp_broken,
        "window_pulp_to_fast_cost_gap_ratio": None if pulp.cross_check_ratio is None else round(abs(pulp.cross_check_ratio), 6),
        "window_calls": int(fast.called.any(axis=1).sum()),
    }


def clocked(work: Callable[[], Made], rounds: int) -> tuple[float, float, Made]:
    """(wall ms, CPU ms) in the median, and what came out last."""
    walls, cpus = [], []
    for _ in range(rounds):
        cpu, began = time.process_time(), time.perf_counter()
        made = work()
        walls.append(1e3 * (time.perf_counter() - began))
        cpus.append(1e3 * (time.process_time() - cpu))
    return median(walls), median(cpus), made
