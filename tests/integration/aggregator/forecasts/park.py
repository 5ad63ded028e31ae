"""A park of five assets with eight weeks of stored history, built from model rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from aggregator.assets.models import Asset, Portfolio, PortfolioMember
from aggregator.enterprises.models import Enterprise, Park, Site
from aggregator.kernel.calendar import is_working
from aggregator.kernel.periods import SHANGHAI, midnight
from aggregator.support.arrays import pack_f4
from aggregator.telemetry.models import ChargingSession, TelemetryDay

DAY = date(2026, 5, 12)
ISSUED_AT = datetime(2026, 5, 11, 10, 0, tzinfo=SHANGHAI)
HISTORY_DAYS = 56
ONE_DAY = timedelta(days=1)
SPECS = {
    "ev_station": {"connectors": 10, "connector_kw": 7, "station_limit_kw": 60},
    "load": {"rated_kw": 900, "must_run_kw": 150, "notice_minutes": 30},
    "pv": {"rated_kw": 1000},
    "storage": {"energy_kwh": 800, "charge_kw": 200, "discharge_kw": 250},
    "wind": {"rated_kw": 2000},
}


@dataclass(frozen=True)
class Built:
    park: Park
    portfolio: Portfolio
    assets: dict[str, Asset]


def build() -> Built:
    park = Park.objects.create(
        code="small", name_zh="小园区", name_en="Small park", province="Liaoning", latitude=41.8, longitude=123.4, synthetic=True
    )
    enterprise = Enterprise.objects.create(park=park, code="one", name_zh="甲", name_en="One")
    site = Site.objects.create(
        enterprise=enterprise, code="site", name_zh="站", name_en="Site", import_limit_kw=5000, export_limit_kw=5000, tariff_class="10kv"
    )
    portfolio = Portfolio.objects.create(park=park, code="all", name_zh="全部", name_en="All")
    assets = {}
    for kind, spec in SPECS.items():
        code = f"the-{kind}".replace("_", "-")
        assets[kind] = Asset.objects.create(site=site, code=code, kind=kind, name_zh=kind, name_en=kind, spec=spec)
        PortfolioMember.objects.create(portfolio=portfolio, asset=assets[kind], valid_from=date(2025, 1, 1))
    built = Built(park, portfolio, assets)
    # up to DAY itself, which is known only after it is over
    write_days(built, [DAY - back * ONE_DAY for back in range(HISTORY_DAYS, -2, -1)])
    return built


def power_of(kind: str, day: date) -> np.ndarray:
    """(96,) injection; a plausible day that depends on its date only."""
    random = np.random.default_rng([day.toordinal(), len(kind)])
    hour = (np.arange(96) + 0.5) / 4
    level = random.uniform(0.3, 1.0)
    noise = random.normal(0, 1, 96)
    if kind == "pv":
        return np.clip(900 * level * np.maximum(0, np.sin((hour - 6) / 12 * np.pi)) * (1 + 0.1 * noise), 0, 1000)
    if kind == "wind":
        return np.clip(1500 * level**2 + 60 * noise, 0, 2000)
    if kind == "storage":
        return np.zeros(96)
    top = {"load": 800, "ev_station": 50}[kind]
    work = 1.0 if is_working(day) else 0.4
    return -np.clip(top * (0.3 + 0.6 * work * np.exp(-(((hour - 13) / 4) ** 2)) + 0.03 * noise), 0, top)


def write_day(built: Built, day: date, *, scale: float = 1.0) -> None:
    """Telemetry of `day`, available when it is over; cars that came and left. What stood there is replaced."""
    write_days(built, [day], scale=scale)


def write_days(built: Built, days: list[date], *, scale: float = 1.0) -> None:
    values = ["starts_at", "resolution_s", "values", "quality", "available_at"]
    rows = [row for day in days for row in telemetry_of(built, day, scale)]
    TelemetryDay.objects.bulk_create(rows, update_conflicts=True, unique_fields=["asset", "day", "series"], update_fields=values)
    ChargingSession.objects.bulk_create([car for day in days for car in cars_of(built, day)], ignore_conflicts=True)


def telemetry_of(built: Built, day: date, scale: float) -> Iterator[TelemetryDay]:
    starts_at = midnight(day)
    for kind, asset in built.assets.items():
        series = {"injection_kw": scale * power_of(kind, day)}
        if kind == "storage":
            series["soc_ratio"] = np.full(96, 0.6)
        for name, values in series.items():
            yield TelemetryDay(
                asset=asset,
                day=day,
                series=name,
                starts_at=starts_at,
                resolution_s=900,
                values=pack_f4(values),
                quality=bytes(96),
                available_at=starts_at + ONE_DAY,
            )


def cars_of(built: Built, day: date) -> Iterator[ChargingSession]:
    """The same cars however often they are asked for."""
    random = np.random.default_rng(day.toordinal())
    for car in range(6):
        arrives_at = midnight(day) + timedelta(hours=random.uniform(7, 10))
        yield ChargingSession(
            asset=built.assets["ev_station"],
            session_key=f"{day}-{car}",
            plugged_in_at=arrives_at,
            plugged_out_at=arrives_at + timedelta(hours=random.uniform(4, 8)),
            energy_kwh=random.uniform(8, 25),
            available_at=arrives_at,
        )
