"""One park planned and checked: what it cost, how good it is, and what that took."""

import gc
import resource
import time
from dataclasses import dataclass

from aggregator.dispatch.domain.fleet.checker import check_fleet
from aggregator.dispatch.domain.fleet.plan import plan_fleet
from vpp.bench.fleet_park import BenchPark, full_park, simple_park

DEADLINE_S = 3600.0  # never the limit here: what is measured is the time to the end
TINY_ASSETS, TINY_PER_SITE = 160, 2  # more sites than one programme takes, so that every stage is walked through


@dataclass(frozen=True)
class Settings:
    threads: int
    polish_s: float
    mode: str | None


@dataclass(frozen=True)
class Measured:
    """CPU seconds are the process's and its children's; wall and CPU are of planning alone; `violations` are of the plan timed."""

    case: str
    seed: int
    assets: int
    periods: int
    objective_cny: float
    lower_bound_cny: float
    gap_ratio: float | None
    flexibility_gap_ratio: float | None
    cpu_seconds: float
    wall_seconds: float
    check_seconds: float
    violations: int
    mode: str
    status: str
    stages: dict[str, float]


def warm_up(*, threads: int = 1, polish_s: float = 0.0) -> None:
    """Plan and check a tiny park of each sort: compiled code is loaded (the very first time: compiled)."""
    for park in (simple_park(TINY_ASSETS, per_site=TINY_PER_SITE), full_park(TINY_ASSETS, per_site=TINY_PER_SITE)):
        plan = plan_fleet(park.problem, deadline_s=DEADLINE_S, threads=threads, polish_s=min(polish_s, 0.2), mode="fleet")
        check_fleet(park.problem, plan)


def measured(park: BenchPark, *, case: str, seed: int, settings: Settings) -> Measured:
    gc.collect()
    cpu, began = _cpu_seconds(), time.perf_counter()
    plan = plan_fleet(park.problem, deadline_s=DEADLINE_S, threads=settings.threads, polish_s=settings.polish_s, mode=settings.mode)
    wall, cpu = time.perf_counter() - began, _cpu_seconds() - cpu
    began = time.perf_counter()
    violations = check_fleet(park.problem, plan)
    return Measured(
        case=case,
        seed=seed,
        assets=park.assets,
        periods=park.problem.periods,
        objective_cny=plan.certificate.cost_cny,
        lower_bound_cny=plan.certificate.lower_bound_cny,
        gap_ratio=plan.certificate.gap_ratio,
        flexibility_gap_ratio=plan.certificate.flexibility_gap_ratio,
        cpu_seconds=round(cpu, 3),
        wall_seconds=round(wall, 3),
        check_seconds=round(time.perf_counter() - began, 3),
        violations=len(violations),
        mode=plan.mode,
        status=plan.status,
        stages={name: round(seconds, 4) for name, seconds in plan.seconds.items()},
    )


def _cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
