"""The actual world of one day, for the park twin: what happens whatever we do."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from aggregator.assets.domain import Session
from aggregator.assets.domain.ev_station import EvStationSpec
from aggregator.assets.domain.two_way_charger import TwoWayChargerSpec
from aggregator.kernel.errors import Anticipated
from aggregator.kernel.periods import Grid
from vpp.park_folder.booked import sessions_from
from vpp.park_folder.charging import Stay, as_sessions, unsteered
from vpp.park_folder.contents import Contents, ContentsReader, days_grid
from vpp.park_folder.problems import Findings
from vpp.park_folder.reader import read_descriptor
from vpp.park_folder.schema import ParkFolder


class WorldIncomplete(Anticipated):
    code = "park_folder.world_incomplete"
    text = "%(day)s cannot be played: values are missing for %(series)s. Missing is not zero; choose another day."
    status = 422


@dataclass(frozen=True)
class World:
    """One or more local days, complete. Arrays have shape (n_periods,) of `grid`; session times are hours from its start.

    `natural_kw` >= 0: what generators could make and loads want [kW]; charging stations have `sessions`,
    with the energy [kWh] that each car still needs at the grid's start.
    """

    day: date
    grid: Grid
    natural_kw: dict[str, np.ndarray]
    sessions: dict[str, tuple[Session, ...]]
    day_ahead_cny_per_mwh: np.ndarray
    real_time_cny_per_mwh: np.ndarray


def load_world(*, park_dir: Path, data_root: Path | None, day: date, n_days: int = 1) -> World:
    """The world of `n_days` local days from `day`. Raises ParkRefused, WorldIncomplete."""
    park = read_descriptor(park_dir)
    findings = Findings()
    reader = ContentsReader(park=park, park_dir=park_dir, data_root=data_root, findings=findings, progress=lambda text: None)
    last = day + timedelta(days=n_days - 1)
    # Cars that came the evening before have charged by midnight; what they still need is told by that day.
    contents = reader.read(first=day - timedelta(days=1), last=last, weather_last=last)
    findings.refuse()
    assert contents is not None
    grid = days_grid(day, last, resolution=contents.grid.resolution)
    skip = len(contents.grid) - len(grid)
    series = {"day_ahead": contents.day_ahead_cny_per_mwh[skip:], "real_time": contents.real_time_cny_per_mwh[skip:]}
    natural = {code: kw[skip:] for code, kw in contents.natural_kw.items() if code not in contents.stays}
    missing = sorted(name for name, values in {**natural, **series}.items() if np.isnan(values).any())
    if missing:
        raise WorldIncomplete(day=day.isoformat(), series=", ".join(missing))
    return World(
        day=day,
        grid=grid,
        natural_kw=natural,
        sessions=_sessions(park, contents, grid),
        day_ahead_cny_per_mwh=series["day_ahead"],
        real_time_cny_per_mwh=series["real_time"],
    )


def _sessions(park: ParkFolder, contents: Contents, grid: Grid) -> dict[str, tuple[Session, ...]]:
    specs = {asset.code: EvStationSpec.model_validate(asset.spec) for asset in park.assets if asset.kind == "ev_station"}
    before = Grid(contents.grid.starts_at, grid.resolution, len(contents.grid) - len(grid))
    out = {}
    for code, stays in sorted(contents.stays.items()):
        earlier = [stay for stay in stays if stay.plugged_in_at < grid.starts_at]
        _kw, charged = unsteered(specs[code], earlier, grid=before)
        here = [stay for stay in stays if stay.plugged_out_at is not None and stay.plugged_out_at > grid.starts_at]
        out[code] = as_sessions([_what_is_left(stay, charged.get(stay.key, 0.0)) for stay in here], origin=grid.starts_at)
    for asset in park.assets:
        if asset.kind == "two_way_charger":
            out[asset.code] = sessions_from(TwoWayChargerSpec.model_validate(asset.spec), grid)
    return out


def _what_is_left(stay: Stay, charged_kwh: float) -> Stay:
    left_kwh = max(0.0, stay.need_kwh - charged_kwh)
    return Stay(stay.key, stay.user, stay.plugged_in_at, stay.plugged_out_at, stay.energy_kwh, left_kwh)
