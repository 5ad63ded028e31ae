"""One virtual site in a PuLP model, and the prices that a solution of it holds."""

from math import inf

import numpy as np
import pulp

from aggregator.dispatch.domain._bulk import ModelBuilder
from aggregator.dispatch.domain.fleet._layout import Layout
from aggregator.dispatch.domain.fleet._site_numbers import Numbers
from aggregator.dispatch.domain.fleet.prices import UNLIMITED_KW, Prices
from aggregator.dispatch.domain.fleet.problem import NO_GROUP
from aggregator.dispatch.domain.fleet.virtual import VirtualFleet

MOVING_KW = 1e-6


def put_site(builder: ModelBuilder, layout: Layout, values: Numbers, site: int) -> list[pulp.LpVariable]:
    """Add the programme of row `site` of `values` to a model; its variables, in the layout's order."""
    high = [None if v == inf else v for v in values.high[site].tolist()]
    columns = builder.variables(values.low[site].tolist(), high, values.cost[site].tolist())
    entry = layout.entry_value.copy()
    entry[layout.changing] = values.coefficient[site]
    terms: list[list] = [[] for _ in range(layout.rows)]
    for row, column, value in zip(layout.entry_row.tolist(), layout.entry_column.tolist(), entry.tolist(), strict=True):
        terms[row].append((columns[column], value))
    bounds = zip(terms, values.row_low[site].tolist(), values.row_high[site].tolist(), strict=True)
    for row_terms, low, up in bounds:
        if low == up:
            builder.row(row_terms, pulp.LpConstraintEQ, low)
        elif low > -inf:
            builder.row(row_terms, pulp.LpConstraintGE, low)
        else:
            builder.row(row_terms, pulp.LpConstraintLE, up)
    return columns


def read_prices(layout: Layout, virtual: VirtualFleet, part: np.ndarray, x: np.ndarray, y: np.ndarray, out: Prices) -> None:
    """From columns' values x and rows' duals y, (m, ..) each, into `out` for the sites `part`."""
    sites, h = virtual.sites, virtual.hours
    at, row = layout.column, layout.row
    value = {what: x[:, at[what, 0, 0]] for what in ("import", "export", "over_import", "over_export", "generation")}
    lam = y[:, row["balance", 0, 0]] / h
    out.lam_cny_per_kwh[part] = lam
    if ("share", 0, 0) in row:
        out.share_cny_per_kwh[part] = np.maximum(-y[:, row["share", 0, 0][0]], 0.0) / h
    if ("demand", 0, 0) in row:
        out.demand_cny_per_kw[part] = np.maximum(y[:, row["demand", 0, 0]], 0.0)
    exported = value["export"] + value["over_export"]
    curtailed = sites.generation_kw[part] - value["generation"]
    out.target_kw[part] = exported - value["import"] - value["over_import"] + curtailed
    out.xcap_kw[part] = np.where(curtailed > MOVING_KW, exported, UNLIMITED_KW)
    out.over_limit_kw[part] = _given(np.maximum(value["over_import"], value["over_export"]))
    prices = [lam]
    prices += [y[:, row["flow", location, 0]] / h for location in range(1, virtual.locations)]
    for location in range(1, virtual.locations):
        group = virtual.group_of[part, location]
        here = np.flatnonzero(group != NO_GROUP)
        outside = np.stack(prices, axis=1)[here, virtual.outer[part, location][here]]
        toll = outside - prices[location][here]
        out.group_up_cny_per_kwh[group[here]] = np.maximum(toll, 0.0)
        out.group_down_cny_per_kwh[group[here]] = np.maximum(-toll, 0.0)
        over = np.maximum(x[:, at["over", location, 0]], x[:, at["under", location, 0]])
        out.group_over_limit_kw[group[here]] = _given(over[here])


def _given(over_kw: np.ndarray) -> np.ndarray:
    most = over_kw.max(axis=1, initial=0.0)
    return np.where(most > MOVING_KW, most, 0.0)
