"""Moments are a regression: statsmodels is the oracle."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.forecasts.domain.engine.ridge import JITTER, Moments, predicted, shrunk, solved

ASSETS, DAYS, SLOTS, P = 3, 20, 24, 4


def made(seed: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """(N, D, S, p), (N, D, S) with gaps."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(ASSETS, DAYS, SLOTS, P))
    y = x @ np.array([1.0, -2.0, 0.5, 0.0]) + random.normal(size=x.shape[:-1])
    x[0, 3, 5, 2] = np.nan
    y[1, 4, :7] = np.nan
    return x, y


def learned(x: np.ndarray, y: np.ndarray, *, forget: float) -> Moments:
    moments = Moments.none((ASSETS,), P)
    for day in range(x.shape[1]):
        moments = moments.aged(forget).plus(x[:, day], y[:, day])
    return moments


def known_rows(x: np.ndarray, y: np.ndarray, asset: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, targets and age in days."""
    usable = np.isfinite(y[asset]) & np.isfinite(x[asset]).all(axis=-1)
    age = np.broadcast_to(x.shape[1] - 1 - np.arange(x.shape[1])[:, None], usable.shape)
    return x[asset][usable], y[asset][usable], age[usable]


@settings(deadline=None)
@given(seed=st.integers(0, 1000))
def test_without_ridge_and_forgetting_it_is_ols(seed: int) -> None:
    x, y = made(seed)
    moments = learned(x, y, forget=1.0)
    coef = solved(moments, ridge=0.0)
    for asset in range(ASSETS):
        rows, target, _ = known_rows(x, y, asset)
        assert moments.rows[asset] == len(target)
        np.testing.assert_allclose(coef[asset], sm.OLS(target, rows).fit().params, atol=1e-8)


@settings(deadline=None)
@given(seed=st.integers(0, 1000))
def test_forgetting_is_wls_with_weights_by_age(seed: int) -> None:
    x, y = made(seed)
    coef = solved(learned(x, y, forget=0.99), ridge=0.0)
    for asset in range(ASSETS):
        rows, target, age = known_rows(x, y, asset)
        np.testing.assert_allclose(coef[asset], sm.WLS(target, rows, weights=0.99**age).fit().params, atol=1e-8)


def test_a_ridge_is_the_textbook_solution() -> None:
    x, y = made()
    rows, target, _ = known_rows(x, y, 2)
    gram = rows.T @ rows
    expected = np.linalg.solve(gram + 0.1 * np.diag(np.diag(gram)) + JITTER * np.eye(P), rows.T @ target)
    np.testing.assert_allclose(solved(learned(x, y, forget=1.0), ridge=0.1)[2], expected, atol=1e-10)


def test_an_asset_without_rows_has_the_answer_of_its_class_and_a_class_without_rows_none() -> None:
    x, y = made()
    y[0] = np.nan
    moments = learned(x, y, forget=1.0)
    coef = shrunk(moments, moments.pooled(), ridge=1e-6)
    both = np.concatenate([known_rows(x, y, 1)[0], known_rows(x, y, 2)[0]])
    target = np.concatenate([known_rows(x, y, 1)[1], known_rows(x, y, 2)[1]])
    np.testing.assert_allclose(coef[0], sm.OLS(target, both).fit().params, atol=1e-4)
    nothing = Moments.none((2,), P)
    assert np.isnan(shrunk(nothing, nothing.pooled(), ridge=1e-3)).all()


def test_many_rows_of_its_own_count_more_than_the_class() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(2, 5000, 1))
    y = x[..., 0] * np.array([[1.0], [3.0]])
    few = np.where(np.arange(5000) < 20, y, np.nan)
    for target, closeness in ((y, 0.05), (few, 0.5)):
        moments = Moments.none((2,), 1).plus(x, np.stack([y[0], target[1]]))
        coef = shrunk(moments, moments.pooled(), ridge=1e-9)[:, 0]
        assert (abs(coef[1] - 3) < 0.1) == (closeness < 0.1)
        assert coef[0] == pytest.approx(1, abs=0.1)


def test_a_prediction_with_a_missing_feature_is_missing() -> None:
    x = np.array([[[1.0, 2.0], [1.0, np.nan]]])
    np.testing.assert_array_equal(predicted(x, np.array([[0.5, 1.0]])), [[2.5, np.nan]])
