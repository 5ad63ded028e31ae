"""A change of the portfolio's injection for one period, split over assets in milliseconds.

min sum cost x + (fairness / 2) sum x^2 / range, 0 <= x <= range, sum of a site <= its room, sum x = D.
Used where the solver does not deliver, and as a cross-check of it. See Boyd, Convex Optimization 5.5.3.
"""

from dataclasses import dataclass

import numpy as np

FAIRNESS = 0.05
BISECTIONS = 200


@dataclass(frozen=True)
class Split:
    """sum(change_kw) = demanded - direction x shortfall, exactly to rounding; change_kw (n_assets,) signed."""

    change_kw: np.ndarray
    shortfall_kw: float


def split_change(
    *,
    demanded_kw: float,
    up_kw: np.ndarray,
    down_kw: np.ndarray,
    cost_cny_per_kwh: np.ndarray,
    site: np.ndarray,
    site_up_kw: np.ndarray,
    site_down_kw: np.ndarray,
    fairness: float = FAIRNESS,
) -> Split:
    """Water-filling inside sites, then over sites; fairness 0 = plain merit order.

    up_kw, down_kw, cost_cny_per_kwh, site (index of the asset's site): (n_assets,). site_up_kw,
    site_down_kw: room of each site's connection [kW] >= 0, (n_sites,). Nobody moves against the demand.
    """
    sign = 1.0 if demanded_kw >= 0 else -1.0
    room = np.maximum(0.0, up_kw if sign > 0 else down_kw).astype(float)
    caps = np.maximum(0.0, site_up_kw if sign > 0 else site_down_kw).astype(float)
    wanted = abs(demanded_kw)
    most = np.minimum(np.bincount(site, weights=room, minlength=len(caps)), caps)
    amount = min(wanted, float(most.sum()))
    fill = _merit_order if fairness == 0 else _water
    if amount >= most.sum():  # everything goes
        x = _within_sites(lambda k, need: fill(room[k], cost_cny_per_kwh[k], need, fairness), site, most, len(room))
    else:
        x = _over_sites(room, cost_cny_per_kwh, site, caps, amount, fairness, fill)
    return Split(sign * x + 0.0, wanted - amount)


def _within_sites(fill, site: np.ndarray, amounts: np.ndarray, n: int) -> np.ndarray:
    x = np.zeros(n)
    for s, amount in enumerate(amounts):
        members = np.flatnonzero(site == s)
        if len(members) and amount > 0:
            x[members] = fill(members, float(amount))
    return x


def _over_sites(room, cost, site, caps, amount, fairness, fill) -> np.ndarray:
    """Sites whose share exceeds their room are held there; the others share the rest (at most n_sites rounds)."""
    held = np.zeros(len(caps), dtype=bool)
    while True:
        free = ~held[site]
        x = np.zeros(len(room))
        x[free] = fill(room[free], cost[free], amount - float(caps[held].sum()), fairness)
        sums = np.bincount(site, weights=x, minlength=len(caps))
        over = ~held & (sums > caps + 1e-12)
        if not over.any():
            break
        held |= over
    for s in np.flatnonzero(held):
        members = np.flatnonzero(site == s)
        x[members] = fill(room[members], cost[members], float(caps[s]), fairness)
    return x


def _merit_order(room: np.ndarray, cost: np.ndarray, amount: float, _: float) -> np.ndarray:
    order = np.lexsort((np.arange(len(room)), cost))
    before = np.cumsum(room[order]) - room[order]
    x = np.zeros(len(room))
    x[order] = np.clip(amount - before, 0.0, room[order])
    return x


def _water(room: np.ndarray, cost: np.ndarray, amount: float, fairness: float) -> np.ndarray:
    """x = clip(room (level - cost) / fairness, 0, room); the level by bisection, the last rest given out exactly."""
    if not len(room) or amount <= 0:
        return np.zeros(len(room))
    low, high = float(cost.min()), float(cost.max()) + fairness

    def at(level: float) -> np.ndarray:
        return np.clip(room * (level - cost) / fairness, 0.0, room)

    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if at(middle).sum() < amount:
            low = middle
        else:
            high = middle
    x = at(low)
    rest = amount - x.sum()
    for k in np.argsort(x - room, kind="stable"):  # widest room first
        step = min(max(rest, -x[k]), room[k] - x[k])
        x[k] += step
        rest -= step
        if rest == 0:
            break
    return x
