"""The whole fleet as one PuLP model. Minimises cost [CNY].

    import - export + used generation + injections of assets = - fixed injection        per site and period
    s[t] = keep s[t-1] + drift[t] + h eta_in charge[t] - h discharge[t] / eta_out       store
    h eta_in sum of charge = need                                                       fill
    _exact_calls.py                                                                     call
    sum of sites - up + down - over + under = reference                                 market

Limits of connections, groups and export shares give way at CAP_CNY_PER_KWH; those of assets never do.
"""

import numpy as np
import pulp

from aggregator.dispatch.domain._bulk import ModelBuilder, Term
from aggregator.dispatch.domain.fleet._exact_calls import ExactCall
from aggregator.dispatch.domain.fleet._reach import Reach
from aggregator.dispatch.domain.fleet.problem import CAP_CNY_PER_KWH, NO_GROUP, NO_PROFILE, FleetProblem

Variables = list[pulp.LpVariable]
EQ, LE, GE = pulp.LpConstraintEQ, pulp.LpConstraintLE, pulp.LpConstraintGE


class ExactModel:
    """The model and the way back from its variables; `relaxed`: calls may be on in part.

    charge, discharge [store], fill [fill] : variables of the window [first, end); empty where nothing can move.
    generation [site] : {period: variable}. slack : what limits give way [kW in a period]. guarded : {store: periods of its
    window that have a binary for its direction}.
    """

    def __init__(self, problem: FleetProblem, *, relaxed: bool) -> None:
        self.problem, self.relaxed = problem, relaxed
        self.charge: list[Variables] = []
        self.discharge: list[Variables] = []
        self.fill: list[Variables] = []
        self.call: list[ExactCall] = []
        self.generation: list[dict[int, pulp.LpVariable]] = []
        self.slack: Variables = []
        self.guarded: dict[int, set[int]] = {}
        self._reach = Reach(problem)
        self._build = ModelBuilder("fleet")
        n = problem.periods
        self._site_terms: list[list[list[Term]]] = [[[] for _ in range(n)] for _ in range(len(problem.sites))]
        self._group_terms: list[list[list[Term]]] = [[[] for _ in range(n)] for _ in range(len(problem.groups))]
        self._stores()
        self._fills()
        self._calls()
        self._groups()
        self._market(self._sites())
        self.model = self._build.finish()

    def _places(self, site: int, group: int) -> list[list[list[Term]]]:
        """The sums, by period, that an asset's injection enters: its site's, its group's and the group's around it."""
        places = [self._site_terms[site]]
        while group != NO_GROUP:
            places.append(self._group_terms[group])
            group = int(self.problem.groups.parent[group])
        return places

    def _stores(self) -> None:
        h, build, stores = self.problem.hours, self._build, self.problem.stores
        for i in range(len(stores)):
            first, length = int(stores.first[i]), max(int(stores.end[i] - stores.first[i]), 0)
            low, most_in, most_out = (self._course(i, name) for name in ("min_kwh", "charge_kw", "discharge_kw"))
            drift = self._course(i, "drift_kwh")
            zero, value = [0.0] * length, float(stores.end_value_cny_per_kwh[i])
            charge = build.variables(zero, most_in) if any(most_in) else []
            wear = h * float(stores.wear_cny_per_kwh[i])
            discharge = build.variables(zero, most_out, [wear] * length) if any(most_out) else []
            if length:
                low[-1] = max(low[-1], float(stores.end_kwh[i]))
                level = build.variables(low, self._course(i, "max_kwh"), [*zero[1:], -value])
            else:
                build.add_cost(-value * float(stores.initial_kwh[i]))
            keep, gain, loss = float(stores.keep_ratio[i]), -h * float(stores.eta_in[i]), h / float(stores.eta_out[i])
            places = self._places(int(stores.site[i]), int(stores.group[i]))
            for k in range(length):
                terms: list[Term] = [(level[k], 1.0)]
                if k:
                    terms.append((level[k - 1], -keep))
                if charge:
                    terms.append((charge[k], gain))
                if discharge:
                    terms.append((discharge[k], loss))
                build.row(terms, EQ, drift[k] + (0.0 if k else keep * float(stores.initial_kwh[i])))
                for place in places:
                    if charge:
                        place[first + k].append((charge[k], -1.0))
                    if discharge:
                        place[first + k].append((discharge[k], 1.0))
            self.charge.append(charge)
            self.discharge.append(discharge)

    def _course(self, i: int, name: str) -> list[float]:
        """A bound or the drift of a store in its window, from its profile if it has one."""
        stores, profiles = self.problem.stores, self.problem.profiles
        window, profile = slice(int(stores.first[i]), int(stores.end[i])), int(stores.profile[i])
        if profile != NO_PROFILE:
            return getattr(profiles, name)[profile, window].tolist()
        return [0.0 if name == "drift_kwh" else float(getattr(stores, name)[i])] * (window.stop - window.start)

    def one_way(self, store: int, k: int) -> bool:
        """Charge or discharge, never both, in the k-th period of a store's window. False where that is already said."""
        periods = self.guarded.setdefault(store, set())
        if k in periods:
            return False
        periods.add(k)
        charge, discharge = self.charge[store][k], self.discharge[store][k]
        inward = self._build.variable(0.0, 1.0, integer=True)
        self._build.row([(charge, 1.0), (inward, -charge.upBound)], LE, 0.0)
        self._build.row([(discharge, 1.0), (inward, discharge.upBound)], LE, discharge.upBound)
        return True

    def hold_limits(self) -> None:
        """No limit gives way any more."""
        for v in self.slack:
            v.upBound = 0.0

    def _fills(self) -> None:
        problem, fills = self.problem, self.problem.fills
        for i in range(len(fills)):
            first, end = int(fills.first[i]), int(fills.end[i])
            length = max(end - first, 0)
            charge = self._build.variables([0.0] * length, [float(fills.charge_kw[i])] * length)
            gain = problem.hours * float(fills.eta_in[i])
            self._build.row([(v, gain) for v in charge], EQ, float(fills.need_kwh[i]))
            for place in self._places(int(fills.site[i]), int(fills.group[i])):
                for t, v in enumerate(charge, first):
                    place[t].append((v, -1.0))
            self.fill.append(charge)

    def _calls(self) -> None:
        problem, caps = self.problem, self.problem.shed_caps_kw.tolist()
        for i, (site, group) in enumerate(zip(problem.calls.site.tolist(), problem.calls.group.tolist(), strict=True)):
            call = ExactCall(self._build, problem, i, caps[i], relaxed=self.relaxed)
            self.call.append(call)
            for place in self._places(site, group):
                for t, terms in call.terms.items():
                    place[t].extend(terms)

    def _give_way(self, cost: float = 0.0) -> pulp.LpVariable:
        slack = self._build.variable(0.0, None, self.problem.hours * CAP_CNY_PER_KWH + cost)
        self.slack.append(slack)
        return slack

    def _groups(self) -> None:
        groups, reach = self.problem.groups, self._reach
        for g, sums in enumerate(self._group_terms):
            most, least = float(groups.export_limit_kw[g]), float(-groups.import_limit_kw[g])
            for t, terms in enumerate(sums):
                fixed = float(groups.fixed_injection_kw[g, t])
                if reach.group_out_kw[g, t] > most:
                    self._build.row([*terms, (self._give_way(), -1.0)], LE, most - fixed)
                if -reach.group_in_kw[g, t] < least:
                    self._build.row([*terms, (self._give_way(), 1.0)], GE, least - fixed)

    def _sites(self) -> list[list[Term]]:
        """By period the terms of the portfolio's injection."""
        sites, h, build, reach, n = self.problem.sites, self.problem.hours, self._build, self._reach, self.problem.periods
        portfolio: list[list[Term]] = [[] for _ in range(n)]
        for e in range(len(sites)):
            buy, sell = (h * sites.buy_cny_per_kwh[e]).tolist(), (h * sites.sell_cny_per_kwh[e]).tolist()
            fixed, available = sites.fixed_injection_kw[e].tolist(), sites.generation_kw[e].tolist()
            import_limit, export_limit = float(sites.import_limit_kw[e]), float(sites.export_limit_kw[e])
            peak, demand = float(sites.peak_so_far_kw[e]), float(sites.demand_price_cny_per_kw[e])
            excess = build.variable(0.0, None, demand) if demand > 0 else None
            out, into = reach.site_out_kw[e].tolist(), reach.site_in_kw[e].tolist()
            exports: list[Term] = []
            used: dict[int, pulp.LpVariable] = {}
            for t in range(n):
                imports: list[Term] = []
                if into[t] > 0:
                    imports.append((build.variable(0.0, import_limit, buy[t]), 1.0))
                    if into[t] > import_limit:
                        imports.append((self._give_way(buy[t]), 1.0))
                    if excess is not None and into[t] > peak:
                        build.row([*imports, (excess, -1.0)], LE, peak)
                outward: list[Term] = []
                if out[t] + available[t] > 0:
                    outward.append((build.variable(0.0, export_limit, -sell[t]), -1.0))
                    if out[t] > export_limit:
                        outward.append((self._give_way(-sell[t]), -1.0))
                if available[t] > 0:
                    used[t] = build.variable(0.0, available[t])
                flows = imports + outward
                generated: list[Term] = [(used[t], 1.0)] if t in used else []
                build.row(self._site_terms[e][t] + flows + generated, EQ, -fixed[t])
                portfolio[t] += [(v, -c) for v, c in flows]
                exports += [(v, 1.0) for v, _ in outward]
            share = float(sites.export_share_ratio[e])
            if exports and np.isfinite(share):
                terms = [*exports, *((v, -share) for v in used.values()), (self._give_way(), -1.0)]
                build.row(terms, LE, float(sites.export_credit_kwh[e]) / h)
            self.generation.append(used)
        return portfolio

    def _market(self, portfolio: list[list[Term]]) -> None:
        problem, h, market = self.problem, self.problem.hours, self.problem.market
        if not problem.market_values.any():
            return
        steps = market.up_kw.shape[1], market.down_kw.shape[1]
        for t, terms in enumerate(portfolio):
            up = self._build.variables([0.0] * steps[0], market.up_kw[t].tolist(), (-h * market.up_price_cny_per_kwh[t]).tolist())
            down = self._build.variables([0.0] * steps[1], market.down_kw[t].tolist(), (h * market.down_price_cny_per_kwh[t]).tolist())
            over = self._build.variable(0.0, None, h * float(market.over_price_cny_per_kwh[t]))
            under = self._build.variable(0.0, None, h * float(market.under_price_cny_per_kwh[t]))
            above: list[Term] = [(v, -1.0) for v in [*up, over]]
            below: list[Term] = [(v, 1.0) for v in [*down, under]]
            self._build.row(terms + above + below, EQ, float(market.reference_injection_kw[t]))
