"""One asset from its outlook: order, physical range, refusals, and what commitments and missing data take away."""

from dataclasses import replace

import numpy as np
import pytest

from aggregator.forecasts.domain import FOLLOWS_SCHEDULE, LEVELS, SIGN, scheduled_outlook
from tests.unit.aggregator.forecasts.synthetic import SPECS, day_ahead, facts_of, forecast, from_now, nothing, outlook_of, unknown

FRAMES = {"day_ahead": day_ahead, "from_now": from_now}
WINDOW = np.arange(96) // 20 == 2
WITH_OUTLOOK = sorted(set(SIGN) - FOLLOWS_SCHEDULE)


@pytest.mark.parametrize("when", sorted(FRAMES))
@pytest.mark.parametrize("kind", sorted(SIGN))
def test_quantiles_are_ordered_and_physical(kind: str, when: str) -> None:
    frame = FRAMES[when]()
    result = forecast(kind, frame)
    q = result.quantiles
    assert q.mean.shape == (len(frame.grid),)
    assert (q.p10 <= q.p50).all()
    assert (q.p50 <= q.p90).all()
    low, high = (0, SPECS[kind].rated_kw) if SIGN[kind] > 0 else (-SPECS[kind].rated_kw, 0)
    for values in (q.mean, q.p10, q.p90):
        assert low <= values.min()
        assert values.max() <= high
    assert q.quality == "good"
    assert result.notes == ()


@pytest.mark.parametrize("kind", WITH_OUTLOOK)
def test_no_outlook_is_refused_not_zero(kind: str) -> None:
    frame = day_ahead()
    half = outlook_of(frame, kind)
    half.mean[90:] = np.nan
    for outlook, age, note in ((unknown(frame), None, "no_history"), (half, 0.0, "not_computable")):
        result = forecast(kind, frame, outlook=outlook, age=age)
        assert result.quantiles.quality == "missing"
        assert np.isnan(result.quantiles.mean).all()
        assert all(level.quality == "missing" and not level.up_kw.any() and not level.down_kw.any() for level in result.levels.values())
        assert result.notes == (note,)


@pytest.mark.parametrize("note", ["without_weather", "short_history", "wide_band", "no_recent_value"])
def test_what_the_engine_notes_degrades_the_forecast_and_moves_the_same(note: str) -> None:
    frame = day_ahead()
    plain = forecast("load", frame)
    noted = forecast("load", frame, outlook=replace(outlook_of(frame, "load"), notes=(note,)))
    assert noted.notes == (note,)
    assert noted.quantiles.quality == "degraded"
    np.testing.assert_array_equal(noted.levels["firm"].max_kw, plain.levels["firm"].max_kw)


@pytest.mark.parametrize("kind", WITH_OUTLOOK)
@pytest.mark.parametrize("age", [None, 60.0])
def test_a_stale_asset_keeps_its_forecast_and_cannot_be_moved(kind: str, age: float | None) -> None:
    result = forecast(kind, day_ahead(), age=age)
    assert result.notes == ("stale",)
    for level in result.levels.values():
        assert level.quality == result.quantiles.quality == "stale"
        assert not level.up_kw.any()
        assert not level.down_kw.any()
        np.testing.assert_allclose(level.base_kw, result.quantiles.mean)


@pytest.mark.parametrize("kind", sorted(FOLLOWS_SCHEDULE))
def test_what_follows_a_schedule_needs_no_telemetry(kind: str) -> None:
    assert forecast(kind, day_ahead(), age=None).quantiles.quality == "good"


def test_opt_out_and_outage() -> None:
    frame = day_ahead()
    free = forecast("load", frame)
    opted = forecast("load", frame, windows=replace(nothing(frame), opt_out=WINDOW))
    out = forecast("load", frame, windows=replace(nothing(frame), outage=WINDOW))
    assert not opted.levels["expected"].up_kw[WINDOW].any()
    assert opted.levels["expected"].up_kw[~WINDOW].any()
    np.testing.assert_array_equal(opted.quantiles.mean, free.quantiles.mean)
    for part in (out.quantiles.mean, out.quantiles.p10, out.quantiles.p50, out.quantiles.p90):
        assert not part[WINDOW].any()
        assert part[~WINDOW].any()
    assert not out.levels["optimistic"].up_kw[WINDOW].any()


@pytest.mark.parametrize("reason", ["opt_out", "reserved", "outage"])
def test_a_window_over_everything_names_its_reason(reason: str) -> None:
    frame = day_ahead()
    result = forecast("storage", frame, windows=replace(nothing(frame), **{reason: np.ones(96, dtype=bool)}))
    for level in result.levels.values():
        assert level.quality == reason
        assert not level.max_kwh.any()


def test_an_outage_is_known_even_where_the_outlook_is_not() -> None:
    frame = day_ahead()
    outlook = outlook_of(frame, "wind")
    outlook.mean[WINDOW] = np.nan
    result = forecast("wind", frame, outlook=outlook, windows=replace(nothing(frame), outage=WINDOW))
    assert result.quantiles.quality == "good"
    assert not result.quantiles.mean[WINDOW].any()


def test_what_is_reserved_elsewhere_is_forecast_and_not_moved() -> None:
    frame = day_ahead()
    kept, free = forecast("load", frame, windows=replace(nothing(frame), reserved=WINDOW)), forecast("load", frame)
    np.testing.assert_array_equal(kept.quantiles.mean, free.quantiles.mean)
    for level in kept.levels.values():
        assert not level.up_kw[WINDOW].any()
    assert kept.levels["expected"].up_kw[~WINDOW].any()


def test_storage_state_unknown_or_old() -> None:
    frame = from_now()
    facts = facts_of(frame, "storage")
    never = forecast("storage", frame, facts=replace(facts, soc_ratio=None, soc_age_hours=None))
    assert never.levels["firm"].quality == "missing"
    assert not never.levels["firm"].up_kw.any()
    assert never.levels["expected"].quality == "degraded"
    assert never.notes == ("declared_state",)
    silent = forecast("storage", frame, facts=replace(facts, soc_age_hours=5.0))
    assert silent.notes == ("stale_state",)
    assert all(silent.levels[level].quality == "stale" and not silent.levels[level].max_kwh.any() for level in LEVELS)
    assert forecast("storage", day_ahead(), facts=replace(facts, soc_age_hours=5.0)).notes == ()


def test_only_kinds_with_a_schedule_have_a_scheduled_outlook() -> None:
    frame = day_ahead()
    with pytest.raises(TypeError, match="LoadSpec"):
        scheduled_outlook(frame=frame, spec=SPECS["load"], facts=facts_of(frame, "load"))
