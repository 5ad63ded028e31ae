"""Bands of two methods and of their mean, weighted by how well each did lately."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.forecasts.domain.engine.mix import HALF_LIFE_DAYS, START, Mix

SLOTS = 24


def bands(half: float, assets: int = 2) -> np.ndarray:
    return half * np.array([-1.0, 0.0, 1.0])[:, None, None] * np.ones((assets, SLOTS))


def test_it_begins_with_what_is_assumed() -> None:
    weights = Mix.none(2).weights()
    assert weights.shape == (2, 3, 3)
    np.testing.assert_allclose(weights, np.broadcast_to(START[:, None], (2, 3, 3)))


@settings(deadline=None)
@given(seed=st.integers(0, 500), days=st.integers(0, 20))
def test_weights_add_up_to_one_and_a_mix_lies_between(seed: int, days: int) -> None:
    random, mix = np.random.default_rng(seed), Mix.none(2)
    for _ in range(days):
        mix = mix.learned(actual=random.normal(size=(2, SLOTS)), engine=bands(random.uniform(0.1, 3)), usual=bands(1.0))
    assert (mix.weights() >= 0).all()
    np.testing.assert_allclose(mix.weights().sum(axis=1), 1.0)
    low, middle, high = mix.mixed(engine=bands(1.0), usual=bands(2.0))
    assert ((low >= -2 - 1e-9) & (low <= -1 + 1e-9)).all()
    assert ((high <= 2 + 1e-9) & (high >= 1 - 1e-9)).all()
    np.testing.assert_allclose(middle, 0.0, atol=1e-12)


def test_the_better_one_wins_for_each_asset_alone() -> None:
    random, mix = np.random.default_rng(4), Mix.none(2)
    for _ in range(30):
        actual = random.normal(size=(2, SLOTS)) * np.array([[0.1], [3.0]])
        mix = mix.learned(actual=actual, engine=bands(0.13), usual=bands(3.8))
    weights = mix.weights()
    assert (weights[0, 0, [0, 2]] > 0.9).all()
    assert (weights[1, 1, [0, 2]] > 0.9).all()


def test_what_was_long_ago_counts_less() -> None:
    mix = Mix.none(1).learned(actual=np.full((1, SLOTS), 3.0), engine=bands(1.0, 1), usual=bands(1.0, 1))
    first = mix.loss.copy()
    for _ in range(int(HALF_LIFE_DAYS)):
        mix = mix.learned(actual=np.zeros((1, SLOTS)), engine=bands(0.0, 1), usual=bands(0.0, 1))
    np.testing.assert_allclose(mix.loss, first / 2)


def test_a_day_of_which_nothing_is_known_teaches_nothing() -> None:
    mix = Mix.none(2).learned(actual=np.ones((2, SLOTS)), engine=bands(1.0), usual=bands(2.0))
    actual = np.stack([np.full(SLOTS, np.nan), np.ones(SLOTS)])
    after = mix.learned(actual=actual, engine=bands(1.0), usual=bands(2.0))
    np.testing.assert_array_equal(after.loss[0], mix.loss[0])
    assert after.weight.tolist() == pytest.approx([1.0, 1 + 0.5 ** (1 / HALF_LIFE_DAYS)])


def test_where_only_one_is_known_it_is_that_one() -> None:
    nothing = np.full((3, 2, SLOTS), np.nan)
    np.testing.assert_array_equal(Mix.none(2).mixed(engine=nothing, usual=bands(2.0)), bands(2.0))
    np.testing.assert_array_equal(Mix.none(2).mixed(engine=bands(1.0), usual=nothing), bands(1.0))
