"""Public PV series as product columns; what each file gets wrong is put right here.

PVOD v1.0: Yao et al., Solar Energy 230 (2021), doi 10.11922/sciencedb.01094. State Grid sites: Chen and Xu, Scientific Data 9:577 (2022).
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from aggregator.forecasts.domain.engine.days import Days
from aggregator.forecasts.domain.engine.history import History
from aggregator.forecasts.domain.engine.pv_columns import known_columns
from aggregator.kernel.periods import SHANGHAI

SLOTS = 96
QUARTER = timedelta(days=1) / SLOTS
PVOD_STATIONS = ("station00", "station01", "station02", "station03", "station04")
PVOD_WEATHER = {
    "ghi_w_per_m2": ("nwp_globalirrad", 1.0),
    "direct_w_per_m2": ("nwp_directirrad", 1.0),
    "temperature_c": ("nwp_temperature", 1.0),
    "humidity_ratio": ("nwp_humidity", 0.01),
    "wind_m_per_s": ("nwp_windspeed", 1.0),
}
STATE_GRID_KW = {"site1_50MW": 50_000.0, "site3_30MW": 30_000.0}
STATE_GRID_LATITUDE, STATE_GRID_TILT = 38.0, 33.0  # not published: the middle of China's solar north, and a usual plane there
CHINA_MERIDIAN = 120.0
USUAL_QUANTILE = 0.9995


@dataclass(frozen=True)
class Plants:
    """activity (N, D, S) over `scale_kw` (N,) = the larger of nameplate and 99.95 % quantile; weather (N, D, S), {} without."""

    names: tuple[str, ...]
    days: Days
    activity: np.ndarray
    scale_kw: np.ndarray
    latitude: np.ndarray
    longitude: np.ndarray
    tilt_deg: np.ndarray
    weather: dict[str, np.ndarray]

    def history(self, *, with_weather: bool) -> History:
        columns = known_columns(
            days=self.days,
            latitude=self.latitude,
            longitude=self.longitude,
            tilt_deg=self.tilt_deg,
            azimuth_deg=np.full(len(self.names), 180.0),
            weather=self.weather if with_weather else {},
        )
        return History(self.days, self.activity, columns)

    @property
    def first_day(self) -> np.ndarray:
        """(N,) index of the first day that is nearly whole."""
        return np.argmax(np.isfinite(self.activity).mean(axis=-1) > 0.9, axis=1)


def pvod(data_root: Path) -> Plants | None:
    """The stations whose files are there; None without any. Their clock is UTC, their days begin at 16:00 UTC, local midnight."""
    names = tuple(name for name in PVOD_STATIONS if (data_root / "pvod" / f"{name}.parquet").exists())
    if not names:
        return None
    metadata = pd.read_csv(data_root / "pvod" / "metadata.csv").set_index("Station_ID").loc[list(names)]
    tables = [_by_time(pd.read_parquet(data_root / "pvod" / f"{name}.parquet"), "time_utc", "UTC") for name in names]
    days = _days(tables)
    weather = {
        column: np.stack([_shaped(table[source].astype(float) * unit, days) for table in tables])
        for column, (source, unit) in PVOD_WEATHER.items()
    }
    tilt = metadata["Array_Tilt"].str.extract(r"(\d+)")[0].astype(float).to_numpy()
    power_kw = np.stack([_shaped(table["power_mw"].astype(float) * 1000, days) for table in tables])
    place = (metadata["Latitude"].to_numpy(float), metadata["Longitude"].to_numpy(float), tilt)
    return _plants(names, days, power_kw, metadata["Capacity"].to_numpy(float), place, weather)


def state_grid(data_root: Path, name: str) -> Plants | None:
    """One site; its place is not published: the meridian is that of its power-weighted noon, latitude and plane are usual ones."""
    path = data_root / "stategrid_solar" / f"{name}.parquet"
    if not path.exists():
        return None
    table = _by_time(pd.read_parquet(path), "time_cst", "Asia/Shanghai")
    days = _days([table])
    power_kw = _shaped(table["power_mw"].astype(float) * 1000, days)[None]
    generated = np.nansum(np.maximum(power_kw, 0.0), axis=(0, 1))
    noon_hours = float((generated * days.clock_hours).sum() / generated.sum())
    place = (np.array([STATE_GRID_LATITUDE]), np.array([CHINA_MERIDIAN - 15 * (noon_hours - 12)]), np.array([STATE_GRID_TILT]))
    return _plants((name,), days, power_kw, np.array([STATE_GRID_KW[name]]), place, {})


def _plants(
    names: tuple[str, ...],
    days: Days,
    power_kw: np.ndarray,
    nameplate_kw: np.ndarray,
    place: tuple[np.ndarray, np.ndarray, np.ndarray],
    weather: dict[str, np.ndarray],
) -> Plants:
    power_kw = np.maximum(power_kw, 0.0)  # what a plant takes at night is not generation
    scale_kw = np.maximum(nameplate_kw, np.nanquantile(power_kw.reshape(len(names), -1), USUAL_QUANTILE, axis=1))
    latitude, longitude, tilt = place
    return Plants(names, days, power_kw / scale_kw[:, None, None], scale_kw, latitude, longitude, tilt, weather)


def _by_time(table: pd.DataFrame, column: str, zone: str) -> pd.DataFrame:
    stamps = pd.DatetimeIndex(pd.to_datetime(table[column]))
    table.index = stamps.tz_localize(zone) if stamps.tz is None else stamps
    return table[~table.index.duplicated()].sort_index()


def _days(tables: list[pd.DataFrame]) -> Days:
    """All local days that any table touches."""
    first = min(table.index[0] for table in tables).tz_convert(SHANGHAI).date()
    last = max(table.index[-1] for table in tables).tz_convert(SHANGHAI).date()
    return Days(first, (last - first).days + 1, SLOTS)


def _shaped(series: pd.Series, days: Days) -> np.ndarray:
    """(D, S)."""
    grid = pd.date_range(pd.Timestamp(days.first, tz=SHANGHAI), periods=days.count * days.slots, freq=QUARTER)
    return series.reindex(grid).to_numpy(float).reshape(days.count, days.slots)
