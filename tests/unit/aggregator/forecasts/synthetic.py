"""Assets, frames, facts and outlooks with known properties. Made up."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from aggregator.assets.domain import Spec, parse_spec, two_way_charger
from aggregator.assets.domain.two_way_charger import TwoWayChargerSpec
from aggregator.forecasts.domain import (
    FOLLOWS_SCHEDULE,
    AssetForecast,
    Facts,
    Frame,
    Outlook,
    Stay,
    Windows,
    forecast_asset,
    scheduled_outlook,
)
from aggregator.kernel.periods import SHANGHAI, delivery_day, local_hours, midnight

QUARTER = timedelta(minutes=15)
DAY = datetime(2026, 5, 12, tzinfo=SHANGHAI).date()
BAND = 0.2  # of the mean, to either side

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


def outlook_of(frame: Frame, kind: str, *, seed: int = 1) -> Outlook:
    """What an engine could say of a plausible asset."""
    if kind in FOLLOWS_SCHEDULE:
        return scheduled_outlook(frame=frame, spec=SPECS[kind], facts=facts_of(frame, kind, seed=seed))
    random, hour, top = np.random.default_rng(seed), local_hours(frame.grid, tz=frame.tz), SPECS[kind].rated_kw
    if kind == "pv":
        shape = np.maximum(0, np.sin((hour - 6) / 12 * np.pi))
    elif kind == "wind":
        shape = random.uniform(0.2, 0.9) * np.ones(len(hour))
    else:
        shape = 0.2 + 0.5 * np.exp(-(((hour - 13) / 4) ** 2))
    mean = np.clip(top * shape * random.uniform(0.7, 1.0) * random.uniform(0.9, 1.1, len(hour)), 0, top)
    return Outlook(mean, (1 - BAND) * mean, mean, np.minimum((1 + BAND) * mean, top), 0.9 * mean)


def unknown(frame: Frame) -> Outlook:
    none = np.full(len(frame.grid), np.nan)
    return Outlook(none, none, none, none, none)


def forecast(
    kind: str,
    frame: Frame,
    *,
    outlook: Outlook | None = None,
    facts: Facts | None = None,
    windows: Windows | None = None,
    spec: Spec | None = None,
    seed: int = 1,
    age: float | None = 0.0,
) -> AssetForecast:
    """Of a plausible asset, except for what is given."""
    return forecast_asset(
        kind=kind,
        frame=frame,
        spec=spec or SPECS[kind],
        facts=facts or facts_of(frame, kind, seed=seed),
        outlook=outlook or outlook_of(frame, kind, seed=seed),
        windows=windows or nothing(frame),
        last_known_hours=age,
    )


def facts_of(frame: Frame, kind: str, *, seed: int = 1) -> Facts:
    cars = stays(frame, seed=seed) if kind == "ev_station" else booked(frame) if kind == "two_way_charger" else ()
    known = kind in ("storage", "air_conditioning")
    return Facts(stays=cars, soc_ratio=0.5 if known else None, soc_age_hours=0.5 if known else None)


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


def booked(frame: Frame, *, missed: int = 0) -> tuple[Stay, ...]:
    """The sessions of the two-way charger's timetable, without the last `missed`."""
    spec = SPECS["two_way_charger"]
    assert isinstance(spec, TwoWayChargerSpec)
    origin = midnight(frame.days[0], tz=frame.tz)
    came = two_way_charger.sessions_of(spec, starts_at=origin, ends_at=frame.issued_at, tz=frame.tz)
    came = came[: max(0, len(came) - missed)]
    return tuple(Stay(s.key, s.arrives_at, s.departs_at, s.need_kwh, s.need_kwh) for s in came)
