"""Sun position and clear-sky power, from latitude, longitude and time alone."""

from dataclasses import dataclass

import numpy as np

J2000_S = 946728000.0  # 2000-01-01 12:00 UTC
DAY_S = 86400.0
DARK_RATIO = 0.005


@dataclass(frozen=True)
class Sun:
    """Arrays of the shape of the times given; angles in radians, azimuth clockwise from north."""

    zenith: np.ndarray
    azimuth: np.ndarray
    hour_angle: np.ndarray


def sun_position(*, epoch_s: np.ndarray, latitude: float | np.ndarray, longitude: float | np.ndarray) -> Sun:
    """Astronomical Almanac's low-precision sun (0.01 degrees, 1950-2050), without refraction.

    `epoch_s`: seconds since 1970 UTC; latitude north and longitude east positive [deg].
    """
    n = (np.asarray(epoch_s, dtype=np.float64) - J2000_S) / DAY_S
    mean_longitude = np.radians((280.460 + 0.9856474 * n) % 360)
    anomaly = np.radians((357.528 + 0.9856003 * n) % 360)
    ecliptic = mean_longitude + np.radians(1.915) * np.sin(anomaly) + np.radians(0.020) * np.sin(2 * anomaly)
    obliquity = np.radians(23.439 - 4e-7 * n)
    ascension = np.arctan2(np.cos(obliquity) * np.sin(ecliptic), np.cos(ecliptic))
    declination = np.arcsin(np.sin(obliquity) * np.sin(ecliptic))
    sidereal_hours = 6.697375 + 0.0657098242 * n + (np.asarray(epoch_s) % DAY_S) / 3600
    # n counts from noon, so the clock time is already in it for the slow term; both are needed (Almanac).
    hour_angle = np.radians((sidereal_hours % 24) * 15 + longitude) - ascension
    hour_angle = (hour_angle + np.pi) % (2 * np.pi) - np.pi
    phi = np.radians(latitude)
    cos_zenith = np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.cos(hour_angle)
    east = -np.cos(declination) * np.sin(hour_angle)
    north = np.cos(phi) * np.sin(declination) - np.sin(phi) * np.cos(declination) * np.cos(hour_angle)
    return Sun(np.arccos(np.clip(cos_zenith, -1, 1)), np.arctan2(east, north) % (2 * np.pi), hour_angle)


def clear_ghi(sun: Sun) -> np.ndarray:
    """Global horizontal irradiance without clouds [W/m2] (Haurwitz 1945)."""
    cosine = np.cos(sun.zenith)
    up = np.maximum(cosine, 1e-3)
    return np.where(cosine > 0, 1098 * cosine * np.exp(-0.059 / up), 0.0)


def clear_power_ratio(sun: Sun, *, tilt_deg: float | np.ndarray, azimuth_deg: float | np.ndarray) -> np.ndarray:
    """Clear-sky irradiance on the module plane over 1000 W/m2, clipped to 0..1.1; 0 below DARK_RATIO.

    Beam after Meinel (1976), 1353 x 0.7^(AM^0.678), air mass after Kasten and Young (1989); diffuse is a
    tenth of the beam, isotropic.
    """
    elevation_deg = 90 - np.degrees(sun.zenith)
    up = elevation_deg > 0
    height = np.where(up, elevation_deg, 1.0)
    air_mass = 1 / (np.sin(np.radians(height)) + 0.50572 * (height + 6.07995) ** -1.6364)
    beam = np.where(up, 1353 * 0.7 ** (air_mass**0.678), 0.0)
    tilt, facing = np.radians(tilt_deg), np.radians(azimuth_deg)
    incidence = np.cos(sun.zenith) * np.cos(tilt) + np.sin(sun.zenith) * np.sin(tilt) * np.cos(sun.azimuth - facing)
    plane = beam * np.maximum(incidence, 0) + 0.1 * beam * (1 + np.cos(tilt)) / 2
    ratio = np.clip(plane / 1000, 0.0, 1.1)
    return np.where(ratio > DARK_RATIO, ratio, 0.0)
