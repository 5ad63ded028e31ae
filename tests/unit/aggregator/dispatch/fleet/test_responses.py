"""Best responses are exact: a store's equals its linear programme, a car's and a load's equal every other possibility."""

from dataclasses import replace
from itertools import product

import numpy as np
import pulp
import pytest

from aggregator.dispatch.domain.fleet.problem import CallLoads, FleetProblem
from aggregator.dispatch.domain.fleet.responses import respond
from tests.unit.aggregator.dispatch.fleet.parks import tiny

SEEDS = range(12)


def prices_of(problem: FleetProblem, seed: int, *, low: float) -> np.ndarray:
    return np.random.default_rng(seed).uniform(low, 1.2, (len(problem.sites), problem.periods))


def answers(problem: FleetProblem, prices: np.ndarray):
    rows = (problem.stores.site, problem.fills.site, problem.calls.site)
    return respond(problem, price_rows=prices, row_of_store=rows[0], row_of_fill=rows[1], row_of_call=rows[2])


def store_by_programme(problem: FleetProblem, i: int, price: np.ndarray) -> float:
    """The store as a linear programme, its own equations."""
    s, h, n = problem.stores, problem.hours, problem.periods
    p = int(s.profile[i])
    course = problem.profiles
    window = range(int(s.first[i]), int(s.end[i]))
    model = pulp.LpProblem("store", pulp.LpMinimize)
    cost, before = [], float(s.initial_kwh[i])
    for t in window:
        most_in = course.charge_kw[p, t] if p >= 0 else s.charge_kw[i]
        most_out = course.discharge_kw[p, t] if p >= 0 else s.discharge_kw[i]
        low = course.min_kwh[p, t] if p >= 0 else s.min_kwh[i]
        high = course.max_kwh[p, t] if p >= 0 else s.max_kwh[i]
        drift = course.drift_kwh[p, t] if p >= 0 else 0.0
        if t == window[-1]:
            low = max(low, float(s.end_kwh[i]))
        charge = pulp.LpVariable(f"c{t}", 0, float(most_in))
        discharge = pulp.LpVariable(f"d{t}", 0, float(most_out))
        now = pulp.LpVariable(f"s{t}", float(low), float(high))
        model += (
            now == float(s.keep_ratio[i]) * before + float(drift) + h * float(s.eta_in[i]) * charge - h / float(s.eta_out[i]) * discharge
        )
        cost += [h * float(price[t]) * charge, h * float(s.wear_cny_per_kwh[i] - price[t]) * discharge]
        before = now
    model += pulp.lpSum(cost) - float(s.end_value_cny_per_kwh[i]) * before
    model.solve(pulp.HiGHS(msg=False))
    assert model.sol_status == pulp.LpSolutionOptimal
    assert n >= window[-1]
    return float(pulp.value(model.objective))


