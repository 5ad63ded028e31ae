"""Loads of a manufacturing park: shifts, the workday calendar, weather, and machines that switch."""

from dataclasses import dataclass

import numpy as np

from aggregator.kernel.calendar import day_type
from aggregator.kernel.periods import Grid, day_of, local_hours
from vpp.twin.generator.streams import autocorrelated, stream
from vpp.twin.generator.weather import Sky

# Local hours of work; "batch" lines also run in two shifts.
SHIFTS = {"one_shift": (8.0, 17.5), "two_shift": (6.5, 22.5), "three_shift": (0.0, 24.0), "office": (8.5, 18.5), "constant": (0.0, 24.0)}
# Share of full production by kind of day: (working, weekend, holiday).
DAYS = {
    "one_shift": (1.0, 0.12, 0.05),
    "two_shift": (1.0, 0.35, 0.10),
    "three_shift": (1.0, 0.88, 0.60),
    "office": (1.0, 0.25, 0.15),
    "constant": (1.0, 1.0, 1.0),
}
COMFORT_C = (14.0, 23.0)  # no heating or cooling between


@dataclass(frozen=True)
class LoadPlan:
    """How one load behaves: ratios are of its usual full power `full_kw`."""

    name: str
    full_kw: float
    profile: str
    idle_ratio: float = 0.18
    batch_ratio: float = 0.0  # part of full power that comes and goes in lumps
    batch_hours: float = 1.5  # mean length of one run
    weather_ratio_per_k: float = 0.0


def load_kw(plan: LoadPlan, sky: Sky, *, seed: int) -> np.ndarray:
    """Consumption [kW, >= 0], shape (n,)."""
    grid, n = sky.grid, len(sky.grid)
    working = _working(plan, grid, seed)
    noise = autocorrelated(stream(seed, "load", plan.name), n, hours=grid.hours, memory_hours=1.5)
    jitter = stream(seed, "load", plan.name, "jitter").standard_normal(n)
    smooth_ratio = 1 - plan.batch_ratio - plan.idle_ratio
    at_rest = autocorrelated(stream(seed, "load", plan.name, "at rest"), n, hours=grid.hours, memory_hours=3)
    # Lights, fans and standby wander as well: a load that stands exactly still is a broken meter.
    power = plan.idle_ratio * (1 + 0.06 * at_rest + 0.02 * jitter)
    power = power + smooth_ratio * working * (1 + 0.05 * noise + 0.015 * jitter)
    if plan.batch_ratio:
        power = power + plan.batch_ratio * _batch(plan, grid, working, seed)
    low, high = COMFORT_C
    degrees = np.maximum(0, low - sky.truth.temperature_c) + np.maximum(0, sky.truth.temperature_c - high)
    occupied = 0.3 + 0.7 * working
    power = power + plan.weather_ratio_per_k * degrees * occupied
    return np.maximum(0.0, plan.full_kw * power)


def _working(plan: LoadPlan, grid: Grid, seed: int) -> np.ndarray:
    """0 = closed, 1 = full production: shift edges are ramps, lunch is a dip, each day a little different."""
    begin, end = SHIFTS[plan.profile]
    hour = local_hours(grid)
    if end - begin >= 24:
        day_course = np.ones(len(grid))
        if plan.profile == "three_shift":
            day_course = 1 - 0.10 * ((hour >= 0) & (hour < 6)) - 0.05 * (np.abs(hour % 8 - 0.25) < 0.3)
    else:
        day_course = np.clip((hour - begin + 0.5) / 0.75, 0, 1) * np.clip((end - hour) / 0.75, 0, 1)
        day_course = day_course * (1 - 0.30 * ((hour >= 12) & (hour < 13)))
    days = [day_of(at) for at in grid.starts]
    column = {"working": 0, "weekend": 1, "holiday": 2}
    rng = stream(seed, "load", plan.name, "days")
    factor = {}
    for day in sorted(set(days)):
        share = DAYS[plan.profile][column[day_type(day)]]
        factor[day] = share * (1 + (0.0 if plan.profile == "constant" else 0.05) * float(rng.standard_normal()))
    return day_course * np.array([factor[d] for d in days])


def _batch(plan: LoadPlan, grid: Grid, working: np.ndarray, seed: int) -> np.ndarray:
    """On-off runs (furnaces, presses): exponential lengths, started only while the shop works."""
    rng = stream(seed, "load", plan.name, "batch")
    on, left = np.zeros(len(grid)), 0.0
    running = False
    for t in range(len(grid)):
        if left <= 0:
            running = not running and working[t] > 0.3 * (1 + rng.random())
            left = rng.exponential(plan.batch_hours if running else 0.7 * plan.batch_hours) + grid.hours
        left -= grid.hours
        on[t] = float(running)
    return on
