"""A store is passed over in a sweep only where nothing beats what it does."""

import numpy as np
import pytest

from aggregator.dispatch.domain.fleet._columns import profile_columns, store_columns
from aggregator.dispatch.domain.fleet._store import bounds_of_store, stands_well, store_room
from aggregator.dispatch.domain.fleet.cost import final_kwh
from aggregator.dispatch.domain.fleet.problem import FleetProblem
from aggregator.dispatch.domain.fleet.responses import Responses, respond
from tests.unit.aggregator.dispatch.fleet.parks import tiny


def answers(problem: FleetProblem, prices: np.ndarray) -> Responses:
    none = np.zeros(0, dtype=np.int64)
    return respond(problem, price_rows=prices, row_of_store=np.arange(len(problem.stores)), row_of_fill=none, row_of_call=none)


@pytest.mark.parametrize("seed", range(12))
def test_the_best_schedule_stands_and_what_stands_is_the_best(seed: int) -> None:
    problem = tiny(seed, n_stores=12, n_fills=0, n_calls=0)
    stores, n, h = problem.stores, problem.periods, problem.hours
    rng = np.random.default_rng(seed)
    prices = rng.uniform(0.05, 1.2, (len(stores), n))
    nearly = np.where(rng.random((len(stores), n)) < 0.8, prices, rng.uniform(0.05, 1.2, (len(stores), n)))
    best, other = answers(problem, prices), answers(problem, nearly)
    columns, profiles, room = store_columns(stores, len(problem.sites)), profile_columns(problem.profiles), store_room(n, 2)
    end_kwh = final_kwh(problem, other.store_kw, np.maximum(other.store_kw, 0).sum(axis=1))
    stood = []
    for i in range(len(stores)):
        bounds_of_store(i, columns, profiles, room)
        room.last_worth[:] = room.next_worth[:] = prices[i]
        assert stands_well(i, columns, h, room, best.store_kw[i])
        stood.append(stands_well(i, columns, h, room, other.store_kw[i]))
        kw = other.store_kw[i]
        cost = h * (stores.wear_cny_per_kwh[i] * np.maximum(kw, 0).sum() - prices[i] @ kw) - stores.end_value_cny_per_kwh[i] * end_kwh[i]
        assert stood[i] == (cost == pytest.approx(best.store_cny[i], rel=1e-7, abs=1e-7))
    assert not all(stood)


def test_a_dearer_next_kwh_than_the_last_leaves_room_between_them() -> None:
    """Between what charging costs and what discharging earns nothing moves."""
    problem = tiny(1, n_stores=1, n_fills=0, n_calls=0, groups=False)
    n = problem.periods
    columns, profiles, room = store_columns(problem.stores, 3), profile_columns(problem.profiles), store_room(n, 2)
    bounds_of_store(0, columns, profiles, room)
    idle = np.zeros(n)
    room.last_worth[:], room.next_worth[:] = 9.0, 0.001
    assert stands_well(0, columns, problem.hours, room, idle) == bool(problem.stores.initial_kwh[0] >= problem.stores.end_kwh[0])
