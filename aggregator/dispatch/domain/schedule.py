"""The schedule: solved by the fleet's optimiser, cleaned, with its certificate; or the safe plan where no solver delivers."""

import time
from dataclasses import dataclass, field, replace

import numpy as np

from aggregator.dispatch.domain._export_share import beyond_share_kwh
from aggregator.dispatch.domain._fallback import safe_moves
from aggregator.dispatch.domain.fleet.device_moves import DeviceMoves, device_moves, plan_moves, used_generation_kw
from aggregator.dispatch.domain.fleet.devices import Layout, layout_of
from aggregator.dispatch.domain.fleet.limits import GROUP_LIMITS, limit_prices
from aggregator.dispatch.domain.fleet.money import in_unit, money_unit, out_of_unit
from aggregator.dispatch.domain.fleet.plan import bounded, plan_fleet
from aggregator.dispatch.domain.fleet.result import STATUSES, Certificate, FleetPlan, Flows
from aggregator.dispatch.domain.problem import ScheduleProblem
from aggregator.dispatch.domain.refusals import ProblemRefused

__all__ = ["STATUSES", "BindingLimit", "Relaxed", "Schedule", "assemble", "certified", "safe_plan", "solve_schedule"]

GAP_RATIO = 1e-3  # of the exact model: ten times faster than a tenth of it, at 60 assets
RESERVE_RATIO = 0.3  # of the deadline, kept for the fallback and for what comes after


@dataclass(frozen=True)
class Relaxed:
    """An owner's limit that gave way. limit: import_limit | export_limit; `site` may name a group: then group_import_limit, ..

    export_share holds over all periods: it stands at period 0, and `by_kw` is the mean power by which the plan goes beyond it.
    """

    site: str
    limit: str
    period: int
    by_kw: float


@dataclass(frozen=True)
class BindingLimit:
    """What bound the plan: a limit of `subject` (site, group; "" = the portfolio's promise), where, and its largest price."""

    limit: str
    subject: str
    periods: tuple[int, ...]
    price: float
    unit: str


@dataclass(frozen=True)
class Schedule:
    """Per asset and site [kW], arrays (n_periods,). injection = fixed + up - down.

    `on`: loads only, True while an interruption is in force. `stored_kwh` of two-way cars is NaN where there is none.
    `shortfall_kw` >= 0 in the direction asked for (target and firm block), `overshoot_kw` likewise. `firm_kw`: what is promised.
    `objective_cny` is money: energy, network, demand charge, wear, shedding, terminal value, firm block and
    the price of the shortfall; what only steers the solver (relaxed limits, overshoot) is not in it.
    mode, status, certificate : how the plan was found and how far it can be from the best one, see docs/optimiser.md; the
    certificate counts what is minimised, which differs from the objective by what no plan can change.
    notes : what went wrong with solvers on the way and was made up for.
    limits : what bound it, the dearest first. values_cny_per_kwh : per site, what one more kWh would have been worth there.
    """

    up_kw: dict[str, np.ndarray]
    down_kw: dict[str, np.ndarray]
    injection_kw: dict[str, np.ndarray]
    stored_kwh: dict[str, np.ndarray]
    on: dict[str, np.ndarray]
    import_kw: dict[str, np.ndarray]
    export_kw: dict[str, np.ndarray]
    portfolio_kw: np.ndarray
    firm_kw: np.ndarray
    shortfall_kw: np.ndarray
    overshoot_kw: np.ndarray
    relaxed: tuple[Relaxed, ...]
    objective_cny: float
    status: str
    mode: str = ""
    certificate: Certificate | None = None
    limits: tuple[BindingLimit, ...] = ()
    values_cny_per_kwh: dict[str, np.ndarray] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def gap_ratio(self) -> float | None:
        """(cost - bound) / |cost|; None where no bound is known."""
        bound = self.lower_bound_cny
        if self.certificate is None or bound is None or not self.certificate.cost_cny:
            return None
        return max(0.0, (self.certificate.cost_cny - bound) / abs(self.certificate.cost_cny))

    @property
    def lower_bound_cny(self) -> float | None:
        """What no plan undercuts; None where none is known, or where an owner's limit gave way: the bound is for keeping it."""
        if self.certificate is None or self.relaxed or not np.isfinite(self.certificate.lower_bound_cny):
            return None
        return self.certificate.lower_bound_cny


