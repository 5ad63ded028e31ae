"""Weather with clear, broken and overcast days, calm and windy spells; and yesterday's forecast of it."""

from dataclasses import dataclass
from datetime import date
from statistics import NormalDist

import numpy as np

from aggregator.kernel.periods import Grid, day_of, local_hours
from vpp.twin.generator.streams import autocorrelated, stream
from vpp.twin.generator.sun import Sun, sun

REGIMES = ("clear", "broken", "overcast")
# Rows: today; columns: tomorrow. A dry northern spring keeps its fair weather.
PERSISTENCE = np.array([[0.62, 0.28, 0.10], [0.36, 0.40, 0.24], [0.30, 0.38, 0.32]])
CLEARNESS = {"clear": (0.95, 0.03), "broken": (0.66, 0.24), "overcast": (0.24, 0.09)}  # mean, spread of GHI over clear sky
FORECAST_ERROR = {"clear": 0.05, "broken": 0.13, "overcast": 0.11}
WEIBULL_SHAPE, WEIBULL_SCALE = 2.0, 7.4  # [m/s] at 100 m
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Weather:
    """Per period: global horizontal irradiance, air temperature, wind at 100 m."""

    ghi_w_per_m2: np.ndarray
    temperature_c: np.ndarray
    wind_m_per_s: np.ndarray


@dataclass(frozen=True)
class Sky:
    """The truth, the day-ahead forecast of it, and what made it."""

    grid: Grid
    sun: Sun
    truth: Weather
    forecast: Weather
    regimes: dict[date, str]
    clearness: np.ndarray
    wind_level: np.ndarray  # standard normal, the slow part: shared with the province's wind fleet


def sky(grid: Grid, *, seed: int, latitude: float, longitude: float, fixed: dict[date, str] | None = None) -> Sky:
    """Weather of `grid`. `fixed` names the regime of certain days (a scenario's sunny holiday)."""
    place = sun(grid, latitude=latitude, longitude=longitude)
    days = [day_of(at) for at in grid.starts]
    regimes = _regimes(sorted(set(days)), seed, fixed or {})
    mean = np.array([CLEARNESS[regimes[d]][0] for d in days])
    spread = np.array([CLEARNESS[regimes[d]][1] for d in days])
    mean = _smooth(mean, int(2 / grid.hours))  # a front passes in hours, not at midnight
    rng = stream(seed, "clouds")
    slow = autocorrelated(rng, len(grid), hours=grid.hours, memory_hours=2.5)
    fast = autocorrelated(rng, len(grid), hours=grid.hours, memory_hours=0.4)
    clearness = np.clip(mean + spread * (0.75 * slow + 0.66 * fast), 0.05, 1.04)
    error = autocorrelated(stream(seed, "forecast", "clouds"), len(grid), hours=grid.hours, memory_hours=5)
    size = np.array([FORECAST_ERROR[regimes[d]] for d in days])
    guessed = np.clip(_smooth(clearness, int(3 / grid.hours)) + size * error, 0.05, 1.0)

    temperature = _temperature(grid, days, clearness, seed)
    off = autocorrelated(stream(seed, "forecast", "temperature"), len(grid), hours=grid.hours, memory_hours=10)
    level, wind = _wind(grid, seed)
    gust = autocorrelated(stream(seed, "forecast", "wind"), len(grid), hours=grid.hours, memory_hours=8)
    return Sky(
        grid=grid,
        sun=place,
        truth=Weather(place.clear_w_per_m2 * clearness, temperature, wind),
        forecast=Weather(
            place.clear_w_per_m2 * guessed,
            temperature + 1.2 * off,
            np.maximum(0.0, _smooth(wind, int(2 / grid.hours)) + (0.5 + 0.12 * wind) * gust),
        ),
        regimes=regimes,
        clearness=clearness,
        wind_level=level,
    )


def _regimes(days: list[date], seed: int, fixed: dict[date, str]) -> dict[date, str]:
    rng = stream(seed, "regimes")
    found, current = {}, 0
    for day in days:
        current = int(rng.choice(3, p=PERSISTENCE[current]))
        if day in fixed:
            current = REGIMES.index(fixed[day])
        found[day] = REGIMES[current]
    return found


def _smooth(values: np.ndarray, n: int) -> np.ndarray:
    if n < 2:
        return values
    padded = np.pad(values, (n // 2, n - 1 - n // 2), mode="edge")
    return np.convolve(padded, np.full(n, 1 / n), mode="valid")


def _temperature(grid: Grid, days: list[date], clearness: np.ndarray, seed: int) -> np.ndarray:
    """Season, day course (wider under a clear sky, highest at 15 h) and spells of days [°C]."""
    year = np.array([d.timetuple().tm_yday for d in days])
    season = 8.5 - 17.5 * np.cos(2 * np.pi * (year - 20) / 365.25)
    swing = 3.0 + 4.0 * _smooth(clearness, int(24 / grid.hours))
    spells = autocorrelated(stream(seed, "temperature"), len(grid), hours=grid.hours, memory_hours=60)
    return season + swing * np.cos(2 * np.pi * (local_hours(grid) - 15) / 24) + 3.0 * spells


def _wind(grid: Grid, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A slow (weather systems) and a fast (turbulence) normal path through a Weibull distribution."""
    rng = stream(seed, "wind")
    slow = autocorrelated(rng, len(grid), hours=grid.hours, memory_hours=32)
    fast = autocorrelated(rng, len(grid), hours=grid.hours, memory_hours=1.5)
    normal = 0.90 * slow + 0.436 * fast
    below = np.array([_NORMAL.cdf(z) for z in normal])
    speed = WEIBULL_SCALE * (-np.log1p(-np.minimum(below, 0.9999))) ** (1 / WEIBULL_SHAPE)
    night = 1 + 0.08 * np.cos(2 * np.pi * (local_hours(grid) - 2) / 24)
    return slow, speed * night
