"""Charging stations: power by habit; what can be moved from the sessions of earlier days of the same type."""

from dataclasses import dataclass

import numpy as np

from aggregator.assets.domain import Session
from aggregator.assets.domain.ev_station import EvStationSpec, bounds_of_sessions
from aggregator.forecasts.domain._frame import Frame
from aggregator.forecasts.domain._types import Facts, Stay
from aggregator.kernel.periods import Grid, midnight

ANALOG_DAYS = 20
LEAST_DAYS = 4
LOW, HIGH = 0.1, 0.9


@dataclass(frozen=True)
class Curves:
    """Per period (n,): kW that plugged cars could draw, and kWh of charging that could wait."""

    cap_kw: np.ndarray
    slack_kwh: np.ndarray


@dataclass(frozen=True)
class _Ended:
    """A stay that is over: hours from the frame's first midnight."""

    key: str
    arrives_at: float
    departs_at: float
    charged_kwh: float
    need_kwh: float


def _ended(stays: tuple[Stay, ...]) -> list[_Ended]:
    return [
        _Ended(stay.key, stay.arrives_at, stay.departs_at, stay.charged_kwh, max(stay.need_kwh or 0.0, stay.charged_kwh))
        for stay in stays
        if stay.departs_at is not None and stay.charged_kwh is not None
    ]


def curves(*, frame: Frame, spec: EvStationSpec, facts: Facts) -> dict[str, Curves] | None:
    """firm, expected, optimistic: P10, mean, P90 over earlier days of the same type.

    Each earlier day contributes the cars that arrived after its clock time of issue; the cars that are
    plugged in now are added. None with fewer than LEAST_DAYS earlier days.
    """
    origin = midnight(frame.days[0], tz=frame.tz)
    now = (frame.issued_at - origin).total_seconds() / 3600
    start = (frame.grid.starts_at - origin).total_seconds() / 3600
    ended = _ended(facts.stays)
    present = [stay for stay in facts.stays if stay.departs_at is None and stay.arrives_at <= now]
    analogs = _analogs(frame, ended, start, now)
    if len(analogs) < LEAST_DAYS:
        return None
    stay_hours = np.sort([stay.departs_at - stay.arrives_at for stay in ended])
    rows = [_day(frame.grid, spec, ended, lag, now, start) for lag in analogs]
    caps, slacks = np.stack([row.cap_kw for row in rows]), np.stack([row.slack_kwh for row in rows])
    out = {}
    for level, stay_quantile, needs in (("firm", LOW, (LOW, HIGH)), ("expected", 0.5, (0.5,)), ("optimistic", HIGH, (LOW,))):
        plugged = []
        for need in needs:  # firm: whichever need leaves less to move
            here = tuple(_present(stay, ended, stay_hours, now, start, stay_quantile, need, spec) for stay in present)
            cap_here, least, most = bounds_of_sessions(spec, grid=frame.grid, sessions=here)
            plugged.append(most - least)
        cap = caps.mean(axis=0) if level == "expected" else np.quantile(caps, stay_quantile, axis=0)
        slack = slacks.mean(axis=0) if level == "expected" else np.quantile(slacks, stay_quantile, axis=0)
        out[level] = Curves(np.minimum(cap + cap_here, spec.rated_kw), slack + np.min(plugged, axis=0))
    return out


def _analogs(frame: Frame, ended: list[_Ended], start: float, now: float) -> list[int]:
    """Lags [days] of earlier days, newest first: over at issue, of the same type, since the first session seen."""
    first = min((stay.arrives_at for stay in ended), default=np.inf)
    length = len(frame.grid) * frame.grid.hours
    same: list[int] = []
    other: list[int] = []
    for lag in range(1, frame.first_target + 1):
        shift = 24.0 * lag
        if start + length - shift > now or start - shift < first - 24:
            continue
        alike = frame.working[frame.first_target - lag] == frame.working[frame.first_target]
        (same if alike else other).append(lag)
    return same[:ANALOG_DAYS] if len(same) >= LEAST_DAYS else (same + other)[:ANALOG_DAYS]


def _day(grid: Grid, spec: EvStationSpec, ended: list[_Ended], lag: int, now: float, start: float) -> Curves:
    shift = 24.0 * lag
    end = start + len(grid) * grid.hours
    sessions, charged = [], {}
    for stay in ended:
        arrives, departs = stay.arrives_at + shift, stay.departs_at + shift
        if arrives <= now or departs <= start or arrives >= end:
            continue
        sessions.append(Session(stay.key, arrives - start, departs - start, stay.need_kwh))
        charged[stay.key] = min(stay.need_kwh, max(0.0, start - arrives) * spec.connector_kw)
    cap, least, most = bounds_of_sessions(spec, grid=grid, sessions=tuple(sessions), charged_kwh=charged)
    return Curves(cap, most - least)


def _present(
    stay: Stay,
    ended: list[_Ended],
    stay_hours: np.ndarray,
    now: float,
    start: float,
    stay_quantile: float,
    need_quantile: float,
    spec: EvStationSpec,
) -> Session:
    """A car that is plugged in: stays as long as earlier ones that had stayed so far; what it still needs."""
    elapsed = now - stay.arrives_at
    longer = stay_hours[stay_hours > elapsed]
    total = float(np.quantile(longer, stay_quantile)) if longer.size else elapsed + 1.0
    done = stay.charged_kwh or 0.0
    if stay.need_kwh is not None:
        need = stay.need_kwh
    else:
        more = [other.charged_kwh for other in ended if other.charged_kwh > done]
        need = float(np.quantile(more, need_quantile)) if more else done
    waiting = max(0.0, start - now) * spec.connector_kw  # charges at once until the grid begins
    left = max(0.0, need - done - waiting)
    return Session(stay.key, min(0.0, stay.arrives_at - start), stay.arrives_at + total - start, left)


def charging_at_once(*, grid: Grid, spec: EvStationSpec, stays: tuple[Stay, ...]) -> np.ndarray:
    """(n,) kW as sessions tell it, for a station without power telemetry; hours count from the grid's start. NaN before the first."""
    ended = _ended(stays)
    if not ended:
        return np.full(len(grid), np.nan)
    edges = grid.hours * np.arange(len(grid) + 1)
    energy = np.zeros(edges.size)
    for stay in ended:
        most = min(stay.charged_kwh, (stay.departs_at - stay.arrives_at) * spec.connector_kw)
        energy += np.clip((edges - stay.arrives_at) * spec.connector_kw, 0.0, most)
    power = np.minimum(np.diff(energy) / grid.hours, spec.rated_kw)
    power[edges[:-1] < min(stay.arrives_at for stay in ended)] = np.nan
    return power