@pytest.mark.parametrize("low", [0.05, -1.0], ids=["prices above zero", "strongly negative prices"])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_stores_bound_equals_its_linear_programme(seed: int, low: float) -> None:
    problem = tiny(seed)
    prices = prices_of(problem, seed, low=low)
    found = answers(problem, prices)
    for i in range(len(problem.stores)):
        exact = store_by_programme(problem, i, prices[problem.stores.site[i]])
        assert found.store_cny[i] == pytest.approx(exact, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_stores_schedule_costs_its_bound_where_prices_are_above_zero(seed: int) -> None:
    problem = tiny(seed)
    prices = prices_of(problem, seed, low=0.05)
    found, s, h = answers(problem, prices), problem.stores, problem.hours
    for i in range(len(s)):
        kw = found.store_kw[i]
        stored, p = s.initial_kwh[i], s.profile[i]
        for t in range(s.first[i], s.end[i]):
            drift = problem.profiles.drift_kwh[p, t] if p >= 0 else 0.0
            stored = s.keep_ratio[i] * stored + drift + h * (max(-kw[t], 0) * s.eta_in[i] - max(kw[t], 0) / s.eta_out[i])
        cost = h * (s.wear_cny_per_kwh[i] * np.maximum(kw, 0).sum() - prices[s.site[i]] @ kw) - s.end_value_cny_per_kwh[i] * stored
        assert cost == pytest.approx(found.store_cny[i], rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_car_is_charged_when_it_is_cheapest(seed: int) -> None:
    problem = tiny(seed)
    prices = prices_of(problem, seed, low=-0.5)
    found, f, h = answers(problem, prices), problem.fills, problem.hours
    for i in range(len(f)):
        window = prices[f.site[i], f.first[i] : f.end[i]]
        need = f.need_kwh[i] / f.eta_in[i]
        steps = np.full(len(window), f.charge_kw[i] * h)
        full = np.minimum(np.cumsum(steps), need)
        least = float(np.diff(full, prepend=0.0) @ np.sort(window))
        assert found.fill_cny[i] == pytest.approx(least, rel=1e-9, abs=1e-9)
        assert h * f.eta_in[i] * -found.fill_kw[i].sum() == pytest.approx(f.need_kwh[i], rel=1e-9, abs=1e-9)


def load_by_trial(problem: FleetProblem, i: int, price: np.ndarray) -> float:
    """The cheapest of all on-off patterns that the rules allow."""
    c, h, n = problem.calls, problem.hours, problem.periods
    best = 0.0
    first, end = int(c.first[i]), int(c.end[i])
    pause = max(int(c.rest[i]), int(c.rebound[i]), 1)
    for pattern in product((0, 1), repeat=end - first):
        on = np.zeros(n, dtype=int)
        on[first:end] = pattern
        edges = np.flatnonzero(np.diff(np.concatenate(([0], on, [0]))))
        runs = list(zip(edges[::2], edges[1::2], strict=True))
        lengths = [b - a for a, b in runs]
        gaps = [runs[k + 1][0] - runs[k][1] for k in range(len(runs) - 1)]
        allowed = len(runs) <= c.max_calls[i] and sum(lengths) <= c.max_periods[i] and all(length <= c.max_on[i] for length in lengths)
        if not allowed or any(gap < pause for gap in gaps):
            continue
        kw = np.zeros(n)
        for a, b in runs:
            kw[a:b] = c.shed_kw[i] * np.minimum(1.0, np.arange(1, b - a + 1) / (c.ramp[i] + 1))
            kw[b : b + int(c.rebound[i])] = -c.rebound_ratio[i] * c.shed_kw[i]
        best = min(best, h * (c.cost_cny_per_kwh[i] * np.maximum(kw, 0).sum() - price @ kw))
    return float(best)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_loads_calls_are_the_cheapest_of_all_patterns(seed: int) -> None:
    problem = tiny(seed)
    prices = prices_of(problem, seed, low=-0.5)
    found = answers(problem, prices)
    for i in range(len(problem.calls)):
        assert found.call_cny[i] == pytest.approx(load_by_trial(problem, i, prices[problem.calls.site[i]]), rel=1e-9, abs=1e-9)
        assert found.call_cny[i] == pytest.approx(
            cost_of_call(problem.calls, i, found.call_kw[i], prices, problem.hours), rel=1e-9, abs=1e-9
        )


def cost_of_call(c: CallLoads, i: int, kw: np.ndarray, prices: np.ndarray, h: float) -> float:
    return float(h * (c.cost_cny_per_kwh[i] * np.maximum(kw, 0).sum() - prices[c.site[i]] @ kw))


def test_without_room_for_a_call_nothing_is_called() -> None:
    problem = tiny(1)
    none = replace(problem.calls, max_calls=np.zeros(len(problem.calls), dtype=np.int64))
    found = answers(replace(problem, calls=none), prices_of(problem, 1, low=0.0))
    assert not found.call_kw.any()
