"""The texts of the charts, handed over with the page."""

from django.utils.translation import gettext as _


def _power_words() -> dict[str, str]:
    return {
        "power_axis": "kW",
        "feeding": _("feeding in"),
        "drawing": _("drawing"),
        "missing": _("no data"),
        "baseline": _("Baseline"),
    }


def day_words() -> dict[str, str]:
    return {
        **_power_words(),
        "plan": _("Plan"),
        "actual": _("Measured"),
        "day_ahead": _("Day-ahead price"),
        "real_time": _("Real-time price"),
        "price_axis": _("CNY/MWh"),
        "now": _("now"),
        "description": _("Portfolio power of the day: plan, measured and baseline; prices below."),
    }


def bid_words() -> dict[str, str]:
    return {
        **_power_words(),
        "lowest": _("Lowest step"),
        "highest": _("Highest step"),
        "band": _("Offered band"),
        "expected": _("Expected"),
        "awarded": _("Awarded"),
        "description": _("The bid of the day: offered band, expected power, baseline and award."),
    }
