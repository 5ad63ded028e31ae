"""A market without sharp corners: still falling, the mean of what it was made of, untouched far from the corners."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.dispatch.domain.fleet._smooth import COPIES, smoothed

WIDTHS = st.floats(0.1, 50.0)


def drawn(seed: int, periods: int = 3, steps: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Some breaks fall together, as where a market has no steps."""
    rng = np.random.default_rng(seed)
    breaks = np.cumsum(rng.choice([0.0, 5.0, 20.0], (periods, steps)), axis=1) - 30.0
    return breaks, np.sort(rng.uniform(-1, 2, (periods, steps + 1)), axis=1)[:, ::-1].copy()


def value(breaks: np.ndarray, values: np.ndarray, t: int, kw: float) -> float:
    return float(values[t, np.searchsorted(breaks[t], kw, side="right")])


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 1000), WIDTHS)
def test_it_falls_and_is_the_mean_of_its_copies(seed: int, width: float) -> None:
    breaks, values = drawn(seed)
    b, v = smoothed(breaks, values, width)
    assert (np.diff(b, axis=1) >= 0).all()
    assert (np.diff(v, axis=1) <= 1e-12).all()
    for t in range(len(breaks)):
        for kw in np.linspace(-120.0, 120.0, 41) + 0.123456:
            if np.abs(b[t] - kw).min() < 1e-6:
                continue
            mean = np.mean([value(breaks, values, t, kw - by) for by in np.linspace(-width, width, COPIES)])
            assert value(b, v, t, kw) == pytest.approx(mean, abs=1e-9)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 1000), WIDTHS)
def test_far_from_every_break_nothing_changes(seed: int, width: float) -> None:
    breaks, values = drawn(seed)
    b, v = smoothed(breaks, values, width)
    for t in range(len(breaks)):
        for kw in np.linspace(-120.0, 120.0, 41) + 0.123456:
            if np.abs(breaks[t] - kw).min() > width + 1e-6:
                assert value(b, v, t, kw) == pytest.approx(value(breaks, values, t, kw), abs=1e-12)


def test_without_width_or_steps_it_is_what_it_was() -> None:
    breaks, values = drawn(1)
    assert smoothed(breaks, values, 0.0) == (breaks, values)
    none = np.zeros((3, 0)), np.zeros((3, 1))
    assert smoothed(*none, 4.0) == none
