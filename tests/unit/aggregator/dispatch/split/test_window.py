"""The window's parts: calls against brute force, energy kept for later, and an independent check that sees what is broken."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.dispatch.domain.split import Rule, check_window, split_window
from aggregator.dispatch.domain.split.best_calls import best_calls
from aggregator.dispatch.domain.split.ledger import Ledger
from aggregator.dispatch.domain.split.window import Caps, Loads, Peaks, Stores, WindowProblem, no_loads


def load_of(n: int, **more) -> Loads:
    """One load."""
    rules = {"asset": 0, "whole": True, "max_calls": 1, "max_on": n, "rest": 0, "first": 0, "running": 0, "rested": 99}
    return Loads(**{name: np.array([value]) for name, value in {**rules, "called": np.zeros(n, dtype=bool), **more}.items()})


def window(
    rooms: list, need: list, *, stores: Stores | None = None, loads: Loads | None = None, costs: list | None = None, **more
) -> WindowProblem:
    """Assets at one site each, an hour a period, upwards; nothing undone by moving."""
    room = np.array(rooms, dtype=float)
    n_assets, n = room.shape
    cost = np.repeat(np.array(costs or [0.1] * n_assets, dtype=float), n).reshape(n_assets, n)
    given = {
        "hours": 1.0,
        "direction": 1.0,
        "need_kw": np.array(need, dtype=float),
        "site": np.arange(n_assets),
        "injection_kw": np.zeros_like(room),
        "room_kw": room,
        "first_kw": np.zeros_like(room),
        "first_cost_cny_per_kwh": cost,
        "further_cost_cny_per_kwh": cost,
        "stores": stores or stores_of([], n),
        "loads": no_loads(n) if loads is None else loads,
        "site_room_kw": np.full_like(room, np.inf),
        "groups": Caps(np.zeros(0, dtype=int), np.zeros(0, dtype=int), np.zeros((0, n))),
        "peaks": Peaks(np.zeros(n_assets), np.zeros(n_assets), np.zeros_like(room)),
        "shortfall_price_cny_per_kwh": 20.0,
        "overshoot_price_cny_per_kwh": 1.0,
    }
    return WindowProblem(**{**given, **more})


def stores_of(rows: list[tuple[int, float]], n: int, keep: float = 1.0) -> Stores:
    """(asset, kWh) each, lossless."""
    count = len(rows)
    return Stores(
        asset=np.array([row[0] for row in rows], dtype=np.int64),
        active=np.ones((count, n), dtype=bool),
        slack_kwh=np.array([[row[1]] * n for row in rows], dtype=float).reshape(count, n),
        keep_ratio=np.full(count, keep),
        first_ratio=np.ones(count),
        further_ratio=np.ones(count),
    )


def broken(load: Loads, on: tuple[bool, ...]) -> bool:
    """The rules of calls of one load, said once more."""
    called = load.called[0]
    lasts, idle, begun = int(load.running[0]), int(load.rested[0]), 0
    for t, now in enumerate(on):
        if not now:
            if called[t]:
                return True
            lasts, idle = 0, 1 if lasts else idle + 1
            continue
        if not lasts:
            if idle < load.rest[0] or (not called[t] and t < load.first[0]):
                return True
            begun += not called[t]
        lasts += 1
        if lasts > load.max_on[0]:
            return True
    return begun > load.max_calls[0]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(-5, 9), min_size=6, max_size=6),
    st.integers(0, 2),
    st.integers(1, 3),
    st.integers(0, 3),
    st.integers(0, 2),
    st.integers(0, 2),
    st.integers(0, 3),
)
def test_the_calls_chosen_are_worth_most(
    worth: list[int], calls: int, longest: int, rest: int, first: int, running: int, rested: int
) -> None:
    load = load_of(6, max_calls=calls, max_on=longest, rest=rest, first=first, running=min(running, longest), rested=max(1, rested))
    values = np.array(worth, dtype=float)
    best = max(float(values[list(on)].sum()) for on in product((False, True), repeat=6) if not broken(load, on))
    found = best_calls(load, values[None], np.ones((1, 6), dtype=bool))[0]
    assert not broken(load, tuple(found))
    assert values[found].sum() == pytest.approx(best)


def test_what_the_reference_calls_stays_called() -> None:
    called = np.array([False, True, True, False, False, False])
    load = load_of(6, max_calls=0, max_on=3, called=called)
    found = best_calls(load, np.array([[5.0, 0, 0, 5, 5, 5]]), np.ones((1, 6), dtype=bool))[0]
    np.testing.assert_array_equal(found, [False, True, True, True, False, False])


def test_a_ledger_never_gives_what_is_planned_for_later() -> None:
    problem = window([[10.0] * 3], [10.0] * 3, stores=stores_of([(0, 12.0)], 3))
    ledger = Ledger(problem)
    assert ledger.room_kw()[0] == pytest.approx(10.0)
    assert Ledger(problem, np.array([[0.0, 4.0, 5.0]])).room_kw()[0] == pytest.approx(3.0)
    assert ledger.reserved_room_kw(np.array([[1.0], [1.0], [2.0]]))[0] == pytest.approx(3.0)
    ledger = Ledger(problem, np.array([[3.0, 0.0, 5.0]]))
    ledger.book(np.array([3.0]))
    assert ledger.room_kw()[0] == pytest.approx(4.0)


def test_what_a_leaky_store_is_away_from_its_course_leaks_away_too() -> None:
    problem = window([[10.0] * 2], [10.0] * 2, stores=stores_of([(0, 6.0)], 2, keep=0.5))
    ledger = Ledger(problem)
    ledger.book(np.array([6.0]))
    assert ledger.room_kw()[0] == pytest.approx(3.0)


def test_the_check_sees_what_is_broken() -> None:
    load = load_of(3, asset=1, max_on=1)
    problem = window([[5.0] * 3, [8.0] * 3], [5.0, 5.0, 0.0], stores=stores_of([(0, 9.0)], 3), loads=load)
    called = np.zeros((2, 3), dtype=bool)

    def limits(change: list, on: np.ndarray = called, of: WindowProblem = problem) -> set[str]:
        return {row.limit for row in check_window(of, np.array(change, dtype=float), on)}

    assert limits([[5, 4, 0], [0, 0, 0]]) == set()
    assert limits([[5, 5, 0], [0, 0, 0]]) == {"store"}
    assert limits([[6, 0, 0], [0, 0, 0]]) == {"room"}
    assert limits([[-1, 0, 0], [0, 0, 0]]) == {"direction"}
    assert limits([[1, 1, 1], [0, 0, 0]]) == {"not_asked"}
    assert limits([[1, 1, 0], [8, 0, 0]]) == {"call"}
    assert limits([[1, np.nan, 0], [8, 0, 0]]) == {"number"}
    on = called.copy()
    on[1, :2] = True
    assert limits([[1, 1, 0], [8, 8, 0]], on) == {"call_length"}
    assert "all_or_nothing" in limits([[1, 1, 0], [8, 4, 0]], on)
    on[1] = [True, False, False]
    assert limits([[1, 1, 0], [8, 0, 0]], on, replace(problem, loads=replace(load, first=np.array([1])))) == {"call_start"}
    assert limits([[1, 1, 0], [8, 0, 0]], on, replace(problem, loads=replace(load, max_calls=np.array([0])))) == {"calls"}
    assert limits([[5, 4, 0], [0, 0, 0]], of=replace(problem, site_room_kw=np.full((2, 3), 4.0))) == {"site_room"}
    group = Caps(np.array([0]), np.array([0]), np.full((1, 3), 4.0))
    assert limits([[5, 4, 0], [0, 0, 0]], of=replace(problem, groups=group)) == {"group_room"}


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_energy_is_never_promised_twice(data) -> None:
    n, count = 5, data.draw(st.integers(1, 6))
    floats = lambda low, high, size: data.draw(st.lists(st.floats(low, high), min_size=size, max_size=size))  # noqa: E731
    rooms = [floats(0, 50, n) for _ in range(count)]
    stores = stores_of([(k, data.draw(st.floats(0, 100))) for k in range(count)], n, keep=data.draw(st.sampled_from([1.0, 0.9])))
    problem = window(rooms, floats(0, 150, n), stores=stores, costs=floats(0, 1, count))
    rule = data.draw(st.sampled_from(["cost", "pro_rata", "rotation"]))
    problem = replace(problem, turn_hours=np.arange(count, dtype=float))
    for method in ("pulp", "fast"):
        split = split_window(problem, rule=Rule(rule), deadline_s=20.0, method=method)
        assert check_window(problem, split.change_kw, split.called) == []
        np.testing.assert_allclose(split.change_kw.sum(axis=0) + split.shortfall_kw - split.overshoot_kw, problem.need_kw, atol=1e-9)
        assert (split.overshoot_kw <= 1e-3).all()


def test_a_large_instruction_is_no_reason_to_move_those_that_are_not_needed() -> None:
    problem = window([[10.0] * 4] * 3, [8.0] * 4, costs=[0.1, 0.5, 0.9])
    split = split_window(problem, rule=Rule("cost"), deadline_s=20.0)
    assert split.method == "window"
    np.testing.assert_allclose(split.change_kw, [[8.0] * 4, [0.0] * 4, [0.0] * 4], atol=1e-9)
    np.testing.assert_allclose(split.price_cny_per_kwh, 0.1)
    assert split.cross_check_ratio == pytest.approx(0.0, abs=0.01)
