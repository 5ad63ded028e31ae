"""On measured series: better than persistence, and bands that hold, on days that nothing was learned from.

Thresholds are what a first run reached, with some room. PVOD does not say when its weather was issued, so its
columns are taken as known in time; figures with weather are therefore optimistic, those without are not.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aggregator.assets.domain import Spec, parse_spec
from aggregator.forecasts.domain import SIGN, Facts, Frame, Place, Score, forecast_asset, score
from aggregator.kernel.periods import Grid, delivery_day, midnight
from tests.unit.aggregator.forecasts.synthetic import QUARTER, nothing

pytestmark = pytest.mark.data
FIRST_NOW = 44  # a re-issue at 11:00


@dataclass(frozen=True)
class Measured:
    kind: str
    spec: Spec
    injection_kw: pd.Series
    weather: pd.DataFrame | None
    place: Place

    def score(self, days: list[date], *, now: bool = False) -> Score:
        forecasts, actuals = [], []
        for day in days:
            grid = delivery_day(day, resolution=QUARTER)
            issued_at = grid.starts_at - timedelta(hours=14)
            if now:
                grid = grid.tail(FIRST_NOW)
                issued_at = grid.starts_at
            frame = Frame(grid, issued_at)
            activity = np.maximum(SIGN[self.kind] * self._on(frame.history_grid, self.injection_kw), 0.0)
            facts = Facts(frame.matrix(activity, frame.history_grid), self.place, self._weather(frame))
            result = forecast_asset(kind=self.kind, frame=frame, spec=self.spec, facts=facts, windows=nothing(frame), last_known_hours=0.0)
            forecasts.append(result.quantiles)
            actuals.append(self._on(grid, self.injection_kw))
        actual = np.stack(actuals)
        size = np.nanmean(np.abs(actual)) if self.kind == "load" else self.spec.rated_kw  # type: ignore[attr-defined]
        return score(forecasts=forecasts, actual_kw=actual, reference_kw=np.full(len(days), size))

    @staticmethod
    def _on(grid: Grid, series: pd.Series) -> np.ndarray:
        return series.reindex(pd.to_datetime(grid.epoch_seconds, unit="s", utc=True)).to_numpy()

    def _weather(self, frame: Frame) -> dict[str, np.ndarray]:
        if self.weather is None:
            return {}
        whole = Grid(midnight(frame.days[0]), QUARTER, 96 * len(frame.days))
        return {name: self._on(whole, self.weather[name]).reshape(-1, 96) for name in self.weather}


def spread(first: str, count: int, step: int) -> list[date]:
    return [date.fromisoformat(first) + timedelta(days=k * step) for k in range(count)]


def pvod_station01(data_root: Path, *, with_weather: bool) -> Measured:
    table = pd.read_parquet(data_root / "pvod" / "station01.parquet")
    table.index = pd.to_datetime(table["time_utc"], utc=True)
    station = pd.read_csv(data_root / "pvod" / "metadata.csv").iloc[1]
    weather = pd.DataFrame(
        {
            "ghi_w_per_m2": table["nwp_globalirrad"].astype(float),
            "direct_w_per_m2": table["nwp_directirrad"].astype(float),
            "temperature_c": table["nwp_temperature"].astype(float),
            "humidity_ratio": table["nwp_humidity"].astype(float) / 100,
        }
    )
    return Measured(
        kind="pv",
        spec=parse_spec("pv", {"rated_kw": 20_000, "tilt_deg": 33}),
        injection_kw=table["power_mw"].astype(float) * 1000,
        weather=weather if with_weather else None,
        place=Place(station["Latitude"], station["Longitude"]),
    )


def steel_plant(data_root: Path) -> Measured:
    table = pd.read_parquet(data_root / "steel_industry_15min.parquet")
    ends = pd.to_datetime(table["time_local"])  # the label is the interval's end
    starts = (ends - pd.Timedelta(minutes=15)).dt.tz_localize("Asia/Seoul").dt.tz_convert("UTC") + pd.Timedelta(hours=1)
    series = pd.Series(-4.0 * table["usage_kwh"].to_numpy(float), index=starts)  # as if its clock were Shanghai's
    return Measured("load", parse_spec("load", {"rated_kw": 650, "must_run_kw": 5}), series, None, Place(35.0, 129.0))


def openstef_287(data_root: Path) -> Measured:
    table = pd.read_parquet(data_root / "openstef" / "load_2sites_15min.parquet")
    table = table[table["pid"] == 287]
    stamps = pd.to_datetime(table["time_utc"], utc=True)
    series = pd.Series(-1000.0 * table["load_mw"].to_numpy(float), index=stamps)
    weather = pd.DataFrame(
        {"temperature_c": table["temp"].to_numpy(float), "ghi_w_per_m2": table["radiation"].to_numpy(float) / 3600}, index=stamps
    )
    rated_kw = float(np.nanmax(-series)) * 1.1
    return Measured("load", parse_spec("load", {"rated_kw": rated_kw, "must_run_kw": 0}), series, weather, Place(52.0, 5.0))


def wind_site(data_root: Path, site: str, *, with_weather: bool = True) -> Measured:
    """Power is negative in the file; its labels and those of the forecast wind fit best 3.5 h apart."""
    table = pd.read_parquet(data_root / "openstef" / "pv_wind_5substations_15min.parquet")
    table = table[table["site"] == site]
    stamps = pd.to_datetime(table["time_utc"], utc=True)
    power = pd.Series(np.maximum(-1000.0 * table["total_wind_part"].to_numpy(float), 0.0), index=stamps)
    speed = pd.DataFrame({"wind_100m_m_per_s": table["windspeed_100m"].to_numpy(float)}, index=stamps + pd.Timedelta(hours=3.5))
    spec = parse_spec("wind", {"rated_kw": float(power.quantile(0.9995))})
    return Measured("wind", spec, power, speed if with_weather else None, Place(52.0, 5.0))


def assert_better(result: Score, *, than_persistence: float, covered: tuple[float, float] = (0.72, 0.90)) -> None:
    assert result.reason == ""
    assert result.nmae_ratio < than_persistence * result.nmae_persistence_ratio
    assert covered[0] < result.coverage_p10_p90_ratio < covered[1]


def test_pv_day_ahead_with_weather(data_root: Path) -> None:
    assert_better(pvod_station01(data_root, with_weather=True).score(spread("2018-11-01", 60, 3)), than_persistence=0.65)


def test_pv_day_ahead_without_weather(data_root: Path) -> None:
    assert_better(pvod_station01(data_root, with_weather=False).score(spread("2018-11-01", 60, 3)), than_persistence=0.88)


def test_pv_reissue(data_root: Path) -> None:
    station = pvod_station01(data_root, with_weather=True)
    days = spread("2018-11-01", 60, 3)
    result = station.score(days, now=True)
    assert_better(result, than_persistence=0.6)


def test_steel_plant_day_ahead_and_reissue(data_root: Path) -> None:
    plant, days = steel_plant(data_root), spread("2018-04-01", 40, 6)
    assert_better(plant.score(days), than_persistence=1.0, covered=(0.75, 0.92))
    assert_better(plant.score(days, now=True), than_persistence=0.8, covered=(0.75, 0.92))


def test_substation_load_day_ahead_and_reissue(data_root: Path) -> None:
    load, days = openstef_287(data_root), spread("2020-12-05", 50, 1)
    assert_better(load.score(days), than_persistence=0.85)
    assert_better(load.score(days, now=True), than_persistence=0.7)


@pytest.mark.parametrize("site", ["HAL", "LLS", "WEW"])
def test_wind_bands_hold_through_a_stormy_autumn(data_root: Path, site: str) -> None:
    """Thirteen weeks in all: too few for claims of skill, enough to see bands that are too narrow."""
    days = spread("2021-08-30", 28, 2)
    for with_weather, better_than in ((True, 0.7), (False, 1.0)):
        turbines = wind_site(data_root, site, with_weather=with_weather)
        for now in (False, True):
            assert_better(turbines.score(days, now=now), than_persistence=better_than, covered=(0.72, 0.92))
