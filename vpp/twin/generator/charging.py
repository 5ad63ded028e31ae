"""Charging sessions: habits of the drivers, hours of the day, kinds of day, limited connectors."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from aggregator.assets.domain.ev_station import EvStationSpec
from aggregator.kernel.calendar import is_working
from aggregator.kernel.periods import Grid, day_of, midnight
from vpp.twin.generator.streams import stream

# use: (arrival hour, spread), (stay hours, spread), (need kWh, spread), visits per connector: working day, other day
USES = {
    "workplace": ((8.4, 0.7), (8.6, 1.0), (24.0, 9.0), (0.85, 0.08)),
    "visitor": ((13.0, 3.6), (1.6, 0.7), (21.0, 9.0), (2.2, 1.4)),
    "fleet": ((18.6, 1.1), (11.2, 1.0), (58.0, 16.0), (0.90, 0.45)),
    "truck": ((11.5, 5.0), (1.3, 0.4), (95.0, 30.0), (3.2, 1.6)),
}


@dataclass(frozen=True)
class Stay:
    """One car's stay, as the world has it; times are hours from the grid's start."""

    key: str
    user: str
    arrives_h: float
    departs_h: float
    need_kwh: float


def stays(spec: EvStationSpec, grid: Grid, *, use: str, seed: int, name: str) -> list[Stay]:
    """Stays of one station, in order of arrival; a car that finds no free connector drives on."""
    (hour, hour_spread), (length, length_spread), (need, need_spread), rates = USES[use]
    rng = stream(seed, "cars", name)
    regulars = max(3, round(spec.connectors * 1.4))
    habit_h = hour + hour_spread * rng.standard_normal(regulars)
    habit_kwh = np.maximum(6.0, need + 0.6 * need_spread * rng.standard_normal(regulars))
    found: list[Stay] = []
    free_at = [0.0] * spec.connectors
    first, last = day_of(grid.starts_at), day_of(grid.ends_at - grid.resolution)
    day = first
    while day <= last:
        origin_h = (midnight(day) - grid.starts_at) / timedelta(hours=1)
        visits = int(rng.poisson(spec.connectors * rates[0 if is_working(day) else 1]))
        regular = iter(rng.permutation(regulars))
        cars = []
        for visit in range(visits):
            who = next(regular, None) if rng.random() < 0.8 else None
            centre, wanted = (habit_h[who], habit_kwh[who]) if who is not None else (hour, need)
            at = origin_h + centre + (0.35 if who is not None else 1.0) * hour_spread * rng.standard_normal()
            stay = max(0.3, length + length_spread * rng.standard_normal())
            kwh = max(3.0, wanted + (0.35 if who is not None else 1.0) * need_spread * rng.standard_normal())
            # nobody asks for more than the stay can give
            kwh = min(kwh, 0.92 * stay * spec.connector_kw)
            user = f"{name}-u{who:03d}" if who is not None else f"{name}-g{day:%m%d}{visit:02d}"
            cars.append((at, stay, kwh, user))
        for number, (at, stay, kwh, user) in enumerate(sorted(cars)):
            slot = min(range(spec.connectors), key=lambda k: free_at[k])
            if at < 0 or free_at[slot] > at:
                continue
            free_at[slot] = at + stay
            found.append(Stay(f"{name}-{day:%Y%m%d}-{number:02d}", user, _minutes(at), _minutes(at + stay), round(kwh, 2)))
        day += timedelta(days=1)
    return found


def _minutes(hours: float) -> float:
    """Whole minutes: what a charger reports."""
    return round(hours * 60) / 60
