"""Means and quantiles of what is known: numpy is the oracle."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.forecasts.domain.engine.samples import known_mean, quantiles

LEVELS = np.array([0.1, 0.5, 0.9])


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(1, 40), share=st.floats(0, 0.95))
def test_they_are_numpys_without_the_missing(seed: int, rows: int, share: float) -> None:
    random = np.random.default_rng(seed)
    sample = np.where(random.uniform(size=(2, rows, 3)) < share, np.nan, random.normal(size=(2, rows, 3)))
    mean, ours = known_mean(sample, axis=1), quantiles(sample, LEVELS)
    for n, s in np.ndindex(2, 3):
        known = sample[n, np.isfinite(sample[n, :, s]), s]
        if known.size:
            np.testing.assert_allclose(ours[:, n, s], np.quantile(known, LEVELS))
            np.testing.assert_allclose(mean[n, s], known.mean())
        else:
            assert np.isnan(ours[:, n, s]).all()
            assert np.isnan(mean[n, s])
