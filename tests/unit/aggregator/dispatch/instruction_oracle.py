"""The best that can be done about an instruction, by one plain PuLP model over devices: own equations, nothing of the split.

Before the window everybody keeps the reference, inside it nobody moves against the instruction from there, after it every
store is free: only what can still be kept counts. Small parks, no groups, no network prices.
"""

from dataclasses import dataclass

import numpy as np
import pulp

from aggregator.assets.domain import Device
from aggregator.dispatch.domain import ScheduleProblem


@dataclass(frozen=True)
class Best:
    """Least shortfall [kWh], and the least cost [CNY] of moves and stored energy at that shortfall, above the reference's."""

    short_kwh: float
    cost_cny: float


def best_of(problem: ScheduleProblem, reference_kw: dict[str, np.ndarray], *, overshoot: bool = True) -> Best:
    """reference_kw: injections that every device can really do."""
    model = _Model(problem, reference_kw, overshoot)
    short = model.least(pulp.lpSum(model.short) * model.h)
    model.problem += pulp.lpSum(model.short) * model.h <= short + 1e-4
    return Best(short, model.least(pulp.lpSum(model.cost)) - model.reference_cost)


class _Model:
    def __init__(self, problem: ScheduleProblem, reference_kw: dict[str, np.ndarray], overshoot: bool) -> None:
        self.problem = pulp.LpProblem("oracle", pulp.LpMinimize)
        self.p, self.h, self.n = problem, problem.grid.hours, len(problem.grid)
        asked = np.flatnonzero(problem.wanted)
        self.first, self.end = int(asked[0]), int(asked[-1]) + 1
        self.sign = problem.target.direction
        needed = self.sign * (problem.target.injection_kw - sum(reference_kw.values()))
        self.moving = np.nan_to_num(needed, nan=0.0) > 0  # elsewhere nothing is asked, or more is given already
        self.cost, self.reference_cost, self.names = [], 0.0, 0
        net = {key: self._device(key, device, reference_kw[key]) for key, (_, device) in problem.devices.items()}
        self.short = []
        for t in range(self.first, self.end):
            total = 0
            for name, site in problem.sites.items():
                of_site = pulp.lpSum(problem.devices[k][1].fixed_kw[t] + net[k][t] for k in net if problem.devices[k][0] == name)
                before = sum(reference_kw[k][t] for k in net if problem.devices[k][0] == name)
                self.problem += of_site <= max(site.export_limit_kw, before)
                self.problem += of_site >= min(-site.import_limit_kw, before)
                total = total + of_site
            if np.isnan(problem.target.injection_kw[t]):
                continue
            short, over = self._new(0), self._new(0, None if overshoot else 0)
            already = self.sign * (sum(kw[t] for kw in reference_kw.values()) - problem.target.injection_kw[t])
            self.problem += self.sign * (total - problem.target.injection_kw[t]) + short - over == 0
            self.short.append(short)
            self.cost.append(self.h * problem.overshoot_price_cny_per_kwh * over)
            self.reference_cost += self.h * problem.overshoot_price_cny_per_kwh * max(0.0, already)

    def _new(self, low: float, high: float | None = None, whole: bool = False):
        self.names += 1
        return self.problem.add_variable(f"x{self.names}", low, high, pulp.LpInteger if whole else pulp.LpContinuous)

    def _device(self, key: str, device: Device, reference_kw: np.ndarray) -> list:
        planned = reference_kw - device.fixed_kw
        last = self.n if device.store is not None else self.end
        up = [self._new(0, float(kw)) for kw in device.up_kw[:last]]
        down = [self._new(0, float(kw)) for kw in device.down_kw[:last]]
        net = [u - d for u, d in zip(up, down, strict=True)]
        for t in range(last):
            if t < self.end and not self.moving[t]:
                self.problem += up[t] == max(0.0, planned[t])
                self.problem += down[t] == max(0.0, -planned[t])
            elif t < self.end:
                self.problem += self.sign * net[t] >= self.sign * float(planned[t])
            if t < self.end:
                self.cost.append(self.h * (device.up_cost_cny_per_kwh * up[t] + device.down_cost_cny_per_kwh * down[t]))
                self.reference_cost += self.h * (
                    device.up_cost_cny_per_kwh * max(0.0, planned[t]) + device.down_cost_cny_per_kwh * max(0.0, -planned[t])
                )
        if device.store is not None:
            self._store(device, up, down, planned)
        if device.calls is not None:
            self._calls(key, device, up, planned)
        return net

    def _store(self, device: Device, up: list, down: list, planned: np.ndarray) -> None:
        store, worth = device.store, self.p.terminal_price_cny_per_kwh * device.terminal_value_ratio
        level, at = store.initial_kwh, store.initial_kwh
        for t in range(self.n):
            way = self._new(0, 1, whole=True)
            self.problem += up[t] <= float(device.up_kw[t]) * way
            self.problem += down[t] <= float(device.down_kw[t]) * (1 - way)
            level = level + self.h * (store.eta_in * down[t] - up[t] / store.eta_out)
            self.problem += level >= float(store.min_kwh[t]) - 1e-6
            self.problem += level <= float(store.max_kwh[t]) + 1e-6
            if t < self.end:
                at += self.h * (store.eta_in * max(0.0, -planned[t]) - max(0.0, planned[t]) / store.eta_out)
            if t == self.end - 1:
                self.cost.append(-worth * level)
                self.reference_cost -= worth * at

    def _calls(self, key: str, device: Device, up: list, planned: np.ndarray) -> None:
        calls, lasted = device.calls, self.p.running_calls.get(key, 0)
        on = [self._new(0, 1, whole=True) for _ in up]
        starts = []
        for t, now in enumerate(on):
            most = float(device.up_kw[t])
            self.problem += (up[t] == most * now) if calls.all_or_nothing else (up[t] <= most * now)
            before = on[t - 1] if t else (1 if lasted else 0)
            start = self._new(0, 1 if t >= calls.first_period else 0)
            self.problem += start >= now - before
            starts.append(start)
            if t < self.first:
                self.problem += now == (1 if planned[t] > 1e-6 else 0)
            for earlier in range(max(0, t - calls.rest_periods), t - 1):
                self.problem += start + on[earlier] <= 1
        self.problem += pulp.lpSum(starts) <= calls.max_calls
        history = [1] * lasted + on
        for t in range(len(history) - calls.max_on_periods):
            self.problem += pulp.lpSum(history[t : t + calls.max_on_periods + 1]) <= calls.max_on_periods

    def least(self, objective) -> float:
        self.problem.setObjective(objective)
        self.problem.solve(pulp.HiGHS(msg=False))
        assert self.problem.sol_status == pulp.LpSolutionOptimal
        return float(pulp.value(objective))
