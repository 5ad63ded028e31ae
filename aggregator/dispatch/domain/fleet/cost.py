"""What a plan leads to and costs, and the plan that stands when nothing else does.

The curtailment here is the best one for given moves, exact but for the market's answer to it:
    1. generation is used as far as the export limit allows;
    2. what would earn less than nothing is curtailed: exports where sell + value < 0, own use where buy + value < 0 (then
       up to the import limit, or to the peak that stands anyway where a peak costs). Without a `value` this is done only
       where there is no market, for nobody knows there what one more kWh is worth;
    3. where exports exceed their share of generation, the cheapest repair per kWh of relief: a kWh of export less
       relieves 1 - share, a kWh of own use given back relieves `share`.
"""

import numpy as np

from aggregator.dispatch.domain.fleet.problem import NO_PROFILE, CallLoads, Fills, FleetProblem, Stores
from aggregator.dispatch.domain.fleet.result import Flows, Moves

SHARE_KW = 1e-12  # below this an export share is kept; relative to the site's export


def site_injection(problem: FleetProblem, moves: Moves) -> np.ndarray:
    """(E, n) injection before generation [kW]."""
    total = problem.sites.fixed_injection_kw.copy()
    parts: tuple[tuple[Stores | Fills | CallLoads, np.ndarray], ...] = (
        (problem.stores, moves.store_kw),
        (problem.fills, moves.fill_kw),
        (problem.calls, moves.call_kw),
    )
    for columns, kw in parts:
        if len(columns):
            begins = np.flatnonzero(np.diff(columns.site, prepend=-1))
            total[columns.site[begins]] += np.add.reduceat(kw, begins, axis=0)
    return total


def flows_of(problem: FleetProblem, moves: Moves, value_injection_cny_per_kwh: np.ndarray | None = None) -> Flows:
    """The best curtailment for these moves, see above. `value_injection_cny_per_kwh` (n,): the market's, added to the prices."""
    sites = problem.sites
    net = site_injection(problem, moves)
    used = np.minimum(sites.generation_kw, np.maximum(sites.export_limit_kw[:, None] - net, 0.0))
    value = np.zeros(problem.periods) if value_injection_cny_per_kwh is None else value_injection_cny_per_kwh
    if value_injection_cny_per_kwh is not None or not problem.market_values.any():
        used = _paying(problem, net, used, value)
    used = _within_share(problem, net, used, value)
    return flows_from(problem, net, used)


def flows_from(problem: FleetProblem, net_kw: np.ndarray, generation_kw: np.ndarray) -> Flows:
    """Flows when this much generation is used. net_kw (E, n): injection before generation, see `site_injection`."""
    injection = net_kw + generation_kw
    return Flows(generation_kw, np.maximum(-injection, 0.0), np.maximum(injection, 0.0))


def _paying(problem: FleetProblem, net: np.ndarray, used: np.ndarray, value: np.ndarray) -> np.ndarray:
    sites = problem.sites
    no_sale = sites.sell_cny_per_kwh + value < 0
    if not no_sale.any():
        return used
    used = np.where(no_sale, np.minimum(used, np.maximum(-net, 0.0)), used)
    no_use = sites.buy_cny_per_kwh + value < 0
    if not no_use.any():
        return used
    peak = np.maximum(np.maximum(-net - used, 0.0).max(axis=1), sites.peak_so_far_kw)
    ceiling = np.where(sites.demand_price_cny_per_kw > 0, np.minimum(sites.import_limit_kw, peak), sites.import_limit_kw)
    return np.where(no_use, np.minimum(used, np.maximum(-net - ceiling[:, None], 0.0)), used)


