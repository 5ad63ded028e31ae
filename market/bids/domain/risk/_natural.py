"""What the parks do when nobody bids: stores rest, needs are charged midway between soonest and latest, nothing is shed."""

import numpy as np

from market.bids.domain.risk.problem import CurveProblem, VirtualPark, VirtualStore

SPARE_SCENARIOS = 5


def out_of_limits(park: VirtualPark, problem: CurveProblem) -> np.ndarray:
    """(S,) True where the natural course breaks a limit of the connection, or where it is not known to keep all."""
    if not all(_can_rest(store) for store in park.stores):
        return np.ones(problem.scenarios, dtype=bool)
    fixed_kw = _fixed_kw(park, problem)
    lacks = (fixed_kw + problem.per_scenario(park.generation_kw) < -park.import_limit_kw).any(axis=1)
    share_kwh = np.inf if np.isinf(park.export_share_ratio) else park.export_credit_kwh
    beyond_share = problem.hours * np.maximum(fixed_kw, 0.0).sum(axis=1) > share_kwh
    return lacks | beyond_share | (fixed_kw > park.export_limit_kw).any(axis=1)


def likely_tail(problem: CurveProblem, *, confidence: float) -> np.ndarray:
    """(S,) True for twice as many scenarios as the tail has, and some more: those that the natural course makes dearest."""
    cost = problem.fixed_cost_cny.copy()
    for park in problem.parks:
        net_kw = _fixed_kw(park, problem) + problem.per_scenario(park.generation_kw)
        cost += problem.hours * (np.maximum(-net_kw, 0) @ park.buy_cny_per_kwh - np.maximum(net_kw, 0) @ park.sell_cny_per_kwh)
    count = int(np.ceil(2 * (1 - confidence) * problem.scenarios)) + SPARE_SCENARIOS
    tail = np.zeros(problem.scenarios, dtype=bool)
    tail[np.argsort(-cost, kind="stable")[:count]] = True
    return tail


def _fixed_kw(park: VirtualPark, problem: CurveProblem) -> np.ndarray:
    """(S, n) injection without generation."""
    fixed_kw = problem.per_scenario(park.fixed_injection_kw).astype(float)
    for fill in park.fills:
        fixed_kw -= np.diff((fill.least_kwh + fill.most_kwh) / 2, prepend=0.0) / problem.hours
    return fixed_kw


def _can_rest(store: VirtualStore) -> bool:
    held = store.initial_kwh
    for t, drift in enumerate(store.drift_kwh):
        held = store.keep_ratio * held + drift
        if not store.min_kwh[t] <= held <= store.max_kwh[t]:
            return False
    return held >= store.end_kwh
