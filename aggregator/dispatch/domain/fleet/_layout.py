"""The linear programme of one virtual site: which variable stands in which row. Its numbers are in _site_numbers.

    balance   import - export + over_import - over_export + generation + own + flows of top groups = - fixed        dual h lam
    share     sum export <= ratio x sum generation                                                     dual -h share
    demand    peak >= import + over_import                                                             dual of each period
    flow      flow of a group = its own + flows of its inner groups, inside its limits, over and under at a price
    state     z[t] = keep z[t-1] + charge - discharge / (eta_in eta_out) + drift       z = energy / (h eta_in), as kW-periods
    taken     q[t] = q[t-1] + taking, least <= q <= most
    budget    sum shed <= periods x rated
    own       discharge - charge - taking + shed

The owners' limits give way at CAP_CNY_PER_KWH, so that there is always an answer and it says whose limit gave way; so do
the levels of stores that lose energy at rest, for the mean of that need not suit all of them (gained, lost).
Columns and rows stand in blocks of n periods; the structure is the same for all sites of a fleet.
"""

import numpy as np

from aggregator.dispatch.domain.fleet.virtual import VirtualFleet

Key = tuple[str, int, int]  # what, location, class


class Layout:
    """Where every variable and row stands; entry_row, entry_column, entry_value of all entries; those of `changing` differ
    between sites and are given with the numbers."""

    def __init__(self, virtual: VirtualFleet) -> None:
        self.n = virtual.periods
        self.column: dict[Key, np.ndarray] = {}
        self.row: dict[Key, np.ndarray] = {}
        self.columns = self.rows = 0
        self._fixed: list[tuple[np.ndarray, np.ndarray, float]] = []
        self._varying: list[tuple[np.ndarray, np.ndarray]] = []
        self.varying: dict[Key, slice] = {}
        self.coefficients = 0
        self._site(virtual)
        for location in range(virtual.locations):
            self._place(virtual, location)
        self._links(virtual)
        every = [(r, c, np.full(len(c), v)) for r, c, v in self._fixed] + [(r, c, np.zeros(len(c))) for r, c in self._varying]
        self.entry_row, self.entry_column, self.entry_value = (np.concatenate(parts) for parts in zip(*every, strict=True))
        self.changing = slice(len(self.entry_row) - self.coefficients, len(self.entry_row))

    def _new(self, what: str, location: int = 0, kind: int = 0, width: int | None = None) -> np.ndarray:
        width = self.n if width is None else width
        self.column[what, location, kind] = np.arange(self.columns, self.columns + width)
        self.columns += width
        return self.column[what, location, kind]

    def _new_row(self, what: str, location: int = 0, kind: int = 0, width: int | None = None) -> np.ndarray:
        width = self.n if width is None else width
        self.row[what, location, kind] = np.arange(self.rows, self.rows + width)
        self.rows += width
        return self.row[what, location, kind]

    def _put(self, rows: np.ndarray, columns: np.ndarray, value: float) -> None:
        self._fixed.append((np.broadcast_to(rows, columns.shape), columns, value))

    def _vary(self, key: Key, rows: np.ndarray, columns: np.ndarray) -> None:
        self._varying.append((np.broadcast_to(rows, columns.shape), columns))
        self.varying[key] = slice(self.coefficients, self.coefficients + len(columns))
        self.coefficients += len(columns)

    def _site(self, virtual: VirtualFleet) -> None:
        balance = self._new_row("balance")
        for what, sign in (("import", 1.0), ("export", -1.0), ("over_import", 1.0), ("over_export", -1.0), ("generation", 1.0)):
            self._put(balance, self._new(what), sign)
        if np.isfinite(virtual.sites.export_share_ratio).any():
            share = self._new_row("share", width=1)
            self._put(share, self.column["export", 0, 0], 1.0)
            self._vary(("share", 0, 0), share, self.column["generation", 0, 0])
        if (virtual.sites.demand_price_cny_per_kw > 0).any():
            demand = self._new_row("demand")
            for what in ("import", "over_import"):  # or giving way would be a way around the charge
                self._put(demand, self.column[what, 0, 0], -1.0)
            self._put(demand, np.broadcast_to(self._new("peak", width=1), demand.shape), 1.0)

    def _place(self, virtual: VirtualFleet, location: int) -> None:
        if location:
            own = self._new_row("flow", location)
            for what, sign in (("flow", -1.0), ("over", -1.0), ("under", 1.0)):
                self._put(own, self._new(what, location), sign)
        else:
            own = self.row["balance", 0, 0]
        for kind, stores in enumerate(virtual.stores):
            state = self._new_row("state", location, kind)
            charge, discharge = self._new("charge", location, kind), self._new("discharge", location, kind)
            level = self._new("level", location, kind)
            self._put(own, charge, -1.0)
            self._put(own, discharge, 1.0)
            self._put(state, level, 1.0)
            self._put(state, charge, -1.0)
            self._vary(("loss", location, kind), state, discharge)
            if stores.leaky:
                self._put(state, self._new("gained", location, kind), -1.0)
                self._put(state, self._new("lost", location, kind), 1.0)
                self._vary(("keep", location, kind), state[1:], level[:-1])
            else:
                self._put(state[1:], level[:-1], -1.0)
        for kind in range(len(virtual.fills)):
            row = self._new_row("taken", location, kind)
            taking, taken = self._new("taking", location, kind), self._new("taken", location, kind)
            self._put(own, taking, -1.0)
            self._put(row, taken, 1.0)
            self._put(row[1:], taken[:-1], -1.0)
            self._put(row, taking, -1.0)
        for kind in range(len(virtual.calls)):
            shed = self._new("shed", location, kind)
            self._put(own, shed, 1.0)
            self._put(self._new_row("budget", location, kind, width=1), shed, 1.0)

    def _links(self, virtual: VirtualFleet) -> None:
        """A group's injection enters where it hangs: fixed where all sites agree, else a coefficient of 1 in one of the rows."""
        for location in range(1, virtual.locations):
            present = virtual.group_of[:, location] >= 0
            around = np.unique(virtual.outer[present, location])
            for outer in around:
                row = self.row["flow", int(outer), 0] if outer else self.row["balance", 0, 0]
                for what, sign in (("flow", 1.0), ("over", 1.0), ("under", -1.0)):
                    columns = self.column[what, location, 0]
                    if len(around) == 1:
                        self._put(row, columns, sign)
                    else:
                        self._vary((what, location, int(outer)), row, columns)
