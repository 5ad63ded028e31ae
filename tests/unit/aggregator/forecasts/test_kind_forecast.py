"""The outlook of all assets of a kind: in kW, within what is possible, with what degrades it."""

from collections.abc import Callable

import numpy as np
import pytest

from aggregator.forecasts.domain import KIND_MODELS, Engine, History, forecast_kind
from aggregator.forecasts.domain._kind_forecast import KindOutlook
from aggregator.forecasts.domain.engine.load import known_columns
from tests.unit.aggregator.forecasts.engine.made import advanced, copy_of, history_of

LAST, SLOTS, ASSETS = 20, 24, 3
ORIGIN = (LAST + 1) * SLOTS + 9  # the period that ends at 10:00 on the day of issue
TOMORROW = (LAST + 2) * SLOTS + np.arange(SLOTS)
NOW = ORIGIN + np.arange(1, 15)
SCALE = np.array([100.0, 500.0, 20.0])
CAP = 3 * SCALE
SERIES = {"pv": "pv", "wind": "wind", "load": "load", "ev_station": "load", "air_conditioning": "load"}


def engine_of(kind: str, *, upto: int = LAST + 1, change: Callable[[History], None] = lambda history: None) -> Engine:
    history = copy_of(history_of(SERIES[kind], count=LAST + 10, slots=SLOTS))
    history.known = {name: column.copy() for name, column in history.known.items()}
    change(history)
    return advanced(KIND_MODELS[kind].family(), history, upto=upto)


def said(kind: str, engine: Engine, target: np.ndarray = TOMORROW, *, last: int = LAST, cap: np.ndarray = CAP) -> KindOutlook:
    shift = (last - LAST) * SLOTS
    return forecast_kind(
        engine=engine, model=KIND_MODELS[kind], last=last, origin=ORIGIN + shift, target=target + shift, scale_kw=SCALE, cap_kw=cap
    )


def notes(kind: str, engine: Engine, target: np.ndarray = TOMORROW, *, last: int = LAST) -> list[tuple[str, ...]]:
    return [outlook.notes for outlook in said(kind, engine, target, last=last).outlooks]


@pytest.mark.parametrize("target", [TOMORROW, NOW], ids=["tomorrow", "now"])
@pytest.mark.parametrize("kind", sorted(SERIES))
def test_outlooks_are_whole_ordered_and_have_nothing_to_note(kind: str, target: np.ndarray) -> None:
    found = said(kind, engine_of(kind), target)
    assert found.size_kw.shape == (ASSETS, len(target))
    assert (found.size_kw >= 0).all()
    assert found.size_kw.any()
    for outlook, cap in zip(found.outlooks, CAP, strict=True):
        assert outlook.notes == ()
        assert (outlook.low >= 0).all()
        assert (outlook.low <= outlook.mid).all()
        assert (outlook.mid <= outlook.high).all()
        assert (outlook.high <= cap).all()
        assert np.isfinite(outlook.mean).all()
        assert np.isfinite(outlook.persistence).all()
        assert outlook.mean.shape == outlook.persistence.shape == target.shape


def test_they_are_the_engines_in_kw() -> None:
    engine = engine_of("load")
    found = said("load", engine)
    whole = engine.whole_day(LAST + 2, last=LAST, issue_slot=10)
    for k, outlook in enumerate(found.outlooks):
        np.testing.assert_allclose(outlook.mean, SCALE[k] * whole.mean[k], rtol=1e-6)
        np.testing.assert_allclose(outlook.high, SCALE[k] * whole.high[k], rtol=1e-6)
    np.testing.assert_allclose(found.size_kw, SCALE[:, None] * engine.error_size(LAST + 2), rtol=1e-6)


def test_nothing_beyond_what_the_asset_can_do() -> None:
    cap = 0.8 * SCALE
    for outlook, most in zip(said("load", engine_of("load"), cap=cap).outlooks, cap, strict=True):
        assert max(part.max() for part in (outlook.mean, outlook.mid, outlook.high)) == most


