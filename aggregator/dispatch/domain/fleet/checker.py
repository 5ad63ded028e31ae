"""Whether a plan keeps every limit of its problem: own equations, shared with nobody who makes plans.

A residual counts above 1e-5 kW or kWh plus 1e-7 of the limit's own size. Each broken rule names its worst periods per row.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from aggregator.dispatch.domain.fleet.problem import FleetProblem
from aggregator.dispatch.domain.fleet.result import FleetPlan

ABSOLUTE = 1e-5
RELATIVE = 1e-7
COST_RATIO = 1e-6
WHOLE_HORIZON = -1


@dataclass(frozen=True)
class FleetViolation:
    """kind: which rule; row: of the site, group, store, fill or call (-1: the whole fleet); period: the worst one, -1 where
    the rule is about all; by: how much beyond the limit [kW, kWh, periods, calls or CNY]."""

    kind: str
    row: int
    period: int
    by: float


def check_fleet(problem: FleetProblem, plan: FleetPlan) -> tuple[FleetViolation, ...]:
    """Empty where the plan keeps everything: physical limits, calls' rules, groups, connections, shares, cost and bound."""
    shaped = tuple(_shapes(problem, plan))
    if shaped:
        return shaped
    with np.errstate(invalid="ignore"):
        return tuple(found for part in (_stores, _fills, _calls, _sites, _groups, _certificate) for found in part(problem, plan))


def _worst(kind: str, beyond: np.ndarray, size: np.ndarray | float = 0.0) -> Iterator[FleetViolation]:
    """One violation per row of `beyond` (N,) or (N, n) where it exceeds the tolerance for limits of `size`."""
    excess = beyond - (ABSOLUTE + RELATIVE * np.abs(size))
    for row in np.flatnonzero((excess > 0).any(axis=-1) if beyond.ndim == 2 else excess > 0).tolist():
        period = int(np.argmax(excess[row])) if beyond.ndim == 2 else WHOLE_HORIZON
        yield FleetViolation(kind, row, period, float(beyond[row, period] if beyond.ndim == 2 else beyond[row]))


def _shapes(problem: FleetProblem, plan: FleetPlan) -> Iterator[FleetViolation]:
    n, moves, flows = problem.periods, plan.moves, plan.flows
    parts = (
        ("stores missing", moves.store_kw, len(problem.stores)),
        ("fills missing", moves.fill_kw, len(problem.fills)),
        ("calls missing", moves.call_kw, len(problem.calls)),
        ("calls missing", moves.call_on, len(problem.calls)),
        ("generation missing", flows.generation_kw, len(problem.sites)),
        ("import missing", flows.import_kw, len(problem.sites)),
        ("export missing", flows.export_kw, len(problem.sites)),
    )
    for kind, values, rows in parts:
        if values.shape != (rows, n):
            yield FleetViolation(kind, -1, WHOLE_HORIZON, float("inf"))
        elif not np.isfinite(values).all():
            row, period = np.argwhere(~np.isfinite(values))[0].tolist()
            yield FleetViolation(kind, row, period, float("inf"))


def _window(problem: FleetProblem, first: np.ndarray, end: np.ndarray) -> np.ndarray:
    period = np.arange(problem.periods)[None, :]
    return (first[:, None] <= period) & (period < end[:, None])


