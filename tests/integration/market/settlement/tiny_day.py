"""The worked day of docs/settlement.md as rows: hours 10 to 13 of 12 June 2025, every other hour zero.

A day's readings are known at 02:00 of the next day. So A's contract curve (known at the start of 11 June) ends with
9 June and is -100 kWh, its baseline (known at the bid, 10:00 of 11 June) ends with 10 June and is -120 kWh, as on
the page; 11 June itself was known too late for both.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
from django.contrib.auth.models import Group, User

from aggregator.assets.models import Asset, Portfolio, PortfolioMember
from aggregator.dispatch.models import Acknowledgement, DispatchPlan, Setpoint
from aggregator.enterprises.models import AgencyContract, Enterprise, Membership, Park, Site
from aggregator.kernel.periods import delivery_day
from aggregator.metering.models import MeteringPoint, MeterReading
from aggregator.support.arrays import MISSING_I8, pack_f4, pack_i8
from market.bids.models import Award, AwardPeriod, Bid, Nomination
from market.instructions.models import DispatchInstruction
from market.platforms.models import Platform
from market.prices.models import PriceCurve
from market.rules.domain import parse_pack
from market.rules.operations import publish_pack, put_park_under

DAY = date(2025, 6, 12)
HOUR = timedelta(hours=1)
GRID = delivery_day(DAY, resolution=HOUR)
FIRST = 10  # the page's period 0
SETTLE_AT = datetime(2025, 6, 13, 1, tzinfo=UTC)
LATER = datetime(2025, 6, 16, 1, tzinfo=UTC)
PROVENANCE = {"reliability": "synthetic", "document": "tests"}
PACK = {
    "code": "tiny",
    "version": 1,
    "province": "XX",
    "valid_from": "2025-01-01",
    "demand_response": {
        "provenance": PROVENANCE,
        "tier": "R-80/120",
        "tier_low_ratio": "0.8",
        "tier_cap_ratio": "1.2",
        "price_floor_cny_per_mwh": "0",
        "price_cap_cny_per_mwh": "5000",
        "price_step_cny_per_mwh": "1",
        "quantity_step_kw": "1",
        "min_kw": "1",
        "max_calls_per_day": 1,
        "max_call_hours": "2",
        "deficiency_threshold_ratio": "0.95",
        "deficiency_penalty_factor": "0.5",
    },
    "baseline": {
        "provenance": PROVENANCE,
        "method": "last_5_working_days",
        "days": 5,
        "same_type_days": 3,
        "search_days": 45,
        "min_coverage_ratio": "0.9",
        "adjustment_window_hours": "2",
        "adjustment_ends_before_hours": "1",
        "adjustment_clip_low_ratio": "0.8",
        "adjustment_clip_high_ratio": "1.2",
    },
    "green": {"provenance": PROVENANCE, "environmental_premium_cny_per_mwh": "30"},
}


def hours(*kwh: float | None) -> list[int | None]:
    """Wh of 24 hours: the page's four periods from 10:00 on, zero elsewhere."""
    values: list[int | None] = [0] * 24
    values[FIRST : FIRST + len(kwh)] = [None if value is None else round(value * 1000) for value in kwh]
    return values


def wh(values: list[int | None]) -> bytes:
    return pack_i8(np.array([MISSING_I8 if value is None else value for value in values], dtype=np.int64))


def read(
    point: MeteringPoint, day: date, injection_wh: list[int | None], *, revision: int = 1, at: datetime | None = None, reason: str = ""
) -> None:
    """One day of one meter; known at 02:00 of the next day unless told."""
    MeterReading.objects.create(
        metering_point=point,
        day=day,
        revision=revision,
        resolution_s=3600,
        import_wh=wh([None if v is None else max(0, -v) for v in injection_wh]),
        export_wh=wh([None if v is None else max(0, v) for v in injection_wh]),
        available_at=at or datetime(day.year, day.month, day.day, 18, tzinfo=UTC),
        reason=reason,
    )


def prices(park: Park, market: str, *cny: str) -> None:
    values = [Decimal(100)] * 24
    values[FIRST : FIRST + len(cny)] = [Decimal(price) for price in cny]
    PriceCurve.objects.create(
        park=park,
        market=market,
        day=DAY,
        resolution_s=3600,
        prices=pack_i8(np.array([int(price * 10_000) for price in values], dtype=np.int64)),
        source="tests",
        synthetic=True,
        available_at=GRID.starts_at - timedelta(hours=6),
    )


