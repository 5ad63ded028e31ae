"""One instruction over many assets: the fast path, PuLP over supply curves, merit order and a raw LP, in the same run.

`compute_ms` is the fast path under the rule by cost, from the problem's columns to checked setpoints (water-filling, rounding,
check); `pulp_ms` the same by PuLP, `merit_ms` without fairness. The raw LP has one column per asset, is solved by HiGHS without
PuLP and gives the cheapest cost there is; beyond 10,000 assets merit order, which is that optimum, stands for it.
`error_kw` = |target - shortfall - sum of the setpoints as sent|, the worst of everything that was timed. `window_*`: an instruction
over several periods, from devices; see `vpp.bench.window`.
"""

import argparse
import gc
import os
import time
from dataclasses import dataclass
from statistics import median
from typing import Any

import highspy
import numpy as np
from django.core.management.base import CommandError
from rich.progress import Progress

from aggregator.dispatch.domain.split import RULES, Rule, Split, SplitProblem, check_split, split_instruction
from vpp.bench.dispatch_park import SEED, dispatch_park
from vpp.bench.window import clocked, measure_window

DEADLINE_S = 600.0  # never the limit here: what is measured is the time to the end
RAW_MOST = 10_000  # assets; beyond, the raw LP takes half a minute and more
SLOW_ROUNDS = 5
WEIGHTS = (0.01, 0.05, 0.2)  # fairness [CNY/kWh]
PULP_MS = {10_000: 15.0, 100_000: 700.0}

Goals = dict[str, tuple[str, float]]


def goals(options: dict[str, Any]) -> Goals:
    """The published goals of what is measured."""
    known: Goals = {"error_kw": ("<=", 0.1), "violations": ("<=", 0), "pulp_to_fast_cost_gap_ratio": ("<=", 0.01)}
    known |= {"window_error_kw": ("<=", 0.1), "window_violations": ("<=", 0), "window_pulp_to_fast_cost_gap_ratio": ("<=", 0.01)}
    if options["assets"] == 100_000:
        known["compute_ms"] = ("<=", 6.0)
    if options["assets"] in PULP_MS:
        known["pulp_ms"] = ("<=", PULP_MS[options["assets"]])
    return known


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--assets", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--per-site", type=int, default=50, help="assets at each site")
    parser.add_argument("--down", action="store_true", help="an instruction to inject less, not more")
    parser.add_argument("--periods", type=int, default=8, help="of the instruction over a window")
    parser.add_argument("--rounds", type=int, default=31, help=f"of the fast path; the median counts (PuLP and others: {SLOW_ROUNDS})")


@dataclass(frozen=True)
class _Timed:
    """Medians over rounds; the last split and what the checker says of it."""

    wall_ms: float
    cpu_ms: float
    split: Split
    violations: int
    error_kw: float


