"""The best plan that any price could support: every asset may mix its own schedules, all limits are shared. An oracle for tests.

Written apart from the product: calls are listed one by one, everything else is a plain PuLP model. Its optimum is at most
that of whole schedules and at least every Lagrangian bound, and it is equal to the bound at its own duals.
"""

from collections.abc import Iterator
from itertools import product

import numpy as np
import pulp

from aggregator.dispatch.domain.fleet.certificate import asset_prices
from aggregator.dispatch.domain.fleet.prices import UNLIMITED_KW, Prices
from aggregator.dispatch.domain.fleet.problem import NO_GROUP, NO_PROFILE, FleetProblem


def call_patterns(problem: FleetProblem, i: int) -> list[tuple[np.ndarray, float]]:
    """All that load `i` may do, one that is shed in part all or nothing of every period: injection (n,) [kW], cost [CNY]."""
    c, n = problem.calls, problem.periods
    cap = problem.shed_profiles_kw[c.profile[i]] if c.profile[i] >= 0 else np.full(n, float(c.shed_kw[i]))
    courses = {tuple(on) for on in _courses_of_calls(problem, i)}
    if not c.whole[i]:
        less = list(courses)
        while less:
            on = less.pop()
            fewer = {(*on[:t], 0, *on[t + 1 :]) for t in range(n) if on[t]} - courses
            courses |= fewer
            less.extend(fewer)
    found = []
    for on in sorted(courses):
        injection, age, since = np.zeros(n), int(c.running[i]), 0 if c.running[i] else n + 99
        for t in range(n):
            age, since = (age + 1, 0) if on[t] else (0, since + 1)
            if on[t]:
                injection[t] = cap[t] * min(1.0, age / (c.ramp[i] + 1))
            elif since <= c.rebound[i]:
                injection[t] = -c.rebound_ratio[i] * cap[t]
        found.append((injection, problem.hours * c.cost_cny_per_kwh[i] * float(injection[injection > 0].sum())))
    return found


def _courses_of_calls(problem: FleetProblem, i: int) -> Iterator[list[int]]:
    """When load `i` may be called: every pattern of periods that the rules allow."""
    c, n = problem.calls, problem.periods
    running, first, end = int(c.running[i]), int(c.first[i]), int(c.end[i])
    begin = 0 if running else first
    for pattern in product((0, 1), repeat=max(end - begin, 0)):
        on = [0] * begin + list(pattern) + [0] * (n - max(end, begin))
        edges = np.flatnonzero(np.diff([0, *on, 0])).tolist()
        runs = list(zip(edges[::2], edges[1::2], strict=True))
        fresh, over = runs, None
        if running:  # the call in force ends at 0, or with the run that begins there
            fresh, over = (runs[1:], runs[0][1]) if on[0] else (runs, 0)
            if over and over > c.max_on[i] - running:
                continue
        lengths = [later - earlier for earlier, later in fresh]
        if len(fresh) > c.max_calls[i] or sum(lengths) > c.max_periods[i] or any(length > c.max_on[i] for length in lengths):
            continue
        ends = [over] if over is not None else []
        begins = [earlier for earlier, _ in fresh]
        ends += [later for _, later in fresh]
        pause = max(c.rest[i], c.rebound[i], 1)
        gaps = [later - earlier for earlier, later in zip(ends, begins if running else begins[1:], strict=False)]
        if any(earlier < first for earlier in begins) or any(gap < pause for gap in gaps):
            continue
        yield on