@dataclass
class TinyDay:
    park: Park
    portfolio: Portfolio
    sites: dict[str, Site]
    points: dict[str, MeteringPoint]
    contracts: dict[str, AgencyContract]
    spot: Award
    response: Award
    order: DispatchInstruction
    setpoints: dict[str, Setpoint]


def build() -> TinyDay:
    park = Park.objects.create(
        code="tiny", name_zh="小园区", name_en="Tiny", province="XX", latitude=41, longitude=123, resolution_s=3600, synthetic=True
    )
    portfolio = Portfolio.objects.create(park=park, code="all", name_zh="全部", name_en="All")
    platform = Platform.objects.create(portfolio=portfolio, code="market", name_zh="平台", name_en="Market")
    publish_pack(pack=parse_pack(PACK))
    put_park_under(park_id=park.pk, pack_code="tiny")
    sites, points, contracts, assets = _members(park, portfolio)
    _readings(points)
    prices(park, "day_ahead", "300", "350", "400", "-50")
    prices(park, "real_time", "320", "340", "500", "-80")
    spot = _award(portfolio, platform, "spot", [(t, "0", "100") for t in range(24) if not FIRST <= t < FIRST + 4] + _cleared())
    for name, kwh in (("A", (-110, -100, -120, -90)), ("B", (-200, -210, -200, -150))):
        Nomination.objects.create(award=spot, site=sites[name], injection_wh=wh(hours(*kwh)))
    response = _award(portfolio, platform, "demand_response", [(FIRST + 2, "100", "3000")])
    order = DispatchInstruction.objects.create(
        platform=platform,
        portfolio=portfolio,
        award=response,
        reference="order-1",
        issued_at=GRID.starts[FIRST],
        received_at=GRID.starts[FIRST],
        starts_at=GRID.starts[FIRST + 2],
        ends_at=GRID.starts[FIRST + 3],
        injection_change_kw=100.0,
        baseline_kw=pack_f4(np.array([-320.0])),
        state="completed",
    )
    setpoints = _dispatch(portfolio, sites, assets, order)
    return TinyDay(park, portfolio, sites, points, contracts, spot, response, order, setpoints)


def _members(park: Park, portfolio: Portfolio):
    sites, points, contracts, assets = {}, {}, {}, {}
    load = {"rated_kw": 500, "must_run_kw": 10}
    specs = {
        "A": [("load", "load", load), ("pv", "pv", {"rated_kw": 100})],
        "B": [("load", "load", load), ("storage", "storage", {"energy_kwh": 100, "charge_kw": 50, "discharge_kw": 50})],
    }
    ratios = {"A": ("0.20", "0.30", "0.10"), "B": ("0.10", "0.20", "0.10")}
    curves = {"A": {"method": "typical_day"}, "B": {"method": "none"}}
    for name in "AB":
        enterprise = Enterprise.objects.create(park=park, code=name, name_zh=name, name_en=name)
        sites[name] = Site.objects.create(
            enterprise=enterprise, code="main", name_zh=name, name_en=name, import_limit_kw=900, export_limit_kw=900, tariff_class="any"
        )
        spot, response, green = ratios[name]
        contracts[name] = AgencyContract.objects.create(
            enterprise=enterprise,
            number=name,
            valid_from=date(2025, 1, 1),
            valid_to=date(2026, 1, 1),
            share_rule={"kind": "fixed_share", "operator_ratio": {"spot": spot, "demand_response": response, "green": green}},
            contract_curve=curves[name],
        )
        points[name] = MeteringPoint.objects.create(site=sites[name], code=f"{name}-grid", kind="connection")
        for code, kind, spec in specs[name]:
            asset = Asset.objects.create(site=sites[name], code=f"{name}-{code}", kind=kind, name_zh=code, name_en=code, spec=spec)
            PortfolioMember.objects.create(portfolio=portfolio, asset=asset, valid_from=date(2025, 1, 1))
            assets[asset.code] = asset
            if kind != "load":
                points[asset.code] = MeteringPoint.objects.create(site=sites[name], asset=asset, code=asset.code, kind="asset")
    return sites, points, contracts, assets


