"""An engine that was put away goes on as if it never had been."""

from dataclasses import replace

import numpy as np
import pytest

from aggregator.forecasts.domain.engine.engine import LEADS, WEEK_AHEAD, Engine
from aggregator.forecasts.domain.engine.history import History
from aggregator.forecasts.domain.engine.state import KEPT_DAYS, Arrays, dumped, restored
from tests.unit.aggregator.forecasts.engine.made import FAMILIES, advanced, assert_same, copy_of, history_of

LAST, MORE, SLOTS = 60, 3, 24
KINDS = sorted(FAMILIES)


def kept(engine: Engine, *, last: int) -> Arrays:
    return {name: values.copy() for name, values in dumped(engine, last=last).items()}


def later(history: History, *, first: int, known_from: int) -> History:
    """From day `first` on, with activity from `known_from` on only."""
    days = replace(history.days, first=history.days.dates[first], count=history.days.count - first)
    activity = history.activity[:, first:].copy()
    activity[:, : known_from - first] = np.nan
    return History(days, activity, {name: column[:, first:] for name, column in history.known.items()})


def assert_same_arrays(one: Arrays, other: Arrays) -> None:
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("spare", [0, 4])
def test_it_goes_on_with_the_same_bytes(kind: str, spare: int) -> None:
    """On KEPT_DAYS of history, or a few more that are not known."""
    history = history_of(kind, count=LAST + MORE + WEEK_AHEAD + 1, slots=SLOTS)
    whole = advanced(FAMILIES[kind](), copy_of(history), upto=LAST + 1)
    arrays = kept(whole, last=LAST)
    off = LAST + 1 - KEPT_DAYS - spare
    again = restored(FAMILIES[kind](), later(history, first=off, known_from=LAST + 1), arrays, last=LAST - off)
    assert_same_arrays(kept(again, last=LAST - off), arrays)
    for day in range(LAST + 1, LAST + 1 + MORE):
        one, other = whole.advance(day), again.advance(day - off)
        assert_same(one.day_ahead, other.day_ahead)
        assert_same(one.steps, other.steps)
        np.testing.assert_array_equal(one.size, other.size)
    assert_same_arrays(dumped(whole, last=LAST + MORE), dumped(again, last=LAST + MORE - off))
    last = LAST + MORE
    for lead in (1, 2, 5, 8):
        pair = (whole.whole_day(last + lead, last=last, issue_slot=9), again.whole_day(last + lead - off, last=last - off, issue_slot=9))
        assert_same(*pair)
    origin = (last + 1) * SLOTS + 9
    target = origin + np.arange(1, 80)
    assert_same(whole.ahead(origin, target), again.ahead(origin - off * SLOTS, target - off * SLOTS))


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_days_can_be_put_away_too(kind: str) -> None:
    history = history_of(kind, count=40, slots=SLOTS)
    whole = advanced(FAMILIES[kind](), copy_of(history), upto=5)
    again = restored(FAMILIES[kind](), later(history, first=0, known_from=5), kept(whole, last=4), last=4)
    for day in range(5, 20):
        whole.advance(day)
        again.advance(day)
    assert_same_arrays(dumped(whole, last=19), dumped(again, last=19))


def test_where_the_history_ended_early_what_was_said_stays_on_its_day() -> None:
    history = history_of("load", count=LAST + 20, slots=SLOTS)
    short = later(history, first=0, known_from=0)
    short = History(
        replace(short.days, count=LAST + 3), short.activity[:, : LAST + 3], {k: c[:, : LAST + 3] for k, c in short.known.items()}
    )
    engine = advanced(FAMILIES["load"](), short, upto=LAST + 1)
    off = LAST + 1 - KEPT_DAYS
    again = restored(FAMILIES["load"](), later(history, first=off, known_from=LAST + 1), kept(engine, last=LAST), last=LAST - off)
    for lead in LEADS:
        np.testing.assert_array_equal(
            engine.issued[lead].mean[:, LAST - 3 : LAST + 2], again.issued[lead].mean[:, LAST - 3 - off : LAST + 2 - off]
        )


def test_what_is_kept_does_not_grow_with_the_history() -> None:
    history = history_of("load", count=90, slots=SLOTS)
    sizes = []
    engine = Engine(FAMILIES["load"](), history)
    for day in range(80):
        engine.advance(day)
        if day in (50, 79):
            sizes.append({name: values.shape for name, values in dumped(engine, last=day).items()})
    assert sizes[0] == sizes[1]
