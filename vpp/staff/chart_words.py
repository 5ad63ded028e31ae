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


def plan_words() -> dict[str, str]:
    return {
        **_power_words(),
        "plan": _("Plan"),
        "target": _("Target"),
        "shortfall": _("Shortfall"),
        "none": _("none"),
        "price": _("Value of energy"),
        "price_axis": _("CNY/MWh"),
        "sites_axis": _("Sites, kW"),
        "description": _("The plan over its periods: portfolio with target and shortfall, its sites, and the value of energy."),
    }


def asset_plan_words() -> dict[str, str]:
    return {
        **_power_words(),
        "plan": _("Plan"),
        "forecast": _("Forecast without us"),
        "actual": _("Measured"),
        "stored": _("Stored, by the plan"),
        "stored_measured": _("Stored, measured"),
        "stored_axis": "kWh",
        "price": _("Value of energy"),
        "price_axis": _("CNY/MWh"),
        "why": _("Why"),
        "description": _("The asset: planned, forecast and measured power, stored energy, and the value of energy."),
    }


def risk_words() -> dict[str, str]:
    return {
        **_power_words(),
        "price_axis": _("CNY/MWh"),
        "cost_axis": _("CNY"),
        "offered": _("Offered"),
        "scenarios": _("scenarios by their cost, named after their price day"),
        "cost": _("Cost of the scenario"),
        "mean": _("mean"),
        "var": _("VaR"),
        "cvar": _("CVaR"),
        "weighed": _("weighed"),
        "fan": _("What is offered through the day at single prices."),
        "curve": _("The curve of one period: power over price."),
        "risk": _("Cost of every scenario with mean, VaR, CVaR and the weighed cost."),
        "description": _("Curves and risk of the bid."),
    }


def pareto_words() -> dict[str, str]:
    return {
        "missing": _("no data"),
        "cost_axis": _("cost of the day, CNY"),
        "carbon": _("carbon, kg CO2"),
        "self_consumption": _("own use of generation, %"),
        "path": _("plans of which none is better"),
        "others": _("plans on the other way"),
        "plan": _("Plan"),
        "description": _("Plans of the day over their cost."),
    }
