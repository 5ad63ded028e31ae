"""The spot offer: what the portfolio would do at each scenario's prices, as monotone steps per period."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from aggregator.dispatch.domain import STATUSES, AssetFacts, FirmBlock, Schedule, ScheduleProblem, check_schedule, solve_schedule
from market.bids.domain.steps import OfferForm, Step, curve, flat

FALLBACK = "fallback"


@dataclass(frozen=True)
class SpotOffer:
    """Steps per period of the grid; `expected_kw` (n_periods,) is the injection at the expected prices.

    `expected_value_cny` is the mean over the scenarios of what the plan gains, terminal value included;
    None in the fallback. `plan` is the schedule at the expected prices.
    """

    steps: tuple[tuple[Step, ...], ...]
    expected_kw: np.ndarray
    expected_value_cny: float | None
    solver_status: str
    in_window: np.ndarray
    plan: Schedule | None
    dropped_scenarios: int = 0


class Budget:
    """Wall time for several solves: what one does not use, the later ones have."""

    def __init__(self, *, deadline_s: float, solves: int) -> None:
        self._until = time.monotonic() + deadline_s
        self._left = solves

    def share_s(self) -> float:
        """Time for the next solve [s]."""
        share = max(0.0, self._until - time.monotonic()) / max(1, self._left)
        self._left -= 1
        return share


def checked_schedule(problem: ScheduleProblem, *, assets: Mapping[str, AssetFacts], deadline_s: float) -> Schedule | None:
    """The schedule, or None where the solver found none in time or the independent check refuses it."""
    schedule = solve_schedule(problem, deadline_s=deadline_s)
    refused = schedule.status == FALLBACK or check_schedule(problem=problem, schedule=schedule, assets=assets)
    return None if refused else schedule


def spot_offer(
    problem: ScheduleProblem,
    *,
    assets: Mapping[str, AssetFacts],
    scenarios_cny_per_mwh: np.ndarray,
    baseline_kw: np.ndarray,
    form: OfferForm,
    deadline_s: float,
    firm: FirmBlock | None = None,
) -> SpotOffer:
    """Solve every scenario and turn (price, injection) into steps.

    Parameters
    ----------
    problem : without a firm block; its injection value is replaced by each scenario's price.
    assets : the facts from which the problem was made; the independent check uses these.
    scenarios_cny_per_mwh : (n_scenarios, n_periods); the first row is the expected curve.
    baseline_kw : (n_periods,) portfolio injection without intervention; what is bid in the demand-response
        window and, where no scenario can be solved, everywhere (one price-independent step).
    firm : the demand response that is offered as well, fixed. Its window is offered at the baseline:
        one movement, one product.
    """
    n = len(problem.grid)
    budget = Budget(deadline_s=deadline_s, solves=len(scenarios_cny_per_mwh))
    in_window = np.zeros(n, dtype=bool)
    if firm is not None:
        in_window[firm.window] = True
    plans: list[Schedule] = []
    prices: list[np.ndarray] = []
    for scenario in scenarios_cny_per_mwh:
        plan = checked_schedule(
            replace(problem, injection_value_cny_per_kwh=scenario / 1000, firm=firm), assets=assets, deadline_s=budget.share_s()
        )
        if plan is not None:
            plans.append(plan)
            prices.append(scenario)
    if not plans:
        return SpotOffer(_flat(baseline_kw, form), baseline_kw.copy(), None, FALLBACK, in_window, None, len(scenarios_cny_per_mwh))
    quantity = np.vstack([plan.portfolio_kw for plan in plans])
    steps = tuple(
        flat(injection_kw=baseline_kw[t], form=form)
        if in_window[t]
        else curve(prices_cny_per_mwh=np.array([p[t] for p in prices]), injection_kw=quantity[:, t], form=form)
        for t in range(n)
    )
    expected = np.where(in_window, baseline_kw, plans[0].portfolio_kw)
    return SpotOffer(
        steps=steps,
        expected_kw=expected,
        expected_value_cny=float(-np.mean([plan.objective_cny for plan in plans])),
        solver_status=max((plan.status for plan in plans), key=STATUSES.index),
        in_window=in_window,
        plan=plans[0],
        dropped_scenarios=len(scenarios_cny_per_mwh) - len(plans),
    )


def _flat(baseline_kw: np.ndarray, form: OfferForm) -> tuple[tuple[Step, ...], ...]:
    return tuple(flat(injection_kw=float(value), form=form) for value in baseline_kw)
