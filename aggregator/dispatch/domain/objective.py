"""What a portfolio's day is planned for: money, and what its owner weighs in."""

from dataclasses import dataclass

import numpy as np

from aggregator.dispatch.domain.pareto_measures import CarbonFactor
from aggregator.dispatch.domain.problem import ScheduleProblem
from aggregator.dispatch.domain.refusals import ProblemRefused
from aggregator.dispatch.domain.schedule import Schedule
from aggregator.dispatch.domain.weighing import DEAREST_TOLL_CNY_PER_KWH, Axis, amount_of, carbon_axis, self_consumption_axis, weighed

KWH_PER_MWH = 1000.0


@dataclass(frozen=True)
class DayObjective:
    """Money alone unless prices are given: of the grid's carbon [CNY/kg] at an emission factor [kg/kWh] with its source, and of
    own surplus that is used on the site instead of being exported [CNY/MWh]: each such kWh is one less from the grid.

    Raises ProblemRefused where a price is negative or so high that limits and promises would not stay dearer than any import.
    """

    carbon_price_cny_per_kg: float = 0.0
    grid_kg_per_kwh: float | None = None
    factor_source: str = ""
    self_consumption_cny_per_mwh: float = 0.0

    def __post_init__(self) -> None:
        prices = (self.carbon_price_cny_per_kg, self.self_consumption_cny_per_mwh)
        if not all(np.isfinite(price) and price >= 0 for price in prices):
            raise ProblemRefused(why="objective_negative")
        tolls = sum(price * axis.rate_per_kwh[0] for axis, price in self.weights(1))
        if tolls > DEAREST_TOLL_CNY_PER_KWH:
            raise ProblemRefused(why="objective_too_high", most=DEAREST_TOLL_CNY_PER_KWH)

    def weights(self, periods: int) -> list[tuple[Axis, float]]:
        """What is weighed in and at which price [CNY per unit of its amount]; empty for money alone."""
        found: list[tuple[Axis, float]] = []
        if self.carbon_price_cny_per_kg:
            kg = np.nan if self.grid_kg_per_kwh is None else self.grid_kg_per_kwh
            found.append((carbon_axis(CarbonFactor(np.full(periods, kg), self.factor_source)), self.carbon_price_cny_per_kg))
        if self.self_consumption_cny_per_mwh:
            found.append((self_consumption_axis(periods), self.self_consumption_cny_per_mwh / KWH_PER_MWH))
        return found

    def asked(self, problem: ScheduleProblem) -> ScheduleProblem:
        """The problem whose cheapest plan this objective wants."""
        weights = self.weights(len(problem.grid))
        return weighed(problem, weights)[0] if weights else problem

    def amounts(self, problem: ScheduleProblem, schedule: Schedule) -> dict[str, float]:
        """What a schedule has of everything that is weighed in: carbon [kg], self_consumption [kWh taken from the grid]."""
        shed_kw = sum(float(schedule.up_kw[key].sum()) for key, (_, device) in problem.devices.items() if device.calls is not None)
        shed_kwh = problem.grid.hours * shed_kw
        return {axis.name: amount_of(problem, schedule, axis, shed_kwh=shed_kwh) for axis, _ in self.weights(len(problem.grid))}
