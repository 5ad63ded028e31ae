"""Something else weighed against money: carbon of the grid's energy, or energy taken from the grid at all.

Importing a kWh is made dearer by price x rate, energy left in the stores is worth as much more, so the cheapest plan at these
prices is the cheapest one in money + price x amount.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from aggregator.dispatch.domain.pareto_measures import CarbonFactor, imported, stored_gain_kwh
from aggregator.dispatch.domain.problem import ScheduleProblem
from aggregator.dispatch.domain.schedule import Schedule

DEAREST_TOLL_CNY_PER_KWH = 4.0  # a fifth of what an owner's limit costs: promises and limits stay dearer than any import


@dataclass(frozen=True)
class Axis:
    """What is weighed against money: amount = sum of rate x import + rate x shed (if it counts) - mean rate x gain of the stores."""

    name: str
    rate_per_kwh: np.ndarray
    counts_shed: bool

    @property
    def mean_rate(self) -> float:
        return float(self.rate_per_kwh.mean())


def carbon_axis(factor: CarbonFactor) -> Axis:
    """Carbon [kg] of what is taken from the grid."""
    return Axis("carbon", factor.kg_per_kwh, counts_shed=False)


def self_consumption_axis(periods: int) -> Axis:
    """Energy [kWh] taken from the grid. Less import, but not by shedding: what own generation can do instead."""
    return Axis("self_consumption", np.ones(periods), counts_shed=True)


def amount_of(problem: ScheduleProblem, schedule: Schedule, axis: Axis, *, shed_kwh: float) -> float:
    """The amount of a schedule [kg or kWh]; shed_kwh: production that it interrupts."""
    shed = axis.mean_rate * shed_kwh if axis.counts_shed else 0.0
    return imported(problem, schedule, axis.rate_per_kwh) + shed - axis.mean_rate * stored_gain_kwh(problem, schedule)


def weighed(problem: ScheduleProblem, weights: Sequence[tuple[Axis, float]]) -> tuple[ScheduleProblem, float]:
    """The problem whose optimum is the cheapest plan at money + the sum of price x amount, and the scale of its money.

    Money is scaled down where the prices are high, not the prices up: what crossing a limit or failing a promise costs stays
    far above what importing costs.
    """
    toll = sum((price * axis.rate_per_kwh for axis, price in weights), np.zeros(len(problem.grid)))
    scale = min(1.0, DEAREST_TOLL_CNY_PER_KWH / float(toll.max())) if toll.any() else 1.0
    shed = sum(price * axis.mean_rate for axis, price in weights if axis.counts_shed)
    stored = sum(price * axis.mean_rate for axis, price in weights)
    sites = {
        key: replace(
            site,
            import_adder_cny_per_kwh=scale * (site.import_adder_cny_per_kwh + toll),
            demand_price_cny_per_kw=scale * site.demand_price_cny_per_kw,
        )
        for key, site in problem.sites.items()
    }
    devices = {}
    for key, (site_key, device) in problem.devices.items():
        up = device.up_cost_cny_per_kwh + (shed if device.calls is not None else 0.0)
        own = replace(device, up_cost_cny_per_kwh=scale * up, down_cost_cny_per_kwh=scale * device.down_cost_cny_per_kwh)
        devices[key] = (site_key, own)
    firm = problem.firm
    asked = replace(
        problem,
        sites=sites,
        devices=devices,
        injection_value_cny_per_kwh=scale * problem.injection_value_cny_per_kwh,
        terminal_value_cny_per_kwh=scale * (problem.terminal_price_cny_per_kwh + stored),
        firm=None if firm is None else replace(firm, price_cny_per_kwh=scale * firm.price_cny_per_kwh),
    )
    return asked, scale
