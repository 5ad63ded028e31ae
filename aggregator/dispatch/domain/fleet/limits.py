"""Which shared limits bind a plan, and what one more unit of each would be worth."""

from dataclasses import dataclass

import numpy as np

from aggregator.dispatch.domain.fleet.prices import Prices
from aggregator.dispatch.domain.fleet.problem import FleetProblem
from aggregator.dispatch.domain.fleet.result import Flows

AT_RATIO = 1e-4  # of the limit: nearer than this the plan stands at it
LEAST_PRICE = 1e-4
SITE_LIMITS = ("import_limit", "export_limit", "demand_peak", "export_share")
GROUP_LIMITS = ("group_import_limit", "group_export_limit")


@dataclass(frozen=True)
class LimitPrice:
    """`limit` of site or group `row` (-1: the portfolio's promise) binds in `periods`; `price` is the largest among them.

    unit: cny_per_kwh (one more kWh through the limit), or cny_per_kw (one kW less of the charged peak).
    """

    limit: str
    row: int
    periods: tuple[int, ...]
    price: float
    unit: str = "cny_per_kwh"


def limit_prices(problem: FleetProblem, prices: Prices, flows: Flows) -> list[LimitPrice]:
    """The dearest first. Prices are duals of the plan with summed assets: good estimates, not exact for single assets."""
    sites, mu = problem.sites, prices.mu_cny_per_kwh
    demand = prices.demand_cny_per_kw / problem.hours
    share = np.where(np.isfinite(sites.export_share_ratio), prices.share_cny_per_kwh, 0.0)[:, None]
    at_import = flows.import_kw >= sites.import_limit_kw[:, None] * (1 - AT_RATIO)
    at_export = flows.export_kw >= sites.export_limit_kw[:, None] * (1 - AT_RATIO)
    importing = np.where(at_import, prices.lam_cny_per_kwh - sites.buy_cny_per_kwh - mu - demand, 0.0)
    exporting = np.where(at_export, sites.sell_cny_per_kwh + mu - prices.lam_cny_per_kwh - share, 0.0)
    found = _rows("import_limit", importing) + _rows("export_limit", exporting)
    found += _rows("group_import_limit", prices.group_down_cny_per_kwh) + _rows("group_export_limit", prices.group_up_cny_per_kwh)
    for e, row in enumerate(prices.demand_cny_per_kw):
        made = np.flatnonzero(row > LEAST_PRICE)
        if len(made):
            found.append(LimitPrice("demand_peak", e, tuple(made.tolist()), float(row.sum()), "cny_per_kw"))
    for e in np.flatnonzero(share[:, 0] > LEAST_PRICE).tolist():
        found.append(LimitPrice("export_share", e, tuple(range(problem.periods)), float(share[e, 0])))
    found += [LimitPrice("promise", -1, row.periods, row.price) for row in _rows("promise", np.abs(mu)[None])]
    return sorted(found, key=lambda row: (-row.price, row.limit, row.row))


def _rows(limit: str, price: np.ndarray) -> list[LimitPrice]:
    binding = price > LEAST_PRICE
    return [
        LimitPrice(limit, int(k), tuple(np.flatnonzero(binding[k]).tolist()), float(price[k].max()))
        for k in np.flatnonzero(binding.any(axis=1))
    ]
