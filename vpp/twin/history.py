"""Write the synthetic history of a park folder: series/*.parquet, every file labelled synthetic."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from aggregator.assets.domain import Drive, Session, ev_station, parse_spec
from aggregator.assets.domain.ev_station import EvStationSpec
from aggregator.kernel.periods import Grid, midnight
from vpp.park_folder.schema import Asset, ChargingSynthesis, CoolingSynthesis, LoadSynthesis, ParkFolder
from vpp.twin.generator.charging import Stay
from vpp.twin.generator.cooling import CoolingPlan
from vpp.twin.generator.loads import LoadPlan
from vpp.twin.generator.streams import EDITION
from vpp.twin.generator.world import PlannedAsset, SyntheticWorld, make_world

Progress = Callable[[str], None]


@dataclass(frozen=True)
class WrittenFile:
    path: Path
    rows: int
    n_bytes: int


def planned(asset: Asset) -> PlannedAsset:
    """An asset of park.yaml as the generator sees it."""
    spec, how = parse_spec(asset.kind, asset.spec), asset.synthesis
    load = LoadPlan(name=asset.code, **how.model_dump()) if isinstance(how, LoadSynthesis) else None
    use = how.use if isinstance(how, ChargingSynthesis) else ""
    cooling = CoolingPlan(name=asset.code, **how.model_dump()) if isinstance(how, CoolingSynthesis) else None
    return PlannedAsset(asset.code, spec, load=load, use=use, cooling=cooling)


def whole_grid(park: ParkFolder) -> Grid:
    """From the first day of history to the last day that may be replayed, and one more (a plan looks ahead)."""
    first, last = park.history.first, park.replay.last + timedelta(days=1)
    days = (last - first).days + 1
    resolution = timedelta(seconds=park.resolution_s)
    return Grid(midnight(first), resolution, round(timedelta(days=days) / resolution))


def write_history(*, park: ParkFolder, folder: Path, seed: int) -> list[WrittenFile]:
    """Make the world of `park` from `seed` and write it under `folder`/series. The same seed, the same values."""
    grid = whole_grid(park)
    assets = [planned(asset) for asset in park.assets]
    world = make_world(assets, grid=grid, seed=seed, latitude=park.latitude, longitude=park.longitude)
    specs = {asset.code: asset.spec for asset in assets}
    label = {"synthetic": "true", "seed": str(seed), "generator": f"vpp.twin {EDITION}", "park": park.code}
    series = folder / "series"
    series.mkdir(parents=True, exist_ok=True)
    tables = {
        "history.parquet": _power_table(world, specs),
        "sessions.parquet": _sessions_table(world, specs),
        "prices.parquet": _prices_table(world),
        "weather.parquet": _weather_table(world),
    }
    return [_write(series / name, table, label) for name, table in tables.items()]


def _write(path: Path, table: pa.Table, label: dict[str, str]) -> WrittenFile:
    table = table.replace_schema_metadata({**label})
    pq.write_table(table, path, compression="zstd", compression_level=15, use_dictionary=False)
    return WrittenFile(path, table.num_rows, path.stat().st_size)


def _starts(grid: Grid) -> pa.Array:
    return pa.array(grid.epoch_seconds * 1000, pa.timestamp("ms", tz="UTC"))


def _power_table(world: SyntheticWorld, specs: dict) -> pa.Table:
    columns = {"starts_at": _starts(world.sky.grid)}
    for code, kw in sorted(world.natural_kw.items()):
        columns[code] = pa.array(np.round(np.clip(kw, 0, specs[code].rated_kw), 2).astype(np.float32))
    return pa.table(columns)


def _prices_table(world: SyntheticWorld) -> pa.Table:
    return pa.table(
        {
            "starts_at": _starts(world.sky.grid),
            "day_ahead_cny_per_mwh": pa.array(world.day_ahead),
            "real_time_cny_per_mwh": pa.array(world.real_time),
        }
    )


def _weather_table(world: SyntheticWorld) -> pa.Table:
    """The forecast of one day ahead, never the truth."""
    forecast = world.sky.forecast
    return pa.table(
        {
            "starts_at": _starts(world.sky.grid),
            "ghi_wm2": pa.array(np.round(forecast.ghi_w_per_m2, 1).astype(np.float32)),
            "temp_c": pa.array(np.round(forecast.temperature_c, 2).astype(np.float32)),
            "wind_m_per_s": pa.array(np.round(forecast.wind_m_per_s, 2).astype(np.float32)),
        }
    )


def _sessions_table(world: SyntheticWorld, specs: dict) -> pa.Table:
    rows = []
    for code, stays in sorted(world.stays.items()):
        given = charged_kwh(specs[code], stays, world.sky.grid)
        for stay in stays:
            moments = [world.sky.grid.starts_at + timedelta(hours=h) for h in (stay.arrives_h, stay.departs_h)]
            rows.append((code, stay.key, stay.user, *moments, round(given[stay.key], 2), stay.need_kwh))
    names = ["asset", "session_key", "user_key", "plugged_in_at", "plugged_out_at", "energy_kwh", "need_kwh"]
    frame = pd.DataFrame(rows, columns=names)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    for name in ("plugged_in_at", "plugged_out_at"):
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, table.column(name).cast(pa.timestamp("ms", tz="UTC")))
    return table


def charged_kwh(spec: EvStationSpec, stays: list[Stay], grid: Grid) -> dict[str, float]:
    """What each car gets when nobody steers the station: the station's own physics without a command."""
    given: dict[str, float] = {stay.key: 0.0 for stay in stays}
    hours, step_h = grid.hours / 3, 0.0
    end_h = max((stay.departs_h for stay in stays), default=0.0)
    waiting = sorted(stays, key=lambda s: s.arrives_h)
    here: list[Session] = []
    k = 0
    while step_h < end_h:
        while k < len(waiting) and waiting[k].arrives_h <= step_h:
            stay = waiting[k]
            here.append(Session(stay.key, stay.arrives_h, stay.departs_h, stay.need_kwh))
            k += 1
        here = [s for s in here if s.departs_at > step_h]
        if here:
            state = ev_station.State({s.key: given[s.key] for s in here})
            state, _ = ev_station.step(spec, state, drive=Drive(sessions=tuple(here)), command=None, at_hours=step_h, hours=hours)
            given.update(state.charged_kwh)
        step_h += hours
    return given
