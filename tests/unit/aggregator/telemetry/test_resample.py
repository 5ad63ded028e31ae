"""Samples to periods, marks, and days."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.kernel.periods import Grid
from aggregator.telemetry.domain import DayArrays, Samples, find_gaps, fold, last_of_period, quality_marks, resample

START = datetime(2025, 7, 1, tzinfo=UTC)
T0 = int(START.timestamp())
QUARTERS = Grid(START, timedelta(minutes=15), 4)


def columns(*rows, asset=0):
    at, step, value = (np.array(column) for column in zip(*rows, strict=True))
    return {"asset": np.full(len(rows), asset), "at_s": at + T0, "resolution_s": step, "values": value.astype(float)}


def test_minutes_become_their_mean_and_say_how_much_they_cover():
    mean, coverage = resample(**columns(*[(60 * k, 60, k) for k in range(20)]), n_assets=1, grid=QUARTERS)
    assert mean[0, :2].tolist() == [7.0, 17.0]
    assert np.isnan(mean[0, 2:]).all()
    np.testing.assert_allclose(coverage[0], [1, 1 / 3, 0, 0])


def test_an_hour_holds_for_its_four_quarters():
    mean, coverage = resample(**columns((0, 3600, 8.0)), n_assets=1, grid=QUARTERS)
    assert mean[0].tolist() == [8.0] * 4
    assert coverage[0].tolist() == [1.0] * 4


def test_a_sample_across_a_border_counts_for_both_by_its_time():
    mean, coverage = resample(**columns((-300, 600, 6.0), (300, 600, 12.0), (4 * 900 - 60, 600, 1.0)), n_assets=1, grid=QUARTERS)
    np.testing.assert_allclose(mean[0, 0], (6 * 300 + 12 * 600) / 900)
    np.testing.assert_allclose(coverage[0], [1, 0, 0, 60 / 900])


@given(
    st.lists(
        st.tuples(st.integers(-3600, 3 * 3600), st.sampled_from([60, 300, 900, 1800, 3600]), st.floats(-100, 100)), min_size=1, max_size=12
    )
)
def test_the_mean_lies_between_the_samples(rows):
    mean, coverage = resample(**columns(*rows), n_assets=1, grid=QUARTERS)
    known = ~np.isnan(mean)
    assert ((coverage > 0) == known).all()
    assert (coverage <= 1).all()
    lowest, highest = min(r[2] for r in rows), max(r[2] for r in rows)
    assert (mean[known] >= lowest - 1e-9).all()
    assert (mean[known] <= highest + 1e-9).all()


def test_a_state_stands_at_the_end_of_the_period_in_which_it_was_told():
    found = last_of_period(**columns((0, 300, 0.1), (600, 300, 0.3), (300, 300, 0.2), (900, 60, 0.4)), n_assets=1, grid=QUARTERS)
    assert found[0, :2].tolist() == [0.3, 0.4]
    assert np.isnan(found[0, 2:]).all()


def test_gaps_are_found_in_order():
    nan = np.nan
    assert find_gaps(np.array([nan, 1, nan, nan, 2, nan])) == [slice(0, 1), slice(2, 4), slice(5, 6)]


def test_a_frozen_meter_is_marked_but_zero_and_short_runs_are_not():
    values = np.concatenate([np.zeros(40), np.full(20, 37.5), np.arange(5), np.full(8, 3.25)])
    marks = quality_marks(values, resolution_s=900, rated_kw=100)
    assert np.flatnonzero(marks == 2).tolist() == list(range(40, 60))
    assert (marks[:40] == 0).all()
    assert (marks[-8:] == 0).all()


def test_a_lonely_value_is_a_spike_and_a_step_is_not():
    values = np.array([10.0, 11, 90, 10, 10.5, 80, 81, 82, np.nan])
    assert quality_marks(values, resolution_s=900, rated_kw=100).tolist() == [0, 0, 3, 0, 0, 0, 0, 0, 1]


def test_the_mark_of_a_single_point_goes_first():
    known = np.array([0, 0, 4, 0, 0])
    assert quality_marks(np.array([1.0, 1.5, 90, 1, 1.5]), resolution_s=900, rated_kw=100, known=known).tolist() == [0, 0, 4, 0, 0]


def samples(*rows) -> Samples:
    at, step, value = (np.array(column) for column in zip(*rows, strict=True))
    return Samples(at + T0, step, value.astype(float), np.zeros(len(rows), dtype=np.uint8))


def test_a_day_folds_at_its_finest_resolution():
    day = fold(samples=samples((0, 3600, 4.0), (3600, 900, 5.0), (4500, 900, np.nan)), starts_s=T0, day_s=7200)
    assert day.resolution_s == 900
    np.testing.assert_array_equal(day.values, [4, 4, 4, 4, 5, np.nan, np.nan, np.nan])


def test_a_late_sample_is_laid_over_what_was_folded():
    before = DayArrays(1800, np.array([1.0, 2.0]), np.array([0, 4], dtype=np.uint8))
    day = fold(samples=samples((900, 900, 9.0), (1800, 900, np.nan)), starts_s=T0, day_s=3600, existing=before)
    assert day.values.tolist() == [1, 9, 2, 2]
    assert day.quality.tolist() == [0, 0, 4, 4]


@given(st.permutations([(900 * k, 900, float(k)) for k in range(8)]), st.integers(0, 8))
def test_folding_early_or_late_gives_the_same_day(rows, cut):
    at_once = fold(samples=samples(*rows), starts_s=T0, day_s=7200)
    first = fold(samples=samples(*rows[:cut]), starts_s=T0, day_s=7200) if cut else None
    rest = rows[cut:]
    twice = fold(samples=samples(*rest), starts_s=T0, day_s=7200, existing=first) if rest else first
    assert at_once.resolution_s == 900
    last = twice.values if twice.resolution_s == 900 else np.full(8, np.nan)
    np.testing.assert_array_equal(at_once.values, last)


def test_nothing_is_known_of_an_empty_day():
    day = fold(samples=samples((0, 900, np.nan)), starts_s=T0, day_s=25 * 3600)
    assert np.isnan(day.values).all()
    assert len(day.values) == pytest.approx(25)
