"""How far the assets of each site and group can go: limits that cannot be reached need no rows."""

import numpy as np

from aggregator.dispatch.domain.fleet.problem import NO_GROUP, NO_PROFILE, FleetProblem


class Reach:
    """site_out_kw, site_in_kw (E, n); group_out_kw, group_in_kw (G, n): most injection and most consumption, signed.

    Of powers alone, without generation; a fleet may reach less than that for want of energy.
    """

    def __init__(self, problem: FleetProblem) -> None:
        stores, fills, calls, n = problem.stores, problem.fills, problem.calls, problem.periods
        t = np.arange(n)

        def inside(first: np.ndarray, end: np.ndarray) -> np.ndarray:
            return (t >= first[:, None]) & (t < end[:, None])

        shaped = stores.profile != NO_PROFILE
        charge = np.repeat(stores.charge_kw[:, None], n, axis=1)
        discharge = np.repeat(stores.discharge_kw[:, None], n, axis=1)
        charge[shaped] = problem.profiles.charge_kw[stores.profile[shaped]]
        discharge[shaped] = problem.profiles.discharge_kw[stores.profile[shaped]]
        window = inside(stores.first, stores.end)
        called = inside(np.where(calls.running > 0, 0, calls.first), calls.end)
        back = inside(np.where(calls.running > 0, 0, calls.first + 1), calls.end + calls.rebound) & (calls.rebound[:, None] > 0)
        caps = problem.shed_caps_kw
        parts = (
            (stores, discharge * window, charge * window),
            (fills, np.zeros((len(fills), n)), fills.charge_kw[:, None] * inside(fills.first, fills.end)),
            (calls, caps * called, calls.rebound_ratio[:, None] * caps * back),
        )
        fixed = problem.sites.fixed_injection_kw
        self.site_out_kw, self.site_in_kw = fixed.copy(), -fixed
        self.group_out_kw, self.group_in_kw = problem.groups.fixed_injection_kw.copy(), -problem.groups.fixed_injection_kw
        for columns, out, into in parts:
            np.add.at(self.site_out_kw, columns.site, out)
            np.add.at(self.site_in_kw, columns.site, into)
            group = columns.group.copy()
            while (group != NO_GROUP).any():
                member = group != NO_GROUP
                np.add.at(self.group_out_kw, group[member], out[member])
                np.add.at(self.group_in_kw, group[member], into[member])
                group[member] = problem.groups.parent[group[member]]
