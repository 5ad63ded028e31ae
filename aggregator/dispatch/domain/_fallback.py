"""What is done when no solver delivers: storage idle, cars at once, nothing shed, nothing curtailed.

Where something is asked for (target, firm block) the idle freedom of storage, stations and generation is split over
the assets by merit, period after period, inside power and energy. Loads are not called; two-way cars and rooms follow the
even course that keeps their own limits.
"""

import numpy as np

from aggregator.assets.domain import Device, Store, within_reach
from aggregator.dispatch.domain.fleet import cost
from aggregator.dispatch.domain.fleet.devices import layout_of
from aggregator.dispatch.domain.problem import ScheduleProblem
from aggregator.dispatch.domain.split.fairness import Rule
from aggregator.dispatch.domain.split.problem import SplitProblem
from aggregator.dispatch.domain.split.split import split_instruction

Moves = dict[str, np.ndarray]


def safe_moves(problem: ScheduleProblem) -> tuple[Moves, Moves]:
    """(up_kw, down_kw) per asset, feasible by construction."""
    n, h = len(problem.grid), problem.grid.hours
    keys = problem.asset_keys
    net = _even_courses(problem)  # up - down
    stores = {
        key: _Tank(device, device.store, h) for key, (_, device) in problem.devices.items() if device.store is not None and key not in net
    }
    steady = frozenset(net)
    net |= {key: np.zeros(n) for key in keys if key not in net}
    demand = _demand(problem)
    for t in range(n):
        low, high = {}, {}
        for key in keys:
            device = problem.devices[key][1]
            if key in stores:
                net[key][t], low[key], high[key] = stores[key].choices(t, h)
            elif key in steady:
                low[key] = high[key] = float(net[key][t])
            else:
                low[key], high[key] = -float(device.down_kw[t]), 0.0
        _inside_connections(problem, keys, net, low, high, t)
        if not np.isnan(demand[t]):
            _serve(problem, keys, net, low, high, t, float(demand[t]))
        for key, tank in stores.items():
            tank.move(net[key][t], h)
    return {k: np.maximum(0.0, net[k]) for k in keys}, {k: np.maximum(0.0, -net[k]) for k in keys}


def _inside_connections(problem: ScheduleProblem, keys: list[str], net: Moves, low: dict, high: dict, t: int) -> None:
    """Where the natural course is beyond a connection, who can gives way: generation is curtailed, cars charge later."""
    for site_key, site in problem.sites.items():
        members = [key for key in keys if problem.devices[key][0] == site_key]
        flow = sum(float(problem.devices[key][1].fixed_kw[t] + net[key][t]) for key in members)
        for sign, over in ((-1.0, flow - site.export_limit_kw), (1.0, -flow - site.import_limit_kw)):
            if over <= 0:
                continue
            room = {key: float(net[key][t] - low[key] if sign < 0 else high[key] - net[key][t]) for key in members}
            # Storage stays idle as long as others can give way.
            for chosen in ([k for k in members if _bends(problem, k)], [k for k in members if not _bends(problem, k)]):
                total = sum(max(0.0, room[key]) for key in chosen)
                part = min(1.0, over / total) if total > 0 else 0.0
                for key in chosen:
                    net[key][t] += sign * part * max(0.0, room[key])
                over -= part * total


def _bends(problem: ScheduleProblem, key: str) -> bool:
    """Generation that can be curtailed, and stations: they only charge."""
    device = problem.devices[key][1]
    return device.calls is None and not (device.store is not None and device.up_kw.any())


def _even_courses(problem: ScheduleProblem) -> Moves:
    """Two-way cars and rooms: their state at a period's end depends on more than what was charged."""
    special = {k for k, (_, d) in problem.devices.items() if d.stays or (d.store is not None and _leaks(d.store))}
    if not special:
        return {}
    layout = layout_of(problem)
    courses: Moves = {key: np.zeros(len(problem.grid)) for key in special}
    for key, kw in zip(layout.store_keys, cost.safe_moves(layout.fleet).store_kw, strict=True):
        if key in special:
            courses[key] += kw
    return courses


