"""PV and wind: available power [kW] from the weather."""

import numpy as np

from aggregator.assets.domain.generation import PvSpec, WindSpec
from vpp.twin.generator.streams import autocorrelated, stream
from vpp.twin.generator.sun import plane_w_per_m2
from vpp.twin.generator.weather import Sky

LOSS_PER_K = 0.004  # crystalline silicon, above 25 °C
CELL_K_PER_W_M2 = 0.03  # cell above air at 1000 W/m2: 30 K
SYSTEM_RATIO = 0.97  # inverter, cables, dust
CUT_IN_M_PER_S, CUT_OUT_M_PER_S = 3.0, 25.0
SHEAR_EXPONENT = 0.14


def pv_kw(spec: PvSpec, sky: Sky, *, seed: int, name: str) -> np.ndarray:
    """Plane-of-array irradiance and cell temperature; each roof has some clouds of its own."""
    own = autocorrelated(stream(seed, "roof", name), len(sky.grid), hours=sky.grid.hours, memory_hours=0.5)
    cloudiness = np.clip(1 - sky.clearness, 0, 1)
    ghi = sky.truth.ghi_w_per_m2 * np.clip(1 + 0.12 * cloudiness * own, 0, 1.2)
    plane = plane_w_per_m2(sky.sun, ghi, tilt_deg=spec.tilt_deg, azimuth_deg=spec.azimuth_deg)
    cell_c = sky.truth.temperature_c + CELL_K_PER_W_M2 * plane
    power = spec.rated_kw * SYSTEM_RATIO * plane / 1000 * (1 - LOSS_PER_K * (cell_c - 25))
    return np.clip(power, 0, spec.rated_kw)


def wind_kw(spec: WindSpec, sky: Sky, *, seed: int, name: str) -> np.ndarray:
    """Power curve: cubic between cut-in and rated speed, off above cut-out."""
    own = autocorrelated(stream(seed, "turbine", name), len(sky.grid), hours=sky.grid.hours, memory_hours=1)
    speed = np.maximum(0, sky.truth.wind_m_per_s * (spec.hub_height_m / 100) ** SHEAR_EXPONENT * (1 + 0.06 * own))
    low, high = CUT_IN_M_PER_S**3, spec.rated_wind_m_per_s**3
    ratio = np.clip((speed**3 - low) / (high - low), 0, 1)
    return np.where(speed < CUT_OUT_M_PER_S, spec.rated_kw * ratio, 0.0)
