"""Shares below the quantiles: counted as coverage is, and nothing is said of too few values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.forecasts.domain import Quantiles, calibration, score


def band(n: int, *, low: float = -10.0, high: float = 10.0) -> Quantiles:
    return Quantiles(np.zeros(n), np.full(n, low), np.zeros(n), np.full(n, high), np.ones(n))


def test_a_fair_band_has_a_tenth_on_either_side() -> None:
    actual = np.array([[-20.0] + [0.0] * 8 + [20.0]])
    found = calibration(forecasts=[band(10)], actual_kw=actual, reference_kw=np.array([100.0]))
    assert (found.below_p10_ratio, found.below_p50_ratio, found.below_p90_ratio) == pytest.approx((0.1, 0.5, 0.9))
    assert found.n_values == 10


def test_bands_without_width_and_unknown_values_are_not_counted() -> None:
    actual = np.array([[5.0, 5.0, 5.0, 5.0, np.nan], [5.0] * 5])
    found = calibration(forecasts=[band(5), band(5, low=0.0, high=0.0)], actual_kw=actual, reference_kw=np.array([100.0, 100.0]))
    assert found.n_values == 4
    assert found.below_p50_ratio == 0.0


def test_too_few_values_say_nothing() -> None:
    found = calibration(forecasts=[band(3)], actual_kw=np.zeros((1, 3)), reference_kw=np.array([100.0]))
    assert found.below_p10_ratio is None
    assert found.n_values == 3


@given(st.lists(st.floats(-30, 30) | st.just(float("nan")), min_size=8, max_size=40))
def test_what_lies_between_is_the_coverage_of_the_score(values: list[float]) -> None:
    actual, reference = np.array([values]), np.array([100.0])
    found = calibration(forecasts=[band(len(values))], actual_kw=actual, reference_kw=reference)
    coverage = score(forecasts=[band(len(values))], actual_kw=actual, reference_kw=reference).coverage_p10_p90_ratio
    if coverage is None:
        assert found.below_p10_ratio is None
    else:
        assert found.below_p10_ratio is not None
        assert found.below_p90_ratio is not None
        assert found.below_p90_ratio - found.below_p10_ratio == pytest.approx(coverage)
        assert found.below_p10_ratio <= (found.below_p50_ratio or 0.0) <= found.below_p90_ratio
