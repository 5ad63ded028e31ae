import numpy as np
import pytest

from aggregator.forecasts.domain import Quantiles, score, score_portfolio


def quantiles(mean: list[float], naive: list[float], half: float = 10) -> Quantiles:
    middle = np.array(mean, dtype=float)
    return Quantiles(middle, middle - half, middle, middle + half, np.array(naive, dtype=float))


def test_scores_by_hand() -> None:
    one = quantiles([100, 100, 100, 100], [80, 80, 80, 80])
    result = score(forecasts=[one], actual_kw=np.array([[100, 105, 95, 120.0]]), reference_kw=np.array([200.0]))
    assert result.nmae_ratio == pytest.approx((0 + 5 + 5 + 20) / 4 / 200)
    assert result.nmae_persistence_ratio == pytest.approx((20 + 25 + 15 + 40) / 4 / 200)
    assert result.coverage_p10_p90_ratio == pytest.approx(0.75)
    assert result.reason == ""


def test_the_reference_of_a_load_is_its_mean() -> None:
    one = quantiles([-100] * 4, [-100] * 4)
    result = score(forecasts=[one], actual_kw=np.array([[-40, -60, -50, -50.0]]), reference_kw=np.array([np.nan]))
    assert result.nmae_ratio == pytest.approx(50 / 50)


def test_forecast_and_persistence_are_scored_on_the_same_periods() -> None:
    one = quantiles([10] * 6, [10, 10, 10, 10, np.nan, np.nan])
    result = score(forecasts=[one], actual_kw=np.array([[10, 10, 10, 10, 90, 90.0]]), reference_kw=np.array([100.0]))
    assert result.nmae_ratio == 0 == result.nmae_persistence_ratio


def test_periods_without_width_do_not_count_as_covered() -> None:
    dark = Quantiles(*(np.zeros(8) for _ in range(5)))
    result = score(forecasts=[dark], actual_kw=np.zeros((1, 8)), reference_kw=np.array([100.0]))
    assert result.coverage_p10_p90_ratio is None
    assert result.reason == "no_band"


@pytest.mark.parametrize(
    ("actual", "forecast", "reason"),
    [
        (np.full((1, 4), np.nan), [1, 1, 1, 1], "no_actual"),
        (np.ones((1, 4)), [np.nan] * 4, "no_forecast"),
    ],
)
def test_what_cannot_be_computed_is_none_with_a_reason(actual: np.ndarray, forecast: list[float], reason: str) -> None:
    result = score(forecasts=[quantiles(forecast, forecast)], actual_kw=actual, reference_kw=np.array([10.0]))
    assert result.nmae_ratio is result.nmae_persistence_ratio is result.coverage_p10_p90_ratio is None
    assert result.reason == reason
    assert score(forecasts=[], actual_kw=actual, reference_kw=np.array([10.0])).reason == "no_assets"


def portfolio(members: list[Quantiles], half: float) -> Quantiles:
    mean, naive = (np.sum([getattr(q, name) for q in members], axis=0) for name in ("mean", "persistence"))
    return Quantiles(mean, mean - half, mean, mean + half, naive)


def test_a_portfolio_that_was_left_alone_is_scored_as_its_sum() -> None:
    members = [quantiles([100] * 4, [90] * 4), quantiles([-50] * 4, [-50] * 4)]
    actual = np.array([[100, 110, 90, 140.0], [-50, -60, -50, -50.0]])
    result = score_portfolio(whole=portfolio(members, 15), members=members, actual_kw=actual, reference_kw=np.array([150, 50.0]))
    assert result.nmae_ratio == pytest.approx((0 + 0 + 10 + 40) / 4 / 200)  # errors of one period net out
    assert result.nmae_persistence_ratio == pytest.approx((10 + 10 + 0 + 50) / 4 / 200)
    assert result.coverage_p10_p90_ratio == pytest.approx(0.75)
    assert result.reason == ""


def test_members_that_we_moved_are_stood_for_by_the_others_or_not_at_all() -> None:
    small, large = quantiles([0.0] * 6, [0.0] * 6, half=10), quantiles([100.0] * 6, [100.0] * 6, half=30)
    actual = np.array([[5, 5, 5, 5, 5, 5], [120, 120, 120, 120, 120, np.nan]], dtype=float)
    actual[0, 4] = np.nan  # the small one moved: 90 % of the variance is still known; the large one: 10 %
    result = score_portfolio(
        whole=portfolio([small, large], 35), members=[small, large], actual_kw=actual, reference_kw=np.array([50.0, 50])
    )
    assert result.nmae_ratio == pytest.approx((4 * 25 + 20 / np.sqrt(0.9)) / 5 / 100)
    moved = np.where(np.arange(6) < 3, actual, np.nan)
    refused = score_portfolio(
        whole=portfolio([small, large], 35), members=[small, large], actual_kw=moved, reference_kw=np.array([50.0, 50])
    )
    assert (refused.nmae_ratio, refused.coverage_p10_p90_ratio, refused.reason) == (None, None, "members_moved")


def test_a_portfolio_without_members_or_measurements_has_no_score() -> None:
    one = quantiles([1] * 4, [1] * 4)
    assert score_portfolio(whole=one, members=[], actual_kw=np.ones((0, 4)), reference_kw=np.ones(0)).reason == "no_forecast"
    assert score_portfolio(whole=one, members=[one], actual_kw=np.full((1, 4), np.nan), reference_kw=np.ones(1)).reason == "no_actual"
