"""The grid company's meters: whole watt-hours of the physics; one may be faulty until it is corrected."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from aggregator.kernel.periods import Grid, midnight
from aggregator.kernel.quantities import kwh_from_wh
from vpp.twin.connect import MeterPlace
from vpp.twin.plant import Plant, watt_hours
from vpp.twin.scenario import Correction


@dataclass(frozen=True)
class Counted:
    """Signed injection [Wh] per period, per asset and per site; a site is exactly the sum of its assets."""

    grid: Grid
    assets: dict[str, np.ndarray]
    sites: dict[str, np.ndarray]

    def of(self, place: MeterPlace) -> np.ndarray:
        return self.assets[place.asset] if place.asset is not None else self.sites[place.site]


def count(plant: Plant, *, grid: Grid) -> Counted:
    """Read every meter for the periods of `grid`, which the plant has stepped through."""
    assets = {code: watt_hours(plant, code, grid=grid) for code in plant.assets}
    sites: dict[str, np.ndarray] = {}
    for code, asset in plant.assets.items():
        sites[asset.site] = sites.get(asset.site, np.zeros(len(grid), dtype=np.int64)) + assets[code]
    return Counted(grid, assets, sites)


def as_first_read(counted: Counted, *, place: MeterPlace, correction: Correction, day: date) -> Counted:
    """The day as one faulty meter showed it: the later correction is `change_ratio` of what was read.

    A faulty sub-meter carries its site's total with it, so the site stays the sum of its assets.
    """
    start = midnight(day)
    window = counted.grid.window(
        start + timedelta(hours=correction.starts.hour, minutes=correction.starts.minute),
        start + timedelta(hours=correction.ends.hour, minutes=correction.ends.minute),
    )
    error = np.zeros(len(counted.grid), dtype=np.int64)
    truth = counted.of(place)[window]
    error[window] = np.rint(truth / (1 + correction.change_ratio)).astype(np.int64) - truth
    assets = dict(counted.assets)
    if place.asset is not None:
        assets[place.asset] = assets[place.asset] + error
    return Counted(counted.grid, assets, {**counted.sites, place.site: counted.sites[place.site] + error})


def reading(place: MeterPlace, counted: Counted, *, day: date, quality: str, reason: str = "") -> dict[str, Any]:
    """One row of `POST /api/v1/readings:batch`."""
    wh = counted.of(place)
    return {
        "metering_point": place.code,
        "day": day.isoformat(),
        "resolution_s": int(counted.grid.resolution.total_seconds()),
        "import_kwh": [str(kwh_from_wh(int(v))) for v in np.maximum(0, -wh)],
        "export_kwh": [str(kwh_from_wh(int(v))) for v in np.maximum(0, wh)],
        "quality": quality,
        "reason": reason,
    }
