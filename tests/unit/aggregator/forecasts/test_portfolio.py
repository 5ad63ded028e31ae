"""The portfolio: means add, quantiles do not, and a missing member is said."""

from dataclasses import replace

import numpy as np

from aggregator.forecasts.domain import LEVELS, AssetForecast, OwnBands, forecast_portfolio
from tests.unit.aggregator.forecasts.synthetic import day_ahead, forecast, nothing, unknown
from tests.unit.aggregator.forecasts.test_envelopes import EPS, assert_consistent, assert_nested

NO_PAST = OwnBands(None, None, None)
KINDS = ("ev_station", "load", "pv", "storage", "wind")


def mixed() -> list[AssetForecast]:
    return [forecast(kind, day_ahead()) for kind in KINDS]


def own(half_kw: float) -> OwnBands:
    bands = half_kw * np.array([[-1.0], [0.0], [1.0]]) * np.ones(96)
    return OwnBands(bands, bands, bands)


def test_bands_are_those_of_the_sum_around_the_summed_mean() -> None:
    members = mixed()
    whole, _ = forecast_portfolio(frame=day_ahead(), members=members, own=own(100))
    mean = sum(member.quantiles.mean for member in members)
    np.testing.assert_allclose(whole.mean, mean)
    np.testing.assert_allclose(whole.p10, mean - 100)
    np.testing.assert_allclose(whole.p90, mean + 100)
    np.testing.assert_allclose(whole.persistence, sum(member.quantiles.persistence for member in members))
    assert whole.quality == "good"


def test_without_a_common_past_it_is_as_if_all_were_wrong_at_once() -> None:
    members = mixed()
    whole, levels = forecast_portfolio(frame=day_ahead(), members=members, own=NO_PAST)
    assert whole.quality == levels["firm"].quality == "degraded"
    np.testing.assert_allclose(whole.p10, sum(member.quantiles.p10 for member in members))
    np.testing.assert_allclose(levels["firm"].up_kw, sum(member.levels["firm"].up_kw for member in members), atol=EPS)
    assert_nested(levels)


def test_levels_of_a_mixed_portfolio() -> None:
    members = mixed()
    _, levels = forecast_portfolio(frame=day_ahead(), members=members, own=own(20))
    assert_nested(levels)
    for level in LEVELS:
        assert_consistent(levels[level])
    for name in ("base_kw", "min_kw", "max_kw", "min_kwh", "max_kwh"):
        expected = sum(getattr(member.levels["expected"], name) for member in members)
        np.testing.assert_allclose(getattr(levels["expected"], name), expected, atol=EPS)
    firm, most = (sum(member.levels[level].up_kw for member in members) for level in ("firm", "optimistic"))
    middle = levels["expected"].up_kw
    np.testing.assert_allclose(levels["firm"].up_kw, np.clip(middle - 20, firm, middle), atol=EPS)
    np.testing.assert_allclose(levels["optimistic"].up_kw, np.clip(middle + 20, middle, most), atol=EPS)
    assert levels["firm"].up_kw.sum() > firm.sum()


def test_bands_that_lie_on_one_side_still_nest() -> None:
    one_sided = OwnBands(*(np.array([[5.0], [20.0], [60.0]]) * np.ones(96) for _ in range(3)))
    _, levels = forecast_portfolio(frame=day_ahead(), members=mixed(), own=one_sided)
    assert_nested(levels)
    np.testing.assert_allclose(levels["firm"].up_kw, levels["expected"].up_kw, atol=EPS)


def test_a_member_without_a_forecast_is_in_no_sum_and_the_portfolio_says_so() -> None:
    frame = day_ahead()
    gone = forecast("load", frame, outlook=unknown(frame), age=None)
    members = mixed()
    whole, levels = forecast_portfolio(frame=frame, members=[*members, gone], own=own(10))
    assert whole.quality == levels["firm"].quality == "degraded"
    np.testing.assert_allclose(whole.mean, sum(member.quantiles.mean for member in members))
    nobody, idle = forecast_portfolio(frame=frame, members=[gone], own=own(10))
    assert np.isnan(nobody.mean).all()
    assert nobody.quality == idle["firm"].quality == "missing"
    assert not idle["optimistic"].max_kw.any()


def test_a_stale_member_degrades_it_and_is_in_the_sum() -> None:
    frame = day_ahead()
    members = [*mixed(), forecast("load", frame, age=60.0)]
    whole, _ = forecast_portfolio(frame=frame, members=members, own=own(10))
    assert whole.quality == "degraded"
    np.testing.assert_allclose(whole.mean, sum(member.quantiles.mean for member in members))


def test_opted_out_members_add_nothing_to_move() -> None:
    frame = day_ahead()
    member = forecast("load", frame, windows=replace(nothing(frame), opt_out=np.ones(96, dtype=bool)))
    _, levels = forecast_portfolio(frame=frame, members=[member], own=own(50))
    assert all(not level.up_kw.any() and not level.down_kw.any() for level in levels.values())
