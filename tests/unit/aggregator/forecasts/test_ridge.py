"""The rolling fit is a regression: statsmodels is the oracle."""

import numpy as np
import statsmodels.api as sm

from aggregator.forecasts.domain._ridge import predict, rolling_coefficients

DAYS, SLOTS, P, LEAD = 20, 24, 4, 2


def made() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(7)
    x = random.normal(size=(DAYS, SLOTS, P))
    y = x @ np.array([1.0, -2.0, 0.5, 0.0]) + random.normal(size=(DAYS, SLOTS))
    x[3, 5] = np.nan
    y[4, :7] = np.nan
    return x, y


def known_rows(x: np.ndarray, y: np.ndarray, days: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows, target = x[:days].reshape(-1, P), y[:days].ravel()
    usable = np.isfinite(rows).all(axis=1) & np.isfinite(target)
    return rows[usable], target[usable], np.repeat(np.arange(days), SLOTS)[usable]


def test_without_ridge_and_forgetting_it_is_ols() -> None:
    x, y = made()
    coef = rolling_coefficients(x=x, y=y, lead_days=LEAD, ridge=0.0, forget=1.0)
    for day in (9, 15, DAYS - 1):
        rows, target, _ = known_rows(x, y, day - LEAD + 1)
        np.testing.assert_allclose(coef[day], sm.OLS(target, rows).fit().params, atol=1e-8)


def test_forgetting_is_wls_with_weights_by_age() -> None:
    x, y = made()
    coef = rolling_coefficients(x=x, y=y, lead_days=LEAD, ridge=0.0, forget=0.9)
    rows, target, age_from_start = known_rows(x, y, DAYS - LEAD)
    weights = 0.9 ** (DAYS - LEAD - 1 - age_from_start)
    np.testing.assert_allclose(coef[-1], sm.WLS(target, rows, weights=weights).fit().params, atol=1e-8)


def test_a_day_is_fitted_on_days_before_its_lead_only() -> None:
    x, y = made()
    before = rolling_coefficients(x=x, y=y, lead_days=LEAD, ridge=1e-3)
    y[12:] += 1000
    after = rolling_coefficients(x=x, y=y, lead_days=LEAD, ridge=1e-3)
    np.testing.assert_array_equal(before[: 12 + LEAD], after[: 12 + LEAD])
    assert not np.allclose(before[12 + LEAD], after[12 + LEAD])


def test_nothing_is_fitted_before_enough_days() -> None:
    x, y = made()
    coef = rolling_coefficients(x=x, y=y, lead_days=LEAD, ridge=1e-3, min_days=7)
    assert np.isnan(coef[: 6 + LEAD]).all()
    assert np.isfinite(coef[6 + LEAD :]).all()
    assert np.isnan(predict(x=x, coef=coef)[:6]).all()