class Assets:
    """Variables of all assets in `model`: `injection` lists (site, group, terms of every period), `cost` the terms of their own cost."""

    def __init__(self, problem: FleetProblem, model: pulp.LpProblem) -> None:
        self.problem, self.model, self.n, self.h = problem, model, problem.periods, problem.hours
        self.cost: list = []
        self.injection: list = []
        self._count = 0
        for i in range(len(problem.stores)):
            self._store(i)
        for i in range(len(problem.fills)):
            self._fill(i)
        for i in range(len(problem.calls)):
            self._call(i)

    def _new(self, low: float, high: float | None) -> pulp.LpVariable:
        self._count += 1
        return self.model.add_variable(f"x{self._count}", low, high)

    def _store(self, i: int) -> None:
        s, p, h = self.problem.stores, self.problem.profiles, self.h
        columns = [getattr(s, k)[i] * np.ones(self.n) for k in ("charge_kw", "discharge_kw", "min_kwh", "max_kwh")] + [np.zeros(self.n)]
        if s.profile[i] != NO_PROFILE:
            columns = [getattr(p, k)[s.profile[i]] for k in ("charge_kw", "discharge_kw", "min_kwh", "max_kwh", "drift_kwh")]
        charge_kw, discharge_kw, low, high, drift = columns
        terms: list = [[] for _ in range(self.n)]
        level = float(s.initial_kwh[i])
        for t in range(s.first[i], s.end[i]):
            charge, discharge, now = self._new(0, charge_kw[t]), self._new(0, discharge_kw[t]), self._new(low[t], high[t])
            self.model += now == float(s.keep_ratio[i]) * level + float(drift[t]) + h * s.eta_in[i] * charge - h / s.eta_out[i] * discharge
            terms[t] = [discharge, -1 * charge]
            self.cost.append(h * s.wear_cny_per_kwh[i] * discharge)
            level = now
        self.model += level >= float(s.end_kwh[i])
        self.cost.append(-float(s.end_value_cny_per_kwh[i]) * level)
        self.injection.append((s.site[i], s.group[i], terms))

    def _fill(self, i: int) -> None:
        f = self.problem.fills
        used = {t: self._new(0, f.charge_kw[i]) for t in range(f.first[i], f.end[i])}
        self.model += self.h * f.eta_in[i] * pulp.lpSum(used.values()) == float(f.need_kwh[i])
        self.injection.append((f.site[i], f.group[i], [[-1 * used[t]] if t in used else [] for t in range(self.n)]))

    def _call(self, i: int) -> None:
        patterns = call_patterns(self.problem, i)
        chosen = [self._new(0, None) for _ in patterns]
        self.model += pulp.lpSum(chosen) == 1
        self.cost += [cny * v for v, (_, cny) in zip(chosen, patterns, strict=True) if cny]
        terms = [[float(kw[t]) * v for v, (kw, _) in zip(chosen, patterns, strict=True) if kw[t]] for t in range(self.n)]
        self.injection.append((self.problem.calls.site[i], self.problem.calls.group[i], terms))


def best_responses_cny(problem: FleetProblem, prices: Prices) -> float:
    """Sum over assets of the least own cost - h x price . injection."""
    model = pulp.LpProblem("responses", pulp.LpMinimize)
    assets = Assets(problem, model)
    rows = asset_prices(problem, prices)
    row = [*rows.row_of_store.tolist(), *rows.row_of_fill.tolist(), *rows.row_of_call.tolist()]
    worth = [
        -problem.hours * float(rows.price_rows[r, t]) * term
        for r, (_, _, terms) in zip(row, assets.injection, strict=True)
        for t in range(problem.periods)
        for term in terms[t]
    ]
    model.setObjective(pulp.lpSum([*assets.cost, *worth]))
    return _optimum(model)


