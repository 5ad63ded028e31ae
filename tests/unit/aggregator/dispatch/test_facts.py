"""Envelopes cut at now, and devices under the day's circumstances."""

from dataclasses import replace

import numpy as np
import pytest

from aggregator.assets.domain import Session
from aggregator.dispatch.domain import ProblemRefused, Target, check_schedule, device_of, drifted, piece_of, solve_schedule
from aggregator.kernel.periods import Grid
from tests.unit.aggregator.dispatch.parks import START, battery, chargers, grid_of, park_of, plant


def cars():
    return chargers(grid_of(6), (Session("c", 0.0, 4.0, 40.0), Session("d", 1.0, 6.0, 40.0)))


@pytest.mark.parametrize("charged_kwh", [0.0, 10.0, 30.0, 60.0, 500.0])
def test_what_is_left_of_the_cars_can_always_be_planned(charged_kwh: float) -> None:
    whole = cars()
    rest = replace(whole, envelope=piece_of(whole.envelope, grid_of(6).tail(2), injected_kwh=-charged_kwh))
    park = park_of(grid_of(6).tail(2), {"e": rest}, value=[0.1, 0.9, 0.2, 0.8])
    schedule = solve_schedule(park.problem, deadline_s=20)
    assert schedule.status == "optimal"
    assert check_schedule(problem=park.problem, schedule=schedule, assets=park.facts) == []


def test_a_piece_after_the_base_was_followed_is_the_rest_of_the_base() -> None:
    whole = cars().envelope
    rest = piece_of(whole, grid_of(6).tail(2))
    np.testing.assert_allclose(rest.base_kw, whole.base_kw[2:], atol=1e-9)
    np.testing.assert_allclose(rest.max_kwh, whole.max_kwh[2:] - whole.base_kw[:2].sum(), atol=1e-9)


def test_a_piece_outside_the_forecast_is_refused() -> None:
    whole = cars().envelope
    with pytest.raises(ProblemRefused):
        piece_of(whole, Grid(START, whole.grid.resolution, 7))


def test_under_notice_nothing_is_shed() -> None:
    device = device_of(plant(grid_of(4), np.full(4, 100.0), notice=2))
    np.testing.assert_array_equal(device.up_kw > 0, [False, False, True, True])


def test_calls_that_are_used_up_leave_nothing_to_shed() -> None:
    assert not device_of(plant(grid_of(4), np.full(4, 100.0), calls_used=1, max_calls_per_day=1)).up_kw.any()


def test_an_asset_that_will_not_follow_is_planned_at_its_base() -> None:
    device = device_of(replace(battery(grid_of(3)), movable=False))
    assert not device.up_kw.any()
    assert not device.down_kw.any()


@pytest.mark.parametrize("drift_kw", [-300.0, -20.0, 0.0, 15.0, 35.0, 60.0, 500.0])
def test_a_load_off_its_forecast_is_never_shed_below_must_run(drift_kw: float) -> None:
    grid = grid_of(4)
    facts = plant(grid, np.full(4, 100.0), must_run_kw=60.0)
    moved = replace(facts, envelope=drifted(facts.envelope, by_kw=drift_kw, rated_kw=facts.spec.rated_kw))
    consumed = -moved.envelope.base_kw
    np.testing.assert_allclose(consumed, np.clip(100.0 - drift_kw, 0.0, facts.spec.rated_kw))
    park = park_of(grid, {"l": moved}, value=[0.4] * 4, target=Target(np.full(4, 0.0)))
    schedule = solve_schedule(park.problem, deadline_s=20)
    assert check_schedule(problem=park.problem, schedule=schedule, assets=park.facts) == []
    assert (schedule.import_kw["s"] >= np.minimum(consumed, 60.0) - 1e-6).all()
