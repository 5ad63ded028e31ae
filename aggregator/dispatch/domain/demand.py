"""What a day's largest import costs where the month's counts."""

from calendar import monthrange
from datetime import date


def peak_price_cny_per_kw(month_price_cny_per_kw: float, *, day: date) -> float:
    """What another kW of import beyond the month's largest so far is expected to cost on `day` [CNY/kW].

    The month's price times the chance that the new record stands: of d days that are alike, today included, and the days that
    are left, the d-th being the largest so far, it is the largest of all D with probability d / D (records of exchangeable
    days). So the first day of a month counts with its part of it, the last one in full.
    """
    return month_price_cny_per_kw * day.day / monthrange(day.year, day.month)[1]
