"""From forecast irradiance to the power of a PV plant: split, plane of array, cell temperature (the PVWatts chain)."""

import numpy as np

from aggregator.forecasts.domain._sun import Sun

SOLAR_CONSTANT = 1361.0  # W/m2
PER_KELVIN = -0.004  # of power, crystalline silicon
FAIMAN_U0, FAIMAN_U1 = 25.0, 6.84  # W/m2/K and W/m2/K/(m/s)
ALBEDO = 0.2
LOW_SUN = np.cos(np.radians(87.0))


def extraterrestrial(day_of_year: np.ndarray) -> np.ndarray:
    """Normal irradiance outside the atmosphere [W/m2] (Spencer 1971, first harmonics)."""
    angle = 2 * np.pi * (np.asarray(day_of_year) - 1) / 365
    return SOLAR_CONSTANT * (1.00011 + 0.034221 * np.cos(angle) + 0.00128 * np.sin(angle))


def diffuse_ratio(clearness: np.ndarray) -> np.ndarray:
    """Diffuse over global horizontal irradiance (Erbs, Klein and Duffie 1982)."""
    k = np.clip(clearness, 0.0, 1.0)
    middle = 0.9511 - 0.1604 * k + 4.388 * k**2 - 16.638 * k**3 + 12.336 * k**4
    return np.where(k <= 0.22, 1 - 0.09 * k, np.where(k <= 0.8, middle, 0.165))


def plane_irradiance(*, ghi: np.ndarray, sun: Sun, day_of_year: np.ndarray, tilt_deg: np.ndarray, azimuth_deg: np.ndarray) -> np.ndarray:
    """Irradiance on the module plane [W/m2] from global horizontal irradiance (Hay and Davies 1980), NaN where ghi is."""
    outside = extraterrestrial(day_of_year)
    cosine = np.cos(sun.zenith)
    up = np.maximum(cosine, LOW_SUN)
    diffuse = ghi * diffuse_ratio(ghi / (outside * up))
    beam = np.clip((ghi - diffuse) / up, 0.0, outside)
    tilt, facing = np.radians(tilt_deg), np.radians(azimuth_deg)
    incidence = np.maximum(np.cos(sun.zenith) * np.cos(tilt) + np.sin(sun.zenith) * np.sin(tilt) * np.cos(sun.azimuth - facing), 0.0)
    around_sun = beam / outside
    sky = diffuse * (around_sun * incidence / up + (1 - around_sun) * (1 + np.cos(tilt)) / 2)
    ground = ghi * ALBEDO * (1 - np.cos(tilt)) / 2
    return np.where(cosine > 0, beam * incidence + sky + ground, np.where(np.isfinite(ghi), 0.0, np.nan))


def chain_power(*, plane: np.ndarray, air_c: np.ndarray, wind_m_per_s: np.ndarray) -> np.ndarray:
    """Power over nameplate: irradiance over 1000 W/m2, less what warm cells lose (Faiman 2008)."""
    cell_c = air_c + plane / (FAIMAN_U0 + FAIMAN_U1 * wind_m_per_s)
    return plane / 1000 * (1 + PER_KELVIN * (cell_c - 25))
