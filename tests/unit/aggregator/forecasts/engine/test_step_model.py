"""The next hours, on errors that are known to carry on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.forecasts.domain.engine.history import History, Steps
from aggregator.forecasts.domain.engine.step_model import HORIZON_HOURS, StepModel, between, horizons_of, steps_of_day
from tests.unit.aggregator.forecasts.engine.made import Plain, assert_ordered, plain_history

SLOTS, CARRIED = 24, 0.8


def learned(history: History, *, upto: int, every: int = 1) -> tuple[StepModel, np.ndarray]:
    """Its day-ahead means are the truth without the errors."""
    mean = 0.1 * np.arange(len(history.activity), dtype=np.float32)[:, None, None] + 2 * history.known["x"]
    model = StepModel(Plain(), len(history.activity), history.shape[2])
    for day in range(1, upto):
        model.learn(history, mean, day, every)
    return model, mean


def steps(history: History, mean: np.ndarray, origin: int, ahead: np.ndarray) -> Steps:
    n = len(mean)
    return Steps(history.activity.reshape(n, -1), mean.reshape(n, -1), history, np.full(ahead.shape, origin), origin + ahead)


@pytest.mark.parametrize(
    ("slots", "expected"),
    [(24, [1, 2, 3, 4, 6, 9, 12]), (96, [1, 2, 3, 4, 6, 8, 12, 16, 24, 36, 48]), (288, [1, 3, 6, 9, 12, 18, 24, 36, 48, 72, 108, 144])],
)
def test_horizons_are_hours_at_any_resolution(slots: int, expected: list[int]) -> None:
    assert horizons_of(slots).tolist() == expected
    assert expected[-1] * 24 == slots * HORIZON_HOURS[-1]


@settings(deadline=None)
@given(wanted=st.lists(st.integers(1, 60), min_size=1, max_size=8))
def test_weights_between_horizons_are_linear(wanted: list[int]) -> None:
    trained, targets = horizons_of(96), np.array(wanted)
    weights = between(trained, targets)
    assert (weights >= 0).all()
    assert ((weights > 0).sum(axis=0) <= 2).all()
    np.testing.assert_allclose(weights.sum(axis=0), 1)
    np.testing.assert_allclose(trained @ weights, np.minimum(targets, trained[-1]))


def test_an_error_is_carried_on_and_fades() -> None:
    history = plain_history(count=80, noise=0.5, carried=CARRIED)
    model, mean = learned(history, upto=70)
    origin, ahead = 72 * SLOTS + 9, model.horizons
    before = model.issue(steps(history, mean, origin, ahead)).mean
    history.activity[:, 72, 9] += 1.0
    lift = model.issue(steps(history, mean, origin, ahead)).mean - before
    np.testing.assert_allclose(lift, np.broadcast_to(CARRIED**ahead, lift.shape), atol=0.15)
    assert (np.diff(lift) < 0.03).all()
    assert model.coef is not None
    np.testing.assert_allclose(model.coef[:, :, 2].mean(axis=0), CARRIED**model.horizons, atol=0.06)


def test_bands_widen_with_the_horizon_and_hold() -> None:
    history = plain_history(count=160, noise=0.5, carried=CARRIED)
    model, mean = learned(history, upto=60)
    inside, width = [], []
    for day in range(60, 160):
        said = model.learn(history, mean, day)
        assert_ordered(said)
        actual = history.activity[:, day][:, None]
        inside.append((actual >= said.low) & (actual <= said.high))
        width.append((said.high - said.low).mean(axis=(0, 2)))
    assert (np.diff(np.mean(width, axis=0)) > 0).all()
    np.testing.assert_allclose(np.mean(inside, axis=(0, 1, 3)), 0.8, atol=0.03)


def test_between_two_horizons_is_between_their_forecasts_and_beyond_the_last_nothing() -> None:
    history = plain_history(count=60, noise=0.5, carried=CARRIED)
    model, mean = learned(history, upto=50)
    mean = np.zeros_like(mean)  # so that the features are the same at every target
    said = model.issue(steps(history, mean, 52 * SLOTS + 9, np.array([6, 7, 8, 9, 12, 13, 0])))
    np.testing.assert_allclose(said.mean[:, 1], (2 * said.mean[:, 0] + said.mean[:, 3]) / 3, rtol=1e-4)
    np.testing.assert_allclose(said.high[:, 2], (said.high[:, 0] + 2 * said.high[:, 3]) / 3, rtol=0.02)
    assert np.isfinite(said.mean[:, :5]).all()
    assert np.isnan(said.mean[:, 5:]).all()


def test_an_origin_that_is_not_known_says_nothing() -> None:
    history = plain_history(count=60)
    model, mean = learned(history, upto=50)
    origin = 52 * SLOTS + 9
    history.activity[1, 52, 9] = np.nan
    said = model.issue(steps(history, mean, origin, np.arange(1, 5)))
    assert np.isnan(said.mean[1]).all()
    assert np.isfinite(said.mean[[0, 2]]).all()


def test_nothing_learned_says_nothing() -> None:
    history = plain_history()
    model, mean = learned(history, upto=1)
    assert np.isnan(model.issue(steps(history, mean, 300, np.arange(1, 5))).mean).all()


def test_every_nth_slot_teaches_much_the_same_and_each_slot_in_turn() -> None:
    history = plain_history(count=80, noise=0.5, carried=CARRIED)
    (whole, _), (part, _) = learned(history, upto=70), learned(history, upto=70, every=4)
    assert whole.moments is not None
    assert part.moments is not None
    assert whole.coef is not None
    assert part.coef is not None
    assert part.moments.rows.sum() == pytest.approx(whole.moments.rows.sum() / 4, rel=0.02)
    np.testing.assert_allclose(part.coef[..., 2], whole.coef[..., 2], atol=0.12)
    used = {slot for day in range(4) for slot in range(day % 4, SLOTS, 4)}
    assert used == set(range(SLOTS))


def test_the_steps_of_a_day_are_its_slots_from_every_horizon() -> None:
    history = plain_history(count=5)
    made = steps_of_day(history, history.activity, day=3, slots=np.array([0, 5]), horizons=np.array([1, 6]))
    np.testing.assert_array_equal(made.target, [72, 77, 72, 77])
    np.testing.assert_array_equal(made.origin, [71, 76, 66, 71])
