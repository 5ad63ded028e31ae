"""Public charging sessions as product columns.

Sorensen et al., Data in Brief (2024), doi 10.1016/j.dib.2024.110883 (Norwegian sites) and Mendeley Data jbks2rcwyj (Trondheim).
Site TRO_R of the first is the second again and is left out. Clock times are local; the length of a stay is the published one, since
clock times subtracted are an hour wrong across a clock change. Stays without an end are left out (0.1 to 0.5 % of a file).
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from aggregator.forecasts.domain.engine.days import Days
from aggregator.kernel.calendar import DayType

OSLO = ZoneInfo("Europe/Oslo")
SHARED_USERS = ("Shared",)  # one key for many people: no habit to learn
LEAST_SESSIONS = 1500  # of a site that a figure is made of
SATURDAY = 5


@dataclass(frozen=True)
class Sessions:
    """`table`: one row per stay, by arrival: site (index into `sites`), user (number, -1 = not one person), arrives_at and departs_at
    [h since midnight before the first day, local clock], stay_hours, need_kwh.
    """

    sites: tuple[str, ...]
    days: Days
    table: pd.DataFrame


def read_sessions(data_root: Path, *, slots: int = 96) -> Sessions | None:
    """None where neither file is there."""
    parts = [part for part in (_norway(data_root / "ev"), _trondheim(data_root / "ev")) if part is not None]
    if not parts:
        return None
    table = pd.concat(parts, ignore_index=True).dropna(subset=["stay_hours"])
    sizes = table["place"].value_counts()
    sites = tuple(sorted(sizes[sizes >= LEAST_SESSIONS].index))
    table = table[table["place"].isin(sites) & (table["stay_hours"] > 0)].sort_values(["plugged_at", "place"], ignore_index=True)
    first = table["plugged_at"].min().date()
    days = Days(first, (table["plugged_at"].max().date() - first).days + 1, slots, OSLO, _norwegian_day_type)
    start = pd.Timestamp(first)
    begins = table["plugged_at"].dt.tz_localize(OSLO, ambiguous=np.zeros(len(table), bool), nonexistent="shift_forward")
    ends = (begins + pd.to_timedelta(table["stay_hours"], unit="h")).dt.tz_localize(None)
    users = pd.factorize(table["place"] + "/" + table["user"])[0]
    return Sessions(
        sites,
        days,
        pd.DataFrame(
            {
                "site": table["place"].map(sites.index),
                "user": np.where(table["shared"], -1, users),
                "arrives_at": (table["plugged_at"] - start) / pd.Timedelta(hours=1),
                "departs_at": (ends - start) / pd.Timedelta(hours=1),
                "stay_hours": table["stay_hours"].astype(float),
                "need_kwh": table["kwh"].astype(float),
            }
        ),
    )


def _norway(folder: Path) -> pd.DataFrame | None:
    path = folder / "norway_sessions.parquet"
    if not path.exists():
        return None
    table = pd.read_parquet(path)
    table = table[table["location"] != "TRO_R"]
    return pd.DataFrame(
        {
            "place": table["location"],
            "user": table["user_id"],
            "shared": False,
            "plugged_at": table["plugin_time"],
            "stay_hours": table["connection_time"],
            "kwh": table["energy_session"],
        }
    )


def _trondheim(folder: Path) -> pd.DataFrame | None:
    path = folder / "trondheim_sessions.parquet"
    if not path.exists():
        return None
    table = pd.read_parquet(path)
    return pd.DataFrame(
        {
            "place": "Trondheim",
            "user": table["User_ID"],
            "shared": table["User_type"].isin(SHARED_USERS),
            "plugged_at": table["Start_plugin"],
            "stay_hours": table["Duration_hours"],
            "kwh": table["El_kWh"],
        }
    )


def _norwegian_day_type(day: date) -> DayType:
    """Weekends only: what is public about the sites does not say which holidays they keep."""
    return "weekend" if day.weekday() >= SATURDAY else "working"
