"""Working days as the State Council announced them for 2026."""

from datetime import date, timedelta

import pytest

from aggregator.kernel.calendar import day_type, is_working


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        ("2026-07-15", "working"),
        ("2026-07-18", "weekend"),
        ("2026-01-04", "working"),  # a Sunday that is worked for January 2
        ("2026-01-02", "holiday"),  # the Friday it was exchanged for
        ("2026-02-14", "working"),  # Saturday before Spring Festival
        ("2026-02-15", "holiday"),  # the Sunday on which its nine days begin
        ("2026-06-19", "holiday"),  # Dragon Boat, and the weekend that the notice counts to it
        ("2026-06-20", "holiday"),
        ("2026-06-21", "holiday"),
        ("2026-06-22", "working"),
        ("2026-10-04", "holiday"),
        ("2026-10-08", "working"),
        ("2018-10-01", "holiday"),
        ("2018-09-29", "working"),  # Saturday, worked for National Day
    ],
)
def test_day_type(day, kind):
    assert day_type(date.fromisoformat(day)) == kind


def test_spring_festival_of_2026_has_its_nine_days():
    days = [date(2026, 2, 10) + timedelta(days=k) for k in range(20)]
    assert [d.day for d in days if day_type(d) == "holiday"] == list(range(15, 24))


def test_a_year_has_about_250_working_days():
    days = [date(2026, 1, 1) + timedelta(days=k) for k in range(365)]
    assert sum(map(is_working, days)) == 248
