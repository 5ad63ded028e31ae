"""The reserve bids beside the spot bid: the pack's terms, and a bid for each direction that is offered."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np

from aggregator.dispatch.operations import Gathered
from aggregator.support.alarms import raise_alarm
from aggregator.support.arrays import pack_f4
from market.bids.domain import Capability, ReserveForm, SpotOffer, Step, bound_rows, reserve_form, reserve_terms
from market.bids.domain.risk import ReserveTerms
from market.bids.operations._capability import alarm_missing
from market.bids.operations._planning import PlanningDay
from market.rules.domain import FigureUnknown

DIRECTIONS = {"reserve_up": 1, "reserve_down": -1}
Draft = tuple[dict[str, Any], dict[datetime, tuple[Step, ...]]]


def terms_of(plan: PlanningDay, found: Mapping[str, Capability], *, in_window: slice | None, now: datetime) -> ReserveTerms | None:
    """None where the pack has no reserve product; a figure that it lacks is said in an alarm, and nothing is offered."""
    try:
        form = reserve_form(plan.pack)
    except FigureUnknown as unknown:
        _not_offered(plan, "reserve", str(unknown.fields["path"]), now)
        return None
    if form is None:
        return None
    for product, direction in DIRECTIONS.items():
        if found[product].missing(direction) and form.prices(direction) is not None:
            alarm_missing(plan, product, at=now)
    window = np.zeros(len(plan.grid), dtype=bool)
    if in_window is not None:
        window[in_window] = True
    both = Capability(found["reserve_up"].up_kw, found["reserve_down"].down_kw)
    return reserve_terms(form, plan.grid, tz=plan.tz, in_window=window, capability=both)


def reserve_drafts(
    plan: PlanningDay, offer: SpotOffer, gathered: Gathered, found: Mapping[str, Capability], *, platform_id: int, now: datetime
) -> list[Draft]:
    """A bid for each direction of which something is offered: one step per period of its blocks, at the price that it was decided at."""
    if offer.reserve_refused:
        _not_offered(plan, "reserve", offer.reserve_refused, now)
    form = reserve_form(plan.pack) if offer.shares is not None else None
    if offer.shares is None or form is None:
        return []
    return [
        _draft(plan, offer, form, gathered, found[product], product=product, platform_id=platform_id)
        for product, direction in DIRECTIONS.items()
        if offer.shares.of(direction)
    ]


def _draft(
    plan: PlanningDay, offer: SpotOffer, form: ReserveForm, gathered: Gathered, certified: Capability, *, product: str, platform_id: int
) -> Draft:
    shares, direction, prices = offer.shares, DIRECTIONS[product], form.prices(DIRECTIONS[product])
    assert shares is not None
    assert prices is not None
    total_kw = shares.total_kw(direction)[shares.block]
    steps: dict[datetime, tuple[Step, ...]] = {
        at: (Step(prices[at.astimezone(plan.tz).hour], direction * _decimal(kw)),)
        for at, kw in zip(plan.grid.starts, total_kw, strict=True)
        if kw > 0
    }
    income = sum(float(abs(step.injection_kw) * step.price_cny_per_mwh) for (step,) in steps.values()) / 1000 * plan.grid.hours
    held = {str(gathered.ids[key]): [round(float(kw), 3) for kw in kws] for key, kws in sorted(shares.of(direction).items())}
    could_kw = float(sum(abs(gathered.facts[key].spec.rated_kw) for key in shares.of(direction)))
    fields = {
        "product": product,
        "platform_id": platform_id,
        "gate_closes_at": plan.times.gate_closes_at,
        "baseline_kw": pack_f4(offer.expected_kw),
        "expected_kw": pack_f4(offer.expected_kw),  # as long as nobody calls it
        "explanations": [{"starts_at": at.isoformat(), "reason": "reserve_offer", "limit": ""} for at in steps],
        "solver_status": offer.solver_status,
        "expected_value_cny": income,
        "capability": bound_rows(certified, declared_up_kw=could_kw * (direction > 0), declared_down_kw=could_kw * (direction < 0)),
        "reserve": {
            "lasting_hours": shares.lasting_hours,
            "starts_at": plan.grid.starts_at.isoformat(),
            "block": shares.block.tolist(),
            "held_kw": held,
        },
    }
    return fields, steps


def _decimal(kw: float) -> Decimal:
    return Decimal(repr(round(float(kw), 3)))


def _not_offered(plan: PlanningDay, product: str, reason: str, now: datetime) -> None:
    day = plan.day.isoformat()
    raise_alarm(
        kind="bid.reserve_not_offered",
        key=f"{plan.portfolio.id}/{day}",
        severity="warning",
        at=now,
        product=product,
        day=day,
        reason=reason,
    )
