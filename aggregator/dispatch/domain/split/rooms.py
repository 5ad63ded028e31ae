"""How far each asset may move for a whole window: power, energy and ramp together."""

from typing import NamedTuple

import numpy as np

MINUTES = 60.0
STILL = 1e-12  # kW/min; keeps an asset that cannot change at all out of a division by zero


class Rooms(NamedTuple):
    """down_room_kw, up_room_kw (N,) >= 0: any constant change of injection between -down and +up is possible."""

    down_room_kw: np.ndarray
    up_room_kw: np.ndarray


def rooms(
    *,
    injection_kw: np.ndarray,
    min_injection_kw: np.ndarray,
    max_injection_kw: np.ndarray,
    min_injection_kwh: np.ndarray,
    max_injection_kwh: np.ndarray,
    ramp_kw_per_min: np.ndarray,
    minutes_to_start: float,
    hours: float,
) -> Rooms:
    """Columns (N,), signed injections: as it is now and would stay; its bounds of power, and of energy over the window.

    hours: the whole window. Energy bounds: what may be injected in the window at least and at most (inf = no bound). An
    asset with a ramp (inf = none) reaches its change when the window starts, having begun on the way there, and goes back
    after it: a trapezoid of energy change x hours + change^2 / (60 ramp). A bound that is already broken leaves no room.
    """
    reach_kw = ramp_kw_per_min * minutes_to_start if minutes_to_start > 0 else np.where(np.isinf(ramp_kw_per_min), np.inf, 0.0)
    planned_kwh = injection_kw * hours
    up = np.minimum(max_injection_kw - injection_kw, _of_energy(max_injection_kwh - planned_kwh, ramp_kw_per_min, hours))
    down = np.minimum(injection_kw - min_injection_kw, _of_energy(planned_kwh - min_injection_kwh, ramp_kw_per_min, hours))
    return Rooms(np.maximum(0.0, np.minimum(down, reach_kw)), np.maximum(0.0, np.minimum(up, reach_kw)))


def store_energy(
    *, stored_kwh: np.ndarray, min_kwh: np.ndarray, max_kwh: np.ndarray, eta_in: np.ndarray, eta_out: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(min_injection_kwh, max_injection_kwh) of a store at constant injection, losses included; columns (N,)."""
    return -np.maximum(0.0, max_kwh - stored_kwh) / eta_in, np.maximum(0.0, stored_kwh - min_kwh) * eta_out


def _of_energy(kwh: np.ndarray, ramp_kw_per_min: np.ndarray, hours: float) -> np.ndarray:
    """Largest change [kW] whose trapezoid takes at most `kwh`: the root of change x hours + change^2 / (60 ramp) = kwh.

    Written so that an infinite ramp gives kwh / hours and an infinite kwh no limit.
    """
    finite = np.where(np.isfinite(kwh), np.maximum(0.0, kwh), 0.0)
    bend = 4.0 * finite / (MINUTES * np.maximum(ramp_kw_per_min, STILL))
    return np.where(np.isfinite(kwh), 2.0 * finite / (hours + np.sqrt(hours * hours + bend)), np.where(kwh > 0, np.inf, 0.0))