def hull_optimum(problem: FleetProblem) -> tuple[float, Prices]:
    """The optimum [CNY] and its duals; targets are left at 0."""
    n, h, s, g = problem.periods, problem.hours, problem.sites, problem.groups
    model = pulp.LpProblem("hull", pulp.LpMinimize)
    assets = Assets(problem, model)
    cost = list(assets.cost)
    balance, demand, shares, up, down, market = {}, {}, {}, {}, {}, {}
    net: list = [[] for _ in range(n)]

    def new(name: str, low: float | None, high: float | None) -> pulp.LpVariable:
        return model.add_variable(name, low, high)

    for e in range(len(s)):
        peak = new(f"peak{e}", s.peak_so_far_kw[e], None)
        cost.append(s.demand_price_cny_per_kw[e] * peak - s.demand_price_cny_per_kw[e] * s.peak_so_far_kw[e])
        exports, used = [], []
        for t in range(n):
            bought, sold = new(f"i{e}_{t}", 0, s.import_limit_kw[e]), new(f"e{e}_{t}", 0, s.export_limit_kw[e])
            generated = new(f"g{e}_{t}", 0, s.generation_kw[e, t])
            moved = [term for site, _, terms in assets.injection if site == e for term in terms[t]]
            balance[e, t] = bought - sold + generated + pulp.lpSum(moved) == -float(s.fixed_injection_kw[e, t])
            demand[e, t] = peak - bought >= 0
            cost += [h * float(s.buy_cny_per_kwh[e, t]) * bought, -h * float(s.sell_cny_per_kwh[e, t]) * sold]
            exports.append(sold)
            used.append(generated)
            net[t] += [sold, -1 * bought]
        if np.isfinite(s.export_share_ratio[e]):
            shares[e] = pulp.lpSum(exports) - float(s.export_share_ratio[e]) * pulp.lpSum(used) <= float(s.export_credit_kwh[e]) / h
    for k in range(len(g)):
        for t in range(n):
            inside = [
                term for _, group, terms in assets.injection if group != NO_GROUP and k in (group, g.parent[group]) for term in terms[t]
            ]
            moved = pulp.lpSum(inside) if inside else pulp.LpAffineExpression()
            spare = new(f"spare{k}_{t}", 0, 0)  # PuLP takes no row without a variable
            up[k, t] = moved + spare <= float(g.export_limit_kw[k] - g.fixed_injection_kw[k, t])
            down[k, t] = moved + spare >= -float(g.import_limit_kw[k] + g.fixed_injection_kw[k, t])
    for t in range(n):
        m, reference = problem.market, float(problem.market.reference_injection_kw[t])
        pieces = []
        for name, sign, width, price in (
            ("up", 1, m.up_kw[t], -m.up_price_cny_per_kwh[t]),
            ("down", -1, m.down_kw[t], m.down_price_cny_per_kwh[t]),
            ("over", 1, [None], m.over_price_cny_per_kwh[t : t + 1]),
            ("under", -1, [None], m.under_price_cny_per_kwh[t : t + 1]),
        ):
            for k, (high, cny) in enumerate(zip(width, price, strict=True)):
                piece = new(f"{name}{t}_{k}", 0, high)
                pieces.append(sign * piece)
                cost.append(h * float(cny) * piece)
        market[t] = pulp.lpSum(net[t]) - pulp.lpSum(pieces) == reference
    for rows in (balance, demand, shares, up, down, market):
        for row in rows.values():
            model += row
    model.setObjective(pulp.lpSum(cost))
    optimum = _optimum(model)

    def duals(rows: dict, count: int) -> np.ndarray:
        return np.array([[rows[k, t].pi for t in range(n)] for k in range(count)]).reshape(count, n)

    prices = Prices(
        np.array([market[t].pi for t in range(n)]) / h,
        duals(balance, len(s)) / h,
        np.array([-shares[e].pi / h if e in shares else 0.0 for e in range(len(s))]),
        duals(demand, len(s)),
        -duals(up, len(g)) / h,
        duals(down, len(g)) / h,
        np.zeros((len(s), n)),
        np.full((len(s), n), UNLIMITED_KW),
        np.zeros(len(s)),
        np.zeros(len(g)),
    )
    return optimum, prices


def _optimum(model: pulp.LpProblem) -> float:
    model.solve(pulp.HiGHS(msg=False, threads=1))
    assert model.sol_status == pulp.LpSolutionOptimal, pulp.LpStatus[model.status]
    return float(pulp.value(model.objective))
