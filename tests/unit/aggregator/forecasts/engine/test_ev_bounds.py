"""Bounds of all cars at once, and what is left of a stay."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.assets.domain import Session, ev_station
from aggregator.assets.domain.ev_station import EvStationSpec
from aggregator.forecasts.domain.engine.ev_bounds import Cars, bounds_of_stations, firm_bounds
from aggregator.forecasts.domain.engine.ev_conditional import given_passed
from aggregator.kernel.periods import delivery_day

GRID = delivery_day(date(2025, 3, 3), resolution=timedelta(minutes=30))
STATIONS = 3
CONNECTOR_KW = 7.0
RATED_KW = np.array([9.0, 14.0, 60.0])


def cars_of(rng: np.random.Generator, count: int) -> Cars:
    return Cars(
        site=rng.integers(0, STATIONS, count),
        arrives_at=rng.uniform(-10, 6, count),
        connector_kw=np.full(count, CONNECTOR_KW),
        given_kwh=rng.uniform(0, 5, count),
    )


@given(st.integers(0, 2**32 - 1), st.integers(0, 25))
def test_same_as_the_physical_model_car_by_car(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    cars = cars_of(rng, count)
    departs_at, need_kwh = cars.arrives_at + rng.uniform(0.1, 20, count), rng.uniform(0, 40, count)
    found = bounds_of_stations(cars, departs_at=departs_at, need_kwh=need_kwh, rated_kw=RATED_KW, periods=len(GRID), hours=GRID.hours)
    for k, rated_kw in enumerate(RATED_KW):
        here = np.flatnonzero(cars.site == k)
        spec = EvStationSpec(connectors=50, connector_kw=CONNECTOR_KW, station_limit_kw=rated_kw)
        sessions = tuple(Session(str(c), cars.arrives_at[c], departs_at[c], need_kwh[c]) for c in here)
        given_kwh = {str(c): cars.given_kwh[c] for c in here}
        cap, least, most = ev_station.bounds_of_sessions(spec, grid=GRID, sessions=sessions, charged_kwh=given_kwh)
        np.testing.assert_allclose(found.cap_kw[k], cap, atol=1e-9)
        np.testing.assert_allclose(found.least_kwh[k], least, atol=1e-9)
        np.testing.assert_allclose(found.most_kwh[k], most, atol=1e-9)


@given(st.integers(0, 2**32 - 1))
def test_firm_moves_no_more_than_either_need_would_let(seed: int) -> None:
    """Of each car alone: stations' ratings bend sums."""
    rng = np.random.default_rng(seed)
    cars = cars_of(rng, 1)
    stay = np.sort(rng.uniform(0.5, 30, (3, 1)), axis=0) + np.maximum(-cars.arrives_at, 0)
    need = np.sort(rng.uniform(0.1, 50, (3, 1)), axis=0)
    shape = {"rated_kw": np.full(STATIONS, 100.0), "periods": len(GRID), "hours": GRID.hours}
    firm = firm_bounds(cars, stay_hours=stay, need_kwh=need, **shape)
    for row in (0, 2):
        other = bounds_of_stations(cars, departs_at=cars.arrives_at + stay[0], need_kwh=need[row], **shape)
        assert (firm.movable_kwh <= other.movable_kwh + 1e-9).all()
    assert (firm.least_kwh <= firm.most_kwh + 1e-9).all()
    assert (np.diff(firm.most_kwh, axis=1, prepend=0.0) <= firm.cap_kw * GRID.hours + 1e-9).all()


@given(st.floats(0.1, 20), st.floats(1.05, 10), st.floats(1.05, 10), st.lists(st.floats(0, 60), min_size=2, max_size=6).map(sorted))
def test_a_car_that_has_stayed_longer_leaves_later(middle: float, down: float, up: float, passed: list[float]) -> None:
    bands = np.array([middle / down, middle, middle * up])[:, None].repeat(len(passed), axis=1)
    found = given_passed(bands, np.array(passed))
    assert (np.diff(found, axis=0) >= 0).all()
    assert (np.diff(found, axis=1) >= -1e-9 * found[:, 1:]).all()
    assert (found >= np.array(passed)).all()
    np.testing.assert_allclose(given_passed(bands, np.zeros(len(passed))), bands, rtol=1e-6)


def test_given_passed_is_the_share_of_those_that_are_left() -> None:
    """Log-logistic on both sides: P(x > t) = 1 / (1 + (t / median)^s), s = ln 9 / ln 2."""
    found = given_passed(np.array([[4.0], [8.0], [16.0]]), np.array([12.0]))[:, 0]
    left = 1 / (1 + (np.array([12.0, *found]) / 8.0) ** (np.log(9) / np.log(2)))
    np.testing.assert_allclose(left[1:] / left[0], [0.9, 0.5, 0.1], rtol=1e-9)
    with pytest.raises(FloatingPointError), np.errstate(all="raise"):
        given_passed(np.array([[0.0], [8.0], [16.0]]), np.array([1.0]))
