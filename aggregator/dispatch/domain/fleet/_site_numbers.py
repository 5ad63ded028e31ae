"""The numbers of many sites' linear programmes at a time, in the order of a layout."""

from dataclasses import dataclass

import numpy as np

from aggregator.dispatch.domain.fleet._layout import Layout
from aggregator.dispatch.domain.fleet.problem import CAP_CNY_PER_KWH, NO_GROUP
from aggregator.dispatch.domain.fleet.virtual import VirtualFleet


@dataclass(frozen=True)
class Numbers:
    """Bounds and costs of m sites: (m, columns), (m, rows), and the coefficients that differ between sites (m, coefficients)."""

    low: np.ndarray
    high: np.ndarray
    cost: np.ndarray
    row_low: np.ndarray
    row_high: np.ndarray
    coefficient: np.ndarray


def site_numbers(layout: Layout, virtual: VirtualFleet, part: np.ndarray, mu: np.ndarray) -> Numbers:
    """Of the sites `part` (m,), at the portfolio's value mu (n,) [CNY/kWh]."""
    sheet = _Sheet(layout, virtual, part)
    sheet.connection(mu)
    for location in range(virtual.locations):
        if location:
            sheet.group(location)
        for kind in range(len(virtual.stores)):
            sheet.store(location, kind)
        for kind in range(len(virtual.fills)):
            sheet.fill(location, kind)
        for kind in range(len(virtual.calls)):
            sheet.call(location, kind)
    return sheet.values


