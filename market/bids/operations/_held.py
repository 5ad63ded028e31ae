"""An awarded reserve is kept free: it becomes a commitment of every asset that holds a part of it."""

from datetime import datetime, timedelta

from aggregator.assets.domain import Reserve
from aggregator.assets.operations import write_commitment
from market.bids.models import Award, Bid
from market.bids.queries import steps_of


def keep_free(bid: Bid, award: Award) -> None:
    """Write who keeps what free, in proportion to what was accepted of the offer. Nothing for bids of other products."""
    if not bid.reserve:
        return
    offered = {at: abs(steps[0].injection_kw) for at, steps in steps_of(bid_id=bid.pk).items()}
    accepted = {period.starts_at: abs(period.injection_kw) for period in award.periods.order_by("starts_at") if period.injection_kw}
    day = _starts(bid)
    part = {at: float(kw / offered[at]) for at, kw in accepted.items()}
    for asset_id, blocks in bid.reserve["held_kw"].items():
        course = [(at, round(blocks[bid.reserve["block"][day.index(at)]] * part[at], 3)) for at in sorted(part)]
        for starts_at, ends_at, kw in _windows(course, timedelta(seconds=bid.resolution_s)):
            up = bid.product == "reserve_up"
            write_commitment(
                asset_id=int(asset_id),
                kind="reserved",
                starts_at=starts_at,
                ends_at=ends_at,
                available_at=award.available_at,
                reference=f"{bid.product} {award.reference}",
                reserve=Reserve(kw if up else 0.0, 0.0 if up else kw, bid.reserve["lasting_hours"]),
            )


def _starts(bid: Bid) -> list[datetime]:
    """Of the periods of the bid's day, in order."""
    first = datetime.fromisoformat(bid.reserve["starts_at"])
    return [first + k * timedelta(seconds=bid.resolution_s) for k in range(len(bid.reserve["block"]))]


def _windows(course: list[tuple[datetime, float]], length: timedelta) -> list[tuple[datetime, datetime, float]]:
    """Periods that follow one another with the same quantity as one window; those without any left out."""
    out: list[tuple[datetime, datetime, float]] = []
    for at, kw in course:
        if out and out[-1][1] == at and out[-1][2] == kw:
            out[-1] = (out[-1][0], at + length, kw)
        elif kw > 0:
            out.append((at, at + length, kw))
    return out