def solve_schedule(problem: ScheduleProblem, *, deadline_s: float, mode: str | None = None) -> Schedule:
    """The best schedule found within about `deadline_s` [s of wall time]; never an exception for lack of one.

    optimal: proven. at_gap: within the gap of a proven bound. timeout: valid, not proven. fallback: the safe plan (storage idle,
    cars at once, nothing shed, curtailed for shared limits only). mode: "reference" (exact model), "fleet", or None = by size.
    Raises ProblemRefused where there are no periods, or the quantity of a firm block is still open, see `holdable_block`.
    """
    if not len(problem.grid):
        raise ProblemRefused(why="nothing_to_plan")
    if problem.firm is not None and problem.firm.fixed_kw is None:
        raise ProblemRefused(why="block_open")
    begun = time.monotonic()
    layout = layout_of(problem)
    built = time.monotonic() - begun
    unit = money_unit(layout.fleet)
    plan = plan_fleet(in_unit(layout.fleet, unit), deadline_s=deadline_s * (1 - RESERVE_RATIO), mode=mode, reference_gap_ratio=GAP_RATIO)
    plan = out_of_unit(plan, unit)
    if plan.status == "fallback":
        return replace(safe_plan(problem), mode=plan.mode, seconds={"build": built, **plan.seconds}, notes=plan.notes)
    moves = device_moves(problem, layout, plan)
    schedule = assemble(problem, up=moves.up_kw, down=moves.down_kw, on=moves.on, status=plan.status)
    return replace(
        schedule,
        mode=plan.mode,
        certificate=plan.certificate,
        limits=_limits(problem, layout, plan),
        values_cny_per_kwh=_values(problem, plan),
        seconds={"build": built, **plan.seconds},
        notes=plan.notes,
    )


def in_money(problem: ScheduleProblem, schedule: Schedule) -> Schedule:
    """A schedule that was found at other prices, its money at those of `problem`; certificate and prices of limits stay what they were."""
    own = assemble(problem, up=schedule.up_kw, down=schedule.down_kw, on=schedule.on, status=schedule.status)
    return replace(schedule, objective_cny=own.objective_cny)


def certified(problem: ScheduleProblem, schedule: Schedule, *, deadline_s: float) -> Schedule:
    """A schedule that was found in another way, with the bound of the whole problem, what binds it and the sites' values.

    The bound knows no rule of direction or fairness: what these cost is part of the gap. Without a solver's prices: as it was.
    """
    layout = layout_of(problem)
    moved = DeviceMoves(schedule.up_kw, schedule.down_kw, schedule.on)
    moves, used = plan_moves(layout, moved), used_generation_kw(layout, moved)
    inward, outward = (np.array([flow[s] for s in problem.site_keys]) for flow in (schedule.import_kw, schedule.export_kw))
    unit = money_unit(layout.fleet)
    plan = bounded(in_unit(layout.fleet, unit), moves, Flows(used, inward, outward), deadline_s=deadline_s)
    if plan is None:
        return schedule
    plan = out_of_unit(plan, unit)
    return replace(
        schedule,
        certificate=plan.certificate,
        limits=_limits(problem, layout, plan),
        values_cny_per_kwh=_values(problem, plan),
        seconds={**schedule.seconds, **plan.seconds},
    )


def _limits(problem: ScheduleProblem, layout: Layout, plan: FleetPlan) -> tuple[BindingLimit, ...]:
    if plan.prices is None:
        return ()
    named = []
    for row in limit_prices(layout.fleet, plan.prices, plan.flows):
        keys = layout.group_keys if row.limit in GROUP_LIMITS else problem.site_keys
        named.append(BindingLimit(row.limit, "" if row.row < 0 else keys[row.row], row.periods, row.price, row.unit))
    return tuple(named)


