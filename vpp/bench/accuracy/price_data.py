"""Public spot prices by local day and slot; what each file gets wrong is put right here."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from aggregator.forecasts.domain.engine.days import Days
from aggregator.kernel.calendar import day_type
from vpp.bench.accuracy.workdays import workdays_of


@dataclass(frozen=True)
class Prices:
    """prices (D, S); `published`: forecasts of others for the same days, (D, S) each."""

    name: str
    unit: str
    days: Days
    prices: np.ndarray
    prices_known_days: int
    published: dict[str, np.ndarray] = field(default_factory=dict)
    note: str = ""


def european(data_root: Path, zone: str, country: str) -> Prices | None:
    """Day-ahead prices of the epftoolbox benchmark, hourly; days of a clock change were made 24 hours long there."""
    path = data_root / "price" / "epf_de_np_hourly.parquet"
    if not path.exists():
        return None
    table = pd.read_parquet(path)
    table = table[table["zone"] == zone].sort_values("time_local")
    days = Days(table["time_local"].iloc[0].date(), len(table) // 24, 24, type_of=workdays_of(country))
    published = {name: table[f"{name}_forecast"].to_numpy(float).reshape(-1, 24) for name in ("lear", "dnn")}
    return Prices(zone, "EUR/MWh", days, table["price"].to_numpy(float).reshape(-1, 24), 1, published)


def chinese_province(data_root: Path, prices_known_days: int) -> Prices | None:
    """An unnamed province, hourly prices written four times, labelled by the interval's end; floor -80. None after June 2023."""
    path = data_root / "price" / "cn_provincial_15min.parquet"
    if not path.exists():
        return None
    table = pd.read_parquet(path).dropna(subset=["price_cny_mwh"])
    starts = table["time_cst_end"] - pd.Timedelta(minutes=15)
    series = pd.Series(table["price_cny_mwh"].to_numpy(float), index=starts).resample("1h").mean()
    whole = series.reindex(pd.date_range(series.index[0].normalize(), series.index[-1].normalize() + pd.Timedelta(hours=23), freq="1h"))
    days = Days(whole.index[0].date(), len(whole) // 24, 24, type_of=day_type)
    known = f"prices known to day -{prices_known_days}"
    note = f"{known}; the file does not say whether its prices are day-ahead or real-time"
    return Prices(f"CN province, {known}", "CNY/MWh", days, whole.to_numpy().reshape(-1, 24), prices_known_days, note=note)
