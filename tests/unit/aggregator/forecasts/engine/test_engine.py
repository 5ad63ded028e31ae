"""The engine as a whole: the order of learning and issuing, which forecast is given when, and the order of assets."""

import numpy as np
import pytest

from aggregator.forecasts.domain.engine.engine import DAY_AHEAD, LEADS, LEAST_DAYS, WEEK_AHEAD, Engine
from aggregator.forecasts.domain.engine.history import History
from aggregator.forecasts.domain.engine.state import dumped
from tests.unit.aggregator.forecasts.engine.made import (
    FAMILIES,
    Plain,
    advanced,
    assert_ordered,
    assert_same,
    copy_of,
    history_of,
    plain_history,
)

LAST = 30
KINDS = sorted(FAMILIES)


@pytest.mark.parametrize("kind", KINDS)
def test_to_advance_is_to_issue_and_then_to_learn(kind: str) -> None:
    history = history_of(kind)
    one, other = Engine(FAMILIES[kind](), copy_of(history)), Engine(FAMILIES[kind](), copy_of(history))
    for day in range(LAST):
        for lead in LEADS:
            if day >= LEAST_DAYS and day - 1 + lead < history.shape[1]:
                other.issue(day - 1 + lead, lead)
        before = other.issued[DAY_AHEAD].each(lambda part, day=day: part[:, day].copy())
        steps = other.learn(day)
        matured = one.advance(day)
        assert_same(matured.day_ahead, before)
        assert_same(matured.steps, steps)
        np.testing.assert_array_equal(matured.actual, history.activity[:, day])
        np.testing.assert_array_equal(matured.size, other.error_size(day))
    other.seen = one.seen
    ours, theirs = dumped(one, last=LAST - 1), dumped(other, last=LAST - 1)
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)


def test_days_with_a_value_are_counted_for_each_asset() -> None:
    history = plain_history()
    history.activity[1, 3:9] = np.nan
    history.activity[2, :, 1:] = np.nan
    assert advanced(Plain(), history, upto=12).seen.tolist() == [12, 6, 12]


def test_the_usual_size_of_an_error_is_that_of_its_errors() -> None:
    history = plain_history(count=90, noise=0.3)
    engine = advanced(Plain(), history, upto=85)
    np.testing.assert_allclose(engine.error_size(86), 0.3 * np.sqrt(2 / np.pi), rtol=0.1)
    assert not engine.error_size(3).any()


def test_tomorrow_is_fresh_today_as_it_was_said_later_days_are_coarse_and_beyond_them_nothing() -> None:
    history = history_of("load")
    engine = advanced(FAMILIES["load"](), history, upto=LAST + 1)
    as_said = engine.issued[DAY_AHEAD].each(lambda part: part[:, LAST + 1].copy())
    assert np.isfinite(as_said.mean).all()
    assert_same(engine.whole_day(LAST + 1, last=LAST, issue_slot=20), as_said)
    assert_same(engine.whole_day(LAST + 2, last=LAST, issue_slot=20), engine.issue(LAST + 2, DAY_AHEAD, 20))
    for lead in range(3, WEEK_AHEAD + 1):
        assert np.isfinite(engine.whole_day(LAST + lead, last=LAST, issue_slot=20).mean).all()
    assert np.isnan(engine.whole_day(LAST + WEEK_AHEAD + 1, last=LAST, issue_slot=20).mean).all()
    assert np.isnan(engine.whole_day(LAST, last=LAST, issue_slot=20).mean).all()


def test_the_hour_of_issue_is_the_latest_that_is_looked_at() -> None:
    history = history_of("load")
    engine = advanced(FAMILIES["load"](), history, upto=LAST + 1)
    early, usual, late = (engine.whole_day(LAST + 2, last=LAST, issue_slot=slot) for slot in (0, engine.issue_slot, 40))
    assert_same(usual, late)
    assert np.abs(early.mean - usual.mean).max() > 0


@pytest.mark.parametrize("kind", KINDS)
def test_beyond_the_longest_horizon_the_next_hours_are_as_issued(kind: str) -> None:
    history = history_of(kind)
    engine = advanced(FAMILIES[kind](), history, upto=LAST + 1)
    whole = engine.whole_day(LAST + 2, last=LAST, issue_slot=20)
    origin = (LAST + 1) * 48 + 20
    far = (LAST + 2) * 48 + np.arange(48)
    assert_same(engine.ahead(origin, far), whole.each(np.float32))
    near = engine.ahead(origin, origin + np.arange(1, 25))
    assert_ordered(near, floor=0.0, cap=1.1 if kind != "load" else np.inf)
    assert np.isfinite(near.low).all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_assets_is_the_order_of_results(kind: str) -> None:
    """The class is a sum over assets, so that it may differ in the last digits."""
    history = history_of(kind, assets=4, count=LAST + 10, slots=24)
    order = np.array([2, 0, 3, 1])
    known = {name: column if len(column) == 1 else column[order] for name, column in history.known.items()}
    turned = History(history.days, history.activity[order], known)
    engines = [advanced(FAMILIES[kind](), each, upto=LAST + 1) for each in (history, turned)]
    origin = (LAST + 1) * 24 + 12
    target = origin + np.arange(1, 37)
    for engine in engines:
        engine.whole_day(LAST + 2, last=LAST, issue_slot=10)
    one, other = (engine.ahead(origin, target) for engine in engines)
    np.testing.assert_allclose(other.mean, one.mean[order], rtol=2e-5, atol=2e-5)
    for name in ("low", "mid", "high"):
        ours, theirs = getattr(one, name)[order], getattr(other, name)
        assert np.mean(np.abs(ours - theirs) > 1e-4) < 0.01, "an error on the edge of a cell may fall to either side"


@pytest.mark.parametrize("kind", KINDS)
def test_an_asset_alone_is_its_own_class(kind: str) -> None:
    history = history_of(kind, assets=1)
    engine = advanced(FAMILIES[kind](), history, upto=LAST + 1)
    origin = (LAST + 1) * 48 + 20
    assert np.isfinite(engine.ahead(origin, origin + np.arange(1, 25)).high).all()
