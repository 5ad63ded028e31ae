"""From activity to injection: one flip, and the outer quantiles change places."""

import numpy as np

from aggregator.forecasts.domain._types import Outlook, injection_of

OUTLOOK = Outlook(
    mean=np.array([50.0, 60.0]),
    low=np.array([40.0, 45.0]),
    mid=np.array([52.0, 61.0]),
    high=np.array([70.0, 90.0]),
    persistence=np.array([55.0, np.nan]),
)


def test_generation_stays_as_it_is() -> None:
    q = injection_of(OUTLOOK, sign=1, quality="good")
    np.testing.assert_array_equal(q.p10, [40, 45])
    np.testing.assert_array_equal(q.p90, [70, 90])


def test_p10_of_a_loads_injection_is_its_p90_of_consumption() -> None:
    q = injection_of(OUTLOOK, sign=-1, quality="good")
    np.testing.assert_array_equal(q.p10, [-70, -90])
    np.testing.assert_array_equal(q.p50, [-52, -61])
    np.testing.assert_array_equal(q.p90, [-40, -45])
    np.testing.assert_array_equal(q.mean, [-50, -60])
    np.testing.assert_array_equal(q.persistence, [-55, np.nan])
