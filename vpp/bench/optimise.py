"""The fleet optimiser on seeded parks: cost, proven bound, CPU, wall time, memory, and what the checker says of the timed plan.

A tiny park of each sort is planned first, so that compiled code is loaded outside the timing (inside the memory). Figures of
several parks are medians; `cases` lists them one by one. The raw reference runs in the same run, on one thread.
"""

import argparse
import math
import os
import time
from statistics import median
from typing import Any

from django.core.management.base import CommandError
from rich.progress import Progress

from vpp.bench.fleet_measure import Measured, Settings, measured, warm_up
from vpp.bench.fleet_park import SEED, BenchPark, full_park, simple_park
from vpp.bench.memory import PeakMemory
from vpp.bench.peer import GOALS as PEER_GOALS
from vpp.bench.peer import SIZES as PEER_SIZES
from vpp.bench.peer import run_peers
from vpp.bench.raw_fleet import model_against_arrays, raw_plan
from vpp.bench.stress import VARIATIONS

GROWTH_FROM = 1_000
REFERENCE_MOST = 2_000  # assets; beyond, the raw programme takes minutes to hours
MILP_LIMIT_S = 600.0
UNALTERED = "as drawn"
DEVIATIONS = "penalties_x5"
STRESS = ("negative_midday", "no_export", "no_flexibility", "tight_connection", "dark")  # of these the worst has a published goal
CASE = (
    "case",
    "seed",
    "objective_cny",
    "lower_bound_cny",
    "gap_ratio",
    "flexibility_gap_ratio",
    "cpu_seconds",
    "wall_seconds",
    "violations",
)

Goals = dict[str, tuple[str, float]]
ALWAYS: Goals = {
    "violations": ("<=", 0),
    "growth_exponent": ("<=", 1.05),
    "worst_stress_gap_ratio": ("<=", 0.01),
    f"{DEVIATIONS}_gap_ratio": ("<=", 0.015),
    "reference_over_raw_ratio": ("<=", 1.25),
}
SIMPLE: dict[int, Goals] = {
    1_000: {
        "gap_to_optimum_ratio": ("<=", 0.0025),
        "worst_gap_to_optimum_ratio": ("<=", 0.007),
        "wall_to_raw_ratio": ("<=", 0.1),
    },
    10_000: {"gap_ratio": ("<=", 0.0037), "cpu_seconds": ("<=", 1.0), "memory_over_start_mib": ("<=", 300)},
    100_000: {
        "gap_ratio": ("<=", 0.0032),
        "cpu_seconds": ("<=", 7.8),
        "wall_seconds": ("<=", 6.0),
        "memory_over_start_mib": ("<=", 600),
    },
}
POLISHED: dict[int, Goals] = {10_000: {"gap_ratio": ("<=", 0.0033), "wall_seconds": ("<=", 3.0)}}
FULL: dict[int, Goals] = {
    10_000: {"gap_ratio": ("<=", 0.01), "cpu_seconds": ("<=", 3.0)},
    100_000: {"gap_ratio": ("<=", 0.01), "cpu_seconds": ("<=", 25.0)},
}


def goals(options: dict[str, Any]) -> Goals:
    """The published goals of what is measured."""
    by_size = FULL if not options["simple"] else POLISHED if options["polish"] else SIMPLE
    return ALWAYS | by_size.get(options["assets"], {}) | (PEER_GOALS if options["peer"] else {})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--assets", type=int, default=10_000)
    parser.add_argument("--simple", action="store_true", help="the reduced park")
    parser.add_argument("--seed", type=int, default=SEED, help="of the first park")
    parser.add_argument("--seeds", type=int, default=1, help="so many parks, seeds counted up; the medians count")
    parser.add_argument("--stress", action="store_true", help="also every hard day of the first park")
    parser.add_argument("--polish", type=float, default=0.0, metavar="SECONDS", help="spare time turned into a smaller gap")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--mode", choices=("fleet", "reference", "by-size"), default="fleet")
    parser.add_argument("--peer", nargs="?", const="all", choices=tuple(PEER_SIZES), help="also installed peers, on storage alone")
    parser.add_argument("--growth", action="store_true", help="also 1,000, 10,000, .. assets: the exponent of CPU time")
    parser.add_argument(
        "--reference",
        nargs="?",
        const="lp",
        choices=("lp", "milp", "exact"),
        help="also raw HiGHS: calls relaxed (never above the optimum), or whole (the optimum; minutes at 1,000 assets); "
        "exact: the PuLP reference against its own arrays",
    )


