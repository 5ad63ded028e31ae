"""The spot offer: monotone curves over joint scenarios, and the plan at the expected prices that explains them."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from aggregator.dispatch.domain import STATUSES, AssetFacts, Schedule, ScheduleProblem, check_schedule, solve_schedule
from market.bids.domain.capability import UNCERTIFIED, Capability
from market.bids.domain.curve_problem import Promise, curve_problem
from market.bids.domain.policy import BidPolicy
from market.bids.domain.reserve_caps import ReserveMembers
from market.bids.domain.reserve_offer import ReserveShares, holding, reduced, shared_out
from market.bids.domain.risk import BidCurves, CurveProblem, CurveRefused, ReserveTerms, bid_curves, check_curves
from market.bids.domain.risk.reserve import ReserveRefused
from market.bids.domain.scenarios import JointScenarios
from market.bids.domain.steps import OfferForm, Step, curve, flat, form_problem, on_step

FALLBACK = "fallback"
SHORT_KW = 1e-3
CURVES_SHARE = 0.6  # of the wall time; the plan at the expected prices has what is left


@dataclass(frozen=True)
class SpotOffer:
    """Steps per period of the grid; `expected_kw` (n_periods,) is the injection planned at the expected prices, the baseline
    in the demand-response window and where there is no plan.

    `position_kw` (n_periods,): what is offered at any price where the curves change nothing, in whole lots.
    `asked`, `curves`: the problem and its answer; None where they were refused, and `refused` says why: then the position is
    offered at any price. `plan`: the checked schedule at the expected prices; None where there is none, then the status of an
    offer that stands is timeout. `shares`: who holds the reserve that is offered beside it; None where none is, and
    `reserve_refused` says why where one was asked for.
    """

    steps: tuple[tuple[Step, ...], ...]
    position_kw: np.ndarray
    expected_kw: np.ndarray
    solver_status: str
    in_window: np.ndarray
    plan: Schedule | None
    asked: CurveProblem | None = None
    curves: BidCurves | None = None
    refused: str = ""
    shares: ReserveShares | None = None
    reserve_refused: str = ""

    @property
    def expected_value_cny(self) -> float | None:
        """What the day earns on average over the scenarios, stored energy included; None in the fallback."""
        return None if self.curves is None or self.curves.expected_cost_cny is None else -self.curves.expected_cost_cny


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
    scenarios: JointScenarios,
    baseline_kw: np.ndarray,
    form: OfferForm,
    policy: BidPolicy,
    promise: Promise | None = None,
    capability: Capability = UNCERTIFIED,
    reserve: ReserveTerms | None = None,
) -> SpotOffer:
    """Curves with CVaR over the scenarios, checked, as steps of the market's form.

    Parameters
    ----------
    problem : without a firm block; its injection value is replaced by the expected price.
    assets : the facts from which the problem was made; the independent check uses these.
    baseline_kw : (n_periods,) portfolio injection without intervention; what is bid in the demand-response window and, where
        the curves are refused, everywhere (one price-independent step).
    promise : the demand response that is offered as well. Its window is offered at the baseline: one movement, one product.
    capability : what certificates allow. reserve : what a reserve market pays; it is offered where a plan of every single asset
        at the expected prices keeps it free, and keeps what else is promised.
    """
    until = time.monotonic() + policy.deadline_s
    day = OfferDay(problem, assets, scenarios, baseline_kw, form, promise, capability)
    if reserve is None:
        return _offer(day, policy, None)
    try:
        return _offer(day, policy, reserve)
    except ReserveRefused as why:
        alone = _offer(day, replace(policy, deadline_s=max(1.0, until - time.monotonic())), None)
        return replace(alone, reserve_refused=str(why.fields["why"]))


@dataclass(frozen=True)
class OfferDay:
    """The day of one offer, with reserve or without; columns as in `spot_offer`."""

    problem: ScheduleProblem
    assets: Mapping[str, AssetFacts]
    scenarios: JointScenarios
    baseline_kw: np.ndarray
    form: OfferForm
    promise: Promise | None
    capability: Capability


def _offer(day: OfferDay, policy: BidPolicy, reserve: ReserveTerms | None) -> SpotOffer:
    """Raises ReserveRefused where reserve is asked for and no curves stand with it, or no plan keeps it: without it they may."""
    until = time.monotonic() + policy.deadline_s
    problem, assets, scenarios, form, promise, baseline_kw = day.problem, day.assets, day.scenarios, day.form, day.promise, day.baseline_kw
    expected = replace(
        problem, injection_value_cny_per_kwh=scenarios.expected_cny_per_mwh / 1000, firm=None if promise is None else promise.block
    )
    in_window = expected.in_firm
    position_kw = np.array([float(on_step(Decimal(repr(float(kw))), form.quantity_step_kw)) for kw in baseline_kw])
    stands, shares, refused = None, None, ""
    try:
        asked, members = curve_problem(
            problem,
            assets=assets,
            scenarios=scenarios,
            position_kw=position_kw,
            form=form,
            policy=policy,
            promise=promise,
            capability=day.capability,
            reserve=reserve,
        )
        curves, steps = _curves(asked, position_kw=position_kw, in_window=in_window, form=form, policy=policy)
        curves, shares = _shared(asked, curves, members, assets)
        stands = curves, steps
    except CurveRefused as why:
        refused = str(why.fields["why"])
        if reserve is not None:
            raise ReserveRefused(why=refused) from why
    planned, facts = (expected, assets) if shares is None else holding(expected, assets, shares)
    plan = checked_schedule(planned, assets=facts, deadline_s=until - time.monotonic())
    if shares is not None and (plan is None or plan.shortfall_kw.max(initial=0.0) > SHORT_KW):
        raise ReserveRefused(why="reserve_not_held_by_plan")
    offer = SpotOffer(
        steps=tuple(flat(injection_kw=kw, form=form) for kw in position_kw),
        position_kw=position_kw,
        expected_kw=baseline_kw.copy() if plan is None else np.where(in_window, baseline_kw, plan.portfolio_kw),
        solver_status=FALLBACK,
        in_window=in_window,
        plan=plan,
        refused=refused,
    )
    if stands is None:
        return offer
    curves, steps = stands
    return replace(offer, steps=steps, solver_status=_status(curves, plan), asked=asked, curves=curves, shares=shares)


def _shared(
    asked: CurveProblem, curves: BidCurves, members: ReserveMembers, assets: Mapping[str, AssetFacts]
) -> tuple[BidCurves, ReserveShares | None]:
    """Who holds the reserve; the curves with no more of it than single storages hold."""
    if asked.reserve is None or curves.reserve is None:
        return curves, None
    shares = shared_out(curves.reserve, asked.reserve, members=members, assets=assets)
    return curves.with_reserve(reduced(curves.reserve, asked.reserve, shares)), None if shares.nothing else shares


def _curves(
    asked: CurveProblem, *, position_kw: np.ndarray, in_window: np.ndarray, form: OfferForm, policy: BidPolicy
) -> tuple[BidCurves, tuple[tuple[Step, ...], ...]]:
    """Curves that keep every rule, and their steps. Raises CurveRefused where there are none."""
    curves = bid_curves(
        asked,
        confidence=policy.risk_confidence,
        risk_weight=policy.risk_weight,
        deadline_s=CURVES_SHARE * policy.deadline_s,
        lot_kw=float(form.quantity_step_kw),
    )
    steps = steps_of(asked, curves, position_kw=position_kw, in_window=in_window, form=form)
    refused = refusal(asked, curves, steps, form=form)
    if refused:
        raise CurveRefused(why=refused)
    return curves, steps


def _status(curves: BidCurves, plan: Schedule | None) -> str:
    """The worse of the curves' and the plan's; curves that stand without a plan were cut short."""
    return "timeout" if plan is None else max((curves.status, plan.status), key=STATUSES.index)


def steps_of(
    asked: CurveProblem, curves: BidCurves, *, position_kw: np.ndarray, in_window: np.ndarray, form: OfferForm
) -> tuple[tuple[Step, ...], ...]:
    """The curves in the market's form: total injection, turning half-way between two price points."""
    points = asked.points_cny_per_kwh * 1000
    return tuple(
        flat(injection_kw=position_kw[t], form=form)
        if in_window[t]
        else curve(prices_cny_per_mwh=points[t], injection_kw=position_kw[t] + curves.quantity_kw[t], form=form)
        for t in range(asked.periods)
    )


def refusal(asked: CurveProblem, curves: BidCurves, steps: tuple[tuple[Step, ...], ...], *, form: OfferForm) -> str:
    """Why these curves are not offered, as a code; "" where they are: no solver, a broken rule of check_curves or of the form."""
    if curves.status == FALLBACK:
        return "no_solution"
    broken = check_curves(asked, curves)
    return broken[0].rule if broken else next((why for why in (form_problem(row, form) for row in steps) if why), "")
