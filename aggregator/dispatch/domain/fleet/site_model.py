"""The middle level: what a kWh is worth at every site, from one small model that is built once and solved site after site.

The model is written in PuLP and stays in the solver; from site to site only its numbers change and the solver goes on from
where it stood. Sites are solved in batches that all begin from the same basis, so that the prices, where several sets are
equally right, do not depend on the number of threads.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from aggregator.dispatch.domain._bulk import BulkHighs, ModelBuilder
from aggregator.dispatch.domain.fleet._clusters import cluster_sites
from aggregator.dispatch.domain.fleet._layout import Layout
from aggregator.dispatch.domain.fleet._site_lp import put_site, read_prices
from aggregator.dispatch.domain.fleet._site_numbers import Numbers, site_numbers
from aggregator.dispatch.domain.fleet.prices import Prices, blank_prices
from aggregator.dispatch.domain.fleet.problem import FleetProblem
from aggregator.dispatch.domain.fleet.virtual import VirtualFleet

OPTIMAL = "kOptimal"  # HiGHS' name of it
BATCH = 128  # sites whose numbers are laid out together
ORDERED = 8  # clusters that are gone through one after the other


class SiteModel:
    """One site's model, alive in the solver. Not to be shared between threads."""

    def __init__(self, problem: FleetProblem, virtual: VirtualFleet) -> None:
        self.virtual = virtual
        self.layout = Layout(virtual)
        first = site_numbers(self.layout, virtual, np.zeros(1, dtype=np.int64), np.zeros(problem.periods))
        builder = ModelBuilder("site")
        put_site(builder, self.layout, first, 0)
        self.model = builder.finish()
        # Presolve would only be used where the solver begins anew because something went wrong, and it has been wrong itself.
        self.model.solve(BulkHighs(threads=1, presolve="off"))
        self._live: Any = self.model.solverModel
        self._now = first
        changing = self.layout.changing
        self._changing = list(zip(self.layout.entry_row[changing].tolist(), self.layout.entry_column[changing].tolist(), strict=True))
        self._coefficient = first.coefficient[0].copy()
        self._basis = self._live.getBasis()

    def solve(self, values: Numbers, site: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Values of the columns and duals of the rows, for row `site` of `values`, from where the solver stands; None without optimum."""
        live = self._live
        now = self._now
        low, high, cost, row_low, row_high = (getattr(values, name)[site] for name in ("low", "high", "cost", "row_low", "row_high"))
        columns = np.flatnonzero((low != now.low[0]) | (high != now.high[0])).astype(np.int32)
        live.changeColsBounds(len(columns), columns, low[columns], high[columns])
        columns = np.flatnonzero(cost != now.cost[0]).astype(np.int32)
        live.changeColsCost(len(columns), columns, cost[columns])
        rows = np.flatnonzero((row_low != now.row_low[0]) | (row_high != now.row_high[0])).astype(np.int32)
        live.changeRowsBounds(len(rows), rows, row_low[rows], row_high[rows])
        for name, new in (("low", low), ("high", high), ("cost", cost), ("row_low", row_low), ("row_high", row_high)):
            getattr(now, name)[0] = new
        wanted, change = values.coefficient[site], live.changeCoeff
        different = np.flatnonzero(wanted != self._coefficient)
        for k, value in zip(different.tolist(), wanted[different].tolist(), strict=True):
            change(*self._changing[k], value)
        self._coefficient[:] = wanted
        live.run()
        if live.getModelStatus().name != OPTIMAL:
            live.clearSolver()
            live.run()
            if live.getModelStatus().name != OPTIMAL:
                return None
        found = live.getSolution()
        return np.asarray(found.col_value), np.asarray(found.row_dual)

    @property
    def cost_cny(self) -> float:
        """Of the site solved last, market value included."""
        return float(self._live.getInfo().objective_function_value)

    def restart(self) -> None:
        """Go on from the first basis, whatever was solved in between."""
        self._live.setBasis(self._basis)

    def batch(self, part: np.ndarray, mu_cny_per_kwh: np.ndarray, out: Prices, is_over: Callable[[], bool]) -> int:
        """Fill in `out` for the sites `part` (m,), one after the other. Returns how many have no optimum, or not in time."""
        values = site_numbers(self.layout, self.virtual, part, mu_cny_per_kwh)
        count, failed = len(values.low), 0
        x, y = np.empty((count, self.layout.columns)), np.empty((count, self.layout.rows))
        self.restart()
        for k in range(count):
            found = None if is_over() else self.solve(values, k)
            failed += found is None
            x[k], y[k] = found or self._unmoved(values, k)
        read_prices(self.layout, self.virtual, part, x, y, out)
        return failed

    def _unmoved(self, values: Numbers, site: int) -> tuple[np.ndarray, np.ndarray]:
        """Should the solver fail on a site: it is priced at its tariff, as if no asset moved. Any price is good for a valid plan."""
        at, balance = self.layout.column, self.layout.row["balance", 0, 0]
        x, y = np.zeros(self.layout.columns), np.zeros(self.layout.rows)
        generated = values.high[site, at["generation", 0, 0]]
        needed = values.row_low[site, balance] - generated
        x[at["generation", 0, 0]] = generated
        x[at["import", 0, 0]], x[at["export", 0, 0]] = np.maximum(needed, 0.0), np.maximum(-needed, 0.0)
        y[balance] = values.cost[site, at["import", 0, 0]]
        for location in range(1, self.virtual.locations):
            y[self.layout.row["flow", location, 0]] = y[balance]
        return x, y


def like_after_like(virtual: VirtualFleet) -> np.ndarray:
    """Sites in an order in which neighbours are alike: the solver then needs a third of the steps from one to the next."""
    sites = virtual.sites
    consumed = np.maximum(-sites.fixed_injection_kw, 0.0).sum(axis=1)
    generated = sites.generation_kw.sum(axis=1)
    charged = sites.demand_price_cny_per_kw > 0
    ratio = generated / np.maximum(generated + consumed, 1e-9)
    return np.lexsort((ratio, charged, sites.export_share_ratio, cluster_sites(virtual, ORDERED), *virtual.outer.T))


def site_prices(
    problem: FleetProblem,
    virtual: VirtualFleet,
    mu_cny_per_kwh: np.ndarray,
    *,
    threads: int = 1,
    is_over: Callable[[], bool] = lambda: False,
) -> tuple[Prices, int]:
    """Prices of all sites at the portfolio's value mu (n,), and how many sites are only priced at their tariffs.

    `is_over` is asked before every site; once it says so, no more are solved.
    """
    n_sites = len(problem.sites)
    out = blank_prices(n_sites, len(problem.groups), mu_cny_per_kwh)
    order = like_after_like(virtual)
    parts = [order[begin : begin + BATCH] for begin in range(0, n_sites, BATCH)]
    threads = max(1, min(threads, len(parts)))
    models = [SiteModel(problem, virtual) for _ in range(threads)]

    def work(k: int) -> int:
        return sum(models[k].batch(part, mu_cny_per_kwh, out, is_over) for part in parts[k::threads])

    if threads == 1:
        return out, work(0)
    with ThreadPoolExecutor(threads) as pool:
        return out, sum(pool.map(work, range(threads)))
