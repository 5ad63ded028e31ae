"""What the benchmark of an instruction over a window is measured on."""

import numpy as np
import pytest

from aggregator.dispatch.domain.instruction.reference import courses_of
from vpp.bench.window import measure_window
from vpp.bench.window_park import window_park


def test_the_park_is_seeded_and_can_do_what_its_reference_says() -> None:
    one, other = (window_park(60, seed=7, per_site=10, periods=4, direction=1) for _ in range(2))
    np.testing.assert_array_equal(one.target.injection_kw, other.target.injection_kw)
    for key, injection in courses_of(one).injection_kw.items():
        np.testing.assert_allclose(injection, one.reference_kw[key], atol=2e-3)


@pytest.mark.parametrize("direction", [1, -1])
def test_everything_that_is_timed_is_checked(direction: int) -> None:
    found = measure_window(assets=60, seed=7, per_site=10, periods=4, direction=direction)
    assert found["window_violations"] == 0
    assert found["window_error_kw"] <= 0.1