def _within_share(problem: FleetProblem, net: np.ndarray, used: np.ndarray, value: np.ndarray) -> np.ndarray:
    sites = problem.sites
    export = np.maximum(net + used, 0.0)
    ruled = np.flatnonzero(np.isfinite(sites.export_share_ratio))
    allowed = sites.export_share_ratio[ruled] * used[ruled].sum(axis=1) + sites.export_credit_kwh[ruled] / problem.hours
    excess = export[ruled].sum(axis=1) - allowed
    over = excess > SHARE_KW * export[ruled].sum(axis=1)
    rows, excess = ruled[over], excess[over]
    if not len(rows):
        return used
    share = sites.export_share_ratio[rows][:, None]
    n = problem.periods
    cut_relief, use_relief = np.maximum(1.0 - share, 0.0), share
    cut_most = np.minimum(export[rows], used[rows])
    use_most = np.minimum(sites.generation_kw[rows] - used[rows], np.maximum(-net[rows] - used[rows], 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        price = np.concatenate(
            [(sites.sell_cny_per_kwh[rows] + value) / cut_relief, -(sites.buy_cny_per_kwh[rows] + value) / use_relief], axis=1
        )
    relief = np.concatenate([cut_most * cut_relief, use_most * use_relief], axis=1)
    price = np.where(relief > 0, price, np.inf)
    order = np.argsort(price, axis=1, kind="stable")
    sorted_relief = np.take_along_axis(relief, order, axis=1)
    before = np.cumsum(sorted_relief, axis=1) - sorted_relief
    taken = np.empty_like(relief)
    np.put_along_axis(taken, order, np.clip(excess[:, None] - before, 0.0, sorted_relief), axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        cut = np.where(cut_relief > 0, taken[:, :n] / cut_relief, 0.0)
        back = np.where(use_relief > 0, taken[:, n:] / use_relief, 0.0)
    used = used.copy()
    used[rows] += back - cut
    return used


def cost_of(problem: FleetProblem, moves: Moves, flows: Flows) -> float:
    """Money of the whole plan [CNY]: sites, demand charge, wear, end value, calls, market. Limits that gave way are not priced."""
    return float(cost_by_site(problem, moves, flows).sum()) + market_cost(problem, flows.portfolio_kw)


def cost_by_site(problem: FleetProblem, moves: Moves, flows: Flows) -> np.ndarray:
    """(E,) the same without the market [CNY]."""
    sites, stores, h, e = problem.sites, problem.stores, problem.hours, len(problem.sites)
    energy = h * (sites.buy_cny_per_kwh * flows.import_kw - sites.sell_cny_per_kwh * flows.export_kw).sum(axis=1)
    peak = flows.import_kw.max(axis=1, initial=0.0)
    demand = sites.demand_price_cny_per_kw * np.maximum(peak - sites.peak_so_far_kw, 0.0)
    discharged = np.maximum(moves.store_kw, 0.0).sum(axis=1)
    store = h * stores.wear_cny_per_kwh * discharged - stores.end_value_cny_per_kwh * final_kwh(problem, moves.store_kw, discharged)
    call = h * problem.calls.cost_cny_per_kwh * np.maximum(moves.call_kw, 0.0).sum(axis=1)
    return energy + demand + np.bincount(stores.site, store, e) + np.bincount(problem.calls.site, call, e)


def market_cost(problem: FleetProblem, portfolio_kw: np.ndarray) -> float:
    """- h x integral of the market's value from its reference to `portfolio_kw` (n,)."""
    market = problem.market
    offset = portfolio_kw - market.reference_injection_kw
    earned = -market.over_price_cny_per_kwh * np.maximum(offset - market.up_kw.sum(axis=1), 0.0)
    earned -= market.under_price_cny_per_kwh * np.maximum(-offset - market.down_kw.sum(axis=1), 0.0)
    for sign, steps, prices in ((1.0, market.up_kw, market.up_price_cny_per_kwh), (-1.0, market.down_kw, market.down_price_cny_per_kwh)):
        before = np.cumsum(steps, axis=1) - steps
        earned += sign * (prices * np.clip(sign * offset[:, None] - before, 0.0, steps)).sum(axis=1)
    return -problem.hours * float(earned.sum())


def final_kwh(problem: FleetProblem, store_kw: np.ndarray, discharged_kw: np.ndarray) -> np.ndarray:
    """(N,) what the stores hold at their end. discharged_kw (N,): sum of their discharging powers."""
    stores, h = problem.stores, problem.hours
    charged = discharged_kw - store_kw.sum(axis=1)
    final = stores.initial_kwh + h * (stores.eta_in * charged - discharged_kw / stores.eta_out)
    fading = np.flatnonzero((stores.keep_ratio != 1.0) | (stores.profile != NO_PROFILE))
    if len(fading):
        length = stores.end[fading] - stores.first[fading]
        t = np.arange(problem.periods)
        inside = (t >= stores.first[fading, None]) & (t < stores.end[fading, None])
        weight = np.where(inside, stores.keep_ratio[fading, None] ** np.maximum(stores.end[fading, None] - 1 - t, 0), 0.0)
        kw = store_kw[fading]
        gained = h * np.where(kw < 0, -kw * stores.eta_in[fading, None], -kw / stores.eta_out[fading, None]) + drift_kwh(problem, fading)
        final[fading] = stores.initial_kwh[fading] * stores.keep_ratio[fading] ** length + (weight * gained).sum(axis=1)
    return final


def drift_kwh(problem: FleetProblem, rows: np.ndarray) -> np.ndarray:
    """(len(rows), n) of these stores."""
    drift = np.zeros((len(rows), problem.periods))
    profile = problem.stores.profile[rows]
    shaped = profile != NO_PROFILE
    drift[shaped] = problem.profiles.drift_kwh[profile[shaped]]
    return drift


def safe_moves(problem: FleetProblem) -> Moves:
    """Storage idle, or charged no more than its own limits ask, evenly; cars charged evenly over their stay; no calls, running
    ones end at once."""
    n, fills = problem.periods, problem.fills
    t = np.arange(n)
    inside = (t >= fills.first[:, None]) & (t < fills.end[:, None])
    even = fills.need_kwh / (problem.hours * fills.eta_in * np.maximum(fills.end - fills.first, 1))
    no_call = np.zeros((len(problem.calls), n), dtype=bool)
    return Moves(_safe_stores(problem), np.where(inside, -even[:, None], 0.0), injection_of_calls(problem, no_call), no_call)


def _safe_stores(problem: FleetProblem) -> np.ndarray:
    """Stores that cannot stay as they are follow the even course to their end, held within what their bounds leave open."""
    stores, h, n = problem.stores, problem.hours, problem.periods
    moves = np.zeros((len(stores), n))
    kept = (stores.initial_kwh >= np.maximum(stores.end_kwh, stores.min_kwh)) & (stores.initial_kwh <= stores.max_kwh)
    rows = np.flatnonzero(~kept | (stores.keep_ratio != 1.0) | (stores.profile != NO_PROFILE))
    if not len(rows):
        return moves
    keep, eta_in, eta_out = stores.keep_ratio[rows], stores.eta_in[rows], stores.eta_out[rows]
    charge, discharge, low, high = (_course(problem, rows, name) for name in ("charge_kw", "discharge_kw", "min_kwh", "max_kwh"))
    drift = np.ascontiguousarray(drift_kwh(problem, rows).T)
    first, end = stores.first[rows], stores.end[rows]
    lowest, highest = np.full(len(rows), -np.inf), np.full(len(rows), np.inf)  # what the periods after t leave open
    for t in reversed(range(n)):
        inside, last = (t >= first) & (t < end), t == end - 1
        lowest = np.where(inside, np.maximum(low[t], np.where(last, stores.end_kwh[rows], lowest)), -np.inf)
        highest = np.maximum(lowest, np.where(inside, np.minimum(high[t], np.where(last, np.inf, highest)), np.inf))
        low[t], high[t] = lowest, highest
        lowest = (lowest - drift[t] - h * eta_in * charge[t]) / keep
        highest = (highest - drift[t] + h * discharge[t] / eta_out) / keep
    idle = final_kwh(problem, np.zeros((len(stores), n)), np.zeros(len(stores)))[rows]
    periods = np.maximum(end - first, 1)
    fading = np.where(keep < 1.0, (1.0 - keep**periods) / np.maximum(1.0 - keep, 1e-12), periods)
    even = np.maximum(stores.end_kwh[rows] - idle, 0.0) / (h * eta_in * fading)
    level, course = stores.initial_kwh[rows], np.zeros((n, len(rows)))
    for t in range(n):
        inside = (t >= first) & (t < end)
        left = keep * level + drift[t]
        wanted = np.clip(left + h * eta_in * np.minimum(even, charge[t]), low[t], high[t])
        up = np.clip((wanted - left) / (h * eta_in), 0.0, charge[t])
        down = np.clip((left - wanted) * eta_out / h, 0.0, discharge[t])
        course[t] = np.where(inside, down - up, 0.0)
        level = np.where(inside, left + h * (eta_in * up - down / eta_out), level)
    moves[rows] = course.T
    return moves


def _course(problem: FleetProblem, rows: np.ndarray, name: str) -> np.ndarray:
    """(n, len(rows)) of a bound of these stores, from their profiles where they have one."""
    course = np.repeat(getattr(problem.stores, name)[None, rows], problem.periods, axis=0)
    profile = problem.stores.profile[rows]
    shaped = profile != NO_PROFILE
    course[:, shaped] = getattr(problem.profiles, name)[profile[shaped]].T
    return course


def injection_of_calls(problem: FleetProblem, on: np.ndarray) -> np.ndarray:
    """(N, n) what loads inject when they are interrupted in the periods `on` (N, n), those in part by all they can [kW].

    Ramps and rebounds are included, those of a call that was in force before period 0 as well.
    """
    calls, caps = problem.calls, problem.shed_caps_kw
    kw = np.zeros(on.shape)
    age = calls.running.astype(float)
    since = np.where(calls.running > 0, 0.0, np.inf)
    for t in range(on.shape[1]):
        age = np.where(on[:, t], age + 1, 0)
        since = np.where(on[:, t], 0, since + 1)
        shed = np.minimum(1.0, age / (calls.ramp + 1))
        kw[:, t] = caps[:, t] * np.where(on[:, t], shed, np.where(since <= calls.rebound, -calls.rebound_ratio, 0.0))
    return kw
