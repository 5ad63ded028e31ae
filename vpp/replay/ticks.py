"""At which moments of business time the replay stops and lets everybody act."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from aggregator.kernel.periods import midnight
from market.rules.domain import DayTimes
from vpp.twin.scenario import Invitation

MORNING = timedelta(hours=9, minutes=30)  # D-1: the operator invites
PUBLICATION = timedelta(hours=17, minutes=30)  # D-1: prices and awards
READINGS = timedelta(hours=2)  # D+1: the grid company's meters
REAL_TIME_PRICES = timedelta(minutes=30)  # D+1
CORRECTION = timedelta(days=1, hours=2)  # D+2
TELEMETRY = timedelta(minutes=15)
CLOSELY = timedelta(minutes=5)  # while an instruction is carried out


@dataclass(frozen=True)
class Tick:
    at: datetime
    phase: str  # the step of the summary that its wall time belongs to


def ticks(*, day: date, times: DayTimes, invitation: Invitation | None) -> list[Tick]:
    """In order, without repetition; what the twin sends by itself comes in between."""
    before, start, after = midnight(day - timedelta(days=1)), midnight(day), midnight(day + timedelta(days=1))
    found = {
        before + MORNING: "invitation",
        times.forecast_at: "forecast",
        times.bid_at: "bid",
        times.gate_closes_at: "gate closure",
        before + PUBLICATION: "clearing",
        times.schedule_at: "schedule",
    }
    for k in range(int((after - start) / TELEMETRY) + 1):
        found[start + k * TELEMETRY] = "delivery day"
    if invitation is not None:
        window = [start + timedelta(hours=t.hour, minutes=t.minute) for t in (invitation.starts, invitation.ends)]
        at = window[0] - timedelta(minutes=invitation.notice_minutes)
        while at <= min(window[1] + TELEMETRY, after):
            found[at] = "delivery day"
            at += CLOSELY
    found[after + TELEMETRY] = "delivery day"
    found[after + REAL_TIME_PRICES] = "meter readings"
    found[after + READINGS] = "meter readings"
    found[times.settle_at] = "settlement"
    found[after + CORRECTION] = "correction"
    found[times.settle_at + timedelta(days=1)] = "correction"
    return [Tick(at, phase) for at, phase in sorted(found.items())]
