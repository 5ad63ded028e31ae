"""The workday calendars of public series from other countries."""

from collections.abc import Callable
from datetime import date

import holidays

from aggregator.kernel.calendar import SATURDAY, DayType


def workdays_of(country: str) -> Callable[[date], DayType]:
    """Of a country (ISO code) that exchanges no weekends for working days."""
    off = holidays.country_holidays(country)

    def type_of(day: date) -> DayType:
        return "holiday" if day in off else "weekend" if day.weekday() >= SATURDAY else "working"

    return type_of
