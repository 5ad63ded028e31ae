"""Every kind's forecaster: order, physical range, nothing from the future, and what missing data does."""

from dataclasses import replace

import numpy as np
import pytest

from aggregator.forecasts.domain import MODELS, AssetForecast, Facts, Frame, Windows, forecast_asset
from tests.unit.aggregator.forecasts.synthetic import SHENYANG, SPECS, day_ahead, facts_of, from_now, history, nothing

FRAMES = {"day_ahead": day_ahead, "from_now": from_now}


def forecast(kind: str, frame: Frame, facts: Facts, windows: Windows | None = None, age: float | None = 0.0) -> AssetForecast:
    return forecast_asset(kind=kind, frame=frame, spec=SPECS[kind], facts=facts, windows=windows or nothing(frame), last_known_hours=age)


@pytest.mark.parametrize("when", sorted(FRAMES))
@pytest.mark.parametrize("kind", sorted(MODELS))
def test_quantiles_are_ordered_and_physical(kind: str, when: str) -> None:
    frame = FRAMES[when]()
    result = forecast(kind, frame, facts_of(frame, kind))
    q = result.quantiles
    assert q.mean.shape == (len(frame.grid),)
    assert (q.p10 <= q.p50).all()
    assert (q.p50 <= q.p90).all()
    low, high = (0, SPECS[kind].rated_kw) if kind in ("pv", "wind", "storage") else (-SPECS[kind].rated_kw, 0)
    for values in (q.mean, q.p10, q.p90):
        assert low <= values.min()
        assert values.max() <= high
    assert q.quality == "good"
    assert result.notes == ()


@pytest.mark.parametrize("when", sorted(FRAMES))
@pytest.mark.parametrize("kind", sorted(MODELS))
def test_what_had_not_happened_at_issue_changes_nothing(kind: str, when: str) -> None:
    frame = FRAMES[when]()
    facts = facts_of(frame, kind)
    later = replace(facts, activity_kw=np.where(frame.known, facts.activity_kw, 1e6))
    one, two = forecast(kind, frame, facts), forecast(kind, frame, later)
    for name in ("mean", "p10", "p50", "p90", "persistence"):
        np.testing.assert_array_equal(getattr(one.quantiles, name), getattr(two.quantiles, name))
    np.testing.assert_array_equal(one.levels["firm"].max_kwh, two.levels["firm"].max_kwh)


@pytest.mark.parametrize("kind", ["load", "pv", "wind"])
def test_the_past_does_change_it(kind: str) -> None:
    frame = day_ahead()
    facts = facts_of(frame, kind)
    other = replace(facts, activity_kw=0.5 * facts.activity_kw)
    assert not np.allclose(forecast(kind, frame, facts).quantiles.mean, forecast(kind, frame, other).quantiles.mean)


@pytest.mark.parametrize("kind", ["ev_station", "load", "pv", "wind"])
def test_no_history_is_refused_not_zero(kind: str) -> None:
    frame = day_ahead()
    unknown = Facts(np.full((len(frame.days), frame.slots), np.nan), SHENYANG)
    result = forecast(kind, frame, unknown, age=None)
    assert result.quantiles.quality == "missing"
    assert np.isnan(result.quantiles.mean).all()
    assert all(level.quality == "missing" and not level.up_kw.any() and not level.down_kw.any() for level in result.levels.values())
    assert result.notes == ("no_history",)


@pytest.mark.parametrize("kind", ["load", "pv", "wind"])
def test_a_young_asset_is_forecast_with_a_wider_band_and_a_note(kind: str) -> None:
    frame = day_ahead()
    facts = facts_of(frame, kind)
    few = facts.activity_kw.copy()
    few[: frame.first_target - 4] = np.nan
    young, old = forecast(kind, frame, replace(facts, activity_kw=few)), forecast(kind, frame, facts)
    assert np.isfinite(young.quantiles.mean).all()
    assert young.quantiles.quality == "degraded"
    assert {"short_history", "wide_band"} <= set(young.notes)
    assert (young.quantiles.p90 - young.quantiles.p10).sum() > (old.quantiles.p90 - old.quantiles.p10).sum()


def test_a_stale_asset_keeps_its_forecast_and_cannot_be_moved() -> None:
    frame = day_ahead()
    result = forecast("load", frame, facts_of(frame, "load"), age=60.0)
    level = result.levels["expected"]
    assert level.quality == result.quantiles.quality == "stale"
    assert not level.up_kw.any()
    np.testing.assert_allclose(level.base_kw, result.quantiles.mean)


