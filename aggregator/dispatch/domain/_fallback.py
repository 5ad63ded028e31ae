"""What is done when no solver delivers: storage idle, cars at once, nothing shed, curtailed only what a shared limit demands.

Where something is asked for (target, firm block) the idle freedom of storage, stations and generation is split over
the assets by merit, period after period, inside power and energy. Loads are not called; two-way cars and rooms follow the
even course that keeps their own limits. Feeders, connections and export shares go before what is asked for.
"""

import numpy as np

from aggregator.assets.domain import Device, Store, within_reach
from aggregator.dispatch.domain._export_share import spare_generation_kwh
from aggregator.dispatch.domain._fallback_limits import site_limits
from aggregator.dispatch.domain.fleet import cost
from aggregator.dispatch.domain.fleet.devices import layout_of
from aggregator.dispatch.domain.problem import ScheduleProblem
from aggregator.dispatch.domain.split.fairness import Rule
from aggregator.dispatch.domain.split.problem import SplitProblem
from aggregator.dispatch.domain.split.split import split_instruction

Moves = dict[str, np.ndarray]


def safe_moves(problem: ScheduleProblem) -> tuple[Moves, Moves]:
    """(up_kw, down_kw) per asset, feasible by construction."""
    walk = _Walk(problem)
    demand = _demand(problem)
    spare = np.full(len(problem.sites), np.inf)
    if walk.has_shares and (problem.direction[~np.isnan(demand)] < 0).any():
        spare = walk.spare_kwh(walk.net_kw(np.full(len(demand), np.nan), spare))
    net = dict(zip(walk.keys, walk.net_kw(demand, spare), strict=True))
    return {k: np.maximum(0.0, kw) for k, kw in net.items()}, {k: np.maximum(0.0, -kw) for k, kw in net.items()}


class _Walk:
    """The park in the order of sites, walked through period after period. Arrays (N,) or (N, n)."""

    def __init__(self, problem: ScheduleProblem) -> None:
        self.problem, self.hours = problem, problem.grid.hours
        index = {site: k for k, site in enumerate(problem.site_keys)}
        self.keys = sorted(problem.devices, key=lambda key: (index[problem.devices[key][0]], str(key)))
        self.site = np.array([index[problem.devices[key][0]] for key in self.keys], dtype=np.int64)
        self.devices = [problem.devices[key][1] for key in self.keys]
        shape = len(self.keys), len(problem.grid)
        self.fixed, self.down = (
            np.array([getattr(device, name) for device in self.devices], dtype=float).reshape(shape) for name in ("fixed_kw", "down_kw")
        )
        self.steady = _even_courses(problem)
        bends = np.array([_bends(device) for device in self.devices], dtype=bool)
        self.limits = site_limits(problem, self.keys, bends)
        self.has_shares = any(np.isfinite(row.site.export_share_ratio) for row in self.limits)
        self.generates = np.array([key in problem.generators for key in self.keys], dtype=bool)

    def net_kw(self, demand_kw: np.ndarray, spare_kwh: np.ndarray) -> np.ndarray:
        """(N, n) moves from what is fixed. spare_kwh (E,): generation that may be left unused for what is asked for."""
        h, left = self.hours, spare_kwh.copy()
        tanks = {
            k: _Tank(device, device.store, h)
            for k, (key, device) in enumerate(zip(self.keys, self.devices, strict=True))
            if device.store is not None and key not in self.steady
        }
        net = np.zeros(self.fixed.shape)
        for t in range(net.shape[1]):
            now, low, high = np.zeros(len(net)), np.zeros(len(net)), np.zeros(len(net))
            for k, key in enumerate(self.keys):
                if k in tanks:
                    now[k], low[k], high[k] = tanks[k].choices(t, h)
                elif key in self.steady:
                    now[k] = low[k] = high[k] = self.steady[key][t]
                else:
                    low[k] = -self.down[k, t]
            fixed = self.fixed[:, t]
            at, low, high = fixed + now, fixed + low, fixed + high
            for row in self.limits:
                at[row.inside] = row.within(at[row.inside], low[row.inside], high[row.inside])
            if not np.isnan(demand_kw[t]):
                at = self._served(t, float(demand_kw[t]), at, low, high, left)
            net[:, t] = at - fixed
            for k, tank in tanks.items():
                tank.move(float(net[k, t]), h)
        for row in self.limits:
            fixed = self.fixed[row.inside]
            net[row.inside] = row.within_share(fixed + net[row.inside], fixed - self.down[row.inside], fixed, h) - fixed
        return net

    def spare_kwh(self, net_kw: np.ndarray) -> np.ndarray:
        """(E,) generation that may be left unused beyond what is exported in a course (N, n)."""
        at = self.fixed + net_kw
        parts = [(row.site, at[row.inside], row.own) for row in self.limits]
        return np.array(
            [
                spare_generation_kwh(site, hours=self.hours, net_kw=part.sum(axis=0), made_kw=part[own].sum(axis=0))
                for site, part, own in parts
            ]
        )

    def _served(self, t: int, demand_kw: float, at: np.ndarray, low: np.ndarray, high: np.ndarray, left_kwh: np.ndarray) -> np.ndarray:
        """What the assets do in period t changed, as far as they can, so that the portfolio does what is asked for."""
        problem = self.problem
        flow = np.bincount(self.site, weights=at, minlength=len(self.limits))
        change = demand_kw - float(flow.sum())
        if problem.direction[t] * change <= 0:
            return at  # more than asked for already
        sign = 1.0 if change > 0 else -1.0
        room, unused = np.maximum(0.0, high - at if sign > 0 else at - low), np.maximum(0.0, flow) + left_kwh / self.hours
        most_out = np.array([row.site.export_limit_kw for row in self.limits])
        for e, row in enumerate(self.limits):
            inside, own = row.inside, self.generates[row.inside]
            if sign < 0 and room[inside][own].sum() > unused[e]:
                room[inside] *= np.where(own, unused[e] / room[inside][own].sum(), 1.0)
            room[inside] = row.held(room[inside], at[inside], sign)
            if np.isfinite(row.site.export_share_ratio):
                most_out[e] = min(most_out[e], max(0.0, flow[e]))
        split = split_instruction(
            SplitProblem(
                site=self.site,
                down_room_kw=room if sign < 0 else np.zeros(len(room)),
                up_room_kw=room if sign > 0 else np.zeros(len(room)),
                cost_cny_per_kwh=np.array([device.up_cost_cny_per_kwh for device in self.devices]),
                site_down_kw=np.maximum(0.0, flow + np.array([row.site.import_limit_kw for row in self.limits])),
                site_up_kw=np.maximum(0.0, most_out - flow),
                change_kw=change,
            ),
            rule=Rule("cost"),
            deadline_s=0.0,
            method="fast",
        )
        curtailed = -np.bincount(self.site, weights=np.where(self.generates, split.change_kw, 0.0), minlength=len(self.limits))
        left_kwh -= self.hours * np.maximum(0.0, curtailed - np.maximum(0.0, flow))
        np.maximum(0.0, left_kwh, out=left_kwh)
        return at + split.change_kw


def _bends(device: Device) -> bool:
    """Generation that can be curtailed, and stations: they only charge."""
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
