"""The whole fleet as one PuLP model. Minimises cost [CNY].

    import - export + used generation + injections of assets = - fixed injection        per site and period
    s[t] = keep s[t-1] + drift[t] + h eta_in charge[t] - h discharge[t] / eta_out       store
    h eta_in sum of charge = need                                                       fill
    start[t] >= on[t] - on[t-1];  starts in the last `pause` periods + on[t-pause] <= 1;
    on[t] <= starts in the last `max_on` periods                                        call
    sum of sites - up + down - over + under = reference                                 market

A call's end is start[t] - on[t] + on[t-1]. While a call ramps up, its age counts: young[t][0] = start[t],
young[t][i] <= young[t-1][i-1], and what is on is young or full grown; with `on` whole, all of them are.
Limits of connections, groups and export shares give way at CAP_CNY_PER_KWH; those of assets never do.
"""

import numpy as np
import pulp

from aggregator.dispatch.domain._bulk import ModelBuilder, Term
from aggregator.dispatch.domain.fleet._reach import Reach
from aggregator.dispatch.domain.fleet.problem import CAP_CNY_PER_KWH, NO_GROUP, NO_PROFILE, FleetProblem

Variables = list[pulp.LpVariable]
EQ, LE, GE = pulp.LpConstraintEQ, pulp.LpConstraintLE, pulp.LpConstraintGE


class ExactModel:
    """The model and the way back from its variables; `relaxed`: calls may be on in part.

    charge, discharge [store], fill [fill], on [call] : variables of the window [first, end); empty where nothing can move.
    generation [site] : {period: variable}. slack : what limits give way [kW in a period]. guarded : {store: periods of its
    window that have a binary for its direction}.
    """

    def __init__(self, problem: FleetProblem, *, relaxed: bool) -> None:
        self.problem, self.relaxed = problem, relaxed
        self.charge: list[Variables] = []
        self.discharge: list[Variables] = []
        self.fill: list[Variables] = []
        self.on: list[Variables] = []
        self.call_terms: list[dict[int, list[Term]]] = []
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
        calls = self.problem.calls
        for i in range(len(calls)):
            possible = min(calls.max_calls[i], calls.max_periods[i], calls.max_on[i], calls.end[i] - calls.first[i]) > 0
            terms = self._call(i) if possible and calls.shed_kw[i] > 0 else {}
            if not terms:
                self.on.append([])
            self.call_terms.append(terms)
            for place in self._places(int(calls.site[i]), int(calls.group[i])):
                for t, parts in terms.items():
                    place[t].extend(parts)

    def _call(self, i: int) -> dict[int, list[Term]]:
        """Variables and rows of one load; the terms of its injection by period."""
        calls, build, n = self.problem.calls, self._build, self.problem.periods
        first, length = int(calls.first[i]), int(calls.end[i] - calls.first[i])
        ramp, rebound, max_on = int(calls.ramp[i]), int(calls.rebound[i]), int(calls.max_on[i])
        pause = max(1, int(calls.rest[i]), rebound)
        shed, ratio = float(calls.shed_kw[i]), float(calls.rebound_ratio[i]) if rebound else 0.0
        cost = self.problem.hours * float(calls.cost_cny_per_kwh[i]) * shed
        zero, one = [0.0] * length, [1.0] * length
        on = build.variables(zero, one, [cost] * length, integer=not self.relaxed)
        start = build.variables(zero, one, [-cost * ramp / (ramp + 1)] * length)
        self.on.append(on)
        for k in range(length):
            before: list[Term] = [(on[k - 1], 1.0)] if k else []
            build.row([(start[k], 1.0), (on[k], -1.0), *before], GE, 0.0)
            if ramp or rebound:
                build.row([(start[k], 1.0), (on[k], -1.0)], LE, 0.0)
            recent: list[Term] = [(v, 1.0) for v in start[max(0, k - pause + 1) : k + 1]]
            if k >= pause:
                recent.append((on[k - pause], 1.0))
            if len(recent) > 1:
                build.row(recent, LE, 1.0)
            if k >= max_on:
                build.row([(on[k], -1.0), *((v, 1.0) for v in start[k - max_on + 1 : k + 1])], GE, 0.0)
        build.row([(v, 1.0) for v in start], LE, float(calls.max_calls[i]))
        if calls.max_periods[i] < min(length, calls.max_calls[i] * max_on):
            build.row([(v, 1.0) for v in on], LE, float(calls.max_periods[i]))
        terms: dict[int, list[Term]] = {first + k: [(on[k], shed * (1.0 + ratio))] for k in range(length)}
        for k, age_terms in enumerate(self._young(on, start, ramp, shed, cost)):
            # an end is start - on + on before: its rebound shares the variables of what is shed
            (begun, lost), *rest = age_terms or [(start[k], 0.0)]
            terms[first + k] += [(begun, lost - shed * ratio), *rest]
        for k in range(length + rebound if ratio else 0):
            after = terms.setdefault(first + k, []) if first + k < n else []
            after += [(v, -shed * ratio) for v in start[max(0, k - rebound + 1) : min(k, length)]]
            if rebound <= k < length + rebound:
                after.append((on[k - rebound], -shed * ratio))
        return terms

    def _young(self, on: Variables, start: Variables, ramp: int, shed: float, cost: float) -> list[list[Term]]:
        """By period of the window what a ramp keeps back, youngest first; its cost is saved (the start's already)."""
        if not ramp:
            return [[] for _ in on]
        build, kept_back = self._build, [1.0 - (age + 1) / (ramp + 1) for age in range(ramp)]
        young, full = [start[0]], None
        terms: list[list[Term]] = []
        for k in range(len(on)):
            if k:
                grown = build.variables([0.0] * min(k, ramp - 1), [1.0] * min(k, ramp - 1), [-cost * c for c in kept_back[1 : k + 1]])
                for now, before in zip(grown, young, strict=False):
                    build.row([(now, 1.0), (before, -1.0)], LE, 0.0)
                before_full: list[Term] = [(full, -1.0)] if full is not None else []
                if k >= ramp:
                    full = build.variable(0.0, 1.0)
                    build.row([(full, 1.0), (young[ramp - 1], -1.0), *before_full], LE, 0.0)
                young = [start[k], *grown]
            all_on: list[Term] = [(v, 1.0) for v in young] + ([(full, 1.0)] if full is not None else [])
            build.row([(on[k], -1.0), *all_on], EQ, 0.0)
            terms.append([(v, -shed * c) for v, c in zip(young, kept_back, strict=False)])
        return terms

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
                build.row([*exports, *((v, -share) for v in used.values()), (self._give_way(), -1.0)], LE, 0.0)
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
