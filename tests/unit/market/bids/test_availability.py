"""Scenarios of generation and load: whole days, joined, inside the forecast's quantiles, and named for what they are."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.bids.domain.availability import Z90, Observed, Spread, availability_scenarios, normal_scores
from market.bids.domain.observed import ClassDays

N, D = 8, 20
DAYS = tuple(date(2025, 6, 20) - timedelta(days=k) for k in range(D))


def spread(mean=0.0, low=-100.0, high=100.0, mid=None):
    return Spread(*(np.full(N, float(v)) for v in (mean, low, mean if mid is None else mid, high)))


SUN, LOAD, WHOLE = spread(500, 300, 600), spread(-900, -1000, -850), spread(-400, -560, -280)


def history(seed=0, days=DAYS):
    """A cloudy day is cloudy throughout; the load is high when the sun is low."""
    rng = np.random.default_rng(seed)
    level = rng.normal(size=len(days))
    sun = level[:, None] + 0.1 * rng.normal(size=(len(days), N))
    return {day: Observed(100 * sun[k], -50 * sun[k]) for k, day in enumerate(days)}


def made(observed=None, days=DAYS, **change):
    terms = {"generation": SUN, "load": LOAD, "portfolio": WHOLE} | change
    return availability_scenarios(days=days, observed=history() if observed is None else observed, **terms)


def test_every_price_day_has_the_course_of_its_own_day():
    got = made()
    assert got.kind == "joint_days"
    assert got.labels == tuple(day.isoformat() for day in DAYS)
    assert got.price_days == tuple(range(D))
    level = np.array([history()[day].generation_kw.mean() for day in DAYS])
    assert np.argmax(got.generation_kw.mean(axis=1)) == np.argmax(level)
    assert np.corrcoef(got.generation_kw.mean(axis=1), level)[0, 1] > 0.8
    # the join of generation and load is kept: in this history they move against one another
    assert np.corrcoef(got.generation_kw.ravel(), got.load_kw.ravel())[0, 1] < -0.8


def test_the_scenarios_lie_around_the_forecast_with_its_own_width():
    wide = spread(0, -1e4, 1e4)  # the portfolio's own quantiles leave the members' alone
    got = made(portfolio=wide)
    assert np.abs(got.generation_kw.mean(axis=0)).max() < 1e-9
    assert np.abs(got.load_kw.mean(axis=0)).max() < 1e-9
    low, high = np.quantile(got.generation_kw, [0.1, 0.9], axis=0)
    assert np.allclose(high - low, 300.0, rtol=0.15)
    assert (np.abs(low) > np.abs(high)).all()  # skewed as the quantiles are: 200 below the median, 100 above


def test_the_portfolio_s_own_quantiles_narrow_what_the_members_add_up_to_and_never_widen_it():
    narrow, wide = made(portfolio=spread(-400, -410, -390)), made(portfolio=spread(-400, -9000, 9000))
    total = (narrow.generation_kw + narrow.load_kw).std(axis=0).sum()
    assert total == pytest.approx(N * 20 / (2 * Z90), rel=1e-6)
    assert np.allclose(wide.generation_kw, made(portfolio=spread(-400, -900, 900)).generation_kw)


def test_days_that_nobody_measured_take_the_courses_of_the_others_in_turn():
    observed = {day: value for day, value in history().items() if day not in DAYS[3:5]}
    got = made(observed)
    assert got.kind == "crossed_days"
    assert got.labels[3:5] == (DAYS[0].isoformat(), DAYS[1].isoformat())
    assert got.labels[5] == DAYS[5].isoformat()


def test_a_day_with_gaps_lies_at_the_median_there_and_one_with_too_many_does_not_count():
    observed = history(days=DAYS)
    patchy = observed[DAYS[0]].generation_kw.copy()
    patchy[:2] = np.nan
    observed[DAYS[0]] = Observed(patchy, observed[DAYS[0]].load_kw)
    assert made(observed).labels[0] == DAYS[1].isoformat()
    scores = normal_scores(np.array([[1.0, np.nan], [2.0, 3.0], [3.0, 4.0]]))
    assert scores[0, 1] == 0
    assert scores[:, 0].tolist() == sorted(scores[:, 0])


def test_without_days_the_forecast_s_quantiles_stand_in_and_say_so():
    got = made({}, days=DAYS[:8])
    assert got.kind == "quantile_paths"
    assert got.labels == ("p10", "mean", "p90") * 3
    assert got.price_days == (0, 0, 0, 1, 1, 1, 2, 2, 2)
    total = got.generation_kw + got.load_kw
    assert np.allclose(total[:3], [[-160.0] * N, [0.0] * N, [120.0] * N])
    assert np.allclose(got.generation_kw[0] / total[0], 300 / 450)  # by their spreads


def test_one_day_alone_makes_three_paths():
    got = made({}, days=DAYS[:1])
    assert got.price_days == (0, 0, 0)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), known=st.integers(0, D))
def test_the_same_inputs_make_the_same_scenarios_and_no_scenario_is_outside_physics_of_the_quantiles(seed, known):
    observed = dict(list(history(seed).items())[:known])
    first, again = made(observed), made(observed)
    assert np.array_equal(first.generation_kw, again.generation_kw)
    assert first.labels == again.labels
    assert np.isfinite(first.generation_kw).all()
    assert np.isfinite(first.load_kw).all()
    assert len(first.labels) == len(first.generation_kw) == len(first.price_days)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), mean=st.floats(0, 400), most=st.floats(400, 700))
def test_limits_of_generation_hold_and_the_scenarios_still_mean_the_forecast(seed, mean, most):
    got = made(history(seed), generation=spread(mean, mean - 350, mean + 350), portfolio=spread(0, -9000, 9000), generation_most_kw=most)
    level = mean + got.generation_kw
    assert level.min() >= -1e-9
    assert level.max() <= most + 1e-6
    assert np.allclose(got.generation_kw.mean(axis=0), 0.0, atol=1e-6)
    assert (got.load_kw + LOAD.mean_kw <= 1e-9).all()


def test_equal_values_share_their_rank():
    assert normal_scores(np.zeros((5, 3))).tolist() == np.zeros((5, 3)).tolist()


# -- sums over assets


def test_a_class_adds_up_whatever_the_blocks_and_the_order():
    rng = np.random.default_rng(1)
    injection, forecast = rng.normal(size=(7, D, N)), rng.normal(size=(7, N))
    injection[2, 4] = np.nan

    def total(*blocks):
        days = ClassDays.empty(days=D, periods=N)
        for block in blocks:
            days.add(injection[list(block)], forecast_kw=forecast[list(block)])
        return days.observed_kw()

    assert np.allclose(total(range(7)), total((3, 1), (0, 6, 5), (4, 2)), equal_nan=True)


def test_too_little_of_a_class_is_unknown_and_nothing_expected_is_nothing():
    days = ClassDays.empty(days=2, periods=2)
    injection = np.array([[[10.0, 0.0], [20.0, 0.0]], [[1.0, 0.0], [np.nan, 0.0]]])
    days.add(injection, forecast_kw=np.array([[10.0, 0.0], [10.0, 0.0]]))
    got = days.observed_kw()
    assert got[0].tolist() == [-5.0, 0.0]
    assert np.isnan(got[1, 0])
    assert got[1, 1] == 0.0
