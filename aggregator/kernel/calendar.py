"""Chinese working days: statutory holidays, and the weekends that are worked in exchange (调休)."""

from datetime import date, timedelta
from functools import lru_cache
from typing import Literal

import holidays

DayType = Literal["working", "weekend", "holiday"]

SATURDAY = 5


@lru_cache(maxsize=64)
def _year(year: int) -> tuple[frozenset[date], frozenset[date]]:
    """(days off by name, weekend days that are worked) of one year, as the State Council announced them.

    For a year that is not announced yet the package knows the statutory days only: no exchanged weekends.
    """
    days_off = holidays.country_holidays("CN", years=year)
    return frozenset(days_off), frozenset(day for day in days_off.weekend_workdays if day.year == year)


def _named(day: date) -> bool:
    return day in _year(day.year)[0]


def _worked_weekend(day: date) -> bool:
    return day in _year(day.year)[1]


def _plain_weekend(day: date) -> bool:
    return day.weekday() >= SATURDAY and not _worked_weekend(day) and not _named(day)


def day_type(day: date) -> DayType:
    """`working`, `weekend` or `holiday`.

    A weekend that adjoins a holiday belongs to it, as the yearly notice prints it ("June 19 to 21").
    """
    if _named(day):
        return "holiday"
    if not _plain_weekend(day):
        return "working"
    for step in (timedelta(days=-1), timedelta(days=1)):
        other = day + step
        while _plain_weekend(other):
            other += step
        if _named(other):
            return "holiday"
    return "weekend"


def is_working(day: date) -> bool:
    return day_type(day) == "working"
