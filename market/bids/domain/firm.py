"""The demand-response offer: one quantity for the whole window, honest, at its cost and a declared markup."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from aggregator.dispatch.domain import STATUSES, AssetFacts, FirmBlock, ScheduleProblem, holdable_block
from market.bids.domain.honest import FirmOffer, honest_quantity, price_of
from market.bids.domain.offer import Budget, checked_schedule

SHORT_KW = 1e-3


@dataclass(frozen=True)
class DemandResponseAsk:
    """What is asked, and what stands against it.

    direction : 1 = injection above the baseline (shave), -1 = below (fill).
    baseline_kw, firm_move_kw : (n_window,) injection without intervention, and what the firm envelope can
        move in the direction asked for [kW, >= 0].
    margin_kw : what the weather may take from the plan [kW, >= 0].
    certified_kw : what certificates allow in the direction asked for; inf where none says.
    """

    window: slice
    direction: int
    baseline_kw: np.ndarray
    firm_move_kw: np.ndarray
    margin_kw: float
    max_kw: float
    min_kw: float
    price_floor_cny_per_mwh: Decimal
    price_cap_cny_per_mwh: Decimal
    price_step_cny_per_mwh: Decimal
    quantity_step_kw: Decimal
    markup_ratio: float
    certified_kw: float = np.inf


def demand_response_offer(
    problem: ScheduleProblem, ask: DemandResponseAsk, *, assets: Mapping[str, AssetFacts], deadline_s: float
) -> FirmOffer:
    """Three solves: what the portfolio would do anyway, how much it can hold at the cap price, what the offer costs.

    `problem` holds the expected envelopes and prices and no firm block. A zero quantity is no offer, and
    its `limit` says why: nothing is promised that no checked plan holds, or that the cap does not pay.
    """
    budget = Budget(deadline_s=deadline_s, solves=3)
    idle = checked_schedule(replace(problem, firm=None), assets=assets, deadline_s=budget.share_s())
    most_kw = min(ask.max_kw, ask.certified_kw, float(np.min(ask.firm_move_kw, initial=np.inf))) + ask.margin_kw
    block = _block(ask, price=ask.price_cap_cny_per_mwh, max_kw=most_kw)
    holdable_kw = holdable_block(problem, block, deadline_s=budget.share_s())
    if idle is None or holdable_kw is None:
        return _none("no_solution", ask)
    planned_kw = round(holdable_kw, 3)  # a solver's dust must not cost a quantity step
    quantity, limit = honest_quantity(
        planned_kw=planned_kw,
        margin_kw=ask.margin_kw,
        firm_up_kw=ask.firm_move_kw,
        max_kw=ask.max_kw,
        certified_kw=ask.certified_kw,
        min_kw=ask.min_kw,
        quantity_step_kw=ask.quantity_step_kw,
    )
    if quantity == 0:
        return _none(limit, ask, planned_kw)
    block = _block(ask, price=Decimal(0), max_kw=float(quantity), fixed_kw=float(quantity))
    held = checked_schedule(replace(problem, firm=block), assets=assets, deadline_s=budget.share_s())
    if held is None or held.shortfall_kw.max(initial=0.0) > SHORT_KW:
        return _none("no_solution", ask, planned_kw)
    energy_mwh = float(quantity) / 1000 * len(ask.baseline_kw) * problem.grid.hours
    price = price_of(
        cost_cny_per_mwh=(held.objective_cny - idle.objective_cny) / energy_mwh,
        markup_ratio=ask.markup_ratio,
        floor=ask.price_floor_cny_per_mwh,
        cap=ask.price_cap_cny_per_mwh,
        step=ask.price_step_cny_per_mwh,
    )
    if price is None:
        return _none("price_cap", ask, planned_kw)
    status = max((plan.status for plan in (idle, held)), key=STATUSES.index)
    return FirmOffer(ask.direction * quantity, price, limit, planned_kw, ask.margin_kw, float(np.min(ask.firm_move_kw)), status)


def _block(ask: DemandResponseAsk, *, price: Decimal, max_kw: float, fixed_kw: float | None = None) -> FirmBlock:
    return FirmBlock(ask.window, ask.baseline_kw, float(price) / 1000, max_kw, fixed_kw, ask.direction)


def _none(limit: str, ask: DemandResponseAsk, planned_kw: float = 0.0) -> FirmOffer:
    return FirmOffer(Decimal(0), Decimal(0), limit, planned_kw, ask.margin_kw, float(np.min(ask.firm_move_kw, initial=np.inf)))
