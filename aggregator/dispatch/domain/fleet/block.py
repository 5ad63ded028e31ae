"""How large a constant quantity a fleet should promise through a window: one PuLP model over its sites' summed assets."""

from math import inf

import numpy as np
import pulp

from aggregator.dispatch.domain._bulk import BulkHighs, ModelBuilder
from aggregator.dispatch.domain._solver import FEASIBLE, FencedCbc
from aggregator.dispatch.domain.fleet._layout import Layout
from aggregator.dispatch.domain.fleet._site_lp import put_site
from aggregator.dispatch.domain.fleet._site_numbers import site_numbers
from aggregator.dispatch.domain.fleet.market_model import FEW_SITES, cluster_sites
from aggregator.dispatch.domain.fleet.problem import FleetProblem
from aggregator.dispatch.domain.fleet.virtual import merge, virtual_assets

LEAST_GAIN_CNY = 1e-6
CLUSTERS = 24


def block_kw(
    problem: FleetProblem,
    *,
    window: slice,
    baseline_kw: np.ndarray,
    direction: int,
    gain_cny_per_kw: float,
    max_kw: float,
    deadline_s: float,
) -> float | None:
    """The constant quantity [kW] that pays best, 0 where none pays; None without a solver's answer.

    Held means: direction x (injection of all sites - baseline_kw (n_window,)) >= quantity in every period of `window`.
    gain_cny_per_kw: what one promised kW earns over the whole window beyond the energy. The model knows sums of assets, so the
    answer is an outer one: a plan has to prove it. The problem's market is left out.
    """
    virtual = virtual_assets(problem)
    if len(problem.sites) > FEW_SITES:
        virtual = merge(virtual, cluster_sites(virtual, CLUSTERS))
    layout = Layout(virtual)
    builder, n = ModelBuilder("block"), problem.periods
    entries = site_numbers(layout, virtual, np.arange(len(virtual.sites)), np.zeros(n))
    injection: list[list] = [[] for _ in range(n)]
    for k in range(len(virtual.sites)):
        columns = put_site(builder, layout, entries, k)
        for what, sign in (("export", 1.0), ("over_export", 1.0), ("import", -1.0), ("over_import", -1.0)):
            for t, column in enumerate(layout.column[what, 0, 0].tolist()):
                injection[t].append((columns[column], sign * direction))
    base = _solved(builder, deadline_s)
    if base is None:
        return None
    quantity = builder.variable(0.0, max_kw, -gain_cny_per_kw)
    for k, t in enumerate(range(*window.indices(n))):
        builder.row([*injection[t], (quantity, -1.0)], pulp.LpConstraintGE, direction * float(baseline_kw[k]))
    held = _solved(builder, deadline_s)
    if held is None or held - base > -LEAST_GAIN_CNY:
        return None if held is None else 0.0
    return float(quantity.varValue)


def _solved(builder: ModelBuilder, seconds: float) -> float | None:
    """The least cost [CNY], inf where there is no plan at all; None without a proven answer."""
    model = builder.finish()
    for solver in (BulkHighs(time_limit=max(seconds, 0.0)), FencedCbc(seconds=seconds)):
        try:
            model.solve(solver)
        except Exception:  # noqa: BLE001  (whatever a solver throws, the next one is asked)
            continue
        if model.sol_status == pulp.LpSolutionOptimal and model.valid(FEASIBLE):
            return float(pulp.value(model.objective))
        if model.sol_status == pulp.LpSolutionInfeasible:
            return inf
    return None
