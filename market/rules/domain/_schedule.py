"""The clock hours of a pack as moments of one delivery day."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from aggregator.kernel.periods import SHANGHAI
from market.rules.domain._figures import figure
from market.rules.domain._pack import Hours, Pack


@dataclass(frozen=True)
class DayTimes:
    """When the steps of delivery day D are due, UTC: on D-1 up to the schedule, on D+1 the settlement."""

    forecast_at: datetime
    bid_at: datetime
    gate_closes_at: datetime
    schedule_at: datetime
    settle_at: datetime


def day_times(*, pack: Pack, day: date, tz: ZoneInfo = SHANGHAI) -> DayTimes:
    """Raises FigureUnknown where the pack has no hours."""
    hours: Hours = figure(pack=pack, path="hours")
    before, after = day - timedelta(days=1), day + timedelta(days=1)

    def at(on: date, clock: time) -> datetime:
        return datetime.combine(on, clock, tz).astimezone(UTC)

    return DayTimes(
        forecast_at=at(before, hours.forecast_at),
        bid_at=at(before, hours.bid_at),
        gate_closes_at=at(before, hours.gate_closes_at),
        schedule_at=at(before, hours.schedule_at),
        settle_at=at(after, hours.settle_at),
    )
