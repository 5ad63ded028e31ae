"""Bid curves with CVaR on the simple park: from the fleet's columns to checked curves, interior point against simplex.

Timed is everything from the fleet to checked curves: summing the assets, building the programme, solving, rounding, checking.
The risk-neutral (weight 0), the balanced (1/2) and the risk-averse (1) curves are medians of `--rounds`; what the goals mean
is the balanced one. The same balanced programme by simplex runs once in the same run.
"""

import argparse
import gc
import resource
import time
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import numpy as np
from rich.progress import Progress

from aggregator.dispatch.domain.fleet.problem import FleetProblem
from market.bids.domain.risk import BidCurves, CurveProblem, ReserveTerms, bid_curves, check_curves, price_points
from market.bids.domain.risk_parks import parks_of
from vpp.bench.fleet_park import SEED, simple_park
from vpp.bench.fleet_prices import MARKET_PART, OVER_PRICE
from vpp.bench.memory import PeakMemory
from vpp.bench.natural_course import natural_course

PUBLISHED = (100_000, 50)  # assets and scenarios that the goal is meant for
CONFIDENCE, BALANCED, WEIGHTS = 0.9, 0.5, (0.0, 0.5, 1.0)
LOT_KW = 10.0
DEADLINE_S = 600.0
TINY = (100, 3)
BLOCK_HOURS, LASTING_HOURS, RESERVE_CNY_PER_KW = 4.0, 1.0, 0.12  # invented: a block of four hours at 30 CNY per MW and hour
PERSISTENCE, SPREAD = 0.92, 0.25  # of log prices from one quarter hour to the next, and from day to day
SPIKES, SPIKE, SPIKE_HOURS = 0.1, 0.25, (17.0, 21.0)


def goals(options: dict[str, Any]) -> dict[str, tuple[str, float]]:
    known: dict[str, tuple[str, float]] = {"violations": ("<=", 0), "monotone": (">=", 1)}
    return known | {"wall_seconds": ("<=", 3.0)} if (options["assets"], options["scenarios"]) == PUBLISHED else known


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--assets", type=int, default=PUBLISHED[0])
    parser.add_argument("--scenarios", type=int, default=PUBLISHED[1])
    parser.add_argument("--parks", type=int, default=1, help="virtual parks that the sites are summed into")
    parser.add_argument("--points", type=int, default=8, help="price points of a curve")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--reserve", action="store_true", help="offer reserve beside the curves, in blocks of four hours")
    parser.add_argument("--without-simplex", action="store_true", help="leave the reference out")


@dataclass(frozen=True)
class _Day:
    """Scenarios of one day: prices (S, n) [CNY/kWh], factors (S, 1) of generation and load, the baseline (n,)."""

    fleet: FleetProblem
    prices: np.ndarray
    sun: np.ndarray
    load: np.ndarray
    baseline_kw: np.ndarray
    movable_kw: float


@dataclass(frozen=True)
class _Measured:
    curves: BidCurves
    violations: int
    wall_seconds: float
    cpu_seconds: float
    stages: dict[str, float]


def run(*, options: dict[str, Any], progress: Progress) -> dict[str, Any]:
    day = _day(simple_park(options["assets"], seed=options["seed"]).problem, options["scenarios"], options["seed"])
    reference = not options["without_simplex"]
    task = progress.add_task("bid curves", total=len(WEIGHTS) * options["rounds"] + reference)
    _measure(_day(simple_park(TINY[0]).problem, TINY[1], SEED), options, BALANCED)  # solver and libraries are loaded
    found: dict[float, list[_Measured]] = {weight: [] for weight in WEIGHTS}
    with PeakMemory() as memory:
        for _ in range(options["rounds"]):
            for weight in WEIGHTS:
                found[weight].append(_measure(day, options, weight))
                progress.advance(task)
    timed = found[BALANCED]
    made, wall = timed[-1].curves, median(one.wall_seconds for one in timed)
    every = [one for several in found.values() for one in several]
    figures: dict[str, Any] = {
        "assets": options["assets"],
        "scenarios": options["scenarios"],
        "periods": day.fleet.periods,
        "price_points": options["points"],
        "parks": options["parks"],
        "reserve": options["reserve"],
        "seed": options["seed"],
        "mode": made.solver,
        "status": made.status,
        "wall_seconds": round(wall, 3),
        "cpu_seconds": round(median(one.cpu_seconds for one in timed), 3),
        "stages": {name: round(median(one.stages[name] for one in timed), 3) for name in timed[0].stages},
        "objective_cny": made.objective_cny,
        "lower_bound_cny": made.lower_bound_cny,
        "gap_ratio": made.gap_ratio,
        "monotone": all(bool((np.diff(one.curves.quantity_kw, axis=1) >= 0).all()) for one in every),
        "violations": sum(one.violations for one in every),
        "start_memory_mib": round(memory.start_mib, 1),
        "peak_memory_mib": round(memory.peak_mib, 1),
        "memory_over_start_mib": round(memory.peak_mib - memory.start_mib, 1),
    }
    if reference:
        simplex = _measure(day, options, BALANCED, solvers=("highs_simplex",))
        progress.advance(task)
        figures |= {
            "simplex_wall_seconds": round(simplex.wall_seconds, 3),
            "simplex_cpu_seconds": round(simplex.cpu_seconds, 3),
            "simplex_objective_cny": simplex.curves.objective_cny,
            "cpu_simplex_to_ipm_ratio": round(simplex.cpu_seconds / median(one.cpu_seconds for one in timed), 2),
        }
    return figures | {"cases": [_case(weight, several) for weight, several in found.items()]}


