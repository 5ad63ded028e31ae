"""One bid as curves: the band that was offered, what we expect of it, the baseline, and what was awarded."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from aggregator.kernel.periods import delivery_day
from market.bids.models import Bid
from market.bids.queries import AwardFacts, BidFacts, awards_on, bid, steps_of
from vpp.charting import edges, nullable


@dataclass(frozen=True)
class BidCurves:
    """JSON for the chart, and the same as rows of a table [kW injection]."""

    as_json: dict[str, Any]
    rows: list[dict[str, Any]]


NAMES = ("lowest_kw", "highest_kw", "expected_kw", "baseline_kw", "awarded_kw")


def bid_curves(*, bid_id: int) -> BidCurves:
    """Demand response and reserve are offered as a change: they stand on the baseline (of a reserve, on the expected position)
    here, so that all curves are injections."""
    facts = bid(bid_id=bid_id)
    grid = delivery_day(facts.delivery_day, resolution=facts.resolution)
    place = {at: k for k, at in enumerate(grid.starts)}
    missing = np.full(len(grid), np.nan)
    baseline = facts.baseline_kw if len(facts.baseline_kw) == len(grid) else missing
    ground = np.zeros(len(grid)) if facts.product == "spot" else baseline
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


def capability_rows(bid: Bid) -> list[dict[str, Any]]:
    """What bounds the bid's quantity up and down: certificates, or what ratings, connections and the forecast allow; signed [kW]."""
    found = [(sign, bid.capability[name]) for name, sign in (("up", 1), ("down", -1)) if name in bid.capability]
    figures = ("kw", "declared_kw", "certified_kw")
    signed = [{name: None if row[name] is None else sign * row[name] for name in figures} for sign, row in found]
    return [{**row, **kw, "most_kw": kw["kw"]} for (_, row), kw in zip(found, signed, strict=True) if row["kw"] or row["documents"]]


def _award(facts: BidFacts) -> AwardFacts | None:
    return awards_on(portfolio_id=facts.portfolio_id, day=facts.delivery_day).get(facts.product)
