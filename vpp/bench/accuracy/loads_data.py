"""Public load series as product columns; what each file gets wrong is put right here."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from aggregator.forecasts.domain.engine.days import Days
from aggregator.forecasts.domain.engine.history import History
from aggregator.forecasts.domain.engine.load import Load, known_columns
from aggregator.kernel.calendar import DayType, day_type
from aggregator.kernel.periods import SHANGHAI
from vpp.bench.accuracy.workdays import workdays_of

SLOTS = 96
QUARTER = timedelta(days=1) / SLOTS


@dataclass(frozen=True)
class Series:
    """`load_kw` and weather columns on UTC period starts, NaN where not measured.

    `net`: with generation of its own; `lumpy`: one plant with few large machines.
    """

    name: str
    table: pd.DataFrame
    tz: ZoneInfo
    type_of: Callable[[date], DayType]
    net: bool
    lumpy: bool
    note: str

    def history(self, most_days: int | None = None) -> History:
        """One asset over its whole local days, activity over the mean size of its load."""
        local = self.table.tz_convert(self.tz)
        first, last = local.index[0].date() + timedelta(days=1), local.index[-1].date()
        count = min((last - first).days, most_days or 10**6)
        days = Days(first, count, SLOTS, self.tz, self.type_of)
        clock = local.tz_localize(None)
        clock = clock[~clock.index.duplicated()]  # of a repeated hour the first
        clock = clock.reindex(pd.date_range(first, periods=count * SLOTS, freq=QUARTER))
        shaped = {name: clock[name].to_numpy(float).reshape(1, count, SLOTS) for name in clock}
        load_kw = shaped.pop("load_kw")
        return History(days, load_kw / np.nanmean(np.abs(load_kw)), known_columns(days=days, weather=shaped))

    @property
    def family(self) -> Load:
        plain = Load()
        return replace(plain, settings=replace(plain.settings, floor=-np.inf)) if self.net else plain


def steel_plant(data_root: Path) -> Series | None:
    """UCI "Steel Industry Energy Consumption", one plant in Korea; kWh per quarter, labelled by the interval's end."""
    path = data_root / "steel_industry_15min.parquet"
    if not path.exists():
        return None
    table = pd.read_parquet(path)
    starts = pd.to_datetime(table["time_local"]) - QUARTER
    load = pd.DataFrame(
        {"load_kw": 4.0 * table["usage_kwh"].to_numpy(float)}, index=starts.dt.tz_localize("Asia/Seoul").dt.tz_convert("UTC")
    )
    return Series("steel plant", load, ZoneInfo("Asia/Seoul"), workdays_of("KR"), False, True, "one lumpy plant; no weather")


def substation(data_root: Path, pid: int) -> Series | None:
    """A Dutch substation of the OpenSTEF example: net consumption with embedded PV and wind, and its weather forecast."""
    path = data_root / "openstef" / "load_2sites_15min.parquet"
    if not path.exists():
        return None
    table = pd.read_parquet(path)
    table = table[table["pid"] == pid]
    columns = {
        "load_kw": 1000.0 * table["load_mw"].to_numpy(float),
        "temperature_c": table["temp"].to_numpy(float),
        "ghi_w_per_m2": table["radiation"].to_numpy(float) / 3600,  # J/m2 per hour in the file
        "wind_100m_m_per_s": table["windspeed_100m"].to_numpy(float),
    }
    load = pd.DataFrame(columns, index=pd.to_datetime(table["time_utc"], utc=True)).sort_index()
    load = load[: load["load_kw"].last_valid_index()]
    note = "net load; 17 weeks; weather of unknown lead, probably the latest run"
    return Series(f"nl_{pid}", load, ZoneInfo("Europe/Amsterdam"), workdays_of("NL"), True, False, note)


def teddy_region(data_root: Path) -> Series | None:
    """A Chinese region, TipDM Cup 2022. A region does not fall below a third of its usual load: such values are outages of the meter."""
    path = data_root / "load_cn" / "teddy_region_15min.parquet"
    if not path.exists():
        return None
    table = pd.read_parquet(path)
    load_kw = table["load_kw"].astype(float)
    load_kw = load_kw.where(load_kw > 0.3 * load_kw.median())
    load = pd.DataFrame({"load_kw": load_kw.to_numpy()}, index=table["time_cst"].dt.tz_localize(SHANGHAI).dt.tz_convert("UTC"))
    return Series("region (Teddy)", load, SHANGHAI, day_type, False, False, "no weather; values under 30 % of the median left out")
