"""A small works park with five weeks of history, for the tests of bids, instructions and the day cycle.

One site: PV, battery, a press that can be shed. Prices, telemetry and readings are made here by formula.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import yaml

from aggregator.assets.operations import add_member, register_asset, register_portfolio
from aggregator.enterprises.operations import register_enterprise, register_park, register_site
from aggregator.gateways.operations import connect_asset, register_gateway
from aggregator.kernel.calendar import is_working
from aggregator.kernel.periods import Grid, delivery_day, local_hours, midnight
from aggregator.metering.domain import ReadingIn
from aggregator.metering.operations import import_readings, register_point
from aggregator.telemetry.operations import DayValues, import_days
from market.platforms.models import Platform
from market.prices.operations import record_prices
from market.rules.domain import merge_packs, parse_pack
from market.rules.operations import publish_pack, put_park_under

DAY = date(2025, 6, 24)  # a Tuesday
QUARTER = timedelta(minutes=15)
GRID = delivery_day(DAY, resolution=QUARTER)
HISTORY = 35
PACKS = Path(__file__).parents[3] / "fixtures" / "rule_packs"
SPECS = {
    "pv": {"rated_kw": 2000},
    "storage": {"energy_kwh": 4000, "charge_kw": 2000, "discharge_kw": 2000, "soc_initial_ratio": 0.5},
    "load": {"rated_kw": 4000, "must_run_kw": 1000, "max_call_hours": 2, "notice_minutes": 15, "shed_cost_cny_per_kwh": 0.8},
}


@dataclass(frozen=True)
class World:
    park_id: int
    portfolio_id: int
    platform_id: int
    other_platform_id: int
    site_id: int
    asset_ids: dict[str, int]


def at(clock: str, *, day: date = DAY) -> datetime:
    """A local clock time "HH:MM" of a day."""
    hour, minute = map(int, clock.split(":"))
    return midnight(day) + timedelta(hours=hour, minutes=minute)


def eve(clock: str) -> datetime:
    return at(clock, day=DAY - timedelta(days=1))


def make_market(*, pack_changes: dict | None = None) -> World:
    """The park, its assets, rules and platforms; no history."""
    names = {"name_zh": "厂", "name_en": "Works"}
    park_id = register_park(
        code="park", province="LN", latitude=41.8, longitude=123.4, synthetic=True, manifest_sha256="0" * 64, resolution_s=900, **names
    )
    enterprise_id = register_enterprise(park_id=park_id, code="works", **names)
    site_id = register_site(
        enterprise_id=enterprise_id, code="works", import_limit_kw=8000, export_limit_kw=4000, tariff_class="industrial_10kv", **names
    )
    gateway_id = register_gateway(site_id=site_id, code="box")
    portfolio_id = register_portfolio(park_id=park_id, code="all", **names)
    asset_ids = {}
    for kind, spec in SPECS.items():
        asset_ids[kind] = register_asset(site_id=site_id, code=kind, kind=kind, spec=spec, **names)
        connect_asset(gateway_id=gateway_id, asset_id=asset_ids[kind])
        add_member(portfolio_id=portfolio_id, asset_id=asset_ids[kind], valid_from=date(2025, 1, 1), valid_to=None)
    register_point(site_id=site_id, code="works-meter")
    platforms = [Platform.objects.create(portfolio_id=portfolio_id, code=code, **names) for code in ("exchange", "other")]
    Platform.objects.filter(pk=platforms[1].pk).update(enabled=False)
    _rules(park_id, pack_changes or {})
    return World(park_id, portfolio_id, platforms[0].pk, platforms[1].pk, site_id, asset_ids)


def make_world(*, pack_changes: dict | None = None) -> World:
    """Everything that stands before the first step of delivery day DAY: the market and five weeks of history."""
    world = make_market(pack_changes=pack_changes)
    _past([DAY - timedelta(days=back) for back in range(HISTORY, 0, -1)], world.park_id, world.asset_ids)
    return world


def natural_kw(grid: Grid) -> dict[str, np.ndarray]:
    """Injection without us [kW]: a clear sky, two shifts on working days, an idle battery."""
    hours = local_hours(grid)
    wobble = 60 * np.sin(np.arange(len(grid)) + grid.starts_at.toordinal())
    working = is_working((grid.starts_at + timedelta(hours=12)).date())
    shift = np.where((hours >= 7) & (hours < 22), 3200.0, 1400.0) if working else np.full(len(grid), 1200.0)
    return {
        "pv": 1600 * np.clip(np.sin((hours - 6) * np.pi / 12), 0, None),
        "storage": np.zeros(len(grid)),
        "load": -(shift + wobble),
    }


def price_curve(day: date) -> np.ndarray:
    """Day-ahead prices [CNY/MWh]: cheap noon, dear evening, a little different every day."""
    hours = local_hours(delivery_day(day, resolution=QUARTER))
    drift = 10.0 * (day.toordinal() % 5)
    return np.round(np.where((hours >= 11) & (hours < 14), -20.0, np.where((hours >= 17) & (hours < 21), 620.0, 320.0)) + drift, 2)


def publish_prices(park_id: int, day: date, *, available_at: datetime, market: str = "day_ahead") -> None:
    prices = [Decimal(str(price)) for price in price_curve(day)]
    record_prices(
        park_id=park_id,
        market=market,
        day=day,
        resolution=QUARTER,
        prices=prices,
        available_at=available_at,
        source="formula",
        synthetic=True,
    )


def read_meters(day: date, *, available_at: datetime, more_kwh: Decimal = Decimal(0)) -> None:
    """Readings of the site's connection; `more_kwh` is added to the import of every period (a correction)."""
    grid = delivery_day(day, resolution=QUARTER)
    kwh = sum(natural_kw(grid).values()) * grid.hours
    wanted = [str(Decimal(str(round(max(0.0, -value), 3))) + more_kwh) for value in kwh]
    fed = [str(round(max(0.0, value), 3)) for value in kwh]
    reading = ReadingIn("works-meter", day.isoformat(), 900, wanted, fed, reason="correction" if more_kwh else "")
    report = import_readings(readings=[reading], available_at=available_at, source="formula")
    assert not report.rejected, report.rejected


def _past(days: list[date], park_id: int, asset_ids: dict[str, int]) -> None:
    grids = {day: delivery_day(day, resolution=QUARTER) for day in days}
    natural = {day: natural_kw(grid) for day, grid in grids.items()}
    written = [(kind, "injection_kw", {day: natural[day][kind] for day in days}) for kind in SPECS]
    written.append(("storage", "soc_ratio", {day: np.full(len(grid), 0.5) for day, grid in grids.items()}))
    for kind, series, values in written:
        known = [DayValues(day, values[day], 900, grid.ends_at) for day, grid in grids.items()]
        import_days(asset_id=asset_ids[kind], series=series, days=known, source="formula")
    for day in days:
        publish_prices(park_id, day, available_at=at("17:30", day=day - timedelta(days=1)))
        read_meters(day, available_at=at("02:00", day=day + timedelta(days=1)))


def _rules(park_id: int, changes: dict) -> None:
    base, overlay = (yaml.safe_load((PACKS / name).read_text()) for name in ("liaoning.yaml", "demo_liaoning_overlay.yaml"))
    data = merge_packs(base=base, overlay=overlay)
    for section, figures in changes.items():
        data[section] = {**(data.get(section) or {}), **figures}
    publish_pack(pack=parse_pack(data))
    put_park_under(park_id=park_id, pack_code=data["code"])