def _readings(points: dict[str, MeteringPoint]) -> None:
    usual = hours(-200, -200, -200, -200)
    for past, a_at_noon in ((3, -100), (4, -100), (5, -100), (6, -100), (9, -100), (10, -200), (11, -700)):
        read(points["A"], date(2025, 6, past), hours(-100, -100, a_at_noon, -100))
        read(points["B"], date(2025, 6, past), usual)
    read(points["A"], DAY, hours(-105, -100.5, -80, 20))
    read(points["B"], DAY, hours(-190, -210, -150.333, -155))
    read(points["A-pv"], DAY, hours(0, 0, 0, 60))
    read(points["B-storage"], DAY, hours(0, 0, 0, 0))


def _cleared() -> list[tuple[int, str, str]]:
    rows = zip(("-311", "-310", "-320", "-240"), ("300", "350", "400", "-50"), strict=True)
    return [(FIRST + k, kw, price) for k, (kw, price) in enumerate(rows)]


def _award(portfolio: Portfolio, platform: Platform, product: str, periods: list[tuple[int, str, str]]) -> Award:
    bid = Bid.objects.create(
        portfolio=portfolio,
        platform=platform,
        product=product,
        delivery_day=DAY,
        state="awarded",
        computed_at=GRID.starts_at - timedelta(hours=14),
        gate_closes_at=GRID.starts_at - timedelta(hours=12, minutes=30),
        resolution_s=3600,
        solver_status="optimal",
        inputs_hash="0" * 64,
    )
    award = Award.objects.create(bid=bid, platform=platform, reference=f"award-{product}", available_at=GRID.starts_at - timedelta(hours=6))
    for t, kw, price in periods:
        AwardPeriod.objects.create(award=award, starts_at=GRID.starts[t], injection_kw=Decimal(kw), price_cny_per_mwh=Decimal(price))
    return award


def _dispatch(portfolio: Portfolio, sites: dict[str, Site], assets: dict[str, Asset], order: DispatchInstruction) -> dict[str, Setpoint]:
    """The plan asked 55 kWh of A and 40 of B; A's load obeyed in part, B's storage only said it would."""
    plan = DispatchPlan.objects.create(
        portfolio=portfolio,
        purpose="instruction",
        reference=f"instruction {order.public_id}",
        sequence=1,
        issued_at=order.received_at,
        starts_at=order.starts_at,
        resolution_s=3600,
        n_periods=1,
        planned_kw=pack_f4(np.array([-225.0])),
        target_kw=pack_f4(np.array([-220.0])),
        shortfall_kw=pack_f4(np.array([5.0])),
        site_kw={str(sites["A"].public_id): [-65.0], str(sites["B"].public_id): [-160.0]},
        solver_status="optimal",
        inputs_hash="0" * 64,
    )
    rows = {}
    for code, kind, value, planned, outcome, measured in (
        ("A-load", "import_limit_kw", 65.0, -65.0, "followed", -66.0),
        ("B-storage", "injection_kw", 40.0, 40.0, "contradicted", 0.0),
    ):
        rows[code] = Setpoint.objects.create(
            plan=plan,
            asset=assets[code],
            kind=kind,
            starts_at=order.starts_at,
            ends_at=order.ends_at,
            value_kw=value,
            planned_kw=planned,
            fallback_kw=0.0,
            reason="instruction",
            state="accepted",
            acknowledge_by=order.starts_at,
            outcome=outcome,
            measured_kw=measured,
            tolerance_kw=5.0,
        )
        Acknowledgement.objects.create(setpoint=rows[code], state="accepted", at=order.received_at, received_at=order.received_at)
    return rows


def staff(role: str = "settlement") -> User:
    user = User.objects.create_user(f"staff-{role}", password="x" * 12, is_staff=True)
    user.groups.add(Group.objects.get_or_create(name=role)[0])
    return user


def member(enterprise: str) -> User:
    user = User.objects.create_user(f"member-{enterprise}", password="x" * 12)
    Membership.objects.create(user=user, enterprise=Enterprise.objects.get(code=enterprise), role="viewer")
    return user
