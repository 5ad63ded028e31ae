"""Whole setpoints by largest remainder, first over the sites, then inside each: sums, caps and rooms hold exactly."""

import numpy as np

from aggregator.dispatch.domain.split.ask import Ask

NEAR = 1e-6  # units; a float this little below a whole number is that number
NO_REST = 1e-9
HALF = 0.49


def whole_units(ask: Ask, amount: np.ndarray) -> np.ndarray:
    """(N,) whole units that add up to ask.amount, each next to amount (N,) and inside room, sites inside [least, most].

    A sum that is off by less than half a unit is mended by the rounding itself; more is first spread over what is left of
    the rooms.
    """
    if not len(amount):
        return amount
    amount, of_site = _settled(ask, amount)
    at_site = np.floor(of_site + NEAR)
    at_site += _largest(of_site - at_site, ask.amount - at_site.sum())
    down = np.floor(amount)
    extra = at_site - ask.per_site(down)
    return down + _largest_per_site(ask, amount - down, extra)


def _largest(rest: np.ndarray, count: float) -> np.ndarray:
    """1.0 for the `count` largest, else 0.0."""
    chosen = np.zeros(len(rest))
    if count > 0:
        chosen[np.argsort(-rest, kind="stable")[: int(count)]] = 1.0
    return chosen


def _largest_per_site(ask: Ask, rest: np.ndarray, count: np.ndarray) -> np.ndarray:
    """1.0 for the count (P,) largest of each site: one sort of the rows that have a rest at all."""
    rows = np.flatnonzero(rest > NO_REST)
    site = ask.per_asset(np.arange(len(count)))[rows]
    order = np.argsort(site + (1.0 - rest[rows]))
    many = np.bincount(site, minlength=len(count))
    place = np.arange(len(rows)) - np.repeat(np.cumsum(many) - many, many)  # in the sorted rows of its site
    chosen = np.zeros(len(rest))
    chosen[rows[order]] = place < np.repeat(count, many)
    return chosen


def _settled(ask: Ask, amount: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Amounts inside rooms whose sites lie inside their bounds and add up to the whole, and the sums of the sites (P,)."""
    of_site = ask.per_site(amount)
    inside = np.clip(of_site, ask.least, ask.most)
    if abs(float(inside.sum()) - ask.amount) < HALF and float(np.abs(inside - of_site).max()) <= NEAR:
        return amount, inside
    wanted = _spread(inside, ask.least, ask.most, ask.amount)
    off = wanted != of_site
    room = ask.site_room
    grow = np.divide(wanted - of_site, room - of_site, out=np.zeros_like(room), where=off & (wanted > of_site))
    shrink = np.divide(wanted, of_site, out=np.ones_like(room), where=off & (wanted < of_site))
    amount = amount * ask.per_asset(shrink)
    amount += (ask.room - amount) * ask.per_asset(grow)
    amount = np.minimum(amount, ask.room)
    return amount, np.clip(ask.per_site(amount), ask.least, ask.most)


def _spread(of_site: np.ndarray, least: np.ndarray, most: np.ndarray, total: float) -> np.ndarray:
    missing = total - float(of_site.sum())
    ways = most - of_site if missing > 0 else of_site - least
    return of_site + missing * ways / ways.sum() if missing and ways.sum() > 0 else of_site
