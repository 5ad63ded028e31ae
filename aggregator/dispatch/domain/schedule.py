"""The schedule: solved, cleaned, explained; or the safe plan where no solver delivers."""

import time
from dataclasses import dataclass

import numpy as np

from aggregator.dispatch.domain import _solver
from aggregator.dispatch.domain._fallback import Moves, safe_moves
from aggregator.dispatch.domain._formulation import Formulation
from aggregator.dispatch.domain.problem import ScheduleProblem

STATUSES = ("optimal", "at_gap", "timeout", "fallback")
ROUNDS = 8
RESERVE_RATIO = 0.3  # of the deadline, kept for the plain LP
DUST_KW = 1e-7
FIRM_DUST_KW = 1e-3


@dataclass(frozen=True)
class Relaxed:
    """An owner's limit that gave way. limit: import_limit | export_limit."""

    site: str
    limit: str
    period: int
    by_kw: float


@dataclass(frozen=True)
class Schedule:
    """Per asset and site [kW], arrays (n_periods,). injection = fixed + up - down.

    `on`: loads only, True while an interruption is in force. `shortfall_kw` >= 0 in the direction asked for
    (target and firm block), `overshoot_kw` likewise.
    `objective_cny` is money: energy, network, demand charge, wear, shedding, terminal value, firm block and
    the price of the shortfall; what only steers the solver (relaxed limits, ties) is not in it.
    """

    up_kw: dict[str, np.ndarray]
    down_kw: dict[str, np.ndarray]
    injection_kw: dict[str, np.ndarray]
    stored_kwh: dict[str, np.ndarray]
    on: dict[str, np.ndarray]
    import_kw: dict[str, np.ndarray]
    export_kw: dict[str, np.ndarray]
    portfolio_kw: np.ndarray
    firm_kw: float
    shortfall_kw: np.ndarray
    overshoot_kw: np.ndarray
    relaxed: tuple[Relaxed, ...]
    objective_cny: float
    status: str
    solver: str
    gap_ratio: float | None


def solve_schedule(problem: ScheduleProblem, *, deadline_s: float) -> Schedule:
    """The best schedule found within about `deadline_s` [s of wall time]; never an exception for lack of one.

    optimal: proven. at_gap: within `gap_ratio` of a proven bound. timeout: valid, not proven best (or without interruptions of
    loads). fallback: the safe plan (storage idle, cars at once, nothing shed or curtailed).
    """
    begun = time.monotonic()
    exact_until = begun + deadline_s * (1 - RESERVE_RATIO)
    formulation = Formulation(problem)
    bound_cny = None
    for _ in range(ROUNDS):
        answer = _solver.solve(formulation.model, seconds=exact_until - time.monotonic(), integer=formulation.integer)
        if not answer.usable:
            break
        cost_cny = answer.objective
        if bound_cny is None and answer.status != "timeout":
            bound_cny = cost_cny - (answer.gap_ratio or 0.0) * abs(cost_cny)
        up, down = _values(formulation)
        if formulation.refine(up, down):
            continue
        status, gap = answer.status, answer.gap_ratio
        if formulation.restricted:
            gap = None if bound_cny is None else (cost_cny - bound_cny) / max(1.0, abs(cost_cny))
            status = "at_gap" if status == "optimal" else status
        return _read(formulation, up, down, status=status, solver=answer.solver, gap=gap)
    formulation.without_integers()
    answer = _solver.solve(formulation.model, seconds=begun + deadline_s - time.monotonic(), integer=formulation.integer)
    if answer.usable:
        up, down = _values(formulation)
        if not any(((up[k] > DUST_KW) & (down[k] > DUST_KW)).any() for k in up):
            return _read(formulation, up, down, status="timeout", solver=answer.solver, gap=None)
    return safe_plan(problem)


def _read(formulation: Formulation, up: Moves, down: Moves, *, status: str, solver: str, gap: float | None) -> Schedule:
    on, firm_kw = _on(formulation, up), _firm(formulation)
    return assemble(formulation.problem, up=up, down=down, on=on, firm_kw=firm_kw, status=status, solver=solver, gap=gap)


def _values(formulation: Formulation) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    def read(variables: list, cap: np.ndarray) -> np.ndarray:
        values = np.array([0.0 if v is None else v.varValue for v in variables], dtype=float)
        values = np.clip(values, 0.0, cap)
        return np.where(values < DUST_KW, 0.0, values)

    devices = formulation.problem.devices
    up = {key: read(rows, devices[key][1].up_kw) for key, rows in formulation.up.items()}
    down = {key: read(rows, devices[key][1].down_kw) for key, rows in formulation.down.items()}
    return up, down


