"""Decimal kWh in, whole watt-hours out, exactly or not at all."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.kernel.periods import delivery_day
from aggregator.metering.domain import MISSING_WH, ReadingRefused, at_resolution, by_local_clock, parse_day, watt_hours

DAY = date(2025, 7, 1)


def wh(values, expected=None):
    return watt_hours(column="import_kwh", values=values, expected=expected or len(values), day=DAY, resolution_s=900)


@given(st.lists(st.one_of(st.none(), st.decimals(0, 10**6, places=3)), min_size=1, max_size=96))
def test_three_decimals_are_exact(values):
    texts = [None if value is None else str(value) for value in values]
    back = [None if value == MISSING_WH else Decimal(int(value)) / 1000 for value in wh(texts)]
    assert back == values
    assert wh(values).tolist() == wh(texts).tolist()


@pytest.mark.parametrize("value", ["-0.001", "0.0001", "NaN", "Infinity", "1e308", "x", "", 1.5, True, [1], "１２", "1_000", "1e3", " 1"])
def test_what_is_no_exact_quantity_is_refused(value):
    with pytest.raises(ReadingRefused) as refused:
        wh(["1.000", value])
    assert refused.value.code == "metering.quantity_refused"
    assert refused.value.fields["number"] == 1


@pytest.mark.parametrize("values", [["1"] * 95, "text", None, {}])
def test_the_day_must_be_whole(values):
    with pytest.raises(ReadingRefused) as refused:
        wh(values, expected=96)
    assert refused.value.code == "metering.length_refused"


@pytest.mark.parametrize("value", ["2025-13-01", "1.7.2025", None, 20250701, datetime(2025, 7, 1, tzinfo=UTC)])
def test_a_day_is_a_date(value):
    with pytest.raises(ReadingRefused):
        parse_day(value)


def test_finer_readings_add_up_and_a_missing_part_is_missing():
    fine = np.array([1, 2, 3, 4, MISSING_WH, 6])
    assert at_resolution(fine, resolution_s=300, wanted_s=900).tolist() == [6, MISSING_WH]
    assert at_resolution(fine, resolution_s=3600, wanted_s=900) is None


def test_days_of_23_and_25_hours_are_compared_by_the_clock():
    berlin, hour = ZoneInfo("Europe/Berlin"), timedelta(hours=1)
    normal, short, long = (delivery_day(date(2025, m, d), resolution=hour, tz=berlin) for m, d in ((10, 25), (3, 30), (10, 26)))
    values = np.arange(24.0)
    assert by_local_clock(values, grid=normal, like=short, tz=berlin).tolist() == [0, 1, *range(3, 24)]
    assert by_local_clock(values, grid=normal, like=long, tz=berlin).tolist() == [0, 1, 2, 2, *range(3, 24)]
    back = by_local_clock(np.arange(23.0), grid=short, like=normal, tz=berlin)
    assert np.isnan(back).tolist() == [False, False, True] + [False] * 21
