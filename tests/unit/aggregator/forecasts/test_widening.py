"""Bands that did not hold lately become wider; bands that did stay as they are."""

import numpy as np
import pytest

from aggregator.forecasts.domain._bands import clock_bands
from aggregator.forecasts.domain._widening import WIDEST, widened, widening


def bands_of(errors: np.ndarray, k: int) -> np.ndarray:
    assert np.isnan(errors[k:]).all(), "a day must not be judged by itself or by later ones"
    return clock_bands(errors, same_type=np.ones((errors.shape[0], errors.shape[2]), dtype=bool))[:, None, :]


def errors(seed: int, *, days: int = 42, lately: float = 1.0) -> np.ndarray:
    sample = np.random.default_rng(seed).normal(size=(days, 9, 24))
    sample[-10:] *= lately
    return sample


def test_steady_errors_leave_the_bands_as_they_are() -> None:
    factors = [widening(errors(seed), bands_of) for seed in range(10)]
    assert max(factors) < 1.06


def test_rougher_days_widen_them_up_to_a_limit() -> None:
    assert 1.2 < widening(errors(1, lately=1.8), bands_of) < 1.8
    assert widening(errors(1, lately=50), bands_of) == WIDEST


def test_calm_days_never_narrow_them() -> None:
    assert widening(errors(1, lately=0.1), bands_of) == 1.0


def test_too_short_a_past_judges_nothing() -> None:
    assert widening(errors(1, days=6, lately=50), bands_of) == 1.0
    assert widening(np.full((42, 9, 24), np.nan), bands_of) == 1.0


def test_widening_keeps_the_middle() -> None:
    bands = np.array([[-2.0, -1.0], [0.0, 1.0], [4.0, 2.0]])
    np.testing.assert_allclose(widened(bands, 1.5), [[-3.0, -2.0], [0.0, 1.0], [6.0, 2.5]])
    assert widened(bands, 1.0) == pytest.approx(bands)