def _on(formulation: Formulation, up: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """When interruptions are in force: the solver's runs, without their idle ends (a running one keeps its start)."""
    masks = {}
    for key, variables in formulation.on.items():
        mask = np.array([v is not None and v.varValue > 0.5 for v in variables])
        shed = up[key] > 0
        keep = np.zeros_like(mask)
        edges = np.flatnonzero(np.diff(np.concatenate(([0], mask.astype(int), [0]))))
        for first, end in zip(edges[::2], edges[1::2], strict=True):
            inside = np.flatnonzero(shed[first:end])
            if len(inside):
                running = first == 0 and formulation.problem.running_calls.get(key, 0) > 0
                keep[first if running else first + inside[0] : first + inside[-1] + 1] = True
        masks[key] = keep
    return masks


def _firm(formulation: Formulation) -> float:
    promised = _promised(formulation.problem)
    quantity, offered = formulation.firm, formulation.offered
    if quantity is None or offered is None:
        return promised
    # Integer tolerance leaves a trace of an offer that was not made; it must not become a promise.
    return float(quantity.varValue) if offered.varValue > 0.5 and quantity.varValue > FIRM_DUST_KW else 0.0


def _promised(problem: ScheduleProblem) -> float:
    """The quantity that is owed already [kW]; 0 where the solver chooses it, or nobody asks."""
    return float(problem.firm.fixed_kw) if problem.firm is not None and problem.firm.fixed_kw is not None else 0.0


def safe_plan(problem: ScheduleProblem) -> Schedule:
    """The plan for when no solver delivers; see _fallback."""
    up, down = safe_moves(problem)
    return assemble(problem, up=up, down=down, on={}, firm_kw=_promised(problem), status="fallback", solver="", gap=None)


def assemble(
    problem: ScheduleProblem,
    *,
    up: dict[str, np.ndarray],
    down: dict[str, np.ndarray],
    on: dict[str, np.ndarray],
    firm_kw: float,
    status: str,
    solver: str,
    gap: float | None,
) -> Schedule:
    """Everything that follows from up and down: injections, stores, sites, shortfall, relaxed limits, money."""
    n, h = len(problem.grid), problem.grid.hours
    keys = problem.asset_keys
    injection = {k: problem.devices[k][1].fixed_kw + up[k] - down[k] for k in keys}
    stored = {}
    for k in keys:
        store = problem.devices[k][1].store
        if store is not None:
            stored[k] = store.initial_kwh + np.cumsum(h * (store.eta_in * down[k] - up[k] / store.eta_out))
    inward, outward, relaxed = {}, {}, []
    for s in problem.site_keys:
        net = sum((injection[k] for k in keys if problem.devices[k][0] == s), np.zeros(n))
        inward[s], outward[s] = np.maximum(0.0, -net), np.maximum(0.0, net)
        for limit, flow, most in (
            ("import_limit", inward[s], problem.sites[s].import_limit_kw),
            ("export_limit", outward[s], problem.sites[s].export_limit_kw),
        ):
            relaxed += [Relaxed(s, limit, int(t), float(flow[t] - most)) for t in np.flatnonzero(flow > most + 1e-4)]
    portfolio = sum((outward[s] - inward[s] for s in problem.site_keys), np.zeros(n))
    shortfall, overshoot = np.zeros(n), np.zeros(n)
    if problem.firm is not None and firm_kw > 0:
        periods = np.flatnonzero(problem.in_firm)
        missing = problem.firm.baseline_kw * problem.firm.direction + firm_kw - problem.firm.direction * portfolio[periods]
        shortfall[periods] = np.maximum(0.0, missing)
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
        solver=solver,
        gap_ratio=gap,
    )


def _money(
    problem: ScheduleProblem,
    up: dict[str, np.ndarray],
    down: dict[str, np.ndarray],
    stored: dict[str, np.ndarray],
    inward: dict[str, np.ndarray],
    portfolio: np.ndarray,
    firm_kw: float,
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
        if device.store is not None and len(stored[k]):
            cost -= problem.terminal_price_cny_per_kwh * device.terminal_value_ratio * float(stored[k][-1])
    if problem.firm is not None:
        periods = problem.in_firm
        kept = np.maximum(0.0, firm_kw - shortfall[periods])
        cost -= h * float((problem.firm.price_cny_per_kwh - problem.firm.direction * value[periods]) @ kept)
    return cost + h * problem.shortfall_price_cny_per_kwh * float(shortfall.sum())
