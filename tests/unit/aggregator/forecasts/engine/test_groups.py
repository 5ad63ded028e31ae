"""Errors of groups: sums over who is known, and when too few are."""

import numpy as np
import pytest

from aggregator.forecasts.domain.engine.engine import Matured
from aggregator.forecasts.domain.engine.groups import KEPT_DAYS, LEAST_SHARE, QUANTITIES, GroupErrors, Movable, added, errors_of_day
from aggregator.forecasts.domain.engine.issued import Issued

ASSETS, SLOTS, HORIZONS = 4, 6, 2
USED = np.array([1, 4])  # slots whose next hours were looked at
SCALE = np.array([100.0, 200.0, 50.0, 10.0])
EVERYBODY = np.ones((1, ASSETS), dtype=bool)
SHEDDABLE = Movable(np.array([True, True, True, False]), 20 * np.ones(ASSETS), np.zeros(ASSETS), 2 * SCALE)


def issued(mean: np.ndarray) -> Issued:
    return Issued(mean, mean, mean, mean)


def day(seed: int = 0, *, size: float = 0.1) -> Matured:
    random = np.random.default_rng(seed)
    actual, said = random.uniform(0, 1, (2, ASSETS, SLOTS))
    steps = random.uniform(0, 1, (ASSETS, HORIZONS, len(USED)))
    return Matured(9, actual, np.full((ASSETS, SLOTS), size), issued(said), issued(steps), USED)


def errors(matured: Matured, *, members: np.ndarray = EVERYBODY, sign: int = 1, movable: Movable = SHEDDABLE) -> GroupErrors:
    return errors_of_day(matured, members=members, scale_kw=SCALE, sign=sign, movable=movable)


def test_errors_are_summed_by_group_day_ahead_first_then_by_horizon() -> None:
    matured = day()
    members = np.array([[True, True, False, False], [True, True, True, True], [False, False, False, False]])
    found = errors(matured, members=members)
    assert found.error.shape == (len(QUANTITIES), 3, 1, 1 + HORIZONS, SLOTS)
    off = SCALE[:, None] * (matured.actual - matured.day_ahead.mean)
    np.testing.assert_allclose(found.error[0, :, 0, 0], [off[:2].sum(axis=0), off.sum(axis=0), np.zeros(SLOTS)], rtol=1e-5)
    ahead = SCALE[:, None, None] * (matured.actual[:, None, USED] - matured.steps.mean)
    np.testing.assert_allclose(found.error[0, 1, 0, 1:][:, USED], ahead.sum(axis=0), rtol=1e-4)
    assert np.isnan(found.total(1, "power")[0, 1:, [0, 2, 3, 5]]).all(), "these slots were not looked at"
    np.testing.assert_allclose(found.total(1, "power")[0, 0], off.sum(axis=0), rtol=1e-5)


def test_what_is_consumed_is_taken_from_the_grid() -> None:
    matured = day()
    np.testing.assert_array_equal(errors(matured, sign=-1).error[0], -errors(matured, sign=1).error[0])
    np.testing.assert_array_equal(errors(matured, sign=-1).error[1:], errors(matured, sign=1).error[1:])


def test_errors_of_what_can_be_moved() -> None:
    matured = day()
    actual, said = SCALE[:, None] * matured.actual, SCALE[:, None] * matured.day_ahead.mean
    shed = [np.maximum(0, kw[:3] - 20).sum(axis=0) for kw in (actual, said)]
    np.testing.assert_allclose(errors(matured).error[1, 0, 0, 0], shed[0] - shed[1], rtol=1e-4)
    assert not errors(matured).error[2].any()
    cooled = Movable(np.ones(ASSETS, dtype=bool), np.zeros(ASSETS), -np.ones(ASSETS), 2 * SCALE)
    both = errors(matured, movable=cooled).error[:, 0, 0, 0]
    np.testing.assert_allclose(both[1], (actual - said).sum(axis=0), rtol=1e-4)
    np.testing.assert_allclose(both[2], -both[1], rtol=1e-4)
    plants = Movable(np.zeros(ASSETS, dtype=bool), np.zeros(ASSETS), np.array([1.0, 1, 0, 0]), SCALE)
    curtailed = errors(matured, movable=plants).error[:, 0, 0, 0]
    assert not curtailed[1].any()
    np.testing.assert_allclose(curtailed[2], (actual - said)[:2].sum(axis=0), rtol=1e-4)


def test_members_that_are_known_stand_for_all_or_for_none() -> None:
    """By the share of squared sizes: without asset 3 more than 0.8 of it is known, without asset 1 less."""
    matured = day()
    matured.actual[3, 2] = np.nan
    matured.actual[1, 4] = np.nan
    found = errors(matured)
    weight = (0.1 * SCALE) ** 2
    share = weight[:3].sum() / weight.sum()
    assert share > LEAST_SHARE
    off = SCALE * (matured.actual - matured.day_ahead.mean)[:, 2]
    total = found.total(0, "power")[0, 0]
    assert total[2] == pytest.approx(off[:3].sum() / np.sqrt(share), rel=1e-4)
    assert np.isnan(total[4])
    np.testing.assert_allclose(found.size_kw(0), np.sqrt(weight.sum()), rtol=1e-5)


def test_who_was_not_forecast_is_not_known_and_nobody_is_no_error() -> None:
    matured = day()
    matured.day_ahead.mean[:, 0] = np.nan
    assert np.isnan(errors(matured).total(0, "power")[0, 0, 0])
    without_size = day(size=0.0)
    assert np.isnan(errors(without_size).total(0, "power")).all()


def test_the_oldest_days_are_forgotten() -> None:
    kept = GroupErrors.none(groups=1, models=1 + HORIZONS, slots=SLOTS)
    for k in range(KEPT_DAYS + 5):
        kept = kept.plus(errors(day(k)))
    assert kept.error.shape[2] == kept.known.shape[1] == kept.whole.shape[1] == KEPT_DAYS
    np.testing.assert_array_equal(kept.error[:, :, -1:], errors(day(KEPT_DAYS + 4)).error)
    np.testing.assert_array_equal(kept.error[:, :, :1], errors(day(5)).error)


def test_one_group_in_several_shards_is_the_group_over_their_common_days() -> None:
    matured = [day(k) for k in range(5)]
    whole, left, right = (GroupErrors.none(groups=1, models=1 + HORIZONS, slots=SLOTS) for _ in range(3))
    first = np.array([[True, True, False, False]])
    for k, one in enumerate(matured):
        whole = whole.plus(errors(one))
        left = left.plus(errors(one, members=first))
        if k >= 2:
            right = right.plus(errors(one, members=~first))
    found = added([left, right], [0, 0])
    for quantity in QUANTITIES:
        np.testing.assert_allclose(found.total(0, quantity), whole.total(0, quantity)[2:], rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(found.size_kw(0), whole.size_kw(0)[2:], rtol=1e-5)
