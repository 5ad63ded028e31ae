"""Quantiles from errors: order, finite-sample width, and the share that they cover."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.forecasts.domain._bands import binned_bands, clock_bands, column_quantiles, tails


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(1, 40), share=st.floats(0, 0.9))
def test_column_quantiles_are_numpys_without_the_missing(seed: int, rows: int, share: float) -> None:
    random = np.random.default_rng(seed)
    sample = np.where(random.uniform(size=(rows, 3)) < share, np.nan, random.normal(size=(rows, 3)))
    ours, count = column_quantiles(sample, (0.1, 0.5, 0.9))
    for k in range(3):
        known = sample[np.isfinite(sample[:, k]), k]
        assert count[k] == known.size
        if known.size:
            np.testing.assert_allclose(ours[:, k], np.quantile(known, [0.1, 0.5, 0.9]))
        else:
            assert np.isnan(ours[:, k]).all()


def test_few_days_give_wider_levels() -> None:
    assert tails(10)[0] < tails(40)[0] < tails(400)[0] < 0.1
    assert tails(400)[2] == pytest.approx(0.9, abs=0.01)


def test_coverage_of_a_known_distribution() -> None:
    """Errors of 40 past days are drawn as today's are: 80 % of today's must fall inside."""
    random = np.random.default_rng(3)
    inside = []
    for _ in range(60):
        past = random.gumbel(size=(40, 9, 24))
        low, middle, high = clock_bands(past, same_type=np.ones((40, 24), dtype=bool))
        assert (low <= middle).all()
        assert (middle <= high).all()
        today = random.gumbel(size=24)
        inside.append((low <= today) & (today <= high))
    assert np.mean(inside) == pytest.approx(0.82, abs=0.03)


def test_day_types_are_kept_apart_where_there_are_enough() -> None:
    errors = np.random.default_rng(0).normal(size=(42, 9, 4))
    days_off = np.arange(42) % 7 >= 5
    errors[days_off] += 100
    same = np.repeat(days_off[:, None], 4, axis=1)
    assert clock_bands(errors, same_type=same)[1].min() > 95
    assert clock_bands(errors, same_type=~same)[1].max() < 5


def test_too_few_errors_are_no_band() -> None:
    errors = np.full((42, 9, 4), np.nan)
    errors[-2:] = 1.0
    assert np.isnan(clock_bands(errors, same_type=np.ones((42, 4), dtype=bool))).all()


def test_bins_have_their_own_errors_and_thin_bins_take_all() -> None:
    random = np.random.default_rng(5)
    bins = np.zeros((30, 5, 6), dtype=int)
    bins[:, :, 3:] = 1
    bins[0, 0, 0] = 2
    errors = random.normal(size=bins.shape) + 50 * bins
    out = binned_bands(errors, past_bin=bins, target_bin=np.array([0, 1, 2, -1]))
    assert abs(out[1, 0]) < 1
    assert abs(out[1, 1] - 50) < 1
    assert out[0, 2] < 5
    assert out[2, 2] > 45
    assert np.isnan(out[:, 3]).all()