def _case(weight: float, several: list[_Measured]) -> dict[str, Any]:
    curves = several[-1].curves
    return {
        "risk_weight": weight,
        "expected_cost_cny": curves.expected_cost_cny,
        "cvar_cny": curves.cvar_cny,
        "value_at_risk_cny": curves.value_at_risk_cny,
        "gap_ratio": curves.gap_ratio,
        "wall_seconds": round(median(one.wall_seconds for one in several), 3),
        "cpu_seconds": round(median(one.cpu_seconds for one in several), 3),
    }


def _measure(day: _Day, options: dict[str, Any], weight: float, **how: Any) -> _Measured:
    gc.collect()
    cpu, began = _cpu_seconds(), time.perf_counter()
    asked = _asked(day, options["parks"], options["points"], reserve=options["reserve"])
    summed = time.perf_counter() - began
    curves = bid_curves(asked, confidence=CONFIDENCE, risk_weight=weight, deadline_s=DEADLINE_S, lot_kw=LOT_KW, **how)
    violations = check_curves(asked, curves)
    wall = time.perf_counter() - began
    return _Measured(curves, len(violations), wall, _cpu_seconds() - cpu, {"sum": summed} | curves.seconds)


def _cpu_seconds() -> float:
    """Of this process and its children."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _reserve_kw(fleet: FleetProblem) -> tuple[np.ndarray, np.ndarray]:
    """What each store that stands there all day could keep free for a call, up and down [kW]."""
    stores = fleet.stores
    stays = (stores.first == 0) & (stores.end == fleet.periods)
    span_kwh = np.where(stays, stores.max_kwh - stores.min_kwh, 0.0) / LASTING_HOURS
    return np.minimum(stores.discharge_kw, span_kwh * stores.eta_out), np.minimum(stores.charge_kw, span_kwh / stores.eta_in)


def _terms(day: _Day) -> ReserveTerms:
    block = (np.arange(day.fleet.periods) * day.fleet.hours // BLOCK_HOURS).astype(np.int64)
    row = np.ones(int(block[-1]) + 1)
    pay = RESERVE_CNY_PER_KW * row
    return ReserveTerms(block, pay, pay, row > 0, row > 0, LASTING_HOURS, LOT_KW)


def _asked(day: _Day, parks: int, points: int, *, reserve: bool) -> CurveProblem:
    """The quantity is regulation against the baseline; sites keep their own tariffs and only the movement is sold."""
    row = np.zeros(day.fleet.periods)
    summed = (
        replace(park, generation_kw=day.sun * park.generation_kw, fixed_injection_kw=day.load * park.fixed_injection_kw)
        for park in parks_of(day.fleet, parks, reserve_kw=_reserve_kw(day.fleet) if reserve else None)
    )
    return CurveProblem(
        hours=day.fleet.hours,
        prices_cny_per_kwh=day.prices,
        points_cny_per_kwh=price_points(day.prices, points),
        parks=tuple(summed),
        baseline_injection_kw=day.baseline_kw,
        over_cny_per_kwh=row + OVER_PRICE,
        under_cny_per_kwh=1.5 * day.prices + 0.1,
        certified_least_kw=row - day.movable_kw,
        certified_most_kw=row + day.movable_kw,
        reserved_up_kw=row,
        reserved_down_kw=row,
        locked_kw=row + np.nan,
        fixed_cost_cny=np.zeros(len(day.prices)),
        reserve=_terms(day) if reserve else None,
    )


def _day(fleet: FleetProblem, scenarios: int, seed: int) -> _Day:
    """Prices swing around the market's, joined over the hours, some evenings with a spike; the weather is one factor a day."""
    rng, n = np.random.default_rng(seed), fleet.periods
    swing = rng.normal(0, 1, (scenarios, n))
    for t in range(1, n):
        swing[:, t] = PERSISTENCE * swing[:, t - 1] + np.sqrt(1 - PERSISTENCE**2) * swing[:, t]
    hour = (np.arange(n) + 0.5) * fleet.hours
    evening = (hour > SPIKE_HOURS[0]) & (hour < SPIKE_HOURS[1])
    spike = MARKET_PART * SPIKE * evening * (rng.random((scenarios, 1)) < SPIKES)
    middle = (fleet.market.up_price_cny_per_kwh[:, 0] + fleet.market.down_price_cny_per_kwh[:, 0]) / 2
    natural = natural_course(stores=fleet.stores, fills=fleet.fills, profiles=fleet.profiles, hours=fleet.hours, periods=n)
    sites = fleet.sites
    return _Day(
        fleet=fleet,
        prices=middle * np.exp(SPREAD * swing) + spike,
        sun=np.clip(1 + 0.15 * rng.normal(0, 1, (scenarios, 1)), 0.5, 1.4),
        load=np.clip(1 + 0.03 * rng.normal(0, 1, (scenarios, 1)), 0.9, 1.1),
        baseline_kw=(sites.fixed_injection_kw + sites.generation_kw - natural.by_site(len(sites))).sum(axis=0),
        movable_kw=float(fleet.stores.discharge_kw.sum() + fleet.calls.shed_kw.sum()),
    )
