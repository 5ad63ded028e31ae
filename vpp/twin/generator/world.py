"""All series of a synthetic park together."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from aggregator.assets.domain import Spec
from aggregator.assets.domain.air_conditioning import AirConditioningSpec
from aggregator.assets.domain.ev_station import EvStationSpec
from aggregator.assets.domain.generation import PvSpec, WindSpec
from aggregator.kernel.periods import Grid
from vpp.twin.generator import charging, generation, loads, prices, weather
from vpp.twin.generator.cooling import CoolingPlan, cooling_kw


@dataclass(frozen=True)
class PlannedAsset:
    """What the generator has to know of one asset: a load's plan, a station's use, the heat inside a building."""

    code: str
    spec: Spec
    load: loads.LoadPlan | None = None
    use: str = ""
    cooling: CoolingPlan | None = None


@dataclass(frozen=True)
class SyntheticWorld:
    sky: weather.Sky
    natural_kw: dict[str, np.ndarray]
    stays: dict[str, list[charging.Stay]]
    day_ahead: np.ndarray
    real_time: np.ndarray


def make_world(
    assets: list[PlannedAsset], *, grid: Grid, seed: int, latitude: float, longitude: float, fixed: dict[date, str] | None = None
) -> SyntheticWorld:
    """Every series from one seed. An asset's series depends on its own code only, so adding one moves no other."""
    sky = weather.sky(grid, seed=seed, latitude=latitude, longitude=longitude, fixed=fixed)
    natural, stays = {}, {}
    for asset in sorted(assets, key=lambda a: a.code):
        if isinstance(asset.spec, PvSpec):
            natural[asset.code] = generation.pv_kw(asset.spec, sky, seed=seed, name=asset.code)
        elif isinstance(asset.spec, WindSpec):
            natural[asset.code] = generation.wind_kw(asset.spec, sky, seed=seed, name=asset.code)
        elif isinstance(asset.spec, EvStationSpec):
            stays[asset.code] = charging.stays(asset.spec, grid, use=asset.use, seed=seed, name=asset.code)
        elif isinstance(asset.spec, AirConditioningSpec) and asset.cooling is not None:
            natural[asset.code] = cooling_kw(asset.cooling, asset.spec, sky, seed=seed)
        elif asset.load is not None:
            natural[asset.code] = loads.load_kw(asset.load, sky, seed=seed)
    day_ahead, real_time = prices.spot_prices(sky, seed=seed)
    return SyntheticWorld(sky, natural, stays, day_ahead, real_time)
