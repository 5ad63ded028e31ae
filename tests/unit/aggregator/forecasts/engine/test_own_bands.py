"""A portfolio's own bands, from its own errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.forecasts.domain.engine.portfolio import BINS, LEAST_DAYS, bins_of, model_weights, own_bands

SLOTS, HORIZONS = 24, np.array([1, 4, 12])
CLOCK = np.arange(SLOTS) + 0.5
WORKING = bins_of(CLOCK, np.ones(SLOTS, dtype=bool))


def bands(errors: np.ndarray, *, level: float | np.ndarray = 1.0, target_level: float = 1.0, ahead: int = 30) -> np.ndarray | None:
    """errors (K, M, S); targets are the slots of one working day, all `ahead` slots away."""
    days = errors.shape[0]
    return own_bands(
        errors_kw=errors,
        level_kw=np.broadcast_to(level, (days, SLOTS)).astype(float),
        bins=np.broadcast_to(WORKING, (days, SLOTS)),
        target_level_kw=np.full(SLOTS, target_level),
        target_bins=WORKING,
        horizons=HORIZONS,
        ahead=np.full(SLOTS, ahead),
    )


def normal(days: int = 60, *, seed: int = 0, sizes: tuple[float, ...] = (1.0, 0.1, 0.3, 0.6)) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(days, 4, SLOTS)) * np.array(sizes)[None, :, None]


def covered(make: object, *, runs: int = 20) -> float:
    """Share of the day after inside the bands."""
    inside = []
    for seed in range(runs):
        errors = make(seed)  # type: ignore[operator]
        found = bands(errors[:-1])
        assert found is not None
        inside.append((errors[-1, 0] >= found[0]) & (errors[-1, 0] <= found[2]))
    return float(np.mean(inside))


def test_too_few_days_are_no_band() -> None:
    assert bands(normal(LEAST_DAYS - 1)) is None
    gaps = normal(20)
    gaps[LEAST_DAYS - 1 :] = np.nan
    assert bands(gaps) is None
    assert bands(normal(LEAST_DAYS)) is not None


def test_bands_hold_errors_of_a_known_law() -> None:
    assert covered(lambda seed: normal(61, seed=seed)) == pytest.approx(0.8, abs=0.04)


def test_bands_follow_errors_that_grow() -> None:
    """Over the last ten days errors are twice as large: bands that stayed as they were would hold half of them."""
    growth = np.where(np.arange(61) >= 50, 2.0, 1.0)[:, None, None]
    assert covered(lambda seed: growth * normal(61, seed=seed)) > 0.64


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 100), scale=st.floats(0.01, 1e5))
def test_they_are_in_order_and_in_the_units_of_the_errors(seed: int, scale: float) -> None:
    errors = normal(20, seed=seed)
    one, other = bands(errors), bands(scale * errors, level=scale, target_level=scale)
    assert one is not None
    assert other is not None
    assert (np.diff(one, axis=0) >= 0).all()
    np.testing.assert_allclose(other, scale * one, rtol=1e-5)


def test_a_day_with_twice_the_level_has_twice_the_band_and_without_a_level_none() -> None:
    errors = normal()
    one, twice, dark = bands(errors), bands(errors, target_level=2.0), bands(errors, target_level=0.0)
    assert one is not None
    np.testing.assert_allclose(twice, 2 * one)
    np.testing.assert_array_equal(dark, np.zeros((3, SLOTS)))
    unlit = np.where(np.arange(SLOTS) < 6, 0.0, 1.0)
    wild = errors.copy()
    wild[:, :, :6] = 1e9
    np.testing.assert_array_equal(bands(wild, level=unlit)[:, 6:], bands(errors, level=unlit)[:, 6:])  # type: ignore[index]


def test_the_nearer_the_narrower_and_beyond_the_horizons_day_ahead() -> None:
    widths = [float(np.mean(found[2] - found[0])) for ahead in (1, 2, 4, 12, 13) if (found := bands(normal(), ahead=ahead)) is not None]
    assert widths == sorted(widths)
    assert widths[0] == pytest.approx(0.1 * widths[-1], rel=0.25)


def test_weights_of_the_models() -> None:
    weights = model_weights(HORIZONS, np.array([1, 2, 4, 12, 13, 90]))
    np.testing.assert_allclose(weights[:, 1], [0, 2 / 3, 1 / 3, 0])
    np.testing.assert_allclose(weights[:, [0, 2, 3]], np.eye(4)[:, 1:])
    np.testing.assert_allclose(weights[:, 4:], np.eye(4)[:, [0, 0]])


def test_hours_of_working_days_and_days_off_have_their_own_bins() -> None:
    off = bins_of(CLOCK, np.zeros(SLOTS, dtype=bool))
    assert not set(off) & set(WORKING)
    assert set(off) | set(WORKING) == set(range(BINS))
    busy = normal(60) * np.where(CLOCK > 12, 3.0, 0.3)
    found = bands(busy)
    assert found is not None
    width = found[2] - found[0]
    assert width[13:].min() > 4 * width[:12].max()


@pytest.mark.parametrize(("together", "factor"), [(False, 4.0), (True, 16.0)])
def test_independent_members_have_the_root_of_the_sum_and_those_that_move_together_all_of_it(together: bool, factor: float) -> None:
    random = np.random.default_rng(5)
    members = random.normal(size=(16, 60, 1, SLOTS))
    errors = 16 * members[0] if together else members.sum(axis=0)
    one, whole = (bands(np.repeat(each, 4, axis=1)) for each in (members[0], errors))
    assert one is not None
    assert whole is not None
    assert np.mean(whole[2] - whole[0]) == pytest.approx(factor * np.mean(one[2] - one[0]), rel=0.12)


def test_days_without_errors_are_passed_over() -> None:
    errors = normal(30)
    gaps = np.insert(errors, [5, 17, 30], np.nan, axis=0)
    np.testing.assert_array_equal(bands(errors), bands(gaps))
