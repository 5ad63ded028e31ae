"""Quantiles of earlier errors: numpy is the oracle, within the width of a cell."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.forecasts.domain.engine.calibration import (
    CELL,
    CELLS,
    FINE,
    LEVELS,
    NARROWEST,
    SCALE_LEAST,
    SCALE_MOST,
    WIDEST,
    Calibration,
    cell_of,
    quantiles_of,
    value_of,
)

KEEP = 0.95


def learned(
    errors: np.ndarray, *, bins: np.ndarray | None = None, days: int = 1, keep: float = 1.0, models: int = 1, count: int = 1
) -> Calibration:
    """errors (N, H, S) on each of `days` days, no share beyond known."""
    calibration = Calibration.none(assets=len(errors), models=models, bins=count)
    where = np.zeros(errors.shape, dtype=int) if bins is None else bins
    unknown = np.full(errors.shape[:2], np.nan)
    for _ in range(days):
        calibration = calibration.learned(r=errors, bins=where, below=unknown, above=unknown, keep=keep, gamma=0.1)
    return calibration


@settings(deadline=None)
@given(error=st.floats(-20, 20))
def test_the_middle_of_a_cell_is_as_near_as_the_cell_is_wide(error: float) -> None:
    found = float(value_of(cell_of(np.array(error))))
    assert abs(found - error) <= CELL / 2 * np.hypot(error, FINE) * 1.02 + 1e-12


def test_errors_beyond_all_cells_are_in_the_outermost() -> None:
    assert cell_of(np.array([-1e9, 0.0, 1e9])).tolist() == [0, CELLS // 2, CELLS - 1]


@settings(deadline=None)
@given(seed=st.integers(0, 1000), rows=st.integers(1500, 3000), shift=st.floats(-2, 2), spread=st.floats(0.01, 3))
def test_table_quantiles_are_numpys_within_the_cell_width(seed: int, rows: int, shift: float, spread: float) -> None:
    sample = shift + spread * np.random.default_rng(seed).standard_normal(rows)
    found = quantiles_of(np.bincount(cell_of(sample), minlength=CELLS)[None])[0]
    near = np.quantile(sample, np.clip([LEVELS - 1 / rows, LEVELS + 1 / rows], 0, 1))
    width = CELL * np.hypot(near, FINE)
    assert (found >= near[0] - width[0]).all()
    assert (found <= near[1] + width[1]).all()


def test_an_empty_table_has_no_quantiles() -> None:
    assert np.isnan(quantiles_of(np.zeros((1, CELLS)))).all()
    assert np.isnan(Calibration.none(assets=2, models=1, bins=3).bands(thin_rows=1).at(np.zeros((2, 1, 4), dtype=int))).all()


def test_counts_are_of_the_known_by_bin_and_fade() -> None:
    errors = np.array([[[0.5, -0.5, np.nan, 0.2, 0.3]]])
    bins = np.array([[[0, 1, 1, -1, 1]]])
    one = learned(errors, bins=bins, count=2)
    np.testing.assert_array_equal(one.counts.sum(axis=-1), [[1, 2]])
    np.testing.assert_array_equal(one.rows, [[3]])
    assert one.size[0, 0] == pytest.approx(1.3)
    two = learned(errors, bins=bins, count=2, days=2, keep=KEEP)
    np.testing.assert_allclose(two.counts.sum(axis=-1), (1 + KEEP) * np.array([[1, 2]]))
    np.testing.assert_allclose(two.size, (1 + KEEP) * 1.3)


def test_bins_have_their_own_errors_and_thin_bins_those_of_all() -> None:
    random = np.random.default_rng(5)
    bins = np.zeros((1, 1, 4000), dtype=int)
    bins[..., 2500:3990] = 1
    bins[..., 3990:] = 2
    errors = random.normal(size=bins.shape) * 0.1 + 5.0 * bins
    table = learned(errors, bins=bins, count=3).bands(thin_rows=60).table[0]
    whole = np.quantile(errors, LEVELS)
    np.testing.assert_allclose(table[0], np.quantile(errors[..., :2500], LEVELS), atol=0.02)
    np.testing.assert_allclose(table[1], np.quantile(errors[..., 2500:3990], LEVELS), atol=0.15)
    np.testing.assert_allclose(table[2], whole, rtol=0.03, atol=0.02)


def test_an_asset_with_larger_errors_has_wider_bands_once_there_are_enough() -> None:
    random = np.random.default_rng(6)
    errors = random.normal(size=(3, 1, 2000)) * np.array([0.5, 1.0, 1.5])[:, None, None]
    scale = learned(errors).scale[:, 0]
    np.testing.assert_allclose(scale, [0.5, 1.0, 1.5], rtol=0.08)
    np.testing.assert_array_equal(learned(errors[..., :200]).scale, np.ones((3, 1)))
    wild = errors * np.array([1e-3, 1.0, 1e3])[:, None, None]
    assert learned(wild).scale[:, 0].tolist() == [SCALE_LEAST, SCALE_LEAST, SCALE_MOST]


def test_the_width_follows_what_was_missed_on_either_side() -> None:
    start = learned(np.zeros((4, 1, 30)))
    below, above = np.array([[0.5], [0.0], [0.1], [np.nan]]), np.array([[0.1], [0.1], [0.5], [0.0]])
    nothing = np.full((4, 1, 30), np.nan)
    after = start.learned(r=nothing, bins=np.full(nothing.shape, -1), below=below, above=above, keep=1.0, gamma=0.2)
    assert after.width[0, 0, 0] == pytest.approx(np.exp(0.2 * 0.4))
    assert after.width[1, 0, 0] == pytest.approx(np.exp(-0.2 * 0.1))
    assert after.width[2, 0, 0] == after.width[3, 0, 0] == 1.0
    assert after.width[2, 0, 1] > 1.0 > after.width[3, 0, 1]


@pytest.mark.parametrize(("share", "limit"), [(1.0, WIDEST), (0.0, NARROWEST)])
def test_the_width_has_limits(share: float, limit: float) -> None:
    calibration, beyond = learned(np.zeros((1, 1, 9))), np.full((1, 1), share)
    for _ in range(200):
        calibration = calibration.learned(
            r=np.zeros((1, 1, 9)), bins=np.zeros((1, 1, 9), dtype=int), below=beyond, above=beyond, keep=1.0, gamma=0.12
        )
    np.testing.assert_allclose(calibration.width, limit)


def test_width_moves_the_outer_quantiles_away_from_the_middle() -> None:
    calibration = learned(np.random.default_rng(2).normal(size=(1, 1, 3000)) + 1.0)
    wider = Calibration(calibration.counts, calibration.size, calibration.rows, np.array([[[2.0, 0.5]]]))
    at = np.zeros((1, 1, 1), dtype=int)
    low, middle, high = calibration.bands(thin_rows=1).at(at).ravel()
    found = wider.bands(thin_rows=1).at(at).ravel()
    np.testing.assert_allclose(found, [middle + 2 * (low - middle), middle, middle + 0.5 * (high - middle)], rtol=1e-5)
    np.testing.assert_allclose(wider.bands(thin_rows=1).plain().at(at).ravel(), [low, middle, high], rtol=1e-6)


def test_between_two_models_lie_their_weighted_bands() -> None:
    errors = np.random.default_rng(3).normal(size=(2, 2, 3000)) * np.array([1.0, 3.0])[None, :, None]
    bands = learned(errors, models=2).bands(thin_rows=1)
    weights = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5]])
    found = bands.between(weights).at(np.zeros((2, 3), dtype=int))
    alone = bands.at(np.zeros((2, 2, 1), dtype=int))[..., 0]
    np.testing.assert_allclose(found[:, :, :2], alone, rtol=1e-5)
    assert (np.abs(found[2, :, 0]) < np.abs(found[2, :, 2])).all()
    assert (np.abs(found[2, :, 2]) < np.abs(found[2, :, 1])).all()


def test_no_bin_is_no_band() -> None:
    bands = learned(np.random.default_rng(3).normal(size=(1, 1, 300))).bands(thin_rows=1)
    found = bands.at(np.array([[[0, -1]]]))
    assert np.isfinite(found[..., 0]).all()
    assert np.isnan(found[..., 1]).all()


def test_coverage_of_a_known_distribution() -> None:
    """Errors of 40 days are drawn as today's are: 80 % of today's fall inside, a tenth on either side."""
    random = np.random.default_rng(3)
    calibration = Calibration.none(assets=5, models=1, bins=1)
    beyond = []
    for _ in range(120):
        today, at = random.gumbel(size=(5, 1, 24)), np.zeros((5, 1, 24), dtype=int)
        low, _, high = calibration.bands(thin_rows=30).at(at)
        missed = [np.where(np.isfinite(low), part, np.nan).mean(axis=-1) for part in (today < low, today > high)]
        beyond.append(missed)
        calibration = calibration.learned(r=today, bins=at, below=missed[0], above=missed[1], keep=0.97, gamma=0.1)
    np.testing.assert_allclose(np.nanmean(beyond[20:], axis=(0, 2, 3)), [0.1, 0.1], atol=0.012)