def test_a_grid_over_several_days_begins_now_and_ends_coarse() -> None:
    target = ORIGIN + 1 + np.arange(7 * SLOTS)
    for outlook in said("wind", engine_of("wind"), target).outlooks:
        assert np.isfinite(outlook.mean).all()
        assert np.isfinite(outlook.high).all()


def test_the_reference_is_the_kinds_own() -> None:
    for kind, held in (("load", True), ("pv", False)):
        engine = engine_of(kind)
        plain = KIND_MODELS[kind].reference(engine.history, last=LAST, target=NOW)
        value = engine.history.activity[:, LAST + 1, 9]
        for k, outlook in enumerate(said(kind, engine, NOW).outlooks):
            np.testing.assert_allclose(outlook.persistence[4:], SCALE[k] * plain[k, 4:], rtol=1e-6)
            np.testing.assert_allclose(outlook.persistence[:4], SCALE[k] * (value[k] if held else plain[k, :4]), rtol=1e-6)


def without_weather_tomorrow(history: History) -> None:
    for column in history.known.values():
        column[:, LAST + 2, 7] = np.nan


def test_weather_that_does_not_cover_the_target_is_left_out_and_said() -> None:
    for kind in ("load", "air_conditioning"):
        engine = engine_of(kind, change=without_weather_tomorrow)
        assert notes(kind, engine) == [("without_weather",)] * ASSETS
        assert notes(kind, engine, NOW) == [()] * ASSETS
        assert all(np.isfinite(outlook.mean).all() for outlook in said(kind, engine).outlooks)
    assert notes("ev_station", engine_of("ev_station", change=without_weather_tomorrow)) == [()] * ASSETS


def test_weather_of_one_asset_is_its_own() -> None:
    def one_blind(history: History) -> None:
        warm = 25 * np.repeat(history.known["temperature"], ASSETS, axis=0)
        warm[1, LAST + 2] = np.nan
        history.known = known_columns(days=history.days, weather={"temperature_c": warm})

    assert notes("load", engine_of("load", change=one_blind)) == [(), ("without_weather",), ()]


def test_without_any_weather_only_rooms_are_forecast_without_it() -> None:
    def none(history: History) -> None:
        history.known = {}

    assert notes("load", engine_of("load", change=none)) == [()] * ASSETS
    assert notes("air_conditioning", engine_of("air_conditioning", change=none)) == [("without_weather",)] * ASSETS


def test_a_young_asset_is_forecast_and_said_to_be() -> None:
    def young(history: History) -> None:
        history.activity[1, : LAST - 3] = np.nan

    found = said("load", engine_of("load", change=young)).outlooks
    assert [outlook.notes for outlook in found] == [(), ("short_history",), ()]
    assert np.isfinite(found[1].mean).all()
    assert np.isfinite(found[1].high).all()


def test_where_no_error_is_known_the_band_is_all_that_is_possible() -> None:
    for outlook, cap in zip(said("pv", engine_of("pv", upto=4), last=3).outlooks, CAP, strict=True):
        assert outlook.notes == ("short_history", "wide_band")
        lit = outlook.mean > 0
        assert lit.any()
        assert not outlook.low.any()
        np.testing.assert_array_equal(outlook.high[lit], cap)
        np.testing.assert_array_equal(outlook.mid[lit], outlook.mean[lit])


def test_a_reissue_without_a_value_of_the_last_hour_says_so() -> None:
    def silent(history: History) -> None:
        history.activity[2, LAST + 1, 9:] = np.nan

    engine = engine_of("load", change=silent)
    assert notes("load", engine, NOW) == [(), (), ("no_recent_value",)]
    assert notes("load", engine, NOW + 4) == [()] * ASSETS
    assert np.isfinite(said("load", engine, NOW).outlooks[2].mean).all(), "it is forecast as it was the day before"


def test_an_asset_of_which_nothing_can_be_said_has_neither_mean_nor_band() -> None:
    def unknown(history: History) -> None:
        history.activity[0] = np.nan

    found = said("load", engine_of("load", change=unknown)).outlooks
    assert np.isnan(found[0].mean).all()
    assert np.isnan(found[0].high).all()
    assert found[0].notes == ("short_history",)
    assert found[1].notes == ()
