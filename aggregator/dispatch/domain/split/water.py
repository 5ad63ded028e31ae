"""Exact water-filling: every asset gives until its marginal cost reaches one common price.

x_i = clip(weight_i (price - cost_i) / fairness, 0, room_i). Sites whose sum at the common price leaves [least, most] are
held at that bound and get a price of their own. These are the optimality conditions of the QP in `ask`; see Boyd and
Vandenberghe, Convex Optimization, 5.5.3.
"""

from collections.abc import Callable

import numpy as np

from aggregator.dispatch.domain.split.ask import Ask, Filled

STEPS = 200
BISECT_EVERY = 6  # neither chords nor tangents are sure to converge around a bend
RELATIVE = 1e-9
HELD_UNITS = 1e-6  # tolerance of a site's sum that is held at a bound
SUM_UNITS = 0.25  # of the whole sum at most: rounding gives out what is left


def water_fill(ask: Ask) -> Filled:
    """Needs ask.fairness > 0. One pass over the assets per step, about 10 steps."""
    slope = ask.weight / ask.fairness
    lowest, highest = float(ask.cost.min()), float((ask.room / slope + ask.cost).max())
    amount = np.empty_like(slope)  # written again at every step: fresh memory is what costs time here

    def sums(price: float | np.ndarray) -> np.ndarray:
        np.subtract(price, ask.cost, out=amount)
        np.multiply(amount, slope, out=amount)
        np.maximum(amount, 0.0, out=amount)
        return ask.per_site(np.minimum(amount, ask.room, out=amount))

    price, of_site = _common_price(ask, sums, lowest, highest)
    target = np.clip(of_site, ask.least, ask.most)
    site_price = np.full(len(ask.starts), price)
    held = np.flatnonzero(np.abs(of_site - target) > HELD_UNITS)
    if len(held):
        over = of_site[held] > target[held]
        low, high = np.where(over, lowest, price), np.where(over, price, highest)
        site_price[held] = _own_prices(ask, slope, held, target[held], low, high)
        sums(ask.per_asset(site_price))
    return Filled(amount, price, site_price)


def within_sites(ask: Ask, site_amount: np.ndarray) -> np.ndarray:
    """(N,) amounts that share out site_amount (P,) at each site, at a price of its own."""
    slope = ask.weight / ask.fairness
    lowest, highest = float(ask.cost.min()), float((ask.room / slope + ask.cost).max())
    every = np.arange(len(ask.starts))
    price = _own_prices(ask, slope, every, site_amount, np.full(len(every), lowest), np.full(len(every), highest))
    return np.clip((ask.per_asset(price) - ask.cost) * slope, 0.0, ask.room)


def _common_price(ask: Ask, sums: Callable[[float], np.ndarray], low: float, high: float) -> tuple[float, np.ndarray]:
    """At which the sites, clipped at their bounds, give the amount together, and their sums (P,) before they are clipped.

    False position after Anderson and Bjoerck. What was asked last is what is returned.
    """
    tolerance = min(SUM_UNITS, max(HELD_UNITS, RELATIVE * ask.amount))
    below, above = float(ask.least.sum()) - ask.amount, float(ask.most.sum()) - ask.amount
    if above <= 0.0:
        return high, sums(high)
    side, price, of_site = 0, low, ask.least
    for step in range(1, STEPS):
        chord = low - below * (high - low) / (above - below)
        price = chord if low < chord < high and step % BISECT_EVERY else 0.5 * (low + high)
        of_site = sums(price)
        missing = float(np.clip(of_site, ask.least, ask.most).sum()) - ask.amount
        if abs(missing) <= tolerance or not low < price < high:
            break
        if missing < 0.0:
            if side < 0:
                above *= _less(missing, below)
            low, below, side = price, missing, -1
        else:
            if side > 0:
                below *= _less(missing, above)
            high, above, side = price, missing, 1
    return price, of_site


def _less(missing: float, before: float) -> float:
    """How far the end that stays where it is counts less, so that it does not stay for ever."""
    factor = 1.0 - missing / before
    return factor if factor > 0.0 else 0.5


def _own_prices(ask: Ask, slope: np.ndarray, held: np.ndarray, target: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """(len(held),) prices in [low, high] at which held sites give their bounds, all searched together: Newton in a bracket."""
    is_held = np.zeros(len(ask.starts), dtype=bool)
    is_held[held] = True
    rows = ask.per_asset(is_held)
    slope, cost, room, sizes = slope[rows], ask.cost[rows], ask.room[rows], ask.sizes[held]
    starts = np.cumsum(sizes) - sizes
    price = 0.5 * (low + high)
    searching = np.ones(len(target), dtype=bool)
    for step in range(1, STEPS):
        amount = np.clip((np.repeat(price, sizes) - cost) * slope, 0.0, room)
        missing = target - np.add.reduceat(amount, starts)
        growth = np.add.reduceat(np.where((amount > 0.0) & (amount < room), slope, 0.0), starts)
        low, high = np.where(missing > 0, price, low), np.where(missing > 0, high, price)
        searching &= (np.abs(missing) > HELD_UNITS) & (high - low > np.spacing(np.maximum(np.abs(low), np.abs(high))))
        if not searching.any():
            break
        newton = price + np.divide(missing, growth, out=np.full(len(target), np.inf), where=growth > 0)
        use = (newton >= low) & (newton <= high) & (step % BISECT_EVERY != 0)
        price = np.where(searching, np.where(use, newton, 0.5 * (low + high)), price)
    return price
