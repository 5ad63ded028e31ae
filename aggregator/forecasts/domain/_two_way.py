"""Two-way chargers: their timetable says when the car is there, earlier days how far that is to be trusted."""

from datetime import datetime, timedelta

import numpy as np

from aggregator.assets.domain import Session, Stay, two_way_charger
from aggregator.assets.domain.two_way_charger import TwoWayChargerSpec
from aggregator.forecasts.domain._frame import Frame
from aggregator.forecasts.domain._types import Facts, Outlook
from aggregator.kernel.periods import midnight

CHECKED_DAYS = 28
LEAST_BOOKINGS = 7
KEPT_RATIO = 0.9  # of earlier bookings; below it nothing is firm
ON_TIME_HOURS = 1.0
ARRIVAL_ERROR_RATIO = 0.05  # of the battery: what is in it on arrival is the owner's estimate


def forecast(*, frame: Frame, spec: TwoWayChargerSpec, facts: Facts) -> Outlook:
    """Activity = kW charged when nobody interferes: at once, as the timetable says."""
    envelope = two_way_charger.envelope(spec, grid=frame.grid, stays=stays(frame, spec, facts))
    charged = np.maximum(0.0, -envelope.base_kw)
    return Outlook(charged, charged, charged, charged, charged)


def stays(frame: Frame, spec: TwoWayChargerSpec, facts: Facts) -> tuple[Stay, ...]:
    """Of the grid. A car that is there at its start was measured lately, or has charged at once."""
    grid = frame.grid
    sessions = two_way_charger.sessions_of(spec, starts_at=grid.starts_at, ends_at=grid.ends_at, tz=frame.tz)
    early = [session for session in sessions if session.arrives_at < 0]
    plugged = None
    if early:
        ahead = (grid.starts_at - frame.issued_at).total_seconds() / 3600
        seen = facts.soc_ratio is not None and facts.soc_age_hours is not None and facts.soc_age_hours + ahead <= 1.0
        known = facts.soc_ratio if seen else None
        plugged = two_way_charger.left_alone(spec, early[-1], at_hours=0.0) if known is None else known * spec.battery_kwh
    return two_way_charger.stays_of(spec, sessions, grid=grid, plugged_kwh=plugged)


def kept_ratio(frame: Frame, spec: TwoWayChargerSpec, facts: Facts) -> float | None:
    """Share of the bookings of the last weeks to which a car came in time; None where there were too few to tell."""
    origin = midnight(frame.days[0], tz=frame.tz)
    starts_at = max(origin, frame.issued_at - timedelta(days=CHECKED_DAYS))
    booked = two_way_charger.sessions_of(spec, starts_at=starts_at, ends_at=frame.issued_at, tz=frame.tz)
    shift = (starts_at - origin).total_seconds() / 3600
    due = [session.arrives_at + shift for session in booked if session.arrives_at >= 0 and _over(frame, session, starts_at)]
    first = min((stay.arrives_at for stay in facts.stays), default=np.inf)
    due = [at for at in due if at >= first - ON_TIME_HOURS]  # nothing is known of the time before the first session
    if len(due) < LEAST_BOOKINGS:
        return None
    came = np.array([stay.arrives_at for stay in facts.stays])
    return float(np.mean([(np.abs(came - at) <= ON_TIME_HOURS).any() for at in due]))


def _over(frame: Frame, session: Session, starts_at: datetime) -> bool:
    return starts_at + timedelta(hours=session.arrives_at + ON_TIME_HOURS) <= frame.issued_at
