"""Which limit that assets share stands in an asset's way in a period, read off the finished schedule."""

import numpy as np

from aggregator.dispatch.domain.problem import ScheduleProblem
from aggregator.dispatch.domain.schedule import Schedule, group_injection

AT_KW = 1e-3


class SharedLimits:
    """Connections, feeders, export shares, charged peaks and the promise of one schedule."""

    def __init__(self, problem: ScheduleProblem, schedule: Schedule) -> None:
        self.problem, self.schedule = problem, schedule
        self._groups = group_injection(problem, schedule.injection_kw)
        self._at_share = {key for key in problem.site_keys if self._share_is_used_up(key)}
        self._promise = np.zeros(len(problem.grid), dtype=bool)
        if problem.firm is not None and problem.firm.fixed_kw is not None:
            window, firm = problem.firm.window, problem.firm
            spare = firm.direction * (schedule.portfolio_kw[window] - firm.baseline_kw) - firm.fixed_kw
            self._promise[window] = (problem.promised_kw[window] > 0) & (spare <= AT_KW)

    def limit(self, key: str, t: int) -> str:
        """Code of the innermost limit that what the asset is behind stands at; "" = none."""
        problem, schedule, site_key = self.problem, self.schedule, self.problem.devices[key][0]
        name = problem.group_of.get(key)
        while name is not None:
            group, flow = problem.groups[name], self._groups[name][t]
            if -flow >= group.import_limit_kw - AT_KW:
                return "group_import_limit"
            if flow >= group.export_limit_kw - AT_KW:
                return "group_export_limit"
            name = group.parent
        site = problem.sites[site_key]
        if schedule.import_kw[site_key][t] >= site.import_limit_kw - AT_KW:
            return "site_import_limit"
        if schedule.export_kw[site_key][t] >= site.export_limit_kw - AT_KW:
            return "site_export_limit"
        outward = schedule.export_kw[site_key][t] > AT_KW or schedule.import_kw[site_key][t] <= AT_KW
        return "export_share" if site_key in self._at_share and outward else ""

    def relief(self, key: str, t: int) -> str:
        """Reason to take less from the grid: a limit of import, or the charged peak; "" = none."""
        limit = self.limit(key, t)
        if limit in ("group_import_limit", "site_import_limit"):
            return limit
        site_key = self.problem.devices[key][0]
        site, flow = self.problem.sites[site_key], self.schedule.import_kw[site_key]
        at_peak = flow[t] >= max(float(flow.max()), site.peak_so_far_kw) - AT_KW
        return "demand_peak" if site.demand_price_cny_per_kw > 0 and at_peak and flow[t] > AT_KW else ""

    def promise(self, t: int) -> str:
        """Where the portfolio gives just what its firm block promises."""
        return "promise" if self._promise[t] else ""

    def _share_is_used_up(self, site_key: str) -> bool:
        problem, h = self.problem, self.problem.grid.hours
        site = problem.sites[site_key]
        if np.isinf(site.export_share_ratio):
            return False
        own = [key for key in sorted(problem.generators, key=str) if problem.devices[key][0] == site_key]
        most = site.may_export_kwh(h * sum(float(self.schedule.injection_kw[key].sum()) for key in own))
        return h * float(self.schedule.export_kw[site_key].sum()) >= most - h * AT_KW
