"""The portfolio: means add, quantiles do not, and a missing member is said."""

from dataclasses import replace

import numpy as np
import pytest

from aggregator.forecasts.domain import LEVELS, AssetForecast, Facts, forecast_asset, forecast_portfolio
from tests.unit.aggregator.forecasts.synthetic import SHENYANG, SPECS, day_ahead, facts_of, nothing
from tests.unit.aggregator.forecasts.test_envelopes import assert_consistent, assert_nested


def load(values: np.ndarray) -> AssetForecast:
    frame = day_ahead()
    return forecast_asset(
        kind="load", frame=frame, spec=SPECS["load"], facts=Facts(values, SHENYANG), windows=nothing(frame), last_known_hours=0.0
    )


def mixed() -> list[AssetForecast]:
    frame = day_ahead()
    return [
        forecast_asset(kind=kind, frame=frame, spec=SPECS[kind], facts=facts_of(frame, kind), windows=nothing(frame), last_known_hours=0.0)
        for kind in ("ev_station", "load", "pv", "storage", "wind")
    ]


def independent(n: int) -> list[np.ndarray]:
    frame = day_ahead()
    random = np.random.default_rng(8)
    return [400 + random.normal(0, 60, (len(frame.days), frame.slots)) for _ in range(n)]


def test_independent_loads_have_a_narrower_band_than_the_sum_of_theirs_and_it_covers() -> None:
    frame = day_ahead()
    series = independent(16)
    members = [load(values) for values in series]
    whole, _ = forecast_portfolio(frame=frame, members=members)
    width = (whole.p90 - whole.p10).mean()
    added = sum((member.quantiles.p90 - member.quantiles.p10).mean() for member in members)
    assert width == pytest.approx(added / 4, rel=0.25)  # sqrt(16)
    np.testing.assert_allclose(whole.mean, sum(member.quantiles.mean for member in members))
    actual = -sum(values[frame.first_target] for values in series)
    assert 0.7 < ((whole.p10 <= actual) & (actual <= whole.p90)).mean() < 0.95


def test_loads_that_move_together_keep_the_whole_band() -> None:
    frame = day_ahead()
    values = independent(1)[0]
    members = [load(values) for _ in range(4)]
    whole, _ = forecast_portfolio(frame=frame, members=members)
    np.testing.assert_allclose(whole.p90 - whole.p10, 4 * (members[0].quantiles.p90 - members[0].quantiles.p10), rtol=1e-6)


def test_levels_of_a_mixed_portfolio() -> None:
    members = mixed()
    _, levels = forecast_portfolio(frame=day_ahead(), members=members)
    assert_nested(levels)
    for level in LEVELS:
        assert_consistent(levels[level])
    for name in ("base_kw", "min_kw", "max_kw", "min_kwh", "max_kwh"):
        expected = sum(getattr(member.levels["expected"], name) for member in members)
        np.testing.assert_allclose(getattr(levels["expected"], name), expected, atol=1e-6)
    firm = sum(member.levels["firm"].up_kw for member in members)
    assert (levels["firm"].up_kw >= firm - 1e-6).all()
    assert levels["firm"].up_kw.sum() > firm.sum()


def test_a_member_without_a_forecast_is_in_no_sum_and_the_portfolio_says_so() -> None:
    frame = day_ahead()
    unknown = load(np.full((len(frame.days), frame.slots), np.nan))
    members = mixed()
    whole, levels = forecast_portfolio(frame=frame, members=[*members, unknown])
    assert whole.quality == levels["firm"].quality == "degraded"
    np.testing.assert_allclose(whole.mean, sum(member.quantiles.mean for member in members))
    nobody, idle = forecast_portfolio(frame=frame, members=[unknown])
    assert np.isnan(nobody.mean).all()
    assert nobody.quality == idle["firm"].quality == "missing"


def test_a_gap_in_one_small_members_past_does_not_empty_the_portfolios() -> None:
    frame = day_ahead()
    series = independent(10)
    series[0][10:40:2] = np.nan
    whole, _ = forecast_portfolio(frame=frame, members=[load(values) for values in series])
    assert whole.quality == "good"
    assert (whole.p90 > whole.p10).all()


def test_opted_out_members_add_nothing_to_move() -> None:
    frame = day_ahead()
    all_day = np.ones(96, dtype=bool)
    windows = replace(nothing(frame), opt_out=all_day)
    member = forecast_asset(
        kind="load", frame=frame, spec=SPECS["load"], facts=facts_of(frame, "load"), windows=windows, last_known_hours=0.0
    )
    _, levels = forecast_portfolio(frame=frame, members=[member])
    assert all(not level.up_kw.any() and not level.down_kw.any() for level in levels.values())


def test_the_same_input_gives_the_same_output() -> None:
    one, two = (forecast_portfolio(frame=day_ahead(), members=mixed())[0] for _ in range(2))
    np.testing.assert_array_equal(one.p10, two.p10)
