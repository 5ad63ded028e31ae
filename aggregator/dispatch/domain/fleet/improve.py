"""Schedules from prices: guided sweeps, peaks that are lowered step by step, then sweeps that read tariffs and market themselves."""

from collections.abc import Callable
from typing import Any

import numpy as np

from aggregator.dispatch.domain.fleet._sweep import CALLS, FILLS, STORES
from aggregator.dispatch.domain.fleet._watch import Watch
from aggregator.dispatch.domain.fleet.cost import cost_by_site, cost_of, flows_of
from aggregator.dispatch.domain.fleet.mend import CROSSED_KW, crossed_by_site, crossed_kw, mend
from aggregator.dispatch.domain.fleet.prices import Prices
from aggregator.dispatch.domain.fleet.problem import CAP_CNY_PER_KWH, FleetProblem
from aggregator.dispatch.domain.fleet.schedules import Schedules

ALL = FILLS | CALLS | STORES
Order = tuple[tuple[int, float], ...]
# Guided sweeps: who answers, and with how little faith in the local price. Loads come second: before stores shave the peak, calling
# them for it seems to pay, and no single move would undo that. All together is better at some sites where a peak is charged.
GUIDED: Order = ((STORES | FILLS, 0.005), (ALL, 0.03))
TOGETHER: Order = ((ALL, 0.005), (ALL, 0.03))
LAST_SLOPE = 0.1  # of the guided sweep that reads the market itself, and of those that lower peaks
SMOOTH = 0.5  # of the market's deepest step, see schedules.true
TRUE = ((STORES, SMOOTH), (ALL, 0.0))  # the last without smoothing: it never raises the cost
LOWERED = 6  # times at most that a peak is lowered
LOWER_TO = 1 / 3  # of what the peak reached lacks of the one aimed at
PEAK_RATIO, PEAK_KW = 2e-3, 1e-3  # a peak so near the one aimed at is left


def improved(problem: FleetProblem, prices: Prices, watch: Watch, *, threads: int, seed: int) -> Schedules:
    """All sweeps; in the other order as well where they leave a limit crossed that the sites' own programmes do not mend. The one
    that crosses less, of those the cheapest. Without time left, as far as they came.
    """
    found: list[tuple[float, float, Schedules]] = []
    for order in (GUIDED, TOGETHER):
        if found and (found[0][0] == 0 or watch.is_over()):
            break
        schedules = Schedules(problem, seed=seed, is_over=watch.is_over)
        schedules.limit_exports(prices.xcap_kw)
        _guide_each(schedules, problem, prices, order=order, threads=threads, is_over=watch.is_over)
        reading = {"mu_cny_per_kwh": prices.mu_cny_per_kwh, "smoothing_kw": SMOOTH * _deepest_kw(problem)}
        _guide(schedules, problem, prices, which=ALL, slope=LAST_SLOPE, **reading)
        watch.lap("guided")
        settle(schedules, problem, prices.share_cny_per_kwh, passes=TRUE)
        schedules.finish()
        mend(problem, schedules, prices, watch)
        watch.lap("true")
        flows = flows_of(problem, schedules.moves, value_injection_cny_per_kwh=prices.mu_cny_per_kwh)
        crossed = crossed_kw(problem, schedules.moves, flows)
        found.append((crossed if crossed > CROSSED_KW else 0.0, cost_of(problem, schedules.moves, flows), schedules))
    return min(found, key=lambda row: row[:2])[2]


def _guide_each(
    schedules: Schedules, problem: FleetProblem, prices: Prices, *, order: Order, threads: int, is_over: Callable[[], bool]
) -> None:
    """The guided sweeps that do not couple sites; where a peak is charged in both orders, each site as it is cheaper."""
    guide(schedules, problem, prices, order=order, threads=threads)
    charged = problem.sites.demand_price_cny_per_kw > 0
    if not charged.any() or is_over():
        return
    cost, before = _local_cny(problem, schedules, prices), schedules.standing(charged)
    schedules.take_out(charged)
    guide(schedules, problem, prices, order=TOGETHER if order is GUIDED else GUIDED, threads=threads, at=charged)
    schedules.put_back(before, charged & ((_local_cny(problem, schedules, prices) >= cost) | is_over()))
    lower_peaks(schedules, problem, prices, threads=threads, is_over=is_over)