def _stores(problem: FleetProblem, plan: FleetPlan) -> Iterator[FleetViolation]:
    stores, profiles, h, n = problem.stores, problem.profiles, problem.hours, problem.periods
    kw = plan.moves.store_kw
    inside = _window(problem, stores.first, stores.end)
    yield from _worst("store outside its window", np.where(inside, 0.0, np.abs(kw)))
    with_profile = stores.profile >= 0
    rows = stores.profile[with_profile]

    def bound(scalar: np.ndarray, course: np.ndarray) -> np.ndarray:
        whole = np.tile(scalar[:, None], (1, n))
        whole[with_profile] = course[rows]
        return whole

    charge_kw, discharge_kw = bound(stores.charge_kw, profiles.charge_kw), bound(stores.discharge_kw, profiles.discharge_kw)
    yield from _worst("store charges too much", np.where(inside, -kw - charge_kw, -np.inf), charge_kw)
    yield from _worst("store discharges too much", np.where(inside, kw - discharge_kw, -np.inf), discharge_kw)
    drift = bound(np.zeros(len(stores)), profiles.drift_kwh)
    gained = np.where(kw < 0, -kw * stores.eta_in[:, None], -kw / stores.eta_out[:, None]) * h + drift
    level = np.empty((n, len(stores)))
    now = stores.initial_kwh.astype(float)
    for t, (gain, open_) in enumerate(zip(np.ascontiguousarray(gained.T), np.ascontiguousarray(inside.T), strict=True)):
        now = np.where(open_, now * stores.keep_ratio + gain, now)
        level[t] = now
    min_kwh, max_kwh = bound(stores.min_kwh, profiles.min_kwh), bound(stores.max_kwh, profiles.max_kwh)
    size = np.maximum(np.abs(min_kwh), np.abs(max_kwh))
    yield from _worst("store too empty", np.where(inside, min_kwh - level.T, -np.inf), size)
    yield from _worst("store too full", np.where(inside, level.T - max_kwh, -np.inf), size)
    opened = stores.end > stores.first
    yield from _worst("store ends too empty", np.where(opened, stores.end_kwh - now, -np.inf), size.max(axis=1, initial=0.0))


def _fills(problem: FleetProblem, plan: FleetPlan) -> Iterator[FleetViolation]:
    fills, charge = problem.fills, -plan.moves.fill_kw
    inside = _window(problem, fills.first, fills.end)
    yield from _worst("fill outside its window", np.where(inside, 0.0, np.abs(charge)))
    yield from _worst("fill discharges", -charge)
    yield from _worst("fill charges too much", charge - fills.charge_kw[:, None], fills.charge_kw[:, None])
    filled = problem.hours * fills.eta_in * charge.sum(axis=1)
    yield from _worst("fill misses its need", np.abs(filled - fills.need_kwh), fills.need_kwh)


def _calls(problem: FleetProblem, plan: FleetPlan) -> Iterator[FleetViolation]:
    calls, on = problem.calls, plan.moves.call_on.astype(bool)
    # A call in force before period 0 goes on in an unbroken row of periods from there, or is over.
    inherited = np.logical_and.accumulate(on, axis=1) & (calls.running > 0)[:, None]
    opens = np.where(inherited, 0, calls.first[:, None])
    period = np.arange(problem.periods)
    yield from _worst("call outside its window", (on & ((period < opens) | (period >= calls.end[:, None]))).astype(float))
    yield from _worst("too many periods of calls", ((on & ~inherited).sum(axis=1) - calls.max_periods).astype(float))
    count, n = len(calls), problem.periods
    lasted, called = calls.running.astype(float), np.zeros(count)
    paused = np.where(calls.running > 0, 0.0, np.inf)
    least_pause = np.maximum(np.maximum(calls.rest, calls.rebound), 1)
    too_long, too_soon, expected = np.zeros((count, n)), np.zeros((count, n)), np.zeros((count, n))
    cap_kw = np.tile(calls.shed_kw[:, None].astype(float), (1, n))
    for row in np.flatnonzero(calls.profile >= 0).tolist():
        cap_kw[row] = problem.shed_profiles_kw[calls.profile[row]]
    for t in range(n):
        now = on[:, t]
        begins = now & (lasted == 0)
        too_soon[:, t] = np.where(begins & (paused < least_pause), least_pause - paused, 0.0)
        called += begins
        lasted = np.where(now, lasted + 1, 0.0)
        paused = np.where(now, 0.0, paused + 1)
        too_long[:, t] = np.where(now, lasted - calls.max_on, 0.0)
        grown = np.minimum(lasted / (calls.ramp + 1.0), 1.0)
        rebounding = ~now & (paused <= calls.rebound)
        expected[:, t] = cap_kw[:, t] * (np.where(now, grown, 0.0) - np.where(rebounding, calls.rebound_ratio, 0.0))
    yield from _worst("call too long", too_long)
    yield from _worst("call too soon after another", too_soon)
    yield from _worst("too many calls", called - calls.max_calls)
    kw, whole = plan.moves.call_kw, calls.whole[:, None]
    wrong = np.abs(kw - expected)
    yield from _worst("call sheds something else", np.where(on & whole, wrong, 0.0), calls.shed_kw[:, None])
    yield from _worst("load rebounds otherwise", np.where(~on & whole, wrong, 0.0), calls.shed_kw[:, None])
    yield from _worst("call sheds more than it can", np.where(on & ~whole, kw - cap_kw, 0.0), calls.shed_kw[:, None])
    yield from _worst("call sheds less than nothing", np.where(on & ~whole, -kw, 0.0), calls.shed_kw[:, None])
    yield from _worst("load sheds without a call", np.where(~on & ~whole, np.abs(kw), 0.0), calls.shed_kw[:, None])


