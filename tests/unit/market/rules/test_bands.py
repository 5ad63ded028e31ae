"""Time-of-use bands of Liaoning as published: 8 hours each, valley over midnight, sharp inside peak."""

from collections import Counter
from datetime import date, timedelta

import pytest

from aggregator.kernel.periods import delivery_day
from market.rules.domain import BandsNotAligned, FigureUnknown, bands_of, parse_pack
from tests.unit.market.rules.packs import liaoning

QUARTER = timedelta(minutes=15)


def bands(day: str, minutes: int = 15) -> tuple[str, ...]:
    return bands_of(pack=liaoning(), grid=delivery_day(date.fromisoformat(day), resolution=timedelta(minutes=minutes)))


def test_liaoning_has_eight_hours_each_of_peak_flat_and_valley():
    assert Counter(bands("2026-05-20")) == {"peak": 32, "flat": 32, "valley": 32}


@pytest.mark.parametrize("month", [1, 7, 8, 12])
def test_sharp_replaces_two_of_the_peak_hours_in_four_months(month):
    assert Counter(bands(f"2026-{month:02d}-15")) == {"peak": 24, "sharp": 8, "flat": 32, "valley": 32}


@pytest.mark.parametrize(
    ("clock", "band"),
    [
        ("00:00", "valley"),
        ("04:45", "valley"),
        ("05:00", "flat"),
        ("07:15", "flat"),
        ("07:30", "peak"),
        ("10:30", "flat"),
        ("11:30", "valley"),
        ("12:30", "flat"),
        ("16:00", "peak"),
        ("16:45", "peak"),
        ("17:00", "sharp"),
        ("18:45", "sharp"),
        ("19:00", "peak"),
        ("21:00", "flat"),
        ("22:00", "valley"),
        ("23:45", "valley"),
    ],
)
def test_each_boundary_belongs_to_the_band_that_begins(clock, band):
    hour, minute = map(int, clock.split(":"))
    assert bands("2026-07-15")[hour * 4 + minute // 15] == band


def test_a_band_that_changes_inside_a_period_is_refused():
    with pytest.raises(BandsNotAligned, match="07:30"):
        bands("2026-07-15", minutes=60)


def test_a_rule_for_holidays_holds_on_holidays_only():
    data = liaoning().model_dump(mode="json")
    data["bands"]["rules"].append({"band": "deep_valley", "ranges": [["11:00", "13:00"]], "day_types": ["holiday"]})
    pack = parse_pack(data)
    holiday = bands_of(pack=pack, grid=delivery_day(date(2026, 6, 19), resolution=QUARTER))
    working = bands_of(pack=pack, grid=delivery_day(date(2026, 6, 22), resolution=QUARTER))
    assert (holiday[44:52], "deep_valley" in working) == (("deep_valley",) * 8, False)


def test_a_pack_without_bands_is_refused_by_name():
    pack = parse_pack({"code": "empty", "version": 1, "province": "x", "valid_from": "2026-01-01"})
    with pytest.raises(FigureUnknown, match="bands"):
        bands_of(pack=pack, grid=delivery_day(date(2026, 7, 15), resolution=QUARTER))