def _values(problem: ScheduleProblem, plan: FleetPlan) -> dict[str, np.ndarray]:
    return {} if plan.prices is None else dict(zip(problem.site_keys, plan.prices.lam_cny_per_kwh, strict=True))


def safe_plan(problem: ScheduleProblem) -> Schedule:
    """The plan for when no solver delivers; see _fallback."""
    up, down = safe_moves(problem)
    return assemble(problem, up=up, down=down, on={}, status="fallback")


def assemble(
    problem: ScheduleProblem, *, up: dict[str, np.ndarray], down: dict[str, np.ndarray], on: dict[str, np.ndarray], status: str
) -> Schedule:
    """Everything that follows from up and down: injections, stores, sites, shortfall, relaxed limits, money."""
    n = len(problem.grid)
    keys = problem.asset_keys
    injection = {k: problem.devices[k][1].fixed_kw + up[k] - down[k] for k in keys}
    stored = {k: levels for k in keys if (levels := _levels(problem, k, up[k], down[k])) is not None}
    inward, outward, relaxed = {}, {}, []
    nets = {s: np.zeros(n) for s in problem.site_keys}
    for k in keys:
        nets[problem.devices[k][0]] += injection[k]
    for s, net in nets.items():
        inward[s], outward[s] = np.maximum(0.0, -net), np.maximum(0.0, net)
        site = problem.sites[s]
        relaxed += _given_way(s, "import_limit", inward[s], site.import_limit_kw)
        relaxed += _given_way(s, "export_limit", outward[s], site.export_limit_kw)
        relaxed += _beyond_share(problem, s, injection, net)
    for g, net in group_injection(problem, injection).items():
        relaxed += _given_way(g, "group_import_limit", -net, problem.groups[g].import_limit_kw)
        relaxed += _given_way(g, "group_export_limit", net, problem.groups[g].export_limit_kw)
    portfolio = sum((outward[s] - inward[s] for s in problem.site_keys), np.zeros(n))
    shortfall, overshoot = np.zeros(n), np.zeros(n)
    firm_kw = problem.promised_kw
    if problem.firm is not None:
        periods = problem.firm.window
        missing = problem.firm.baseline_kw * problem.firm.direction + firm_kw[periods] - problem.firm.direction * portfolio[periods]
        shortfall[periods] = np.where(firm_kw[periods] > 0, np.maximum(0.0, missing), 0.0)
    if problem.target is not None:
        wanted = problem.wanted
        missing = problem.target.direction * (problem.target.injection_kw[wanted] - portfolio[wanted])
        shortfall[wanted], overshoot[wanted] = np.maximum(0.0, missing), np.maximum(0.0, -missing)
    shortfall[shortfall < 1e-5], overshoot[overshoot < 1e-5] = 0.0, 0.0
    return Schedule(
        up_kw=up,
        down_kw=down,
        injection_kw=injection,
        stored_kwh=stored,
        on={k: on.get(k, np.zeros(n, dtype=bool)) for k in keys if problem.devices[k][1].calls is not None},
        import_kw=inward,
        export_kw=outward,
        portfolio_kw=portfolio,
        firm_kw=firm_kw,
        shortfall_kw=shortfall,
        overshoot_kw=overshoot,
        relaxed=tuple(relaxed),
        objective_cny=_money(problem, up, down, stored, inward, portfolio, firm_kw, shortfall),
        status=status,
    )


def _given_way(subject: str, limit: str, flow: np.ndarray, most_kw: float) -> list[Relaxed]:
    return [Relaxed(subject, limit, int(t), float(flow[t] - most_kw)) for t in np.flatnonzero(flow > most_kw + 1e-4)]


