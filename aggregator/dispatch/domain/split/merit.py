"""Merit order: the limit of water-filling without fairness. The cheapest first; equal costs share by one fraction."""

import numpy as np

from aggregator.dispatch.domain.split.ask import Ask, Filled

USED_UNITS = 0.5  # less than this is not sent


def merit_order(ask: Ask) -> Filled:
    """Exact and without search: sort, sum up, cut at the caps of the sites and then at the amount.

    Assets of equal cost at the same site are one step of its curve; steps of equal cost at different sites that are needed
    in part share what is left by one fraction. So the order of assets and sites does not matter.
    """
    steps = _Steps(ask)
    before = steps.before()
    given = np.clip(steps.per_step(ask.least) - before, 0.0, steps.room)  # first what each site must give
    spare = np.clip(steps.per_step(ask.most) - before, 0.0, steps.room) - given
    price, share = _cut(steps.cost, spare, ask.amount - given.sum())
    given += spare * share
    return Filled(steps.amounts(ask, given), price, site_prices(ask, steps.site, steps.cost, given, price))


def within_sites(ask: Ask, site_amount: np.ndarray) -> np.ndarray:
    """(N,) amounts that fill each site's own merit order up to site_amount (P,)."""
    steps = _Steps(ask)
    return steps.amounts(ask, np.clip(steps.per_step(site_amount) - steps.before(), 0.0, steps.room))


class _Steps:
    """Supply curves of all sites one after another: steps of one cost, rising inside a site."""

    def __init__(self, ask: Ask) -> None:
        site = ask.per_asset(np.arange(len(ask.starts)))
        self.order = np.lexsort((ask.cost, site))
        cost, site = ask.cost[self.order], site[self.order]
        new = np.concatenate(([True], (cost[1:] != cost[:-1]) | (site[1:] != site[:-1])))
        first = np.flatnonzero(new)
        self.sizes = np.diff(first, append=len(cost))
        self.cost = cost[first]
        self.site = site[first]
        self.room = np.add.reduceat(ask.room[self.order], first)
        self.site_first = np.flatnonzero(np.diff(self.site, prepend=-1))

    def per_step(self, of_site: np.ndarray) -> np.ndarray:
        return of_site[self.site]

    def before(self) -> np.ndarray:
        """Room of the cheaper steps of the same site."""
        before = np.cumsum(self.room) - self.room
        return before - before[self.site_first][self.site]

    def amounts(self, ask: Ask, given: np.ndarray) -> np.ndarray:
        """(N,) of all assets, from what each step gives."""
        fraction = given / np.maximum(self.room, 1.0)
        amount = np.empty_like(ask.room)
        amount[self.order] = ask.room[self.order] * np.repeat(fraction, self.sizes)
        return amount


def site_prices(ask: Ask, site: np.ndarray, cost: np.ndarray, given: np.ndarray, price: float) -> np.ndarray:
    """(P,) the common price; at a site that its cap or its least amount holds, the cost of the last step that it uses
    (of the first where it uses none).

    site, cost, given: one entry per step of a site's curve.
    """
    of_site = np.bincount(site, given, len(ask.starts))
    dearest, cheapest = np.full(len(ask.starts), -np.inf), np.full(len(ask.starts), np.inf)
    np.maximum.at(dearest, site, np.where(given > USED_UNITS, cost, -np.inf))
    np.minimum.at(cheapest, site, cost)
    dearest = np.maximum(dearest, np.minimum(cheapest, price))
    capped = (of_site >= ask.most - USED_UNITS) & (ask.most < ask.site_room)
    forced = (of_site <= ask.least + USED_UNITS) & (ask.least > 0)
    return np.where(capped | forced, dearest, price)


def _cut(cost: np.ndarray, spare: np.ndarray, amount: float) -> tuple[float, np.ndarray]:
    """The cost at which the amount is reached, and the fraction of each step that is taken."""
    order = np.argsort(cost, kind="stable")
    reached = np.cumsum(spare[order])
    last = min(int(np.searchsorted(reached, amount)), len(cost) - 1)
    price = float(cost[order[last]])
    below, at = cost < price, cost == price
    room = float(spare[at].sum())
    left = amount - float(spare[below].sum())
    share = np.where(below, 1.0, 0.0)
    share[at] = min(1.0, max(0.0, left / room)) if room > 0 else 0.0
    return price, share