def run(*, options: dict[str, Any], progress: Progress) -> dict[str, Any]:
    if options["assets"] < 1 or options["per_site"] < 1 or options["rounds"] < 1 or options["periods"] < 1:
        raise CommandError("At least one asset, one asset a site, one period and one round.")
    load = os.getloadavg()[0]
    direction = -1 if options["down"] else 1
    problem = dispatch_park(options["assets"], seed=options["seed"], per_site=options["per_site"], direction=direction)
    task = progress.add_task("splits", total=5 + 2 * len(RULES) + len(WEIGHTS))

    def timed(rule: Rule, method: str, rounds: int) -> _Timed:
        found = _timed(problem, rule, method, rounds)
        progress.advance(task)
        return found

    fast = timed(Rule(), "fast", options["rounds"])
    pulp = timed(Rule(), "pulp", SLOW_ROUNDS)
    merit = timed(Rule(fairness_cny_per_kwh=0.0), "fast", SLOW_ROUNDS)
    by_rule = {name: (timed(Rule(name), "fast", SLOW_ROUNDS), timed(Rule(name), "pulp", SLOW_ROUNDS)) for name in RULES}
    by_weight = {weight: timed(Rule(fairness_cny_per_kwh=weight), "fast", SLOW_ROUNDS) for weight in WEIGHTS}
    raw_ms, cheapest = _raw_lp(problem) if options["assets"] <= RAW_MOST else (None, merit.split.cost_cny_per_hour)
    progress.advance(task)
    sizes = {name: options[name] for name in ("assets", "seed", "per_site", "periods")}
    window = measure_window(**sizes, direction=direction)
    progress.advance(task)
    everything = [fast, pulp, merit, *(one for both in by_rule.values() for one in both), *by_weight.values()]
    return {
        "assets": options["assets"],
        "periods": 1,
        "mode": fast.split.method,
        "objective_cny": fast.split.cost_cny_per_hour,  # of a window that lasts an hour
        "lower_bound_cny": cheapest,  # no split is cheaper: an exact linear programme, or the merit order
        "gap_ratio": _more(fast, cheapest),
        "cpu_seconds": fast.cpu_ms / 1e3,
        "wall_seconds": fast.wall_ms / 1e3,
        "sites": len(problem.site_up_kw),
        "seed": options["seed"],
        "target_kw": problem.change_kw,
        "shortfall_kw": fast.split.shortfall_kw,
        "compute_ms": round(fast.wall_ms, 2),
        "compute_cpu_ms": round(fast.cpu_ms, 2),
        "error_kw": max(one.error_kw for one in everything),
        "violations": sum(one.violations for one in everything),
        "pulp_ms": round(pulp.wall_ms, 1),
        "pulp_status": pulp.split.status,
        "merit_ms": round(merit.wall_ms, 2),
        "raw_lp_ms": raw_ms,
        "fast_cost_ratio": _more(fast, cheapest),
        "pulp_cost_ratio": _more(pulp, cheapest),
        "merit_cost_ratio": _more(merit, cheapest),
        "pulp_to_fast_cost_gap_ratio": abs(pulp.split.cross_check_ratio or 0.0),
        "jain": fast.split.jain_asset,
        "jain_site": fast.split.jain_site,
        "rules": [_row(name, fast, by_pulp, cheapest) for name, (fast, by_pulp) in by_rule.items()],
        "weights": [
            {"fairness_cny_per_kwh": weight, "cost_ratio": _more(one, cheapest), "jain": round(one.split.jain_asset, 4)}
            for weight, one in by_weight.items()
        ],
        **window,
        "rounds": options["rounds"],
        "cpus": os.cpu_count(),
        "load_at_start": round(load, 1),
    }


def _row(name: str, fast: _Timed, by_pulp: _Timed, cheapest: float) -> dict[str, Any]:
    return {
        "rule": name,
        "fast_ms": round(fast.wall_ms, 2),
        "pulp_ms": round(by_pulp.wall_ms, 1),
        "pulp_status": by_pulp.split.status,
        "cost_ratio": _more(fast, cheapest),
        "jain": round(fast.split.jain_asset, 4),
        "jain_site": round(fast.split.jain_site, 4),
    }


def _more(one: _Timed, cheapest: float) -> float | None:
    """Cost above the cheapest split there is."""
    return round(one.split.cost_cny_per_hour / cheapest - 1.0, 6) if cheapest else None


def _timed(problem: SplitProblem, rule: Rule, method: str, rounds: int) -> _Timed:
    def once() -> tuple[Split, int]:
        split = split_instruction(problem, rule=rule, deadline_s=DEADLINE_S, method=method)
        return split, len(check_split(problem, split.change_kw, split.shortfall_kw))

    gc.collect()
    wall_ms, cpu_ms, (split, violations) = clocked(once, rounds)
    error_kw = abs(abs(problem.change_kw) - split.shortfall_kw - abs(float(split.change_kw.sum())))
    return _Timed(wall_ms, cpu_ms, split, violations, error_kw)


def _raw_lp(problem: SplitProblem) -> tuple[float, float]:
    """(ms, cost [CNY/h]) of the LP with one column per asset, arrays straight to HiGHS."""
    up = problem.change_kw >= 0
    room, caps = (problem.up_room_kw, problem.site_up_kw) if up else (problem.down_room_kw, problem.site_down_kw)
    n, sites = len(room), len(caps)
    walls: list[float] = []
    for _ in range(SLOW_ROUNDS):
        began = time.perf_counter()
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = n, sites + 1
        lp.col_cost_, lp.col_lower_, lp.col_upper_ = problem.cost_cny_per_kwh, np.zeros(n), room
        lp.row_lower_ = np.append(np.zeros(sites), abs(problem.change_kw))
        lp.row_upper_ = np.append(caps, abs(problem.change_kw))
        lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        lp.a_matrix_.start_ = np.arange(0, 2 * n + 1, 2)
        lp.a_matrix_.index_ = np.column_stack((problem.site, np.full(n, sites))).ravel()
        lp.a_matrix_.value_ = np.ones(2 * n)
        solver = highspy.Highs()
        solver.setOptionValue("output_flag", False)
        solver.setOptionValue("threads", 1)
        solver.passModel(lp)
        solver.run()
        walls.append(1e3 * (time.perf_counter() - began))
        if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            raise CommandError("HiGHS did not solve the raw LP.")
    return round(median(walls), 1), solver.getInfo().objective_function_value
