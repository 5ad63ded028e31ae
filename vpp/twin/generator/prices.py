"""Spot prices [CNY/MWh]: the province's residual load through a supply curve; real time strays from day-ahead."""

from datetime import date

import numpy as np

from aggregator.kernel.calendar import day_type
from aggregator.kernel.periods import day_of, local_hours
from vpp.twin.generator.streams import autocorrelated, stream
from vpp.twin.generator.weather import Sky

FLOOR, CAP = -80.0, 1300.0  # the clearing limits of a northern province (rules.md 2.2)
DAY_LEVEL = {"working": 1.0, "weekend": 0.87, "holiday": 0.80}


def _residual(sky: Sky, *, clearness: np.ndarray) -> np.ndarray:
    """Province's load less its sun and wind, per unit of its peak load."""
    hour = local_hours(sky.grid)
    load = 0.70 + 0.10 * np.exp(-(((hour - 10.5) / 3.2) ** 2)) + 0.20 * np.exp(-(((hour - 18.8) / 2.3) ** 2))
    load = load - 0.09 * np.exp(-(((hour - 3.5) / 2.8) ** 2))
    level = np.array([DAY_LEVEL[day_type(day_of(at))] for at in sky.grid.starts])
    solar = 0.60 * sky.sun.clear_w_per_m2 / 1000 * (0.25 + 0.75 * clearness)  # a province is never wholly overcast
    wind = 0.15 / (1 + np.exp(-1.4 * sky.wind_level))
    return load * level - solar - wind


def _supply_curve(residual: np.ndarray) -> np.ndarray:
    """Must-run bids below zero, coal in the middle, steep at the end."""
    coal = 335 + 260 * (residual - 0.45)
    glut = 520 * np.maximum(0.0, 0.30 - residual) / 0.30
    scarce = 2600 * np.maximum(0.0, residual - 0.74) ** 1.15
    return coal - glut + scarce


def spot_prices(sky: Sky, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(day_ahead, real_time), each (n,), rounded to 0.01, inside the clearing limits."""
    n, hours = len(sky.grid), sky.grid.hours
    expected = sky.forecast.ghi_w_per_m2 / np.maximum(sky.sun.clear_w_per_m2, 1.0)
    noise = autocorrelated(stream(seed, "day_ahead"), n, hours=hours, memory_hours=6)
    day_ahead = _supply_curve(_residual(sky, clearness=np.clip(expected, 0, 1))) + 14 * noise
    day_ahead += _evening_spikes(sky, seed)
    surprise = _supply_curve(_residual(sky, clearness=sky.clearness)) - _supply_curve(_residual(sky, clearness=np.clip(expected, 0, 1)))
    stray = autocorrelated(stream(seed, "real_time"), n, hours=hours, memory_hours=3)
    quick = autocorrelated(stream(seed, "real_time", "quick"), n, hours=hours, memory_hours=0.5)
    real_time = day_ahead + 0.6 * surprise + 34 * stray + 12 * quick
    return tuple(np.round(np.clip(p, FLOOR, CAP), 2) for p in (day_ahead, real_time))  # type: ignore[return-value]


def _evening_spikes(sky: Sky, seed: int) -> np.ndarray:
    """On some evenings capacity is short for an hour or two."""
    hour = local_hours(sky.grid)
    days: list[date] = [day_of(at) for at in sky.grid.starts]
    rng = stream(seed, "spikes")
    size = {}
    for day in sorted(set(days)):
        draw, height, centre = rng.random(), rng.gamma(2.0, 110.0), 18.6 + 0.5 * rng.standard_normal()
        size[day] = (height if draw < (0.35 if day_type(day) == "working" else 0.1) else 0.0, centre)
    return np.array([size[d][0] * np.exp(-(((h - size[d][1]) / 0.8) ** 2)) for d, h in zip(days, hour, strict=True)])
