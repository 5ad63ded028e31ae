"""Public wind series as product columns: three substations of the OpenSTEF example (Alliander, Netherlands, MPL-2.0)."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from aggregator.forecasts.domain.engine.days import Days
from aggregator.forecasts.domain.engine.history import History
from aggregator.forecasts.domain.engine.wind import known_columns

SITES = ("HAL", "LLS", "WEW")
SLOTS = 96
QUARTER = timedelta(days=1) / SLOTS
UTC = ZoneInfo("UTC")
RATED_WIND, HUB_HEIGHT = 12.0, 100.0  # not published: usual ones
MOST_SHIFT = 32  # slots to either side
USUAL_QUANTILE = 0.9995


@dataclass(frozen=True)
class Parks:
    """activity (N, D, S) over the 99.95 % quantile; speed [m/s at 100 m] moved by `shift` slots, so that it fits the power's labels."""

    names: tuple[str, ...]
    days: Days
    activity: np.ndarray
    speed: np.ndarray
    shift: int

    def history(self, *, with_weather: bool = True) -> History:
        columns = known_columns(
            days=self.days,
            rated_wind_m_per_s=np.full(len(self.names), RATED_WIND),
            hub_height_m=np.full(len(self.names), HUB_HEIGHT),
            weather={"wind_100m_m_per_s": self.speed} if with_weather else {},
        )
        return History(self.days, self.activity, columns)


def substations(data_root: Path) -> Parks | None:
    """Generation is negative in the file. Power and wind disagree on the clock: one shift for all sites, that of the best correlation."""
    path = data_root / "openstef" / "pv_wind_5substations_15min.parquet"
    if not path.exists():
        return None
    table = pd.read_parquet(path)
    parts = [table[table["site"] == site].set_index("time_utc").sort_index() for site in SITES]
    first = max(part.index[0] for part in parts).date() + timedelta(days=1)
    days = Days(first, (min(part.index[-1] for part in parts).date() - first).days, SLOTS, UTC)
    power_kw = np.stack([_flat(-1000.0 * part["total_wind_part"].astype(float), days) for part in parts])
    speed = np.stack([_flat(part["windspeed_100m"].astype(float), days) for part in parts])
    power_kw = np.maximum(power_kw, 0.0)
    shift = best_shift(power_kw, speed)
    moved = np.full(speed.shape, np.nan)
    source = np.arange(speed.shape[1]) - shift
    inside = (source >= 0) & (source < speed.shape[1])
    moved[:, inside] = speed[:, source[inside]]
    shape = (len(SITES), days.count, SLOTS)
    activity = power_kw / np.nanquantile(power_kw, USUAL_QUANTILE, axis=1)[:, None]
    return Parks(SITES, days, activity.reshape(shape), moved.reshape(shape), shift)


def best_shift(power: np.ndarray, speed: np.ndarray) -> int:
    """Slots by which speed (N, T) comes too early for power (N, T): the largest mean correlation of power with (speed to rated)^2."""
    pushed = np.minimum(speed, RATED_WIND) ** 2
    kept = slice(MOST_SHIFT, power.shape[1] - MOST_SHIFT)

    def fit(shift: int) -> float:
        return float(np.mean([_correlation(p[kept], np.roll(v, shift)[kept]) for p, v in zip(power, pushed, strict=True)]))

    return max(range(-MOST_SHIFT, MOST_SHIFT + 1), key=fit)


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    both = np.isfinite(one) & np.isfinite(other)
    return float(np.corrcoef(one[both], other[both])[0, 1])


def _flat(series: pd.Series, days: Days) -> np.ndarray:
    grid = pd.date_range(days.first, periods=days.count * days.slots, freq=QUARTER, tz="UTC")
    return series.reindex(grid).to_numpy(float)
