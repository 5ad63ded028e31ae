"""EV charging station: several connectors, cars that come, need energy and leave. Charging only."""

from dataclasses import dataclass, field

import numpy as np
from pydantic import Field

from aggregator.assets.domain._common import Command, Device, Drive, Envelope, Session, SetpointKind, Spec, SpecColumns, Store
from aggregator.kernel.periods import Grid

SETPOINT_KIND: SetpointKind = "import_limit_kw"


class EvStationSpec(Spec):
    connectors: int = Field(gt=0)
    connector_kw: float = Field(gt=0)
    station_limit_kw: float = Field(gt=0)

    @property
    def rated_kw(self) -> float:
        return min(self.station_limit_kw, self.connectors * self.connector_kw)


@dataclass(frozen=True)
class State:
    """Grid-side energy given so far per session [kWh]."""

    charged_kwh: dict[str, float] = field(default_factory=dict)


def initial_state(spec: EvStationSpec) -> State:
    return State()


def fallback(spec: EvStationSpec) -> Command:
    return Command(SETPOINT_KIND, spec.rated_kw)


def _plugged(spec: EvStationSpec, sessions: tuple[Session, ...], at_hours: float) -> list[Session]:
    """Cars that hold a connector: first come, first served; a car without one waits in vain."""
    here = sorted((s for s in sessions if s.arrives_at <= at_hours < s.departs_at), key=lambda s: (s.arrives_at, s.key))
    return here[: spec.connectors]


def step(spec: EvStationSpec, state: State, *, drive: Drive, command: Command | None, at_hours: float, hours: float) -> tuple[State, float]:
    """One step: least laxity first inside the limit; a car that would leave empty charges regardless.

    The driver's need is the owner's limit, so it goes before the setpoint; the station's rating holds always.
    """
    limit_kw = spec.rated_kw
    if command is not None and command.kind == SETPOINT_KIND:
        limit_kw = min(limit_kw, command.value_kw)
    rows = []
    for session in _plugged(spec, drive.sessions, at_hours):
        left_kwh = session.need_kwh - state.charged_kwh.get(session.key, 0.0)
        if left_kwh <= 0:
            continue
        most_kw = min(spec.connector_kw, left_kwh / hours)
        later_kwh = max(0.0, session.departs_at - at_hours - hours) * spec.connector_kw
        least_kw = min(most_kw, max(0.0, (left_kwh - later_kwh) / hours))
        laxity = session.departs_at - at_hours - left_kwh / spec.connector_kw
        rows.append((laxity, session.key, least_kw, most_kw))
    rows.sort()
    given = {key: least for _, key, least, _ in rows}
    room_kw = spec.rated_kw - sum(given.values())
    if room_kw < 0:  # more must-charge than the station can give: rated power, most urgent first
        given, room_kw = {}, spec.rated_kw
        for _, key, least, _ in rows:
            given[key] = min(least, room_kw)
            room_kw -= given[key]
    room_kw = min(room_kw, max(0.0, limit_kw - sum(given.values())))
    for _, key, _, most in rows:
        extra = min(most - given[key], room_kw)
        given[key] += max(0.0, extra)
        room_kw -= max(0.0, extra)
    charged = dict(state.charged_kwh)
    for key, power in given.items():
        charged[key] = charged.get(key, 0.0) + power * hours
    return State(charged), -sum(given.values())


def bounds_of_sessions(
    spec: EvStationSpec, *, grid: Grid, sessions: tuple[Session, ...], charged_kwh: dict[str, float] | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(cap_kw, least_kwh, most_kwh), each (n_periods,): power bound and cumulative energy bounds.

    Session times are hours from grid.starts_at. Bounds per car, then added, then clipped at the
    station's rating (adding first would overstate what can be moved).
    """
    n, h = len(grid), grid.hours
    edges = h * np.arange(n + 1)
    cap, least, most = np.zeros(n), np.zeros(n), np.zeros(n)
    done = charged_kwh or {}
    for session in sessions:
        need = session.need_kwh - done.get(session.key, 0.0)
        here = np.clip(np.minimum(edges[1:], session.departs_at) - np.maximum(edges[:-1], session.arrives_at), 0.0, h)
        possible = np.cumsum(here) * spec.connector_kw
        if need <= 0 or possible[-1] <= 0:
            continue
        # A stay that goes on beyond the grid can still charge there.
        beyond = max(0.0, session.departs_at - max(edges[-1], session.arrives_at)) * spec.connector_kw
        need = min(need, possible[-1] + beyond)
        cap += here / h * spec.connector_kw
        most += np.minimum(possible, need)
        least += np.maximum(0.0, need - (possible[-1] - possible) - beyond)
    cap = np.minimum(cap, spec.rated_kw)
    most = _reachable(most, cap * h)
    return cap, np.minimum(least, most), most


def _reachable(most_kwh: np.ndarray, step_kwh: np.ndarray) -> np.ndarray:
    """Cumulative energy that the station's rating lets through."""
    out, sofar = np.empty_like(most_kwh), 0.0
    for t, (target, step_most) in enumerate(zip(most_kwh, step_kwh, strict=True)):
        sofar = min(target, sofar + step_most)
        out[t] = sofar
    return out


COLUMNS = ("rated_kw", "connector_kw")


def envelope(
    spec: EvStationSpec | SpecColumns,
    *,
    grid: Grid,
    cap_kw: np.ndarray,
    least_kwh: np.ndarray,
    most_kwh: np.ndarray,
    quality: str = "good",
) -> Envelope:
    """Base is charging at once (the most-energy curve); arrays as from bounds_of_sessions, (.., n_periods)."""
    base = -np.diff(most_kwh, prepend=0.0) / grid.hours
    cap = np.maximum(np.minimum(cap_kw, spec.rated_kw), -base)
    return Envelope(grid, base, -cap, np.zeros_like(base), -most_kwh, -least_kwh, quality=quality)


def device(spec: EvStationSpec, envelope: Envelope) -> Device:
    n = len(envelope.grid)
    return Device(
        fixed_kw=np.zeros(n),
        up_kw=np.zeros(n),
        down_kw=-envelope.min_kw,
        store=Store(0.0, -envelope.max_kwh, -envelope.min_kwh, 1.0, 1.0),
        terminal_value_ratio=1.0,
    )
