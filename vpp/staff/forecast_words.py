"""The texts of the forecast charts, handed over with the page."""

from django.utils.translation import gettext as _


def forecast_words() -> dict[str, str]:
    return {
        "power_axis": "kW",
        "room_axis": _("Room, kW"),
        "feeding": _("feeding in"),
        "drawing": _("drawing"),
        "up": _("up"),
        "down": _("down"),
        "missing": _("no data"),
        "mean": _("Expected"),
        "p10": "P10",
        "p50": "P50",
        "p90": "P90",
        "band": _("P10 to P90"),
        "persistence": _("Persistence"),
        "actual": _("Measured"),
        "moved": _("moved by us"),
        "now": _("now"),
        "firm": _("Firm"),
        "expected": _("Expected"),
        "optimistic": _("Optimistic"),
        "description": _("Forecast of the day with its band, persistence, and what was measured so far."),
        "room": _("How far power can be raised and lowered: firm, expected and optimistic."),
    }


def accuracy_words() -> dict[str, str]:
    return {
        "missing": _("no data"),
        "error_axis": _("nMAE, %"),
        "coverage_axis": _("P10 to P90 coverage, %"),
        "forecast": _("Forecast"),
        "persistence": _("Persistence"),
        "coverage": _("Coverage"),
        "corridor": _("corridor 72 to 88 %"),
        "ideal": _("ideal"),
        "named": _("share that the quantile names, %"),
        "found": _("share that was measured below it, %"),
        "values": _("values"),
        "errors": _("Error of every scored day against persistence; coverage of the band below."),
        "calibration": _("Share of measured values below P10, P50 and P90; the ideal is the diagonal."),
        "leads": _("Error by how far ahead a forecast was issued."),
        "description": _("How good forecasts were."),
    }
