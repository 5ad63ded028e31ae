"""What is known of a PV plant beforehand: the clear sky over its modules, and what the weather forecast makes of it."""

from collections.abc import Mapping

import numpy as np

from aggregator.forecasts.domain import _sun
from aggregator.forecasts.domain.engine.days import Days
from aggregator.forecasts.domain.engine.irradiance import chain_power, plane_irradiance
from aggregator.forecasts.domain.engine.samples import known_mean

BRIGHT = 0.05  # of nameplate; below, a share of the clear sky says little
SMOOTH_HOURS = 0.75
USUAL_AIR_C, USUAL_WIND_M_PER_S = 20.0, 2.0


def known_columns(
    *,
    days: Days,
    latitude: np.ndarray,
    longitude: np.ndarray,
    tilt_deg: np.ndarray,
    azimuth_deg: np.ndarray,
    weather: Mapping[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """Columns (N, D, S). Places and planes (N,) [deg]; weather as in WEATHER_COLUMNS, (N or 1, D, S), NaN where not known.

    clear: clear-sky power over nameplate; sin, cos: of the hour angle. With irradiance also phi: the PVWatts chain on it; phi_smooth,
    phi_day: that over some slots and with the clearness of its whole day; phi_class: with the mean clearness over all plants, which a
    single grid point of a weather model is worse at than many; ghi, direct [kW/m2], temperature [25 degC], humidity.
    """
    place = [np.asarray(a, dtype=float)[:, None, None] for a in (latitude, longitude, tilt_deg, azimuth_deg)]
    sun = _sun.sun_position(epoch_s=days.mid_epoch[None], latitude=place[0], longitude=place[1])
    clear = _sun.clear_power_ratio(sun, tilt_deg=place[2], azimuth_deg=place[3])
    columns = {"clear": clear, "sin": np.sin(sun.hour_angle), "cos": np.cos(sun.hour_angle)}
    if "ghi_w_per_m2" in weather:
        columns |= _weather_columns(days, sun, tilt_deg=place[2], azimuth_deg=place[3], clear=clear, weather=weather)
    return {name: np.broadcast_to(column, clear.shape) for name, column in columns.items()}


def _weather_columns(
    days: Days, sun: _sun.Sun, *, tilt_deg: np.ndarray, azimuth_deg: np.ndarray, clear: np.ndarray, weather: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    ghi = weather["ghi_w_per_m2"]
    year_day = np.array([day.timetuple().tm_yday for day in days.dates])[None, :, None]
    plane = plane_irradiance(ghi=ghi, sun=sun, day_of_year=year_day, tilt_deg=tilt_deg, azimuth_deg=azimuth_deg)
    air = weather.get("temperature_c", np.full_like(ghi, USUAL_AIR_C))
    wind = weather.get("wind_m_per_s", np.full_like(ghi, USUAL_WIND_M_PER_S))
    phi = chain_power(plane=plane, air_c=air, wind_m_per_s=wind)
    smooth = _smooth(phi, round(SMOOTH_HOURS / days.hours))
    shared = known_mean(smooth / np.maximum(clear, BRIGHT), axis=0)[None]
    columns = {
        "phi": phi,
        "phi_smooth": smooth,
        "phi_day": clear * clearness(phi, clear)[..., None],
        "phi_class": clear * shared,
        "ghi": ghi / 1000,
    }
    for name, source, unit in (
        ("direct", "direct_w_per_m2", 1000),
        ("temperature", "temperature_c", 25),
        ("humidity", "humidity_ratio", 1),
    ):
        if source in weather:
            columns[name] = weather[source] / unit
    return columns


def clearness(power: np.ndarray, clear: np.ndarray) -> np.ndarray:
    """Energy over clear-sky energy along the last axis, of the known bright slots; NaN where less than half of it is known."""
    bright = clear > BRIGHT
    known = bright & np.isfinite(power)
    energy = np.where(known, power, 0.0).sum(axis=-1)
    possible, whole = np.where(known, clear, 0.0).sum(axis=-1), np.where(bright, clear, 0.0).sum(axis=-1)
    return np.where((possible > 0.5 * whole) & (whole > 0), energy / np.maximum(possible, 1e-9), np.nan)


def _smooth(values: np.ndarray, width: int) -> np.ndarray:
    """Mean over +-width slots, across midnight; where not all are known, the value itself."""
    if width == 0:
        return values
    flat = values.reshape(values.shape[0], -1)
    total = np.mean([np.roll(flat, k, axis=1) for k in range(-width, width + 1)], axis=0)
    total[:, :width], total[:, -width:] = flat[:, :width], flat[:, -width:]
    return np.where(np.isfinite(total), total, flat).reshape(values.shape)
