"""The upper level: what a kWh is worth to the portfolio, from one PuLP model over clusters of like sites and the market's steps."""

from dataclasses import dataclass

import numpy as np
import pulp

from aggregator.dispatch.domain._bulk import BulkHighs, ModelBuilder
from aggregator.dispatch.domain.fleet._clusters import cluster_sites
from aggregator.dispatch.domain.fleet._layout import Layout
from aggregator.dispatch.domain.fleet._site_lp import put_site, read_prices
from aggregator.dispatch.domain.fleet._site_numbers import site_numbers
from aggregator.dispatch.domain.fleet.prices import Prices, blank_prices
from aggregator.dispatch.domain.fleet.problem import FleetProblem
from aggregator.dispatch.domain.fleet.virtual import VirtualFleet, merge

FEW_SITES = 60  # up to here every site is its own cluster, and the sites' prices come from the same model
MOST_COLUMNS = 70_000  # about 2 s
CLUSTERS = 24
FEW_CLUSTERS = 8  # enough where all sites have the same tariff


@dataclass(frozen=True)
class MarketPrices:
    """mu (n,) [CNY/kWh]; steps of the market that the plan uses, up and down (n, K) [kW]; all prices where the model has every site.

    `solved` is False where the time ran out: mu is then the market's value at its reference.
    """

    mu_cny_per_kwh: np.ndarray
    up_kw: np.ndarray
    down_kw: np.ndarray
    sites: Prices | None
    solved: bool


def market_prices(problem: FleetProblem, virtual: VirtualFleet, *, clusters: int | None = None, deadline_s: float) -> MarketPrices:
    """Prices of the portfolio, within `deadline_s` [s] of solver time. A market without prices needs no model: mu is 0."""
    n, market, h = problem.periods, problem.market, problem.hours
    values = problem.market_values
    idle = np.zeros_like(market.up_kw)
    if not values.any():
        return MarketPrices(np.zeros(n), idle, idle, None, True)
    n_sites = len(problem.sites)
    if clusters is None:
        clusters = FEW_CLUSTERS if not np.ptp(virtual.sites.buy_cny_per_kwh, axis=0).any() else CLUSTERS
    parks, layout = virtual, Layout(virtual)
    whole = n_sites <= max(FEW_SITES, clusters) and n_sites * layout.columns <= MOST_COLUMNS
    if not whole:
        parks = merge(virtual, cluster_sites(virtual, clusters))
        layout = Layout(parks)
    count = len(parks.sites)
    builder = ModelBuilder("market")
    entries = site_numbers(layout, parks, np.arange(count), np.zeros(n))
    balance: list[list] = [[] for _ in range(n)]
    for k in range(count):
        columns = put_site(builder, layout, entries, k)
        for what, sign in (("export", 1.0), ("over_export", 1.0), ("import", -1.0), ("over_import", -1.0)):
            for t, column in enumerate(layout.column[what, 0, 0].tolist()):
                balance[t].append((columns[column], sign))
    steps = _put_market(builder, problem, balance)
    model = builder.finish()
    model.solve(BulkHighs(threads=1, time_limit=max(deadline_s, 0.0), presolve="off"))
    if model.sol_status != pulp.LpSolutionOptimal:
        middle = values.shape[1] // 2
        return MarketPrices(values[:, middle - 1 : middle + 1].mean(axis=1), idle, idle, None, False)
    found = model.solverModel.getSolution()
    x, y = np.asarray(found.col_value), np.asarray(found.row_dual)
    mu = np.clip(y[count * layout.rows :] / h, values[:, -1], values[:, 0])
    moved = x[count * layout.columns :].reshape(n, steps)
    k = market.up_kw.shape[1]
    prices = None
    if whole:
        prices = blank_prices(n_sites, len(problem.groups), mu)
        x, y = x[: count * layout.columns].reshape(count, -1), y[: count * layout.rows].reshape(count, -1)
        read_prices(layout, virtual, np.arange(n_sites), x, y, prices)
    return MarketPrices(mu, moved[:, :k], moved[:, k : 2 * k], prices, True)


def _put_market(builder: ModelBuilder, problem: FleetProblem, balance: list[list]) -> int:
    """Injection of all = reference + steps up - steps down + over - under, per period. Returns the number of variables of a period."""
    market, h = problem.market, problem.hours
    one = np.ones(market.up_kw.shape[1])
    sign = np.concatenate([-one, one, [-1.0, 1.0]]).tolist()
    for t, terms in enumerate(balance):
        width = [*market.up_kw[t].tolist(), *market.down_kw[t].tolist(), None, None]
        cost = [-market.up_price_cny_per_kwh[t], market.down_price_cny_per_kwh[t], market.over_price_cny_per_kwh[t : t + 1]]
        price = h * np.concatenate([*cost, market.under_price_cny_per_kwh[t : t + 1]])
        used = builder.variables([0.0] * len(sign), width, price.tolist())
        row = [*terms, *zip(used, sign, strict=True)]
        builder.row(row, pulp.LpConstraintEQ, float(market.reference_injection_kw[t]))
    return len(sign)
