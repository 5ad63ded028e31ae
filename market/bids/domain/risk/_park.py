"""Columns and rows of one park in one scenario: equation (3) of docs/bid-curves.md."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pulp

from aggregator.dispatch.domain import ModelBuilder
from market.bids.domain.risk.delivery import RELIEF_CNY_PER_KWH
from market.bids.domain.risk.problem import VirtualFill, VirtualLoad, VirtualPark, VirtualStore
from market.bids.domain.risk.reserve import ReserveTerms

EQUAL, AT_MOST = pulp.LpConstraintEQ, pulp.LpConstraintLE
Columns = list[pulp.LpVariable]
Terms = list[tuple[pulp.LpVariable, float]]


@dataclass
class Sheet:
    """A programme that keeps its columns and rows in hand, in the order in which they were made."""

    builder: ModelBuilder
    columns: Columns = field(default_factory=list)
    rows: list[pulp.LpConstraint] = field(default_factory=list)

    def add(self, low: np.ndarray | Sequence[float], high: np.ndarray | Sequence[float]) -> Columns:
        made = self.builder.variables(np.asarray(low, dtype=float).tolist(), np.asarray(high, dtype=float).tolist())
        self.columns += made
        return made

    def loose(self, low: float | None) -> pulp.LpVariable:
        """A column without an upper bound."""
        made = self.builder.variable(low, None)
        self.columns.append(made)
        return made

    def row(self, terms: Terms, sense: int, right: float) -> None:
        self.rows.append(self.builder.row(terms, sense, right))


@dataclass(frozen=True)
class Held:
    """Columns of the reserve that a store keeps free, one for each block."""

    up: Columns
    down: Columns
    terms: ReserveTerms


class ParkSheet:
    """`columns`: name of a flow -> its columns, a list for every unit. `cost`: terms of the park's cost in this
    scenario, its injection valued at the market's price besides the park's own prices."""

    def __init__(
        self,
        sheet: Sheet,
        park: VirtualPark,
        *,
        hours: float,
        price_cny_per_kwh: np.ndarray,
        fixed_kw: np.ndarray,
        available_kw: np.ndarray,
        export_credit_kwh: float,
        relief: bool,
        reserve: Mapping[int, Held],
    ) -> None:
        self.sheet, self.park, self.hours, self.n = sheet, park, hours, len(fixed_kw)
        self.cost: Terms = []
        self.balance: list[Terms] = [[] for _ in range(self.n)]
        zero = np.zeros(self.n)
        imported = self._flow(zero + park.import_limit_kw, -1.0, hours * (park.buy_cny_per_kwh + price_cny_per_kwh))
        exported = self._flow(zero + park.export_limit_kw, 1.0, -hours * (park.sell_cny_per_kwh + price_cny_per_kwh))
        used = self._flow(available_kw, -1.0, zero)
        self.columns = {"imported": [imported], "exported": [exported], "used": [used]}
        self.columns |= {name: [] for name in ("charge", "discharge", "fill", "shed", "lacking", "spilled")}
        for k, store in enumerate(park.stores):
            self._store(store, reserve.get(k))
        for fill in park.fills:
            self._fill(fill)
        for load in park.loads:
            self._load(load)
        if relief:
            self._relief(fixed_kw)
        if np.isfinite(park.export_share_ratio):
            credit = export_credit_kwh / hours
            spent = park.export_share_ratio * float(available_kw.sum()) + credit <= 0
            share = [] if spent else [(g, -park.export_share_ratio) for g in used]
            sheet.row([(x, 1.0) for x in exported] + share, AT_MOST, 0.0 if spent else credit)
        if park.demand_price_cny_per_kw > 0:
            self._peak(imported)
        for terms, fixed in zip(self.balance, fixed_kw.tolist(), strict=True):
            sheet.row(terms, EQUAL, fixed)
        self.net = [[(x, 1.0), (m, -1.0)] for x, m in zip(exported, imported, strict=True)]
        if reserve:
            self._called(list(reserve.values()))

    def _flow(self, most_kw: np.ndarray, sign: float, cost_cny_per_kw: np.ndarray) -> Columns:
        """A column per period, `sign` times in the balance: exported - imported - everything that injects = fixed injection."""
        made = self.sheet.add(np.zeros(self.n), most_kw)
        for terms, column in zip(self.balance, made, strict=True):
            terms.append((column, sign))
        self.cost += [(column, cost) for column, cost in zip(made, cost_cny_per_kw.tolist(), strict=True) if cost]
        return made

    def _store(self, store: VirtualStore, held: Held | None) -> None:
        h, zero = self.hours, np.zeros(self.n)
        charge = self._flow(store.charge_kw, 1.0, zero)
        discharge = self._flow(store.discharge_kw, -1.0, zero + h * store.wear_cny_per_kwh)
        low = store.min_kwh.copy()
        low[-1] = max(low[-1], store.end_kwh)
        stored = self.sheet.add(low, np.maximum(store.max_kwh, low))
        if store.end_value_cny_per_kwh:
            self.cost.append((stored[-1], -store.end_value_cny_per_kwh))
        into, out, keep = -h * store.eta_in, h / store.eta_out, -store.keep_ratio
        for t, drift in enumerate(store.drift_kwh.tolist()):
            terms = [(stored[t], 1.0), (charge[t], into), (discharge[t], out)]
            if t:
                terms.append((stored[t - 1], keep))
            self.sheet.row(terms, EQUAL, drift if t else drift - keep * store.initial_kwh)
        self.columns["charge"].append(charge)
        self.columns["discharge"].append(discharge)
        if held is not None:
            self._hold(store, held, charge, discharge, stored)

    def _hold(self, store: VirtualStore, held: Held, charge: Columns, discharge: Columns, stored: Columns) -> None:
        """Power is free for a call through the block, and energy, or room, for as long as a call lasts, from its first moment on."""
        lasts = held.terms.lasting_hours
        for t, b in enumerate(held.terms.block.tolist()):
            self.sheet.row([(discharge[t], 1.0), (held.up[b], 1.0)], AT_MOST, float(store.discharge_kw[t]))
            self.sheet.row([(charge[t], 1.0), (held.down[b], 1.0)], AT_MOST, float(store.charge_kw[t]))
        for t, b in held.terms.held_with():
            self.sheet.row([(held.up[b], lasts / store.eta_out), (stored[t], -1.0)], AT_MOST, -float(store.min_kwh[t]))
            self.sheet.row([(held.down[b], lasts * store.eta_in), (stored[t], 1.0)], AT_MOST, float(store.max_kwh[t]))

    def _called(self, held: list[Held]) -> None:
        """All of the park's reserve fits through its connection."""
        for t, net in enumerate(self.net):
            b = int(held[0].terms.block[t])
            self.sheet.row([*net, *((one.up[b], 1.0) for one in held)], AT_MOST, self.park.export_limit_kw)
            against = [(column, -sign) for column, sign in net]
            self.sheet.row([*against, *((one.down[b], 1.0) for one in held)], AT_MOST, self.park.import_limit_kw)

    def _fill(self, fill: VirtualFill) -> None:
        charge = self._flow(fill.charge_kw, 1.0, np.zeros(self.n))
        so_far = self.sheet.add(fill.least_kwh, np.maximum(fill.most_kwh, fill.least_kwh))
        for t in range(self.n):
            terms = [(so_far[t], 1.0), (charge[t], -self.hours)]
            if t:
                terms.append((so_far[t - 1], -1.0))
            self.sheet.row(terms, EQUAL, 0.0)
        self.columns["fill"].append(charge)

    def _load(self, load: VirtualLoad) -> None:
        shed = self._flow(load.shed_kw, -1.0, np.full(self.n, self.hours * load.cost_cny_per_kwh))
        if load.payback_ratio:
            for terms, column in zip(self.balance[1:], shed, strict=False):
                terms.append((column, load.payback_ratio))
        self.sheet.row([(column, self.hours) for column in shed], AT_MOST, load.most_kwh)
        self.columns["shed"].append(shed)

    def _relief(self, fixed_kw: np.ndarray) -> None:
        """Only where a scenario's own course breaks the connection's limits: the plan says by how much."""
        park, price = self.park, np.full(self.n, self.hours * RELIEF_CNY_PER_KWH)
        moved = [np.abs(fixed_kw), *(store.charge_kw + store.discharge_kw for store in park.stores)]
        moved += [fill.charge_kw for fill in park.fills] + [2 * load.shed_kw for load in park.loads]
        most_kw = np.sum(moved, axis=0)
        self.columns["lacking"].append(self._flow(most_kw, -1.0, price))
        self.columns["spilled"].append(self._flow(most_kw, 1.0, price))

    def _peak(self, imported: Columns) -> None:
        park = self.park
        room_kw = max(0.0, park.import_limit_kw - park.peak_so_far_kw)
        above = self.sheet.add([0.0], [room_kw])[0]
        self.cost.append((above, park.demand_price_cny_per_kw))
        for column in imported:
            self.sheet.row([(column, 1.0), (above, -1.0)], AT_MOST, park.peak_so_far_kw)
