"""Where the sun stands and what a tilted module gets of it.

Spencer (1971) declination and equation of time, Haurwitz (1945) clear sky, Erbs (1982) diffuse
split, isotropic sky (Liu and Jordan 1963).
"""

from dataclasses import dataclass

import numpy as np

from aggregator.kernel.periods import Grid

GROUND_REFLECTION = 0.2


@dataclass(frozen=True)
class Sun:
    """Per period (middle): cosine of the zenith angle, azimuth [rad from north], clear-sky GHI [W/m2]."""

    cos_zenith: np.ndarray
    azimuth: np.ndarray
    clear_w_per_m2: np.ndarray


def sun(grid: Grid, *, latitude: float, longitude: float) -> Sun:
    """The sun over [`latitude`, `longitude`] in degrees, north and east positive."""
    middle = grid.epoch_seconds + grid.resolution.total_seconds() / 2
    days = middle / 86400.0
    year_angle = 2 * np.pi * ((days - 0.5) % 365.2425) / 365.2425  # 1970-01-01 12:00 is the origin of Spencer's angle
    declination = (
        0.006918
        - 0.399912 * np.cos(year_angle)
        + 0.070257 * np.sin(year_angle)
        - 0.006758 * np.cos(2 * year_angle)
        + 0.000907 * np.sin(2 * year_angle)
    )
    equation_min = 229.18 * (
        0.000075
        + 0.001868 * np.cos(year_angle)
        - 0.032077 * np.sin(year_angle)
        - 0.014615 * np.cos(2 * year_angle)
        - 0.040849 * np.sin(2 * year_angle)
    )
    solar_hours = (days % 1.0) * 24 + longitude / 15 + equation_min / 60
    hour_angle = np.radians(15 * (solar_hours - 12))
    phi = np.radians(latitude)
    cos_zenith = np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.cos(hour_angle)
    azimuth = np.pi + np.arctan2(np.sin(hour_angle), np.cos(hour_angle) * np.sin(phi) - np.tan(declination) * np.cos(phi))
    up = np.maximum(cos_zenith, 0.0)
    clear = np.where(up > 0.01, 1098.0 * up * np.exp(-0.059 / np.maximum(up, 0.01)), 0.0)
    return Sun(cos_zenith, azimuth, clear)


def plane_w_per_m2(place: Sun, ghi_w_per_m2: np.ndarray, *, tilt_deg: float, azimuth_deg: float) -> np.ndarray:
    """Irradiance in the module's plane [W/m2], shape (n,)."""
    up = np.maximum(place.cos_zenith, 0.065)
    clearness = np.clip(ghi_w_per_m2 / (1361.0 * up), 0.0, 0.85)
    diffuse_ratio = np.where(
        clearness <= 0.22,
        1.0 - 0.09 * clearness,
        np.where(
            clearness <= 0.8,
            0.9511 - 0.1604 * clearness + 4.388 * clearness**2 - 16.638 * clearness**3 + 12.336 * clearness**4,
            0.165,
        ),
    )
    diffuse = ghi_w_per_m2 * diffuse_ratio
    beam = (ghi_w_per_m2 - diffuse) / up
    tilt = np.radians(tilt_deg)
    sin_zenith = np.sqrt(np.maximum(0.0, 1 - place.cos_zenith**2))
    cos_incidence = place.cos_zenith * np.cos(tilt) + sin_zenith * np.sin(tilt) * np.cos(place.azimuth - np.radians(azimuth_deg))
    plane = (
        beam * np.maximum(cos_incidence, 0.0) + diffuse * (1 + np.cos(tilt)) / 2 + ghi_w_per_m2 * GROUND_REFLECTION * (1 - np.cos(tilt)) / 2
    )
    return np.where(place.clear_w_per_m2 > 0, plane, 0.0)