def run(*, options: dict[str, Any], progress: Progress) -> dict[str, Any]:
    _refuse(options)
    mode = None if options["mode"] == "by-size" else options["mode"]
    settings = Settings(threads=options["threads"], polish_s=options["polish"], mode=mode)
    seeds = [options["seed"] + k for k in range(options["seeds"])]
    with PeakMemory() as memory:
        began = time.perf_counter()
        warm_up(threads=settings.threads, polish_s=settings.polish_s)
        warm_up_seconds = time.perf_counter() - began
        task = progress.add_task("parks", total=len(seeds))
        drawn = []
        for seed in seeds:
            drawn.append(measured(_drawn(options, seed), case=UNALTERED, seed=seed, settings=settings))
            progress.advance(task)
    hard = _stressed(options, settings, progress) if options["stress"] else []
    figures = _figures(drawn, hard) | {
        "seed": options["seed"],
        "seeds": options["seeds"],
        "park": "simple" if options["simple"] else "full",
        "threads": options["threads"],
        "polish_seconds": options["polish"],
        "warm_up_seconds": round(warm_up_seconds, 2),
        "start_memory_mib": round(memory.start_mib, 1),
        "peak_memory_mib": round(memory.peak_mib, 1),
        "memory_over_start_mib": round(memory.peak_mib - memory.start_mib, 1),
    }
    if options["growth"]:
        figures |= _growth(drawn[0], options, settings, progress)
    if options["reference"] == "exact":
        figures |= _model_against_arrays(drawn, options, progress)
    elif options["reference"]:
        figures |= _against_raw(drawn, options, progress)
    if options["peer"]:
        figures |= run_peers(seed=options["seed"], sizes=PEER_SIZES[options["peer"]], progress=progress)
    return figures


def _refuse(options: dict[str, Any]) -> None:
    if options["reference"] in ("lp", "milp") and not options["simple"]:
        raise CommandError("The raw reference knows the simple park only: add --simple.")
    if options["reference"] and options["assets"] > REFERENCE_MOST:
        raise CommandError(f"The raw reference takes too long beyond {REFERENCE_MOST:,} assets.")
    if options["growth"] and options["assets"] <= GROWTH_FROM:
        raise CommandError(f"Growth is measured from {GROWTH_FROM:,} assets: ask for more.")
    if options["assets"] < 20 or options["seeds"] < 1:
        raise CommandError("At least 20 assets and one park.")


def _drawn(options: dict[str, Any], seed: int) -> BenchPark:
    return (simple_park if options["simple"] else full_park)(options["assets"], seed=seed)


def _stressed(options: dict[str, Any], settings: Settings, progress: Progress) -> list[Measured]:
    task, hard = progress.add_task("hard days", total=len(VARIATIONS)), []
    for name, variation in VARIATIONS.items():
        park = variation(_drawn(options, options["seed"]))
        hard.append(measured(park, case=name, seed=options["seed"], settings=settings))
        progress.advance(task)
    return hard


def _median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _figures(drawn: list[Measured], hard: list[Measured]) -> dict[str, Any]:
    first = drawn[0]
    names = ("objective_cny", "lower_bound_cny", "gap_ratio", "flexibility_gap_ratio", "cpu_seconds", "wall_seconds", "check_seconds")
    figures: dict[str, Any] = {"assets": first.assets, "periods": first.periods, "mode": first.mode, "status": first.status}
    figures |= {name: _median([getattr(one, name) for one in drawn]) for name in names}
    figures["violations"] = sum(one.violations for one in drawn + hard)
    figures["stages"] = {name: round(median(one.stages.get(name, 0.0) for one in drawn), 4) for name in first.stages}
    if hard:
        gaps = {one.case: _gap(one) for one in hard}
        figures["worst_stress_gap_ratio"] = max(gaps[name] for name in STRESS)
        figures[f"{DEVIATIONS}_gap_ratio"] = gaps[DEVIATIONS]
    if len(drawn) + len(hard) > 1:
        figures["worst_gap_ratio"] = max(map(_gap, drawn))
        figures["cases"] = [{name: getattr(one, name) for name in CASE} for one in drawn + hard]
    return figures


