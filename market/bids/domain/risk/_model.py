"""The linear programme of docs/bid-curves.md in PuLP: one curve for all scenarios, one delivery for each.

It is written column by column and row by row: the same in operators takes ten times as long, and 50 scenarios of a day have
50,000 columns.
"""

from itertools import pairwise

import numpy as np
import pulp

from aggregator.dispatch.domain import ModelBuilder
from market.bids.domain.risk._natural import out_of_limits
from market.bids.domain.risk._park import AT_MOST, EQUAL, Columns, ParkSheet, Sheet, Terms
from market.bids.domain.risk._reserve_model import ReserveSheet
from market.bids.domain.risk.delivery import ParkFlows
from market.bids.domain.risk.problem import CurveProblem, acceptance
from market.bids.domain.risk.reserve import HeldReserve


class CurveModel:
    """`program` and, after a solve, `quantity_kw()`, `flows()` and `held()`.

    `tail` (S,): scenarios that may count in the CVaR; leaving out one that is not in the tail changes nothing, leaving out
    one that is makes the programme's optimum a lower bound. At a risk weight of 1 nothing would steer the others.
    """

    def __init__(self, problem: CurveProblem, *, confidence: float, risk_weight: float, tail: np.ndarray) -> None:
        self.problem = problem
        builder = ModelBuilder("bid_curves")
        self.sheet = Sheet(builder)
        self.quantity = [self._curve(t) for t in range(problem.periods)]
        self.reserve = None if problem.reserve is None else ReserveSheet(self.sheet, problem, problem.reserve, self.quantity)
        self._below, self._share = (part.tolist() for part in acceptance(problem))
        self._most_over, self._most_under = self._deviations()
        self.parks: list[list[ParkSheet]] = []
        relief = [out_of_limits(park, problem).tolist() for park in problem.parks]
        costs = [self._scenario(s, [rows[s] for rows in relief]) for s in range(problem.scenarios)]
        self.span: dict[pulp.LpVariable, tuple[float, float]] = {}
        self._risk(costs, tail, confidence, risk_weight)
        self.program = builder.model

    def _curve(self, t: int) -> Columns:
        """(1) a curve that does not fall, inside what is certified and not sold elsewhere."""
        problem, points = self.problem, self.problem.n_points
        least, most = (bound[t] for bound in problem.quantity_bounds_kw)
        if problem.locked[t]:
            least = most = problem.locked_kw[t]
        curve = self.sheet.add(np.full(points, least), np.full(points, most))
        for lower, upper in pairwise(curve):
            self.sheet.row([(lower, 1.0), (upper, -1.0)], AT_MOST, 0.0)
        return curve

    def _deviations(self) -> tuple[np.ndarray, np.ndarray]:
        """(n,) the most that can be delivered over and under what is accepted: what the connections allow against the curve's ends."""
        problem = self.problem
        least, most = (np.where(problem.locked, problem.locked_kw, bound) for bound in problem.quantity_bounds_kw)
        highest = sum(park.export_limit_kw for park in problem.parks) - problem.baseline_injection_kw
        lowest = -sum(park.import_limit_kw for park in problem.parks) - problem.baseline_injection_kw
        return np.maximum(highest - least, 0.0), np.maximum(most - lowest, 0.0)

    def _scenario(self, s: int, relief: list[bool]) -> tuple[Terms, float]:
        """Rows of one scenario; returns the terms of its cost, and what it costs without any.

        What is earned, price x accepted, stands as price x (delivered - baseline - over + under), the same by (2): so no column
        stands twice in a cost, and the curve, which joins all scenarios, in no cost row.
        """
        problem, h = self.problem, self.problem.hours
        price = problem.prices_cny_per_kwh[s]
        sheets = [
            ParkSheet(
                self.sheet,
                park,
                hours=h,
                price_cny_per_kwh=price,
                fixed_kw=problem.per_scenario(park.fixed_injection_kw)[s],
                available_kw=problem.per_scenario(park.generation_kw)[s],
                export_credit_kwh=float(np.broadcast_to(park.export_credit_kwh, problem.scenarios)[s]),
                relief=needed,
                reserve={} if self.reserve is None else self.reserve.of_park(p),
            )
            for p, (park, needed) in enumerate(zip(problem.parks, relief, strict=True))
        ]
        self.parks.append(sheets)
        over, under = (self.sheet.add(np.zeros(problem.periods), most) for most in (self._most_over, self._most_under))
        self._delivery(s, [[term for sheet in sheets for term in sheet.net[t]] for t in range(problem.periods)], over, under)
        cost = [term for sheet in sheets for term in sheet.cost]
        cost += zip(over, (h * (problem.per_scenario(problem.over_cny_per_kwh)[s] + price)).tolist(), strict=True)
        cost += zip(under, (h * (problem.per_scenario(problem.under_cny_per_kwh)[s] - price)).tolist(), strict=True)
        return cost, float(problem.fixed_cost_cny[s] + h * price @ problem.baseline_injection_kw)

    def _delivery(self, s: int, net: list[Terms], over: Columns, under: Columns) -> None:
        """(2) delivered = baseline + accepted + over - under."""
        below, share = self._below[s], self._share[s]
        for t, (curve, baseline) in enumerate(zip(self.quantity, self.problem.baseline_injection_kw.tolist(), strict=True)):
            k, part = below[t], share[t]
            accepted = [(curve[k], part - 1)] if part < 1 else []
            accepted += [(curve[k + 1], -part)] if part > 0 else []
            self.sheet.row([*net[t], (over[t], -1.0), (under[t], 1.0), *accepted], EQUAL, baseline)

    def _risk(self, costs: list[tuple[Terms, float]], tail: np.ndarray, confidence: float, risk_weight: float) -> None:
        """(5) mean and conditional value at risk. Columns without bounds, and in `span` what some optimum keeps them inside."""
        mean = (1 - risk_weight) / len(costs)
        reach = [self._reach(terms) + fixed for terms, fixed in costs]
        lowest, highest = min(low for low, _ in reach), max(high for _, high in reach)
        objective: Terms = [] if self.reserve is None else list(self.reserve.cost)  # the same in all scenarios
        constant = 0.0
        if tail.any():
            edge = self.sheet.loose(None)
            self.span[edge] = (lowest, highest)
            objective.append((edge, risk_weight))
        for (terms, fixed), (low, high), in_tail in zip(costs, reach, tail.tolist(), strict=True):
            if not in_tail:
                objective += [(column, mean * cost) for column, cost in terms]
                constant += mean * fixed
                continue
            total, excess = self.sheet.loose(None), self.sheet.loose(0.0)
            self.span |= {total: (low, high), excess: (0.0, highest - lowest)}
            self.sheet.row([*terms, (total, -1.0)], EQUAL, -fixed)
            self.sheet.row([(total, 1.0), (edge, -1.0), (excess, -1.0)], AT_MOST, 0.0)
            objective += [(total, mean), (excess, risk_weight / (len(costs) * (1 - confidence)))]
        self.sheet.builder.model.setObjective(pulp.LpAffineExpression(objective, constant))

    def _reach(self, terms: Terms) -> np.ndarray:
        """Least and most that a cost can be inside the columns' bounds."""
        ends = np.array([(cost * column.lowBound, cost * column.upBound) for column, cost in terms])
        return np.array([ends.min(axis=1).sum(), ends.max(axis=1).sum()])

    # -- after a solve

    def quantity_kw(self) -> np.ndarray:
        """(n, K)"""
        return np.array([[column.varValue for column in curve] for curve in self.quantity], dtype=float)

    def held(self) -> HeldReserve | None:
        return None if self.reserve is None else self.reserve.held()

    def flows(self) -> tuple[ParkFlows, ...]:
        return tuple(self._flows(p) for p in range(len(self.problem.parks)))

    def _flows(self, p: int) -> ParkFlows:
        n, sheets = self.problem.periods, [row[p] for row in self.parks]
        found = {}
        for name in sheets[0].columns:
            units = max(len(sheet.columns[name]) for sheet in sheets)
            found[name] = np.zeros((len(sheets), units, n))
            for s, sheet in enumerate(sheets):
                for k, columns in enumerate(sheet.columns[name]):
                    found[name][s, k] = [column.varValue for column in columns]
        return ParkFlows(**found)
