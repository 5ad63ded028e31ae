"""Whole days ahead, on a family whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest

from aggregator.forecasts.domain.engine.day_model import DayModel
from aggregator.forecasts.domain.engine.history import DayView, History
from aggregator.forecasts.domain.engine.issued import Issued
from tests.unit.aggregator.forecasts.engine.made import Plain, assert_ordered, plain_history

LEAD, SLOT = 2, 10


def learned(history: History, family: Plain, *, upto: int, first: int = 7) -> tuple[DayModel, Issued]:
    """Days first..upto-1, and what had been said of all days up to upto + 1."""
    model, issued = DayModel(family, history.shape[0]), Issued.none(history.shape)
    for day in range(first, upto):
        view = DayView(history, day, LEAD, SLOT)
        model.learn(view, issued.each(lambda part, day=day: part[:, day]))
        if day + LEAD < history.shape[1]:
            issued.put(day + LEAD, model.issue(DayView(history, day + LEAD, LEAD, SLOT)))
    return model, issued


def test_the_truth_is_found_for_each_asset() -> None:
    model, _ = learned(plain_history(count=70), Plain(), upto=60)
    np.testing.assert_allclose(model.coef["known"], [[0, 2], [0.1, 2], [0.2, 2]], atol=0.05)


def test_bands_hold_ten_percent_on_either_side() -> None:
    history = plain_history(count=200, noise=0.5)
    _, issued = learned(history, Plain(), upto=200)
    assert_ordered(issued)
    here = slice(40, None)
    below, above = (np.mean(beyond[:, here]) for beyond in (history.activity < issued.low, history.activity > issued.high))
    assert below == pytest.approx(0.1, abs=0.02)
    assert above == pytest.approx(0.1, abs=0.02)
    spread = (issued.high - issued.low)[:, here].mean()
    assert spread == pytest.approx(2 * 1.2816 * 0.5, rel=0.1)


def test_bins_tell_calm_hours_from_rough_ones() -> None:
    history = plain_history(count=90)
    rough = np.where(history.days.clock_hours >= 12, 1.0, 0.1)
    history.activity[:] = 2 * history.known["x"] + rough * np.random.default_rng(9).normal(size=history.shape)
    _, issued = learned(history, Plain(), upto=90)
    width = (issued.high - issued.low)[:, 60:].mean(axis=(0, 1))
    assert width[12:].mean() > 5 * width[:12].mean()


def test_before_anything_was_learned_the_mean_is_what_is_usual_and_there_is_no_band() -> None:
    history = plain_history()
    said = DayModel(Plain(), 3).issue(DayView(history, 9, LEAD, SLOT))
    np.testing.assert_array_equal(said.mean, 0.0)
    assert np.isnan(said.low).all()


def test_a_missing_feature_is_what_is_usual_and_a_missing_value_teaches_nothing() -> None:
    history = plain_history()
    whole, _ = learned(history, Plain(), upto=40)
    gap = History(history.days, history.activity.copy(), {name: column.copy() for name, column in history.known.items()})
    gap.known["x"][:, 42, 5] = np.nan
    gap.activity[1, 20, :12] = np.nan
    model, _ = learned(gap, Plain(), upto=40)
    said = model.issue(DayView(gap, 42, LEAD, SLOT))
    np.testing.assert_array_equal(said.mean[:, 5], 0.0)
    assert np.isfinite(said.low).all()
    assert whole.moments["known"].rows[0] == model.moments["known"].rows[0] > model.moments["known"].rows[1]


def test_where_there_surely_is_nothing_it_is_zero_and_teaches_nothing() -> None:
    history = plain_history()
    history.known["level"] = np.where(history.days.clock_hours < 6, 0.0, history.known["level"])
    history.activity[..., :6] = 99.0
    model, issued = learned(history, Plain(), upto=50)
    for part in vars(issued).values():
        assert (part[:, 20:51, :6] == 0).all()
    np.testing.assert_allclose(model.coef["known"][:, 1], 2, atol=0.05)


def test_an_asset_that_has_stopped_teaches_its_errors_and_not_its_mean() -> None:
    history = plain_history(noise=0.02)
    history.activity[:] = np.abs(history.activity) + 0.5
    stopped = History(history.days, history.activity.copy(), history.known)
    stopped.activity[0, 30:40] = 0.0
    family = Plain(settings=replace(Plain().settings, stopped_above=0.5))
    one, other = (learned(each, family, upto=45)[0] for each in (history, stopped))
    np.testing.assert_allclose(other.coef["known"][1:], one.coef["known"][1:], atol=0.02)
    np.testing.assert_allclose(other.coef["known"][0], one.coef["known"][0], atol=0.1)
    assert other.calibration.size[0, 0] > one.calibration.size[0, 0]


@pytest.mark.parametrize(("noise", "nearer"), [(0.05, "engine"), (1.2, "usual")])
def test_mixed_bands_go_with_the_better_one(noise: float, nearer: str) -> None:
    """Climatology is P10, P90 = -1, 1: right where the noise is its own."""
    history = plain_history(count=90, noise=noise, assets=1)
    history.activity[:] = noise * np.random.default_rng(3).normal(size=history.shape)
    family = Plain(settings=replace(Plain().settings, mixed=True))
    model, issued = learned(history, family, upto=90)
    weights = model.mix.weights()[0]
    if nearer == "engine":
        assert (weights[0, [0, 2]] > 0.95).all()
    assert_ordered(issued)
    covered = (history.activity >= issued.low) & (history.activity <= issued.high)
    assert covered[:, 30:].mean() == pytest.approx(0.8, abs=0.06)


def test_bands_and_mean_stay_within_what_is_possible() -> None:
    family = Plain(settings=replace(Plain().settings, floor=0.0, cap=1.5))
    _, issued = learned(plain_history(noise=1.0), family, upto=50)
    assert_ordered(issued, floor=0.0, cap=1.5)
    assert (issued.mean == 0).any()
    assert (issued.mean == 1.5).any()
