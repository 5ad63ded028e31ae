"""Small made-up histories with known properties."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from aggregator.assets.domain import parse_spec, two_way_charger
from aggregator.forecasts.domain import Facts, Frame, Place, Stay, Windows
from aggregator.kernel.periods import SHANGHAI, delivery_day, midnight

SHENYANG = Place(41.8, 123.4)
QUARTER = timedelta(minutes=15)
DAY = datetime(2026, 5, 12, tzinfo=SHANGHAI).date()

SPECS = {
    "pv": parse_spec("pv", {"rated_kw": 1000}),
    "wind": parse_spec("wind", {"rated_kw": 2000}),
    "load": parse_spec("load", {"rated_kw": 900, "must_run_kw": 150, "notice_minutes": 30}),
    "ev_station": parse_spec("ev_station", {"connectors": 10, "connector_kw": 7, "station_limit_kw": 60}),
    "storage": parse_spec("storage", {"energy_kwh": 800, "charge_kw": 200, "discharge_kw": 250}),
    "air_conditioning": parse_spec(
        "air_conditioning",
        {
            "rated_kw": 400,
            "capacity_kwh_per_k": 300,
            "loss_kw_per_k": 40,
            "comfort_min_c": 23,
            "set_point_c": 25,
            "comfort_max_c": 27,
        },
    ),
    "two_way_charger": parse_spec(
        "two_way_charger",
        {
            "battery_kwh": 80,
            "charge_kw": 40,
            "discharge_kw": 30,
            "timetable": [{"arrives_hour": 18.5, "stay_hours": 12, "arrival_soc_ratio": 0.4, "departure_soc_ratio": 0.9}],
        },
    ),
}


def day_ahead(*, tz: ZoneInfo = SHANGHAI, resolution: timedelta = QUARTER, hour: float = 10.0) -> Frame:
    """The frame of DAY, issued the day before at `hour`."""
    issued_at = midnight(DAY - timedelta(days=1), tz=tz) + timedelta(hours=hour)
    return Frame(delivery_day(DAY, resolution=resolution, tz=tz), issued_at, tz=tz)


def from_now(*, hour: float = 14.0) -> Frame:
    """The rest of DAY, issued as it begins."""
    grid = delivery_day(DAY, resolution=QUARTER)
    grid = grid.tail(round(hour * 4))
    return Frame(grid, grid.starts_at)


def nothing(frame: Frame) -> Windows:
    none = np.zeros(len(frame.grid), dtype=bool)
    return Windows(opt_out=none, reserved=none, outage=none)


def history(frame: Frame, kind: str, *, seed: int = 1) -> np.ndarray:
    """(D, S) activity of a plausible asset, also where it is not known yet."""
    random = np.random.default_rng(seed)
    shape = (len(frame.days), frame.slots)
    hour = frame.clock_hours[None, :]
    daily = random.uniform(0.3, 1.0, (shape[0], 1))
    noise = random.normal(0, 1, shape)
    if kind == "pv":
        sun = np.maximum(0, np.sin((hour - 6) / 12 * np.pi))
        return np.clip(900 * daily * sun * (1 + 0.1 * noise), 0, 1000)
    if kind == "wind":
        return np.clip(1500 * daily**2 + 100 * noise, 0, 2000)
    if kind in ("storage", "two_way_charger"):
        return np.zeros(shape)
    work = np.where(frame.working[:, None], 1.0, 0.35)
    top = SPECS[kind].rated_kw
    return np.clip(top * (0.2 + 0.5 * work * np.exp(-(((hour - 13) / 4) ** 2)) * (0.8 + 0.2 * daily) + 0.03 * noise), 0, top)


def stays(frame: Frame, *, seed: int = 2, per_day: int = 8) -> tuple[Stay, ...]:
    """Cars that come in the morning and leave in the afternoon; the newest are still there."""
    random = np.random.default_rng(seed)
    now = (frame.issued_at - midnight(frame.days[0], tz=frame.tz)) / timedelta(hours=1)
    out = []
    for day in range(len(frame.days)):
        for car in range(per_day):
            arrives = day * 24 + random.uniform(7, 11)
            departs, energy = arrives + random.uniform(3, 9), random.uniform(5, 30)
            if arrives < now:
                over = departs <= now
                out.append(Stay(f"{day}-{car}", arrives, departs if over else None, energy if over else None, None))
    return tuple(out)


def facts_of(frame: Frame, kind: str, *, seed: int = 1) -> Facts:
    soc = {"soc_ratio": 0.5, "soc_age_hours": 0.5} if kind in ("storage", "air_conditioning") else {}
    cars = stays(frame, seed=seed) if kind == "ev_station" else booked(frame) if kind == "two_way_charger" else ()
    weather = {"temperature_c": warmth(frame, seed=seed)} if kind == "air_conditioning" else {}
    return Facts(history(frame, kind, seed=seed), SHENYANG, weather, cars, **soc)


def warmth(frame: Frame, *, seed: int = 3) -> np.ndarray:
    """(D, S) air temperature, as it was forecast."""
    daily = np.random.default_rng(seed).uniform(22, 32, (len(frame.days), 1))
    return daily + 5 * np.cos((frame.clock_hours[None, :] - 15) / 24 * 2 * np.pi)


def booked(frame: Frame, *, missed: int = 0) -> tuple[Stay, ...]:
    """The sessions of the two-way charger's timetable, without the last `missed`."""
    spec = SPECS["two_way_charger"]
    origin = midnight(frame.days[0], tz=frame.tz)
    came = two_way_charger.sessions_of(spec, starts_at=origin, ends_at=frame.issued_at, tz=frame.tz)  # type: ignore[arg-type]
    came = came[: max(0, len(came) - missed)]
    return tuple(Stay(s.key, s.arrives_at, s.departs_at, s.need_kwh, s.need_kwh) for s in came)
