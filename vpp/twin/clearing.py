"""The operator's arithmetic: is a bid in order, and what of it is accepted at a price that it does not move."""

import itertools
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from aggregator.kernel.periods import as_utc


@dataclass(frozen=True)
class Step:
    price_cny_per_mwh: Decimal
    injection_kw: Decimal


@dataclass(frozen=True)
class ReceivedBid:
    """A bid as it arrived: steps by period, in the order of their numbers."""

    bid_id: str
    product: str
    delivery_day: date
    invitation: str | None
    received_at: datetime
    steps: dict[datetime, tuple[Step, ...]]


def read_bid(data: dict[str, Any], *, received_at: datetime) -> ReceivedBid:
    """Raises ValueError, KeyError, TypeError or ArithmeticError where the message is malformed."""
    rows: dict[datetime, list[tuple[int, Step]]] = defaultdict(list)
    for row in data["steps"]:
        step = Step(Decimal(row["price_cny_per_mwh"]), Decimal(str(row["injection_kw"])))
        rows[as_utc(datetime.fromisoformat(row["starts_at"]))].append((int(row["number"]), step))
    return ReceivedBid(
        bid_id=str(data["bid_id"]),
        product=data["product"],
        delivery_day=date.fromisoformat(data["delivery_day"]),
        invitation=data.get("invitation"),
        received_at=received_at,
        steps={at: tuple(step for _, step in sorted(found, key=lambda x: x[0])) for at, found in sorted(rows.items())},
    )


def refusal(bid: ReceivedBid, *, gate_closes_at: datetime, max_steps: int | None) -> str:
    """Why the bid is rejected; empty when it is in order."""
    if bid.received_at > gate_closes_at:
        return "after gate closure"
    if not bid.steps:
        return "no steps"
    for at, steps in bid.steps.items():
        if max_steps is not None and len(steps) > max_steps:
            return f"more than {max_steps} steps at {at.isoformat()}"
        for lower, higher in itertools.pairwise(steps):
            if higher.price_cny_per_mwh <= lower.price_cny_per_mwh or higher.injection_kw < lower.injection_kw:
                return f"not monotone at {at.isoformat()}"
    return ""


def clear_spot(bid: ReceivedBid, prices: dict[datetime, Decimal]) -> dict[datetime, tuple[Decimal, Decimal]]:
    """Per period (injection_kw, price): the highest step whose price does not exceed the clearing price.

    A period without such a step, or without a price, is not awarded.
    """
    awarded = {}
    for at, steps in bid.steps.items():
        if at not in prices:
            continue
        accepted = [step for step in steps if step.price_cny_per_mwh <= prices[at]]
        if accepted:
            awarded[at] = (accepted[-1].injection_kw, prices[at])
    return awarded


def clear_reserve(bid: ReceivedBid, price: Decimal | None) -> dict[datetime, tuple[Decimal, Decimal]]:
    """Per period (capacity, price): all that is offered at or below the price; nothing where there is no price."""
    if price is None:
        return {}
    return {at: (steps[-1].injection_kw, price) for at, steps in bid.steps.items() if steps[-1].price_cny_per_mwh <= price}


def clear_demand_response(
    bid: ReceivedBid, *, starts_at: datetime, ends_at: datetime, max_kw: Decimal, price: Decimal, direction: str
) -> dict[datetime, tuple[Decimal, Decimal]]:
    """Per period of the window: what was offered at or below `price`, no more than `max_kw` either way."""
    awarded = {}
    for at, steps in bid.steps.items():
        accepted = [step for step in steps if step.price_cny_per_mwh <= price]
        if not starts_at <= at < ends_at or not accepted:
            continue
        offered = accepted[-1].injection_kw
        quantity = min(offered, max_kw) if direction == "shave" else max(offered, -max_kw)
        if (quantity > 0) == (direction == "shave") and quantity != 0:
            awarded[at] = (quantity, price)
    return awarded
