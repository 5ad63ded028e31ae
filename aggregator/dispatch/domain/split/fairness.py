"""Who is called: declared rules, each a translation of the problem into costs, weights and least amounts for the solvers.

Every rule keeps to rooms, caps of sites and direction, and gives as much as can be given. What it promises beyond that
stands in its docstring.
"""

from dataclasses import dataclass

import numpy as np

from aggregator.dispatch.domain.split.ask import Ask, ask_of
from aggregator.dispatch.domain.split.problem import SplitProblem, SplitRefused

RULES = ("cost", "pro_rata", "rotation", "floor")


@dataclass(frozen=True)
class Rule:
    """A rule's name and its figures, as declared to the enterprises.

    fairness_cny_per_kwh: how much dearer the last kWh of an asset may be than its first, so that others share (cost, floor).
    tier_cny_per_kwh: assets whose costs fall into the same step of this width count as equally dear (rotation).
    """

    name: str = "cost"
    fairness_cny_per_kwh: float = 0.01
    tier_cny_per_kwh: float = 0.05

    def __post_init__(self) -> None:
        if self.name not in RULES:
            raise SplitRefused(why=f"there is no fairness rule {self.name}")
        if not (np.isfinite(self.fairness_cny_per_kwh) and self.fairness_cny_per_kwh >= 0):
            raise SplitRefused(why="the fairness weight is missing or below zero")
        if not (np.isfinite(self.tier_cny_per_kwh) and self.tier_cny_per_kwh > 0):
            raise SplitRefused(why="a cost tier has no width")

    def ask(self, problem: SplitProblem) -> Ask:
        """What the solvers are asked under this rule."""
        return _ASKS[self.name](problem, self)


def by_cost(problem: SplitProblem, rule: Rule) -> Ask:
    """Promise: no split costs less by more than fairness / 2 per kWh moved; with fairness 0 none costs less.

    (Where weights are not smaller than rooms.)
    """
    return ask_of(problem, fairness=rule.fairness_cny_per_kwh)


def pro_rata(problem: SplitProblem, _: Rule) -> Ask:
    """Promise: all assets give the same fraction of what they can give; at a site that its cap holds back all give the same
    smaller fraction, which fills the cap.
    """
    return ask_of(problem, fairness=1.0, cost=np.zeros(len(problem.site)), weight_is_room=True, priced=False)


def rotation(problem: SplitProblem, rule: Rule) -> Ask:
    """Promise: at a site an asset moves only when all of its cost tier that were called longer ago give all they can, and all
    cheaper tiers, too; those called at the same time give the same fraction. Between sites that no cap holds back the
    order holds as well.

    Raises SplitRefused where it is not known when assets were last called.
    """
    if problem.turn_hours is None:
        raise SplitRefused(why="rotation needs to know when each asset was last called")
    return ask_of(problem, fairness=0.0, cost=places(problem.cost_cny_per_kwh, problem.turn_hours, rule), priced=False)


def floor(problem: SplitProblem, rule: Rule) -> Ask:
    """Promise: every site gives at least its floor share of the instruction, or all it can; the rest is split by cost.

    Shares are rounded down to whole units. Raises SplitRefused where no shares are declared.
    """
    if problem.floor_ratio is None:
        raise SplitRefused(why="the floor rule needs each site's share")
    return ask_of(problem, fairness=rule.fairness_cny_per_kwh, with_floor=True)


def jain_index(amount: np.ndarray, room: np.ndarray) -> float:
    """Of the fractions amount / room [whole units] where there is room: 1 = all the same or nobody moves, 1/n = one does all."""
    fraction = amount / np.maximum(room, 1.0)
    total = float(fraction.sum())
    squares = float(np.square(fraction, out=fraction).sum())
    return total**2 / (np.count_nonzero(room) * squares) if squares > 0 else 1.0


def places(cost_cny_per_kwh: np.ndarray, turn_hours: np.ndarray, rule: Rule) -> np.ndarray:
    """(N,) place in the queue, 0 first: by cost tier, then the longest turn; the same place for the same tier and turn."""
    tier = np.floor((cost_cny_per_kwh - cost_cny_per_kwh.min(initial=np.inf)) / rule.tier_cny_per_kwh + 1e-9)
    order = np.lexsort((-turn_hours, tier))
    new = (np.diff(tier[order], prepend=-1.0) != 0) | np.concatenate(([True], turn_hours[order][1:] != turn_hours[order][:-1]))
    places = np.empty(len(order))
    places[order] = np.cumsum(new) - 1.0
    return places


_ASKS = {"cost": by_cost, "pro_rata": pro_rata, "rotation": rotation, "floor": floor}