def test_opt_out_and_outage() -> None:
    frame = day_ahead()
    window = np.zeros(96, dtype=bool)
    window[40:60] = True
    none = np.zeros(96, dtype=bool)
    facts = facts_of(frame, "load")
    free = forecast("load", frame, facts)
    opted = forecast("load", frame, facts, replace(nothing(frame), opt_out=window))
    out = forecast("load", frame, facts, replace(nothing(frame), outage=window))
    assert not opted.levels["expected"].up_kw[window].any()
    assert opted.levels["expected"].up_kw[~window].any()
    np.testing.assert_array_equal(opted.quantiles.mean, free.quantiles.mean)
    assert not out.quantiles.mean[window].any()
    assert not out.levels["optimistic"].up_kw[window].any()
    whole = forecast("storage", frame, facts_of(frame, "storage"), replace(nothing(frame), outage=~none))
    assert whole.levels["expected"].quality == "outage"
    assert not whole.levels["expected"].max_kwh.any()


def test_what_is_reserved_elsewhere_is_forecast_and_not_moved() -> None:
    frame = day_ahead()
    window = np.zeros(96, dtype=bool)
    window[40:60] = True
    free, kept = (forecast("load", frame, facts_of(frame, "load"), replace(nothing(frame), reserved=w)) for w in (~window & window, window))
    np.testing.assert_array_equal(kept.quantiles.mean, free.quantiles.mean)
    for level in kept.levels.values():
        assert not level.up_kw[window].any()
    assert kept.levels["expected"].up_kw[~window].any()


def test_storage_state_unknown_or_old() -> None:
    frame = from_now()
    unknown = facts_of(frame, "load")
    never = forecast("storage", frame, replace(unknown, soc_ratio=None, soc_age_hours=None))
    assert never.levels["firm"].quality == "missing"
    assert not never.levels["firm"].up_kw.any()
    assert never.levels["expected"].quality == "degraded"
    assert "declared_state" in never.notes
    silent = forecast("storage", frame, replace(unknown, soc_ratio=0.5, soc_age_hours=5.0))
    assert silent.levels["expected"].quality == "stale"
    assert not silent.levels["optimistic"].max_kwh.any()


def test_the_recent_error_is_carried_on_and_fades() -> None:
    """A load whose whole-day error is persistent runs 200 kW higher this morning than its habit."""
    frame = from_now(hour=12)
    random = np.random.default_rng(4)
    level = random.normal(0, 100, (len(frame.days), 1))
    wave = 400 + 100 * np.sin(frame.clock_hours / 24 * 2 * np.pi)[None, :]
    usual = wave + level + random.normal(0, 5, (len(frame.days), frame.slots))
    facts = Facts(usual, SHENYANG)
    more = usual.copy()
    more[frame.first_target] += 200
    plain, raised = forecast("load", frame, facts), forecast("load", frame, replace(facts, activity_kw=more))
    lift = plain.quantiles.mean - raised.quantiles.mean
    assert lift[0] == pytest.approx(200, rel=0.15)
    assert (np.diff(lift) <= 1e-9).all()


def test_weather_that_does_not_cover_the_target_is_left_out_and_said() -> None:
    frame = day_ahead()
    facts = facts_of(frame, "wind")
    speed = 12 * np.cbrt(history(frame, "wind", seed=1) / 2000)
    told = replace(facts, weather={"wind_100m_m_per_s": speed})
    cut = speed.copy()
    cut[frame.first_target] = np.nan
    half = replace(facts, weather={"wind_100m_m_per_s": cut})
    actual = history(frame, "wind", seed=1)[frame.first_target]
    errors = {name: np.abs(forecast("wind", frame, one).quantiles.mean - actual).mean() for name, one in (("told", told), ("plain", facts))}
    assert errors["told"] < 0.5 * errors["plain"]
    without = forecast("wind", frame, half)
    assert without.notes == ("without_weather",)
    assert without.quantiles.quality == "degraded"
    np.testing.assert_array_equal(without.quantiles.mean, forecast("wind", frame, facts).quantiles.mean)


def test_coverage_on_a_series_with_a_known_distribution() -> None:
    """Independent normal noise on a fixed day: 80 % of the values lie inside P10..P90."""
    inside = []
    for seed in range(12):
        frame = day_ahead()
        random = np.random.default_rng(seed)
        wave = 400 + 150 * np.sin(frame.clock_hours / 24 * 2 * np.pi)[None, :]
        values = wave + random.normal(0, 30, (len(frame.days), frame.slots))
        q = forecast("load", frame, Facts(values, SHENYANG)).quantiles
        actual = -values[frame.first_target]
        inside.append(((q.p10 <= actual) & (actual <= q.p90)).mean())
    assert 0.77 < np.mean(inside) < 0.89
