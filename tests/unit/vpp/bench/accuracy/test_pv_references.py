"""The reference methods look no further than a forecast may."""

import numpy as np

from vpp.bench.accuracy.pv_references import climatology, last_complete_day, one_scale_chain, smart_persistence
from vpp.bench.accuracy.replay import shifted
from vpp.bench.accuracy.wind import climatology as wind_climatology
from vpp.bench.accuracy.wind_data import best_shift

DAYS, SLOTS = 12, 24
RANDOM = np.random.default_rng(3)
ACTIVITY = RANDOM.uniform(0.1, 0.9, (2, DAYS, SLOTS))


def test_persistence_is_the_newest_known_day() -> None:
    activity = ACTIVITY.copy()
    activity[0, 4] = np.nan
    found = last_complete_day(activity)
    np.testing.assert_array_equal(found[0, 6], activity[0, 3])
    np.testing.assert_array_equal(found[1, 6], activity[1, 4])
    assert np.isnan(found[:, :2]).all()


def test_the_scale_of_the_chain_comes_from_complete_days() -> None:
    lit = np.ones(ACTIVITY.shape, dtype=bool)
    spoilt = 0.5 * ACTIVITY
    spoilt[:, 9:] = 100.0
    np.testing.assert_allclose(one_scale_chain(spoilt, ACTIVITY, lit)[:, 10], 0.5 * ACTIVITY[:, 10])


def test_smart_persistence_follows_the_clear_sky() -> None:
    clear = np.tile(np.sin(np.linspace(0, np.pi, SLOTS)), (2, DAYS, 1))
    found = smart_persistence(0.4 * clear, clear, np.full(clear.shape, -1.0), 2)
    bright = shifted(clear, 2) > 0.2
    np.testing.assert_allclose(found[bright], 0.4 * clear[bright])
    assert (found[shifted(clear, 2) <= 0.03] == -1.0).all()


def test_climatologies_do_not_know_the_day_before() -> None:
    changed = ACTIVITY.copy()
    changed[:, 9:] = 0.0
    clear = np.ones(ACTIVITY.shape)
    for one, two in zip(climatology(ACTIVITY, clear), climatology(changed, clear), strict=True):
        np.testing.assert_array_equal(one[:, 10], two[:, 10])
    np.testing.assert_array_equal(wind_climatology(ACTIVITY)[:, 10], wind_climatology(changed)[:, 10])


def test_the_shift_of_the_labels_is_found() -> None:
    speed = 6 + np.cumsum(RANDOM.normal(0, 0.3, (2, 400)), axis=1)
    assert best_shift(np.roll(np.minimum(speed, 12) ** 2, 5, axis=1), speed) == 5