def lower_peaks(schedules: Schedules, problem: FleetProblem, prices: Prices, *, threads: int, is_over: Callable[[], bool]) -> None:
    """Where a peak is above the one aimed at, towards it in steps that each make the site cheaper.

    A peak that several stores can only keep together is not found in one step: all that is missing would fall on one period.
    """
    charged = problem.sites.demand_price_cny_per_kw > 0
    aim, cost = schedules.peak_kw(prices.target_kw), _local_cny(problem, schedules, prices)
    for _ in range(LOWERED):
        reached = schedules.peak_kw(schedules.site_kw)
        at = charged & (reached > aim * (1 + PEAK_RATIO) + PEAK_KW)
        if not at.any() or is_over():
            return
        peak, before = np.where(at, aim + LOWER_TO * (reached - aim), reached), schedules.standing(at)
        _guide(schedules, problem, prices, which=ALL, slope=LAST_SLOPE, at=at, peak_kw=peak, threads=threads)
        new = _local_cny(problem, schedules, prices)
        dearer = at & (new >= cost)
        schedules.put_back(before, dearer)
        aim, cost = np.where(dearer, peak, aim), np.where(dearer, cost, new)


def _local_cny(problem: FleetProblem, schedules: Schedules, prices: Prices) -> np.ndarray:
    """(E,) what sites cost when the portfolio values their injection at mu; what crosses a connection or a group at the cap."""
    moves, mu = schedules.moves, prices.mu_cny_per_kwh
    flows = flows_of(problem, moves, value_injection_cny_per_kwh=mu)
    own = cost_by_site(problem, moves, flows) - problem.hours * (flows.export_kw - flows.import_kw) @ mu
    return own + problem.hours * CAP_CNY_PER_KWH * crossed_by_site(problem, schedules.group_kw, flows)


def guide(
    schedules: Schedules,
    problem: FleetProblem,
    prices: Prices,
    *,
    order: Order = GUIDED,
    threads: int = 1,
    at: np.ndarray | None = None,
) -> None:
    """The guided sweeps in which sites know nothing of each other, from steep to flat; at (E,) bool: at these alone."""
    for which, slope in order:
        _guide(schedules, problem, prices, which=which, slope=slope, threads=threads, at=at)


def _guide(schedules: Schedules, problem: FleetProblem, prices: Prices, *, slope: float, **how: Any) -> None:
    _, spill = _shares(problem, prices.share_cny_per_kwh)
    schedules.guided(
        value_cny_per_kwh=prices.lam_cny_per_kwh,
        target_kw=prices.target_kw,
        spill_cny_per_kwh=spill,
        group_shift_cny_per_kwh=prices.group_down_cny_per_kwh - prices.group_up_cny_per_kwh,
        slope=slope,
        **how,
    )


def settle(schedules: Schedules, problem: FleetProblem, share_cny_per_kwh: np.ndarray, *, passes: tuple[tuple[int, float], ...]) -> None:
    """True sweeps: of each pass the types of assets, and how much of its deepest step the market is smoothed. share (E,): see Prices."""
    share, spill = _shares(problem, share_cny_per_kwh)
    for which, smooth in passes:
        smoothing_kw = smooth * _deepest_kw(problem)
        schedules.true(share_price_cny_per_kwh=share, spill_cny_per_kwh=spill, which=which, smoothing_kw=smoothing_kw)


def _deepest_kw(problem: FleetProblem) -> float:
    market = problem.market
    return float(max(market.up_kw.max(initial=0.0), market.down_kw.max(initial=0.0)))


def _shares(problem: FleetProblem, share_cny_per_kwh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(E,) each: price of the export share, and what a curtailed kWh is worth, both 0 where no share is ruled."""
    ratio = problem.sites.export_share_ratio
    bounded = np.isfinite(ratio)
    share = np.where(bounded, share_cny_per_kwh, 0.0)
    return share, -np.where(bounded, ratio, 0.0) * share
