"""Series that go wrong: the forecast stays whole, ordered and possible, and the rest of the class stays as it was."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.forecasts.domain.engine.engine import Engine
from aggregator.forecasts.domain.engine.history import History
from tests.unit.aggregator.forecasts.engine.made import FAMILIES, advanced, assert_ordered, copy_of, history_of

LAST, SLOTS = 40, 24
CAPS = {"pv": 1.1, "wind": 1.1, "load": np.inf}
KINDS = sorted(FAMILIES)
WEEK = slice(20, 27)
CLEAN: dict[str, Engine] = {}


def clean(kind: str) -> Engine:
    if kind not in CLEAN:
        CLEAN[kind] = advanced(FAMILIES[kind](), history_of(kind, count=LAST + 10, slots=SLOTS), upto=LAST + 1)
    return CLEAN[kind]


def spoilt(kind: str, change: object, *, asset: int | slice = 0, days: slice = slice(None)) -> Engine:
    """`change`: what the days of the asset become, or a function of what they are."""
    history = copy_of(clean(kind).history)
    here = (asset, days)
    history.activity[here] = change(history.activity[here]) if callable(change) else change
    return advanced(FAMILIES[kind](), history, upto=LAST + 1)


def assert_possible(kind: str, engine: Engine, *, assets: slice = slice(None)) -> None:
    """Tomorrow and the next hours."""
    slots = engine.history.shape[2]
    whole = engine.whole_day(LAST + 2, last=LAST, issue_slot=10)
    origin = (LAST + 1) * slots + slots // 2
    for said in (whole, engine.ahead(origin, origin + np.arange(1, 2 * slots))):
        assert_ordered(said, floor=0.0, cap=CAPS[kind])
        assert np.isfinite(said.mean[assets]).all()
        assert np.isfinite(said.low[assets]).all()


def error(engine: Engine, truth: History, *, asset: int | slice, days: slice) -> float:
    return float(np.sqrt(np.mean((engine.issued[2].mean[asset, days] - truth.activity[asset, days]) ** 2)))


@pytest.mark.parametrize("kind", KINDS)
def test_an_asset_of_gaps_only_leaves_the_others_as_they_were(kind: str) -> None:
    engine, others = spoilt(kind, np.nan), slice(1, None)
    assert_possible(kind, engine, assets=others)
    assert engine.seen[0] == 0
    truth, days = clean(kind).history, slice(20, LAST)
    assert error(engine, truth, asset=others, days=days) < 1.1 * error(clean(kind), truth, asset=others, days=days)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_known_of_anybody_is_not_known_nor_an_error(kind: str) -> None:
    engine = spoilt(kind, np.nan, asset=slice(None))
    said = engine.whole_day(LAST + 2, last=LAST, issue_slot=10)
    lit = engine.family.day_level(engine.view(LAST + 2, 2)) > 0
    assert np.isnan(said.mean[lit]).all()
    assert (said.mean[~lit] == 0).all()
    assert np.isnan(engine.ahead((LAST + 1) * SLOTS + 12, (LAST + 1) * SLOTS + np.arange(13, 20)).mean[:, 0]).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
def test_an_asset_that_never_changes_is_forecast_as_it_is(kind: str, value: float) -> None:
    history = copy_of(clean(kind).history)
    history.activity[:] = value
    engine = advanced(FAMILIES[kind](), history, upto=LAST + 1)
    assert_possible(kind, engine)
    said = engine.whole_day(LAST + 2, last=LAST, issue_slot=10)
    if kind != "pv":
        np.testing.assert_allclose(said.mean, value, atol=0.02)
    elif value == 0.0:
        np.testing.assert_allclose(said.high, 0.0, atol=0.02)


def test_pv_that_measures_below_zero_is_forecast_above() -> None:
    engine = spoilt("pv", lambda values: values - 0.05)
    assert_possible("pv", engine)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("factor", [1000.0, -1000.0])
def test_a_week_in_other_units_breaks_nothing(kind: str, factor: float) -> None:
    """Telemetry marks what lies beyond the rating, so this does not come in; if it does, what is said is still possible."""
    assert_possible(kind, spoilt(kind, lambda values: values * factor, days=WEEK))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("factor", [0.001, np.nan])
def test_a_week_a_thousand_times_too_small_or_marked_does_not_reach_the_class(kind: str, factor: float) -> None:
    """The first is what no range check sees."""
    engine, truth = spoilt(kind, lambda values: values * factor, days=WEEK), clean(kind).history
    assert_possible(kind, engine)
    after = slice(30, LAST)
    others = [error(each, truth, asset=slice(1, None), days=after) for each in (engine, clean(kind))]
    assert others[0] < 1.25 * others[1]
    own = error(engine, truth, asset=0, days=after)
    if np.isnan(factor):
        assert own < 1.6 * error(clean(kind), truth, asset=0, days=after)
    else:
        assert own < 0.5 * np.sqrt(np.mean(truth.activity[0, after] ** 2))


@pytest.mark.parametrize("kind", ["load", "pv"])
def test_an_asset_that_doubles_is_followed(kind: str) -> None:
    engine = spoilt(kind, lambda values: 2 * values, days=slice(20, None))
    assert_possible(kind, engine) if kind == "load" else None
    truth = engine.history
    first, later = (error(engine, truth, asset=0, days=days) for days in (slice(20, 23), slice(LAST - 5, LAST)))
    assert later < 0.45 * first
    others = [error(each, truth, asset=slice(1, None), days=slice(20, LAST)) for each in (engine, clean(kind))]
    assert others[0] < 1.5 * others[1]


@pytest.mark.parametrize("kind", KINDS)
def test_one_day_of_history_is_a_forecast_of_what_is_usual(kind: str) -> None:
    engine = advanced(FAMILIES[kind](), history_of(kind, count=12, slots=SLOTS), upto=1)
    assert engine.seen.tolist() == [1, 1, 1]
    for lead in (2, 8):
        said = engine.whole_day(lead, last=0, issue_slot=10)
        assert np.isfinite(said.mean).all()
        assert (said.mean >= 0).all()
        assert (said.mean <= CAPS[kind]).all()
    tomorrow = 2 * SLOTS + np.arange(SLOTS)
    np.testing.assert_array_equal(np.isfinite(engine.ahead(SLOTS + 12, tomorrow).mean), True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("slots", [24, 288])
def test_hours_and_five_minutes(kind: str, slots: int) -> None:
    engine = advanced(FAMILIES[kind](), history_of(kind, assets=2, count=22, slots=slots), upto=13)
    said = engine.whole_day(14, last=12, issue_slot=10 * slots // 24)
    assert said.mean.shape == (2, slots)
    assert_ordered(said, floor=0.0, cap=CAPS[kind])
    near = engine.ahead(13 * slots + slots // 2, 13 * slots + slots // 2 + np.arange(1, slots // 2))
    assert_ordered(near, floor=0.0, cap=CAPS[kind])
    assert np.isfinite(near.low).all()


@settings(max_examples=12, deadline=None)
@given(kind=st.sampled_from(KINDS), seed=st.integers(0, 1000), gaps=st.floats(0, 0.9), wild=st.floats(0, 0.1))
def test_any_series_has_ordered_and_possible_quantiles(kind: str, seed: int, gaps: float, wild: float) -> None:
    random = np.random.default_rng(seed)
    history = history_of(kind, assets=2, count=24, slots=12)
    history.activity[random.uniform(size=history.shape) < wild] = random.choice([-1.0, 3.0, 1e4])
    history.activity[random.uniform(size=history.shape) < gaps] = np.nan
    engine = advanced(FAMILIES[kind](), history, upto=15)
    origin = 15 * 12 + int(random.integers(0, 12))
    for lead in (1, 2, 3, 8):
        assert_ordered(engine.whole_day(14 + lead, last=14, issue_slot=origin - 15 * 12), floor=0.0, cap=CAPS[kind])
    assert_ordered(engine.ahead(origin, origin + np.arange(1, 40)), floor=0.0, cap=CAPS[kind])
