"""Two-way chargers live by the timetable of their spec: what they did without us, and who was there."""

from dataclasses import replace
from datetime import timedelta

import numpy as np

from aggregator.assets.domain import Drive, Session
from aggregator.assets.domain import two_way_charger as physics
from aggregator.kernel.periods import Grid
from aggregator.telemetry.domain import SessionFacts


def left_alone(spec: physics.TwoWayChargerSpec, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """(injection [kW], state of charge at the end of each period, NaN without a car), (n_periods,), when nobody steers."""
    sessions = sessions_from(spec, grid)
    state, injection, soc = physics.initial_state(spec), np.zeros(len(grid)), np.full(len(grid), np.nan)
    for t in range(len(grid)):
        at_hours = t * grid.hours
        here = tuple(s for s in sessions if s.arrives_at <= at_hours < s.departs_at)
        state, injection[t] = physics.step(spec, state, drive=Drive(sessions=here), command=None, at_hours=at_hours, hours=grid.hours)
        ratio = physics.soc_ratio(spec, state)
        soc[t] = np.nan if ratio is None else ratio
    return injection, soc


def sessions_from(spec: physics.TwoWayChargerSpec, grid: Grid) -> tuple[Session, ...]:
    """The timetable's stays on `grid`; one that began before it has charged at once until then."""
    out = []
    for session in physics.sessions_of(spec, starts_at=grid.starts_at, ends_at=grid.ends_at):
        if session.arrives_at < 0:
            level = physics.left_alone(spec, session, at_hours=0.0)
            session = replace(session, arrival_kwh=level, need_kwh=session.arrival_kwh + session.need_kwh - level)
        out.append(session)
    return tuple(out)


def booked_sessions(spec: physics.TwoWayChargerSpec, grid: Grid) -> list[SessionFacts]:
    """Stays that began by the end of `grid`, as telemetry tells them; who is still there then has no end yet."""
    found = []
    for session in physics.sessions_of(spec, starts_at=grid.starts_at, ends_at=grid.ends_at):
        came, left = (grid.starts_at + timedelta(hours=h) for h in (session.arrives_at, session.departs_at))
        over, taken = left <= grid.ends_at, round(session.need_kwh / spec.charge_efficiency, 3)
        found.append(SessionFacts(session.key, came, left if over else None, taken if over else None, taken, ""))
    return found
