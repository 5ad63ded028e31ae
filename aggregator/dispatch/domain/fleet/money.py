"""The money of a problem counted in a unit that leaves crossing an owner's limit dearer than anything that can be bought.

Limits give way at CAP_CNY_PER_KWH, a number. A promise whose shortfall costs as much would rather overload a transformer.
"""

from dataclasses import fields, replace
from typing import Any

import numpy as np

from aggregator.dispatch.domain.fleet.problem import CAP_CNY_PER_KWH, FleetProblem
from aggregator.dispatch.domain.fleet.result import FleetPlan

DEARER = 10.0  # times the dearest price of energy


def money_unit(problem: FleetProblem) -> float:
    """CNY per unit, >= 1, so that the dearest energy costs a tenth of the price at which limits give way."""
    sites, market = problem.sites, problem.market
    columns = (sites.buy_cny_per_kwh, sites.sell_cny_per_kwh, problem.calls.cost_cny_per_kwh, problem.stores.wear_cny_per_kwh)
    steps = (market.up_price_cny_per_kwh, market.down_price_cny_per_kwh, market.over_price_cny_per_kwh, market.under_price_cny_per_kwh)
    dearest = max(float(np.abs(values).max(initial=0.0)) for values in (*columns, *steps))
    return max(1.0, DEARER * dearest / CAP_CNY_PER_KWH)


def in_unit(problem: FleetProblem, unit: float) -> FleetProblem:
    """The same problem with every price divided by `unit`."""
    if unit == 1.0:
        return problem
    parts = {name: _scaled(getattr(problem, name), 1 / unit) for name in ("sites", "stores", "calls", "market")}
    return replace(problem, **parts)


def out_of_unit(plan: FleetPlan, unit: float) -> FleetPlan:
    """The plan's money in CNY again."""
    if unit == 1.0:
        return plan
    prices = None if plan.prices is None else _scaled(plan.prices, unit)
    return replace(plan, certificate=_scaled(plan.certificate, unit), prices=prices)


def _scaled(part: Any, factor: float) -> Any:
    """Columns whose names say money, times `factor`."""
    money = [column.name for column in fields(part) if "cny" in column.name]
    return replace(part, **{name: getattr(part, name) * factor for name in money})
