"""One bid as curves: the band that was offered, what we expect of it, the baseline, and what was awarded."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from aggregator.kernel.periods import delivery_day
from market.bids.queries import AwardFacts, BidFacts, awards_on, bid, steps_of
from vpp.charting import edges, nullable


@dataclass(frozen=True)
class BidCurves:
    """JSON for the chart, and the same as rows of a table [kW injection]."""

    as_json: dict[str, Any]
    rows: list[dict[str, Any]]


NAMES = ("lowest_kw", "highest_kw", "expected_kw", "baseline_kw", "awarded_kw")


def bid_curves(*, bid_id: int) -> BidCurves:
    """Demand response is offered as a change: it stands on the baseline here, so that all curves are injections."""
    facts = bid(bid_id=bid_id)
    grid = delivery_day(facts.delivery_day, resolution=facts.resolution)
    place = {at: k for k, at in enumerate(grid.starts)}
    missing = np.full(len(grid), np.nan)
    baseline = facts.baseline_kw if len(facts.baseline_kw) == len(grid) else missing
    ground = baseline if facts.product == "demand_response" else np.zeros(len(grid))
    lowest, highest, awarded = missing.copy(), missing.copy(), missing.copy()
    for at, steps in steps_of(bid_id=bid_id).items():
        quantities = [float(step.injection_kw) for step in steps]
        lowest[place[at]], highest[place[at]] = min(quantities), max(quantities)
    award = _award(facts)
    if award is not None:
        for at, kw in zip(award.starts, award.injection_kw, strict=True):
            awarded[place[at]] = float(kw)
    curves = {
        "lowest_kw": lowest + ground,
        "highest_kw": highest + ground,
        "expected_kw": facts.expected_kw if len(facts.expected_kw) == len(grid) else missing,
        "baseline_kw": baseline,
        "awarded_kw": awarded + ground,
    }
    plain = {name: nullable(values) for name, values in curves.items()}
    rows = [{"at": at, **{name: plain[name][k] for name in NAMES}} for k, at in enumerate(grid.starts)]
    return BidCurves({"edges": edges(grid), **plain}, rows)


def _award(facts: BidFacts) -> AwardFacts | None:
    return awards_on(portfolio_id=facts.portfolio_id, day=facts.delivery_day).get(facts.product)
