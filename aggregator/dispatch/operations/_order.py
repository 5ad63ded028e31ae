"""What a plan is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from aggregator.dispatch.domain import FirmBlock, ProblemRefused, Target
from aggregator.dispatch.operations._inputs import Prices
from aggregator.kernel.periods import Grid


@dataclass(frozen=True)
class Order:
    """Everything that a plan is asked for, on `grid` from its first period that is not over, or from `not_before`.
    An `optional` plan is left out where only the safe plan could be sent: what is in force is better.
    """

    portfolio_id: int
    purpose: str
    reference: str
    grid: Grid
    run_id: int
    prices: Prices
    issued_at: datetime
    deadline_s: float
    firm: FirmBlock | None = None
    target: Target | None = None
    excluded: tuple[int, ...] = ()
    root: str = ""
    weather_run_id: int | None = None
    drift_kw: Mapping[int, float] = field(default_factory=dict)
    not_before: datetime | None = None
    optional: bool = False


def from_now(order: Order) -> Order:
    """Cut off the periods that are over; the running one stays."""
    begins = order.issued_at if order.not_before is None else max(order.issued_at, order.not_before)
    first = max(0, (begins - order.grid.starts_at) // order.grid.resolution)
    if first >= len(order.grid):
        raise ProblemRefused(why="periods_over")
    target = None if order.target is None else replace(order.target, injection_kw=order.target.injection_kw[first:])
    if target is not None and not np.isfinite(target.injection_kw).any():
        raise ProblemRefused(why="target_over")
    firm = order.firm if order.firm is None or not first else order.firm.tail(first, len(order.grid))
    return replace(
        order, grid=order.grid.tail(first), target=target, firm=firm, prices=order.prices.tail(first), root=order.root or order.reference
    )