def _sum_by(rows: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """(count, n): values (N, n) summed by row; rows < 0 belong nowhere."""
    member = rows >= 0
    order = np.argsort(rows[member], kind="stable")
    placed, sums = rows[member][order], np.zeros((count, values.shape[1]))
    if len(placed):
        begins = np.concatenate([[0], np.flatnonzero(placed[1:] != placed[:-1]) + 1])
        sums[placed[begins]] = np.add.reduceat(values[member][order], begins, axis=0)
    return sums


def _sites(problem: FleetProblem, plan: FleetPlan) -> Iterator[FleetViolation]:
    sites, flows, moves = problem.sites, plan.flows, plan.moves
    count = len(sites)
    assets = _sum_by(problem.stores.site, moves.store_kw, count)
    assets += _sum_by(problem.fills.site, moves.fill_kw, count)
    assets += _sum_by(problem.calls.site, moves.call_kw, count)
    unbalanced = np.abs(flows.export_kw - flows.import_kw - sites.fixed_injection_kw - flows.generation_kw - assets)
    size = np.abs(sites.fixed_injection_kw) + sites.generation_kw + flows.import_kw + flows.export_kw
    yield from _worst("site out of balance", unbalanced, size)
    yield from _worst("generation below zero", -flows.generation_kw)
    yield from _worst("more generation than there is", flows.generation_kw - sites.generation_kw, sites.generation_kw)
    yield from _worst("import below zero", -flows.import_kw)
    yield from _worst("export below zero", -flows.export_kw)
    yield from _worst("import and export at once", np.minimum(flows.import_kw, flows.export_kw), size)
    import_limit, export_limit = sites.import_limit_kw[:, None], sites.export_limit_kw[:, None]
    yield from _worst("import above its limit", flows.import_kw - import_limit, import_limit)
    yield from _worst("export above its limit", flows.export_kw - export_limit, export_limit)
    ruled = np.isfinite(sites.export_share_ratio)
    exported, share = flows.export_kw.sum(axis=1), np.where(ruled, sites.export_share_ratio, 0.0)
    allowed = share * flows.generation_kw.sum(axis=1) + sites.export_credit_kwh / problem.hours
    beyond = np.where(ruled, exported - allowed, -np.inf)
    yield from _worst("export above its share", beyond, exported)


def _groups(problem: FleetProblem, plan: FleetPlan) -> Iterator[FleetViolation]:
    groups, moves, count = problem.groups, plan.moves, len(problem.groups)
    own = _sum_by(problem.stores.group, moves.store_kw, count)
    own += _sum_by(problem.fills.group, moves.fill_kw, count)
    own += _sum_by(problem.calls.group, moves.call_kw, count)
    injection = groups.fixed_injection_kw + own + _sum_by(groups.parent, own, count)
    import_limit, export_limit = groups.import_limit_kw[:, None], groups.export_limit_kw[:, None]
    yield from _worst("group imports above its limit", -injection - import_limit, import_limit)
    yield from _worst("group exports above its limit", injection - export_limit, export_limit)


def _certificate(problem: FleetProblem, plan: FleetPlan) -> Iterator[FleetViolation]:
    cost, bound = plan.certificate.cost_cny, plan.certificate.lower_bound_cny
    true_cost, turnover = _money(problem, plan)
    if not abs(cost - true_cost) <= max(COST_RATIO * max(1.0, abs(true_cost)), RELATIVE * turnover):
        yield FleetViolation("cost is not what the flows cost", -1, WHOLE_HORIZON, cost - true_cost)
    if not bound <= cost + COST_RATIO * max(1.0, abs(cost)):
        yield FleetViolation("bound above the cost", -1, WHOLE_HORIZON, bound - cost)


def _money(problem: FleetProblem, plan: FleetPlan) -> tuple[float, float]:
    """Cost of the plan [CNY], and the sum of its larger parts' sizes, which says how exact it can be."""
    h, sites, stores, flows, moves = problem.hours, problem.sites, problem.stores, plan.flows, plan.moves
    bought = h * float(np.vdot(sites.buy_cny_per_kwh, flows.import_kw))
    sold = h * float(np.vdot(sites.sell_cny_per_kwh, flows.export_kw))
    new_peak = np.maximum(flows.import_kw.max(axis=1, initial=0.0), sites.peak_so_far_kw) - sites.peak_so_far_kw
    peaks = float(sites.demand_price_cny_per_kw @ new_peak)
    wear = h * float(stores.wear_cny_per_kwh @ np.where(moves.store_kw > 0, moves.store_kw, 0.0).sum(axis=1))
    left = float(stores.end_value_cny_per_kwh @ _levels_at_end(problem, moves.store_kw))
    shed = h * float(problem.calls.cost_cny_per_kwh @ np.where(moves.call_kw > 0, moves.call_kw, 0.0).sum(axis=1))
    market = h * float(_market_earns(problem, (flows.export_kw - flows.import_kw).sum(axis=0)).sum())
    cost = bought - sold + peaks + wear - left + shed - market
    return cost, sum(map(abs, (bought, sold, peaks, wear, left, shed, market)))


def _levels_at_end(problem: FleetProblem, store_kw: np.ndarray) -> np.ndarray:
    stores, h = problem.stores, problem.hours
    worth = np.flatnonzero(stores.end_value_cny_per_kwh != 0)
    now = stores.initial_kwh.astype(float)
    profile = stores.profile[worth]
    for t in range(problem.periods):
        kw = store_kw[worth, t]
        drift = np.zeros(len(worth))
        drift[profile >= 0] = problem.profiles.drift_kwh[profile[profile >= 0], t]
        moved = stores.keep_ratio[worth] * now[worth] + drift
        moved += h * np.where(kw < 0, -kw * stores.eta_in[worth], -kw / stores.eta_out[worth])
        open_ = (stores.first[worth] <= t) & (t < stores.end[worth])
        now[worth] = np.where(open_, moved, now[worth])
    return now


def _market_earns(problem: FleetProblem, portfolio_kw: np.ndarray) -> np.ndarray:
    """(n,) integral of the market's value from its reference to the portfolio's injection [CNY/h]."""
    breaks, values, reference = problem.market_breaks, problem.market_values, problem.market.reference_injection_kw
    ends = np.maximum(reference, portfolio_kw)
    begins = np.minimum(reference, portfolio_kw)
    edge = np.full((problem.periods, 1), np.inf)
    left, right = np.hstack([-edge, breaks]), np.hstack([breaks, edge])
    length = np.minimum(right, ends[:, None]) - np.maximum(left, begins[:, None])
    area = (values * np.maximum(length, 0.0)).sum(axis=1)
    return np.where(portfolio_kw >= reference, area, -area)
