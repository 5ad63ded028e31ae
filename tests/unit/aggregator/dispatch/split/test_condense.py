"""A large park by its sites' curves: every limit kept, nobody promised twice, and next to the fast path and the model of every asset."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.dispatch.domain.split import Rule, check_window, split_window, window_solve
from aggregator.dispatch.domain.split.best_calls import best_calls
from aggregator.dispatch.domain.split.condense import condense
from aggregator.dispatch.domain.split.window import Caps, Loads, Stores, WindowProblem
from tests.unit.aggregator.dispatch.split.test_window import load_of, window

SITES, EACH, PERIODS = 5, 8, 4
fixture_is_set_once = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def large(monkeypatch) -> None:
    monkeypatch.setattr(window_solve, "MOST_PIECES", 0)


def loads_of(rng: np.random.Generator, asset: np.ndarray) -> Loads:
    count = len(asset)
    return Loads(
        asset=asset,
        whole=rng.random(count) < 0.5,
        max_calls=rng.integers(0, 3, count),
        max_on=rng.integers(1, 4, count),
        rest=rng.integers(0, 3, count),
        first=rng.integers(0, 2, count),
        running=np.zeros(count, dtype=np.int64),
        rested=np.full(count, 99),
        called=np.zeros((count, PERIODS), dtype=bool),
    )


def park(seed: int, *, share: float) -> WindowProblem:
    """Stores, ranges and loads at sites whose connections and a feeder bind, or not; asked for a share of what all have."""
    rng = np.random.default_rng(seed)
    count = SITES * EACH
    site = np.repeat(np.arange(SITES), EACH)
    room = np.round(rng.uniform(5, 50, (count, PERIODS)), 3)
    stored, loaded = np.flatnonzero(np.arange(count) % 8 < 4), np.flatnonzero(np.arange(count) % 8 == 7)
    room[loaded] = room[loaded][:, :1]
    slack = np.repeat(rng.uniform(0.3, 1.2, (len(stored), 1)) * room[stored].sum(axis=1, keepdims=True), PERIODS, axis=1)
    ratio = rng.uniform(1.0, 1.1, len(stored))
    stores = Stores(stored, np.ones(slack.shape, dtype=bool), slack, np.ones(len(stored)), ratio, ratio)
    of_site = np.add.reduceat(room, np.arange(0, count, EACH), axis=0)
    problem = window(room.tolist(), [1.0] * PERIODS, stores=stores, costs=rng.uniform(0.1, 1.0, count).tolist())
    return replace(
        problem,
        need_kw=np.round(share * room.sum() / PERIODS * rng.uniform(0.6, 1.0, PERIODS), 3),
        site=site,
        loads=loads_of(rng, loaded),
        site_room_kw=of_site * rng.uniform(0.5, 1.2, (SITES, 1)),
        groups=Caps(np.zeros(3, dtype=int), np.arange(3), np.full((1, PERIODS), 40.0)),
    )


@pytest.mark.usefixtures("large")
@fixture_is_set_once
@given(st.integers(0, 10**6), st.sampled_from([0.2, 0.5, 0.9]), st.sampled_from(["cost", "floor", "rotation", "pro_rata"]))
def test_by_curves_every_limit_is_kept_and_everything_adds_up(seed: int, share: float, rule: str) -> None:
    problem = park(seed, share=share)
    problem = replace(problem, turn_hours=np.arange(len(problem.site), dtype=float), floor_ratio=np.full(SITES, 0.05))
    split = split_window(problem, rule=Rule(rule), deadline_s=20.0, method="pulp")
    assert check_window(problem, split.change_kw, split.called) == []
    np.testing.assert_allclose(split.change_kw.sum(axis=0) + split.shortfall_kw - split.overshoot_kw, problem.need_kw, atol=1e-9)


@pytest.mark.usefixtures("large")
def test_by_curves_it_costs_what_the_fast_path_costs_where_there_is_enough() -> None:
    for seed in range(8):
        split = split_window(park(seed, share=0.25), rule=Rule(), deadline_s=20.0, method="pulp")
        assert split.method == "curves"
        assert abs(split.cross_check_ratio) <= 0.01


def test_classes_have_together_what_their_members_have_and_lend_no_energy() -> None:
    problem = park(3, share=0.5)
    called = np.zeros(problem.room_kw.shape, dtype=bool)
    small = condense(problem, called)
    moves = np.setdiff1d(np.arange(len(problem.site)), problem.loads.asset)  # no load is called
    assert (small.row[problem.loads.asset] == -1).all()
    np.testing.assert_allclose(small.problem.room_kw.sum(axis=0), problem.room_kw[moves].sum(axis=0))
    np.testing.assert_array_equal(problem.site[moves], small.problem.site[small.row[moves]])
    stores = small.problem.stores
    most = problem.hours * stores.further_ratio * small.problem.room_kw[stores.asset].sum(axis=1)
    assert (stores.slack_kwh[:, -1] <= most * 1.1).all()
    assert stores.slack_kwh[:, -1].sum() <= problem.stores.slack_kwh[:, -1].sum() + 1e-9
    group = small.problem.groups
    assert set(group.asset.tolist()) == set(small.row[:3].tolist())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_loads_are_called_together_as_each_alone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    loads = loads_of(rng, np.arange(12))
    worth = rng.integers(-5, 9, (12, PERIODS)).astype(float)
    allowed = rng.random((12, PERIODS)) < 0.8
    together = best_calls(loads, worth, allowed)
    for k in range(12):
        alone = best_calls(loads.at(np.array([k])), worth[k : k + 1], allowed[k : k + 1])[0]
        assert worth[k][together[k]].sum() == pytest.approx(worth[k][alone].sum())
        assert not (together[k] & ~allowed[k]).any()


def test_a_long_rest_is_kept_beyond_the_window() -> None:
    load = load_of(3, rest=10, rested=8)
    np.testing.assert_array_equal(best_calls(load, np.ones((1, 3)), np.ones((1, 3), dtype=bool))[0], [False, False, True])