def _gap(one: Measured) -> float:
    """A plan without a bound is as far from the best as can be."""
    return float("inf") if one.gap_ratio is None else one.gap_ratio


def _growth(largest: Measured, options: dict[str, Any], settings: Settings, progress: Progress) -> dict[str, Any]:
    """CPU seconds by size, and the exponent of the power law from the smallest to the largest."""
    sizes = [GROWTH_FROM * 10**k for k in range(4) if GROWTH_FROM * 10**k < largest.assets]
    task, seconds = progress.add_task("growth", total=len(sizes)), {}
    for size in sizes:
        park = _drawn(options | {"assets": size}, options["seed"])
        seconds[size] = measured(park, case=f"{size}", seed=options["seed"], settings=settings).cpu_seconds
        progress.advance(task)
    seconds[largest.assets] = largest.cpu_seconds
    exponent = math.log(largest.cpu_seconds / seconds[GROWTH_FROM]) / math.log(largest.assets / GROWTH_FROM)
    return {"growth_cpu_seconds": {str(size): value for size, value in seconds.items()}, "growth_exponent": round(exponent, 3)}


def _model_against_arrays(drawn: list[Measured], options: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """What the modelling layer of the reference costs: medians over the same parks."""
    task, found = progress.add_task("reference", total=len(drawn)), []
    for one in drawn:
        found.append(model_against_arrays(_drawn(options, one.seed).problem))
        progress.advance(task)
    names = ("build_seconds", "solve_seconds", "raw_seconds", "columns", "rows")
    figures = {f"reference_{name}": round(median(getattr(one, name) for one in found), 3) for name in names}
    return figures | {"reference_over_raw_ratio": round(median(one.over_raw_ratio for one in found), 3)}


def _against_raw(drawn: list[Measured], options: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Medians over the same parks; times are compared with the relaxation's, which is much faster than the true optimum's."""
    task = progress.add_task("raw HiGHS", total=len(drawn))
    relaxed, whole = [], []
    for one in drawn:
        problem = _drawn(options, one.seed).problem
        relaxed.append(raw_plan(problem, relaxed=True))
        if options["reference"] == "milp":
            whole.append(raw_plan(problem, relaxed=False, time_limit_s=MILP_LIMIT_S))
        progress.advance(task)
    best = whole or relaxed
    gaps = [(one.objective_cny - raw.cost_cny) / abs(raw.cost_cny) for one, raw in zip(drawn, best, strict=True)]
    figures = {
        "reference": "raw HiGHS, calls whole" if whole else "raw HiGHS, calls relaxed",
        "reference_cny": median(raw.cost_cny for raw in best),
        "reference_wall_seconds": round(median(raw.wall_seconds for raw in relaxed), 3),
        "reference_cpu_seconds": round(median(raw.cpu_seconds for raw in relaxed), 3),
        "wall_to_raw_ratio": median(one.wall_seconds / raw.wall_seconds for one, raw in zip(drawn, relaxed, strict=True)),
        "cpu_to_raw_ratio": median(one.cpu_seconds / raw.cpu_seconds for one, raw in zip(drawn, relaxed, strict=True)),
        "gap_to_optimum_ratio": median(gaps),
        "worst_gap_to_optimum_ratio": max(gaps),
    }
    if whole:
        figures["reference_milp_wall_seconds"] = round(median(raw.wall_seconds for raw in whole), 3)
        figures["reference_milp_worst_gap_ratio"] = max((raw.cost_cny - raw.bound_cny) / abs(raw.cost_cny) for raw in whole)
    return figures
