"""The certificate: no plan costs less than this bound, whatever prices it is computed with.

Every shared limit is priced instead of kept, so that the fleet falls apart into pieces that are minimised one by one:

    balance   export - import = fixed + generation + injections     h lam     each asset minimises own cost - h price . injection
    export    in [0, limit]                                          earns h (sell + mu - lam) - h share
    import    in [0, limit]                                          costs h (buy + mu - lam) + demand
    generated in [0, available]                                      earns h lam + h ratio share
    peak      >= peak so far                                         the sum of its weights is at most the demand price
    group     injections <= export limit - fixed, and so downwards   h up, h down
    market    F anywhere                                             - integral of its value + h mu F
"""

from dataclasses import dataclass

import numpy as np

from aggregator.dispatch.domain.fleet.prices import Prices
from aggregator.dispatch.domain.fleet.problem import NO_GROUP, FleetProblem


@dataclass(frozen=True)
class AssetPrices:
    """price_rows (E + G, n) [CNY/kWh]: what an injection is worth directly at each site, then in each group; and each asset's row."""

    price_rows: np.ndarray
    row_of_store: np.ndarray
    row_of_fill: np.ndarray
    row_of_call: np.ndarray


def asset_prices(problem: FleetProblem, prices: Prices) -> AssetPrices:
    """An asset sees its site's price, less what its group and the group around it charge for their export limits, plus imports'."""
    groups, n_sites = problem.groups, len(problem.sites)
    toll = np.maximum(prices.group_up_cny_per_kwh, 0.0) - np.maximum(prices.group_down_cny_per_kwh, 0.0)
    nested = groups.parent != NO_GROUP
    path = toll.copy()
    path[nested] += toll[groups.parent[nested]]
    rows = np.concatenate([prices.lam_cny_per_kwh, prices.lam_cny_per_kwh[groups.site] - path])

    def row(site: np.ndarray, group: np.ndarray) -> np.ndarray:
        return np.where(group == NO_GROUP, site, n_sites + group)

    stores, fills, calls = problem.stores, problem.fills, problem.calls
    return AssetPrices(rows, row(stores.site, stores.group), row(fills.site, fills.group), row(calls.site, calls.group))


def lower_bound(problem: FleetProblem, prices: Prices, best_cny: float) -> float:
    """Lagrangian bound [CNY] on the cost of every plan that keeps all limits.

    best_cny: sum over assets of the minimum of own cost - h x price . injection, at the prices of `asset_prices`.
    What no dual can be (negative, or a market value outside the market's) is clipped first; lam is free.
    """
    return sites_bound(problem, prices, best_cny) + market_bound(problem, prices.mu_cny_per_kwh)


def sites_bound(problem: FleetProblem, prices: Prices, best_cny: float) -> float:
    """The bound's part of sites and assets: parts of a fleet's shards at one mu add up, with one `market_bound` for all."""
    return best_cny + _sites(problem, prices, _possible(problem, prices.mu_cny_per_kwh)) + _groups(problem, prices)


def market_bound(problem: FleetProblem, mu_cny_per_kwh: np.ndarray) -> float:
    """The bound's part of the market, mu (n,)."""
    return _market(problem, _possible(problem, mu_cny_per_kwh))


def _possible(problem: FleetProblem, mu: np.ndarray) -> np.ndarray:
    values = problem.market_values
    return np.clip(mu, values[:, -1], values[:, 0])


def _gain(values: np.ndarray) -> np.ndarray:
    return np.maximum(values, 0.0)


def _sites(problem: FleetProblem, prices: Prices, mu: np.ndarray) -> float:
    sites, h, lam = problem.sites, problem.hours, prices.lam_cny_per_kwh
    bounded = np.isfinite(sites.export_share_ratio)
    share = np.where(bounded, _gain(prices.share_cny_per_kwh), 0.0)[:, None]
    ratio = np.where(bounded, sites.export_share_ratio, 0.0)[:, None]
    demand = _gain(prices.demand_cny_per_kw)
    total = demand.sum(axis=1, keepdims=True)
    # The peak itself must not pay: weights above the demand price are scaled down to it.
    most = sites.demand_price_cny_per_kw[:, None]
    demand = demand * np.divide(most, total, out=np.ones_like(total), where=total > most)
    imported = sites.import_limit_kw[:, None] * _gain(h * (lam - sites.buy_cny_per_kwh - mu) - demand)
    exported = sites.export_limit_kw[:, None] * _gain(h * (sites.sell_cny_per_kwh + mu - lam - share))
    generated = sites.generation_kw * _gain(h * (lam + ratio * share))
    fixed = h * lam * sites.fixed_injection_kw
    paid = sites.peak_so_far_kw * demand.sum(axis=1) + share[:, 0] * sites.export_credit_kwh
    return -float((imported + exported + generated + fixed).sum() + paid.sum())


def _groups(problem: FleetProblem, prices: Prices) -> float:
    groups = problem.groups
    up = _gain(prices.group_up_cny_per_kwh) * (groups.export_limit_kw[:, None] - groups.fixed_injection_kw)
    down = _gain(prices.group_down_cny_per_kwh) * (groups.import_limit_kw[:, None] + groups.fixed_injection_kw)
    return -problem.hours * float((up + down).sum())


def _market(problem: FleetProblem, mu: np.ndarray) -> float:
    market = problem.market
    up = market.up_kw * _gain(market.up_price_cny_per_kwh - mu[:, None])
    down = market.down_kw * _gain(mu[:, None] - market.down_price_cny_per_kwh)
    return problem.hours * float((mu * market.reference_injection_kw).sum() - up.sum() - down.sum())
