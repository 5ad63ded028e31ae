"""Sums that add up, and the figures made of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.forecasts.domain import NOTHING, Quantiles, figures, mean_size_kw, score, tally

POWER = st.lists(st.floats(-500, 500) | st.just(float("nan")), min_size=8, max_size=8).map(np.array)


def said(mean: np.ndarray, half: float = 10, naive: float = 20) -> Quantiles:
    return Quantiles(mean, mean - half, mean, mean + half, mean + naive)


def test_figures_by_hand() -> None:
    one = tally(said=said(np.array([100, 100, 100, 100.0])), actual_kw=np.array([100, 105, 120, np.nan]), capacity_kw=200.0, live=True)
    made = figures(tallies=[one], reference_kw=[200.0])
    assert made.values == 3
    assert made.nmae_ratio == pytest.approx(25 / 3 / 200)
    assert made.nrmse_ratio == pytest.approx(np.sqrt((25 + 400) / 3) / 200)
    assert made.bias_ratio == pytest.approx(-25 / 3 / 200)  # too little was forecast
    losses = [[1, 1.5, 3], [0, 2.5, 10], [1, 0.5, 9]]  # P10, P50, P90
    assert made.pinball_ratio == pytest.approx(np.mean(losses) / 200)
    assert made.coverage_p10_p90_ratio == pytest.approx(2 / 3)
    assert made.persistence_nmae_ratio == pytest.approx((20 + 15 + 0) / 3 / 200)
    assert made.skill_ratio == pytest.approx(1 - 25 / 35)
    assert made.live_ratio == 1


@given(POWER, POWER)
def test_pieces_add_up_to_the_whole(mean: np.ndarray, actual: np.ndarray) -> None:
    whole = tally(said=said(mean), actual_kw=actual, capacity_kw=100.0, live=False)
    parts = NOTHING
    for k in range(8):
        part = slice(k, k + 1)
        parts += tally(said=said(mean[part]), actual_kw=actual[part], capacity_kw=100.0, live=False)
    assert vars(parts) == pytest.approx(vars(whole), abs=1e-6)


@given(POWER, POWER)
def test_the_same_as_the_score_of_a_run(mean: np.ndarray, actual: np.ndarray) -> None:
    alone = score(forecasts=[said(mean)], actual_kw=actual[None], reference_kw=np.array([100.0]))
    made = figures(tallies=[tally(said=said(mean), actual_kw=actual, capacity_kw=100.0, live=False)], reference_kw=[100.0])
    if alone.nmae_ratio is not None:
        assert made.nmae_ratio == pytest.approx(alone.nmae_ratio)
        assert made.persistence_nmae_ratio == pytest.approx(alone.nmae_persistence_ratio)
        if alone.coverage_p10_p90_ratio is not None:
            assert made.coverage_p10_p90_ratio == pytest.approx(alone.coverage_p10_p90_ratio)


def test_large_assets_weigh_more_and_loads_are_measured_by_their_mean() -> None:
    load = tally(said=said(np.full(4, -50.0)), actual_kw=np.full(4, -40.0), capacity_kw=float("nan"), live=False)
    assert mean_size_kw(load) == 40
    plant = tally(said=said(np.full(4, 100.0)), actual_kw=np.full(4, 100.0), capacity_kw=360.0, live=False)
    assert figures(tallies=[load, plant], reference_kw=[40.0, 360.0]).nmae_ratio == pytest.approx(10 / 400)


def test_nothing_known_says_nothing() -> None:
    one = tally(said=said(np.full(4, np.nan)), actual_kw=np.ones(4), capacity_kw=1.0, live=True)
    assert one == NOTHING
    made = figures(tallies=[one], reference_kw=[mean_size_kw(one)])
    assert made.values == 0
    assert made.nmae_ratio is made.nrmse_ratio is made.coverage_p10_p90_ratio is made.skill_ratio is None
