"""What is done when no solver delivers: storage idle, cars at once, nothing shed, nothing curtailed.

Where something is asked for (target, firm block) the idle freedom of stores and generation is split over
the assets by merit, period after period, inside power and energy. Loads are not called.
"""

import numpy as np

from aggregator.assets.domain import Device, Store
from aggregator.dispatch.domain._formulation import reachable
from aggregator.dispatch.domain.disaggregation import split_change
from aggregator.dispatch.domain.problem import ScheduleProblem

Moves = dict[str, np.ndarray]


def safe_moves(problem: ScheduleProblem) -> tuple[Moves, Moves]:
    """(up_kw, down_kw) per asset, feasible by construction."""
    n, h = len(problem.grid), problem.grid.hours
    keys = problem.asset_keys
    stores = {key: _Tank(device, device.store, h) for key, (_, device) in problem.devices.items() if device.store is not None}
    net = {key: np.zeros(n) for key in keys}  # up - down
    demand = _demand(problem)
    for t in range(n):
        low, high = {}, {}
        for key in keys:
            device = problem.devices[key][1]
            if key in stores:
                net[key][t], low[key], high[key] = stores[key].choices(t, h)
            else:
                low[key], high[key] = -float(device.down_kw[t]), 0.0
        if not np.isnan(demand[t]):
            _serve(problem, keys, net, low, high, t, float(demand[t]))
        for key, tank in stores.items():
            tank.move(net[key][t], h)
    return {k: np.maximum(0.0, net[k]) for k in keys}, {k: np.maximum(0.0, -net[k]) for k in keys}


def _demand(problem: ScheduleProblem) -> np.ndarray:
    """Portfolio injection asked for; NaN = nothing, shape (n_periods,)."""
    demand = np.full(len(problem.grid), np.nan)
    if problem.firm is not None and problem.firm.fixed_kw is not None:
        demand[problem.firm.window] = problem.firm.baseline_kw + problem.firm.direction * problem.firm.fixed_kw
    if problem.target is not None:
        demand[problem.wanted] = problem.target.injection_kw[problem.wanted]
    return demand


class _Tank:
    """The store of one device while the plan is walked through."""

    def __init__(self, device: Device, store: Store, h: float) -> None:
        self.device, self.store = device, store
        self.low, self.high = reachable(device.up_kw, device.down_kw, store, h)
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
    sites = problem.site_keys
    index = np.array([sites.index(problem.devices[key][0]) for key in keys])
    fixed = np.array([problem.devices[key][1].fixed_kw[t] for key in keys])
    now = np.array([net[key][t] for key in keys])
    flow = np.bincount(index, weights=fixed + now, minlength=len(sites))
    change = demand_kw - float(flow.sum())
    if problem.direction[t] * change <= 0:
        return  # more than asked for already
    up, down = np.array([high[key] for key in keys]) - now, now - np.array([low[key] for key in keys])
    cost = np.array([problem.devices[key][1].up_cost_cny_per_kwh for key in keys])
    split = split_change(
        demanded_kw=change,
        up_kw=up,
        down_kw=down,
        cost_cny_per_kwh=cost,
        site=index,
        site_up_kw=np.array([problem.sites[s].export_limit_kw for s in sites]) - flow,
        site_down_kw=flow + np.array([problem.sites[s].import_limit_kw for s in sites]),
    )
    for key, moved in zip(keys, split.change_kw, strict=True):
        net[key][t] += moved