def _leaks(store: Store) -> bool:
    return store.keep_ratio != 1.0 or store.drift_kwh is not None


def _demand(problem: ScheduleProblem) -> np.ndarray:
    """Portfolio injection asked for; NaN = nothing, shape (n_periods,)."""
    demand = np.full(len(problem.grid), np.nan)
    if problem.firm is not None and problem.firm.fixed_kw is not None:
        asked = problem.firm.baseline_kw + problem.firm.direction * problem.firm.fixed_kw
        demand[problem.firm.window] = np.where(problem.promised_kw[problem.firm.window] > 0, asked, np.nan)
    if problem.target is not None:
        demand[problem.wanted] = problem.target.injection_kw[problem.wanted]
    return demand


class _Tank:
    """The store of one device while the plan is walked through."""

    def __init__(self, device: Device, store: Store, h: float) -> None:
        self.device, self.store = device, store
        bounds = within_reach(store, up_kw=device.up_kw, down_kw=device.down_kw, hours=h)
        self.low, self.high = bounds.min_kwh, bounds.max_kwh
        for t in range(len(self.low) - 2, -1, -1):  # never fall behind what the rest of the day can still fill
            self.low[t] = max(self.low[t], self.low[t + 1] - h * store.eta_in * device.down_kw[t + 1])
        self.low = np.minimum(self.low, self.high)
        self.at_once = not (device.up_kw > 0).any()
        self.level = store.initial_kwh

    def choices(self, t: int, h: float) -> tuple[float, float, float]:
        """(natural, lowest, highest) injection above fixed [kW]."""
        lowest = -self._fill(self.high[t], t, h) + self._drain(self.high[t], t, h)
        highest = self._drain(self.low[t], t, h) - self._fill(self.low[t], t, h)
        goal = self.high[t] if self.at_once else min(max(self.level, self.low[t]), self.high[t])
        return self._drain(goal, t, h) - self._fill(goal, t, h), lowest, highest

    def _fill(self, goal: float, t: int, h: float) -> float:
        return min(float(self.device.down_kw[t]), max(0.0, goal - self.level) / (h * self.store.eta_in))

    def _drain(self, goal: float, t: int, h: float) -> float:
        return min(float(self.device.up_kw[t]), max(0.0, self.level - goal) * self.store.eta_out / h)

    def move(self, net_kw: float, h: float) -> None:
        self.level += h * (-net_kw * self.store.eta_in if net_kw < 0 else -net_kw / self.store.eta_out)


def _serve(problem: ScheduleProblem, keys: list[str], net: Moves, low: dict, high: dict, t: int, demand_kw: float) -> None:
    """Change what the assets do in period t, as far as they can, so that the portfolio does what is asked for."""
    index = {site: k for k, site in enumerate(problem.site_keys)}
    ordered = sorted(keys, key=lambda key: (index[problem.devices[key][0]], str(key)))
    devices = [problem.devices[key][1] for key in ordered]
    site = np.array([index[problem.devices[key][0]] for key in ordered], dtype=np.int64)
    now = np.array([net[key][t] for key in ordered])
    flow = np.bincount(site, weights=np.array([device.fixed_kw[t] for device in devices]) + now, minlength=len(index))
    change = demand_kw - float(flow.sum())
    if problem.direction[t] * change <= 0:
        return  # more than asked for already
    sites = [problem.sites[key] for key in problem.site_keys]
    split = split_instruction(
        SplitProblem(
            site=site,
            down_room_kw=np.maximum(0.0, now - np.array([low[key] for key in ordered])),
            up_room_kw=np.maximum(0.0, np.array([high[key] for key in ordered]) - now),
            cost_cny_per_kwh=np.array([device.up_cost_cny_per_kwh for device in devices]),
            site_down_kw=np.maximum(0.0, flow + np.array([row.import_limit_kw for row in sites])),
            site_up_kw=np.maximum(0.0, np.array([row.export_limit_kw for row in sites]) - flow),
            change_kw=change,
        ),
        rule=Rule("cost"),
        deadline_s=0.0,
        method="fast",
    )
    for key, moved in zip(ordered, split.change_kw, strict=True):
        net[key][t] += moved
