"""What assets of a kind generated or consumed when nobody interfered, day by day, as it was known at a time."""

from datetime import datetime

import numpy as np

from aggregator.assets.domain import air_conditioning
from aggregator.assets.domain.air_conditioning import AirConditioningSpec
from aggregator.assets.domain.ev_station import EvStationSpec
from aggregator.assets.queries import CommitmentWindow, Member, commitments
from aggregator.forecasts.domain import Days, charging_at_once
from aggregator.forecasts.operations._sessions import stays_of
from aggregator.forecasts.queries import NOT_LEARNED
from aggregator.kernel.periods import Grid, midnight
from aggregator.telemetry import queries as telemetry


def learned_activity(*, members: list[Member], days: Days, until: datetime, known_at: datetime, sign: int) -> np.ndarray:
    """(N, D, S) kW, >= 0, of what had ended by `until`; NaN = not known, marked, or not to be learned from.

    Of one kind. Rooms are as if they had been held at their set point; stations without power telemetry as their sessions tell.
    """
    grid = _grid(days, until)
    ids = [member.asset_id for member in members]
    power = telemetry.power(asset_ids=ids, grid=grid, known_at=known_at, good_only=True)
    windows = commitments(asset_ids=ids, starts_at=grid.starts_at, ends_at=grid.ends_at, known_at=known_at, kinds=NOT_LEARNED)
    rooms = {}
    if any(isinstance(member.spec, AirConditioningSpec) for member in members):
        rooms = dict(zip(ids, telemetry.soc(asset_ids=ids, grid=grid, known_at=known_at), strict=True))
    activity = np.empty_like(power)
    for k, member in enumerate(members):
        own = [window for window in windows if window.asset_id == member.asset_id]
        learned = np.where(_covered(grid, own, NOT_LEARNED), np.nan, power[k])
        if isinstance(member.spec, AirConditioningSpec):
            learned = _as_at_set_point(grid, member.spec, own, power[k], rooms[member.asset_id], learned)
        activity[k] = np.maximum(sign * learned, 0.0)
    _fill_stations(activity, members, grid, known_at)
    day, slot = days.place(grid)
    inside = (day >= 0) & (day < days.count)
    out = np.full((len(members), days.count, days.slots), np.nan, np.float32)
    out[:, day[inside], slot[inside]] = activity[:, inside]
    return out


def _grid(days: Days, until: datetime) -> Grid:
    starts_at = midnight(days.first, tz=days.tz)
    return Grid(starts_at, days.resolution, max(0, (until - starts_at) // days.resolution))


def _fill_stations(activity: np.ndarray, members: list[Member], grid: Grid, known_at: datetime) -> None:
    """Stations that never told their power: charging at once, as their sessions tell."""
    silent = [k for k, m in enumerate(members) if isinstance(m.spec, EvStationSpec) and not np.isfinite(activity[k]).any()]
    if not silent or not len(grid):
        return
    ids = [members[k].asset_id for k in silent]
    rows = telemetry.sessions(asset_ids=ids, starts_at=grid.starts_at, ends_at=grid.ends_at, known_at=known_at)
    for k in silent:
        spec = members[k].spec
        if isinstance(spec, EvStationSpec):
            activity[k] = charging_at_once(grid=grid, spec=spec, stays=stays_of(rows.get(members[k].asset_id, []), grid.starts_at))


def _as_at_set_point(
    grid: Grid, spec: AirConditioningSpec, own: list[CommitmentWindow], power: np.ndarray, room: np.ndarray, learned: np.ndarray
) -> np.ndarray:
    """What holds the set point, worked out from power and room where both are known, moved by us or not; else what was learned."""
    found = air_conditioning.natural_kw(spec, consumed_kw=-power, soc_ratio=room, hours=grid.hours)
    told = np.isfinite(found) & ~_covered(grid, own, ("event_day", "outage"))
    return np.where(told, -np.minimum(found, spec.rated_kw), learned)


def _covered(grid: Grid, windows: list[CommitmentWindow], kinds: tuple[str, ...]) -> np.ndarray:
    mask = np.zeros(len(grid), dtype=bool)
    for window in windows:
        if window.kind in kinds:
            mask[grid.window(window.starts_at, window.ends_at)] = True
    return mask
