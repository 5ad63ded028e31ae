"""Checking a whole post at once says of each series what checking it alone says."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.telemetry.domain import Points, SeriesIn, SeriesRefused, check_post, check_series, join

NOW = datetime(2025, 7, 2, 12, 0, tzinfo=UTC)

moments = st.sampled_from(
    [
        "2025-07-02T11:00:00+08:00",
        "2025-07-02T03:00:00.250Z",
        (NOW - timedelta(hours=1)).isoformat(),
        NOW + timedelta(minutes=9),
        "2025-07-02T11:00:00",
        "1970-01-01T00:00:00Z",
        "2100-01-01T00:00:00Z",
        None,
        ["2025-07-02T11:00:00+08:00"],
    ]
)
steps = st.sampled_from([1, 60, 900, 3600, 0, 7, 900.0, True, None])
numbers = st.sampled_from([0.0, 0.5, 1.04, -3, 99.9, 200.0, None, float("nan"), float("inf"), 1e308, 10**400, True, "1"])
few = st.lists(st.sampled_from([0.25, None, 1]), min_size=1, max_size=3)
columns = st.one_of(st.lists(numbers, max_size=5), few, st.none(), st.just("12"))
any_series = st.builds(
    SeriesIn, asset=st.just("x"), sessions=st.none(), starts_at=moments, resolution_s=steps, injection_kw=columns, soc_ratio=columns
)
good_series = st.builds(
    SeriesIn,
    asset=st.just("x"),
    sessions=st.none(),
    starts_at=st.sampled_from(["2025-07-02T11:00:00+08:00", "2025-07-02T03:00:00.250Z"]),
    resolution_s=st.sampled_from([1, 60, 900]),
    injection_kw=st.lists(st.one_of(st.none(), st.floats(-300, 300)), min_size=2, max_size=2),
    soc_ratio=st.one_of(st.none(), st.lists(st.one_of(st.none(), st.floats(-0.05, 1.05)), min_size=2, max_size=2)),
)


@given(st.one_of(st.lists(good_series, max_size=6), st.lists(any_series, max_size=4)))
def test_together_and_alone_agree(series):
    ids, rated_kw = list(range(7, 7 + len(series))), [100.0 * (k + 1) for k in range(len(series))]
    alone, why = [], {}
    for k, one in enumerate(series):
        try:
            alone.append(check_series(series=one, asset_id=ids[k], rated_kw=rated_kw[k], received_at=NOW))
        except SeriesRefused as refusal:
            why[k] = (type(refusal), refusal.fields)
    points, refused = check_post(series=series, asset_ids=ids, rated_kw=rated_kw, received_at=NOW)
    assert {k: (type(refusal), refusal.fields) for k, refusal in refused.items()} == why
    expected = join(alone)
    for column in fields(Points):
        found = getattr(points, column.name)
        np.testing.assert_array_equal(found, getattr(expected, column.name))
        assert found.dtype == getattr(expected, column.name).dtype


@pytest.mark.parametrize("n", [1, 2976])
def test_a_month_is_the_longest_series(n):
    start = (NOW - timedelta(days=31)).isoformat()
    one = SeriesIn(asset="x", starts_at=start, resolution_s=900, injection_kw=[1.0] * n)
    longer = one._replace(injection_kw=[1.0] * 2977)
    points, refused = check_post(series=[one, longer], asset_ids=[1, 1], rated_kw=[9.0, 9.0], received_at=NOW)
    assert (len(points), list(refused)) == (n, [1])