def _beyond_share(problem: ScheduleProblem, site_key: str, injection_kw: dict[str, np.ndarray], net_kw: np.ndarray) -> list[Relaxed]:
    """What the plan exports beyond the ruled share of the site's own generation, over the day so far and the plan."""
    site, h, n = problem.sites[site_key], problem.grid.hours, len(net_kw)
    if np.isinf(site.export_share_ratio) or not n:
        return []
    own = [key for key in sorted(problem.generators, key=str) if problem.devices[key][0] == site_key]
    made = sum((injection_kw[key] for key in own), np.zeros(n))
    unused = sum((np.maximum(0.0, problem.devices[key][1].fixed_kw - injection_kw[key]) for key in own), np.zeros(n))
    by_kw = beyond_share_kwh(site, hours=h, net_kw=net_kw, made_kw=made, unused_kw=unused) / (h * n)
    return [Relaxed(site_key, "export_share", 0, by_kw)] if by_kw > 1e-4 + 1e-6 * float(np.abs(net_kw).mean()) else []


def _levels(problem: ScheduleProblem, key: str, up_kw: np.ndarray, down_kw: np.ndarray) -> np.ndarray | None:
    """What the store holds at the end of every period [kWh]; None where there is no store."""
    device, h = problem.devices[key][1], problem.grid.hours
    if device.store is not None:
        store = device.store
        gained = h * (store.eta_in * down_kw - up_kw / store.eta_out)
        if store.drift_kwh is not None:
            gained = gained + store.drift_kwh
        return _course(store.initial_kwh, gained, store.keep_ratio)
    if not device.stays:
        return None
    levels = np.full(len(up_kw), np.nan)
    for stay in device.stays:
        inside = slice(stay.first, stay.end)
        gained = h * (stay.eta_in * down_kw[inside] - up_kw[inside] / stay.eta_out)
        levels[inside] = _course(stay.initial_kwh, gained, 1.0)
    return levels


def _course(initial_kwh: float, gained_kwh: np.ndarray, keep_ratio: float) -> np.ndarray:
    if keep_ratio == 1.0:
        return initial_kwh + np.cumsum(gained_kwh)
    levels, level = np.empty(len(gained_kwh)), initial_kwh
    for t, gain in enumerate(gained_kwh.tolist()):
        levels[t] = level = keep_ratio * level + gain
    return levels


def group_injection(problem: ScheduleProblem, injection_kw: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Per feeder or transformer the injection of the assets behind it, those of inner groups included."""
    sums = {g: np.zeros(len(problem.grid)) for g in sorted(problem.groups, key=str)}
    for key in problem.asset_keys:
        g = problem.group_of.get(key)
        while g is not None:
            sums[g] = sums[g] + injection_kw[key]
            g = problem.groups[g].parent
    return sums


def _money(
    problem: ScheduleProblem,
    up: dict[str, np.ndarray],
    down: dict[str, np.ndarray],
    stored: dict[str, np.ndarray],
    inward: dict[str, np.ndarray],
    portfolio: np.ndarray,
    firm_kw: np.ndarray,
    shortfall: np.ndarray,
) -> float:
    """Cost [CNY]; negative = earned."""
    h, value = problem.grid.hours, problem.injection_value_cny_per_kwh
    cost = -h * float(value @ portfolio)
    for s in problem.site_keys:
        site = problem.sites[s]
        cost += h * float(site.import_adder_cny_per_kwh @ inward[s])
        cost += site.demand_price_cny_per_kw * max(site.peak_so_far_kw, float(inward[s].max(initial=0.0)))
    for k in problem.asset_keys:
        device = problem.devices[k][1]
        cost += h * float(device.up_cost_cny_per_kwh * up[k].sum() + device.down_cost_cny_per_kwh * down[k].sum())
        if k in stored and len(stored[k]) and np.isfinite(stored[k][-1]):
            cost -= problem.terminal_price_cny_per_kwh * device.terminal_value_ratio * float(stored[k][-1])
    if problem.firm is not None:
        periods = problem.firm.window
        kept = np.maximum(0.0, firm_kw[periods] - shortfall[periods])
        cost -= h * float((problem.firm.price_cny_per_kwh - problem.firm.direction * value[periods]) @ kept)
    return cost + h * problem.shortfall_price_cny_per_kwh * float(shortfall.sum())