class _Sheet:
    """Columns begin as >= 0 at no cost, rows as = 0."""

    def __init__(self, layout: Layout, virtual: VirtualFleet, part: np.ndarray) -> None:
        m = len(part)
        self.layout, self.virtual, self.part = layout, virtual, part
        columns, rows = (m, layout.columns), (m, layout.rows)
        coefficient = np.zeros((m, layout.coefficients))
        self.values = Numbers(np.zeros(columns), np.full(columns, np.inf), np.zeros(columns), np.zeros(rows), np.zeros(rows), coefficient)

    def _columns(self, what: str, location: int = 0, kind: int = 0) -> slice:
        """A slice, for that is faster than an index."""
        block = self.layout.column[what, location, kind]
        return slice(int(block[0]), int(block[-1]) + 1)

    def _rows(self, what: str, low: np.ndarray | float, high: np.ndarray | float, location: int = 0, kind: int = 0) -> None:
        block = self.layout.row[what, location, kind]
        self.values.row_low[:, block] = low
        self.values.row_high[:, block] = high

    def connection(self, mu: np.ndarray) -> None:
        sites, part, values, h = self.virtual.sites, self.part, self.values, self.virtual.hours
        bought, sold = self._columns("import"), self._columns("export")
        values.high[:, bought] = sites.import_limit_kw[part, None]
        values.high[:, sold] = sites.export_limit_kw[part, None]
        values.high[:, self._columns("generation")] = sites.generation_kw[part]
        values.cost[:, bought] = h * (sites.buy_cny_per_kwh[part] + mu)
        values.cost[:, sold] = -h * (sites.sell_cny_per_kwh[part] + mu)
        for what in ("over_import", "over_export"):
            values.cost[:, self._columns(what)] = h * CAP_CNY_PER_KWH
        needed = -sites.fixed_injection_kw[part]
        self._rows("balance", needed, needed)
        if ("share", 0, 0) in self.layout.row:
            ratio = sites.export_share_ratio[part]
            bounded = np.isfinite(ratio)
            values.coefficient[:, self.layout.varying["share", 0, 0]] = -np.where(bounded, ratio, 0.0)[:, None]
            self._rows("share", -np.inf, np.where(bounded, sites.export_credit_kwh[part] / h, np.inf)[:, None])
        if ("demand", 0, 0) in self.layout.row:
            peak = self._columns("peak")
            values.low[:, peak] = sites.peak_so_far_kw[part, None]
            values.cost[:, peak] = sites.demand_price_cny_per_kw[part, None]
            self._rows("demand", 0.0, np.inf)

    def group(self, location: int) -> None:
        """Its flow is what its assets inject; what is fixed behind it leaves them less room."""
        virtual, values = self.virtual, self.values
        group = virtual.group_of[self.part, location]
        here = np.flatnonzero(group != NO_GROUP)
        rows, groups = group[here], virtual.groups
        flow = self._columns("flow", location)
        values.high[:, flow] = 0.0
        values.low[here, flow] = -groups.import_limit_kw[rows, None] - groups.fixed_injection_kw[rows]
        values.high[here, flow] = groups.export_limit_kw[rows, None] - groups.fixed_injection_kw[rows]
        for what in ("over", "under"):
            values.cost[:, self._columns(what, location)] = virtual.hours * CAP_CNY_PER_KWH
        outer = virtual.outer[self.part, location]
        for what, sign in (("flow", 1.0), ("over", 1.0), ("under", -1.0)):
            for around in range(location):
                block = self.layout.varying.get((what, location, around))
                if block is not None:
                    values.coefficient[:, block] = np.where((group != NO_GROUP) & (outer == around), sign, 0.0)[:, None]

    def store(self, location: int, kind: int) -> None:
        stores, values, h = self.virtual.stores[kind], self.values, self.virtual.hours
        here = self.part, location
        eta_in, eta_out = stores.eta_in[here][:, None], stores.eta_out[here][:, None]
        unit = h * eta_in  # kWh stored per kW-period charged
        charge, discharge, level = (self._columns(what, location, kind) for what in ("charge", "discharge", "level"))
        values.high[:, charge] = stores.stored_course_kw[here] / eta_in
        values.high[:, discharge] = stores.drawn_course_kw[here] * eta_out
        values.cost[:, discharge] = h * stores.wear_cny_per_kwh[here][:, None]
        values.low[:, level] = stores.min_kwh[here] / unit
        values.high[:, level] = stores.max_kwh[here] / unit
        end = level.stop - 1
        values.low[:, end] = np.maximum(values.low[:, end], stores.end_kwh[here] / unit[:, 0])
        values.high[:, end] = np.maximum(values.high[:, end], values.low[:, end])
        values.cost[:, end] = -stores.end_value_cny_per_kwh[here] * unit[:, 0]
        values.coefficient[:, self.layout.varying["loss", location, kind]] = 1.0 / (eta_in * eta_out)
        right = np.zeros((len(self.part), self.layout.n))
        initial = stores.initial_kwh[here][:, None]
        if stores.leaky:
            keep = stores.keep_ratio[here][:, None]
            values.coefficient[:, self.layout.varying["keep", location, kind]] = -keep
            for what in ("gained", "lost"):
                values.cost[:, self._columns(what, location, kind)] = CAP_CNY_PER_KWH * unit
            right += stores.drift_kwh[here] / unit
            initial = keep * initial
        right[:, :1] += initial / unit
        self._rows("state", right, right, location, kind)

    def fill(self, location: int, kind: int) -> None:
        fills, here = self.virtual.fills[kind], (self.part, location)
        self.values.high[:, self._columns("taking", location, kind)] = fills.cap_kw[here]
        self.values.low[:, self._columns("taken", location, kind)] = fills.least_kw_periods[here]
        self.values.high[:, self._columns("taken", location, kind)] = fills.most_kw_periods[here]

    def call(self, location: int, kind: int) -> None:
        calls, here = self.virtual.calls[kind], (self.part, location)
        shed = self._columns("shed", location, kind)
        self.values.high[:, shed] = calls.net_kw[here]
        self.values.cost[:, shed] = self.virtual.hours * calls.cost_cny_per_kwh[here][:, None]
        self._rows("budget", -np.inf, calls.budget_kw_periods[here][:, None], location, kind)
