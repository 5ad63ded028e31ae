"""Charging sessions from a table, and what they draw where nobody steers."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from django.utils.translation import gettext as _

from aggregator.assets.domain import Drive, Session
from aggregator.assets.domain import ev_station as physics
from aggregator.kernel.periods import Grid
from vpp.park_folder.problems import Findings
from vpp.park_folder.schema import SessionsSource
from vpp.park_folder.tables import Tables, file_line
from vpp.park_folder.times import read_times


@dataclass(frozen=True)
class Stay:
    """One car's stay. `plugged_out_at` None: the source does not know its end."""

    key: str
    user: str
    plugged_in_at: datetime
    plugged_out_at: datetime | None
    energy_kwh: float
    need_kwh: float


def read_stays(source: SessionsSource, *, station: str, tables: Tables, findings: Findings) -> list[Stay] | None:
    """Stays of one station by plug-in and key; None, with problems, where the table cannot be read.

    Open stays (no end) and stays without energy are left out and counted in a notice.
    """
    named = (source.session_key, source.plugged_in_at, source.energy_kwh)
    maybe = (source.user_key, source.plugged_out_at, source.duration_hours, source.need_kwh, source.asset)
    read = tables.read(source, columns=[*named, *(column for column in maybe if column is not None)])
    if read is None:
        return None
    path, frame = read
    if source.asset is not None:
        frame = frame[frame[source.asset].astype(str) == station]
    if frame.empty:
        findings.problem("sessions.none", path, None, _("there is no session of %(station)s") % {"station": station})
        return None
    return _stays(source, frame, path, station, findings)


def _numbers(frame: pd.DataFrame, column: str) -> np.ndarray:
    return pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)


def _stays(source: SessionsSource, frame: pd.DataFrame, path: Path, station: str, findings: Findings) -> list[Stay] | None:
    starts = read_times(frame[source.plugged_in_at], zone=source.zone, shift=source.shift, path=path, findings=findings)
    if starts is None:
        return None
    if source.duration_hours is not None:
        ends: pd.Series | None = starts + pd.to_timedelta(_numbers(frame, source.duration_hours), unit="h").round("s")
    else:
        out = frame[source.plugged_out_at]
        ends = read_times(out, zone=source.zone, shift=source.shift, path=path, findings=findings, optional=True)
    if ends is None:
        return None
    keys = frame[source.session_key].astype(str)
    if keys.duplicated().any():
        row = int(frame.index[keys.duplicated().to_numpy()][0])
        findings.problem("sessions.duplicate", path, file_line(path, row), _("the session %(key)s is given twice") % {"key": keys.loc[row]})
        return None
    backwards = (ends <= starts).to_numpy()
    if backwards.any():
        row = int(frame.index[backwards][0])
        findings.problem(
            "sessions.backwards",
            path,
            file_line(path, row),
            _("%(count)s sessions end before they begin") % {"count": int(backwards.sum())},
        )
        return None
    energy = _numbers(frame, source.energy_kwh)
    need = energy if source.need_kwh is None else _numbers(frame, source.need_kwh)
    usable = ends.notna().to_numpy() & np.isfinite(energy) & np.isfinite(need) & (energy >= 0) & (need >= 0)
    if not usable.all():
        text = _("%(station)s: %(count)s sessions without end or energy are left out")
        row = int(frame.index[~usable][0])
        findings.notice("sessions.incomplete", path, file_line(path, row), text % {"station": station, "count": int((~usable).sum())})
    users = frame[source.user_key].astype(str) if source.user_key is not None else pd.Series("", index=frame.index)
    rows = zip(keys[usable], users[usable], starts[usable], ends[usable], energy[usable], need[usable], strict=True)
    stays = [Stay(key, user, a.to_pydatetime(), b.to_pydatetime(), float(kwh), float(want)) for key, user, a, b, kwh, want in rows]
    return sorted(stays, key=lambda stay: (stay.plugged_in_at, stay.key))


def as_sessions(stays: list[Stay], *, origin: datetime) -> tuple[Session, ...]:
    """The stays in hours from `origin`, as the station's physics takes them."""
    hour = timedelta(hours=1)
    return tuple(
        Session(stay.key, (stay.plugged_in_at - origin) / hour, (stay.plugged_out_at - origin) / hour, stay.need_kwh)
        for stay in stays
        if stay.plugged_out_at is not None
    )


def unsteered(spec: physics.EvStationSpec, stays: list[Stay], *, grid: Grid) -> tuple[np.ndarray, dict[str, float]]:
    """(consumption [kW, >= 0] per period, energy charged by the end of `grid` per session key [kWh])."""
    sessions = sorted(as_sessions(stays, origin=grid.starts_at), key=lambda s: s.arrives_at)
    state, power = physics.initial_state(spec), np.zeros(len(grid))
    here: list[Session] = []
    coming = 0
    for t in range(len(grid)):
        at_hours = t * grid.hours
        while coming < len(sessions) and sessions[coming].arrives_at <= at_hours:
            here.append(sessions[coming])
            coming += 1
        here = [session for session in here if session.departs_at > at_hours]
        state, injection = physics.step(spec, state, drive=Drive(sessions=tuple(here)), command=None, at_hours=at_hours, hours=grid.hours)
        power[t] = -injection
    return power, state.charged_kwh
