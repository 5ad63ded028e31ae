"""What a gateway may claim, checked by columns."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.telemetry.domain import GOOD, OUT_OF_RANGE, Points, SeriesIn, SeriesRefused, check_series, check_sessions, join, merge

NOW = datetime(2025, 7, 2, 12, 0, tzinfo=UTC)


def check(rated_kw=100.0, **changes) -> Points:
    good = {"asset": "x", "starts_at": "2025-07-02T11:00:00+08:00", "resolution_s": 900, "injection_kw": [1.0, None, -3]}
    return check_series(series=SeriesIn(**{**good, **changes}), asset_id=7, rated_kw=rated_kw, received_at=NOW)


def test_a_missing_value_makes_no_point():
    points = check()
    start = int(datetime(2025, 7, 2, 3, 0, tzinfo=UTC).timestamp())
    assert (points.at_us // 1_000_000 - start).tolist() == [0, 1800]
    assert points.injection_kw.tolist() == [1.0, -3.0]
    assert points.asset_id.tolist() == [7, 7]


def test_state_of_charge_alone_is_a_point():
    points = check(soc_ratio=[None, 0.4, 1.02])
    assert np.isnan(points.injection_kw).tolist() == [False, True, False]
    assert points.soc_ratio[1:].tolist() == [0.4, 1.0]


def test_beyond_the_rating_is_kept_and_marked():
    assert check(rated_kw=2.0).quality.tolist() == [GOOD, OUT_OF_RANGE]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"starts_at": "2025-07-02T11:00:00"}, "time_refused"),
        ({"starts_at": datetime(2025, 7, 2, 11)}, "time_refused"),  # noqa: DTZ001
        ({"starts_at": "yesterday"}, "time_refused"),
        ({"starts_at": None}, "time_refused"),
        ({"starts_at": 1751400000}, "time_refused"),
        ({"starts_at": "0001-01-01T00:00:00+08:00"}, "time_refused"),
        ({"starts_at": "1970-01-01T00:00:00Z"}, "too_old"),
        ({"starts_at": "2100-01-01T00:00:00Z"}, "in_future"),
        ({"starts_at": (NOW + timedelta(minutes=11)).isoformat(), "injection_kw": [1.0]}, "in_future"),
        ({"resolution_s": 0}, "resolution_refused"),
        ({"resolution_s": 7}, "resolution_refused"),
        ({"resolution_s": 900.0}, "resolution_refused"),
        ({"resolution_s": True}, "resolution_refused"),
        ({"injection_kw": [float("nan")]}, "column_refused"),
        ({"injection_kw": [float("inf")]}, "column_refused"),
        ({"injection_kw": [1e308]}, "column_refused"),
        ({"injection_kw": [10**400]}, "column_refused"),
        ({"injection_kw": ["1.0"]}, "column_refused"),
        ({"injection_kw": [True]}, "column_refused"),
        ({"injection_kw": [[1.0]]}, "column_refused"),
        ({"injection_kw": "1"}, "column_refused"),
        ({"injection_kw": None}, "column_refused"),
        ({"injection_kw": []}, "length_refused"),
        ({"soc_ratio": [0.5]}, "length_refused"),
        ({"soc_ratio": [55.0, 55.0, 55.0]}, "column_refused"),
        ({"injection_kw": [0.0] * 3000, "starts_at": "2025-05-01T00:00:00Z"}, "length_refused"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(changes, code):
    with pytest.raises(SeriesRefused) as refused:
        check(**changes)
    assert refused.value.code == f"telemetry.{code}"
    assert refused.value.text % refused.value.fields


@pytest.mark.parametrize(
    "session",
    [
        "text",
        {"session_key": "", "plugged_in_at": "2025-07-02T08:00:00+08:00"},
        {"session_key": "a", "plugged_in_at": "2025-07-02T08:00:00"},
        {"session_key": "a", "plugged_in_at": "2025-07-02T08:00:00+08:00", "plugged_out_at": "2025-07-02T07:00:00+08:00"},
        {"session_key": "a", "plugged_in_at": "2025-07-02T08:00:00+08:00", "energy_kwh": -1},
        {"session_key": "a", "plugged_in_at": "2025-07-02T08:00:00+08:00", "need_kwh": float("inf")},
        {"session_key": "a", "plugged_in_at": "2100-07-02T08:00:00+08:00"},
    ],
)
def test_a_bad_session_is_refused(session):
    with pytest.raises(SeriesRefused):
        check_sessions(sessions=[session], received_at=NOW)


times = st.integers(0, 5)
values = st.one_of(st.just(np.nan), st.floats(-10, 10))


@given(st.lists(st.lists(st.tuples(times, values, values), min_size=1, max_size=6), min_size=1, max_size=4))
def test_merge_keeps_each_key_once_and_the_last_told_value(batches):
    told: dict[int, list[float]] = {}
    points = []
    for batch in batches:
        for at, kw, soc in batch:
            row = told.setdefault(at, [np.nan, np.nan])
            row[0] = row[0] if np.isnan(kw) else kw
            row[1] = row[1] if np.isnan(soc) else soc
        at, kw, soc = (np.array(column) for column in zip(*batch, strict=True))
        ones = np.ones(len(batch), dtype=np.int64)
        points.append(Points(ones, at.astype(np.int64), kw.astype(float), soc.astype(float), ones, ones))
    merged = merge(join(points))
    assert merged.at_us.tolist() == sorted(told)
    np.testing.assert_array_equal(merged.injection_kw, [told[at][0] for at in sorted(told)])
    np.testing.assert_array_equal(merged.soc_ratio, [told[at][1] for at in sorted(told)])
