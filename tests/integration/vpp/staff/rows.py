"""A planned day of the worked park (tests/integration/market/settlement/tiny_day.py), with the run behind it."""

from dataclasses import dataclass

import numpy as np
from django.contrib.auth.models import User
from django.test import Client

from aggregator.assets.models import Asset
from aggregator.dispatch.models import DispatchPlan, OptimisationRun, Setpoint
from aggregator.forecasts.models import AvailabilityForecast, ForecastRun
from aggregator.support.arrays import pack_f4
from tests.integration.market.settlement.tiny_day import DAY, GRID, HOUR, TinyDay

ISSUED = GRID.starts_at - 6 * HOUR
N = len(GRID)
BASES = {"A-load": -100.0, "A-pv": 60.0, "B-load": -200.0, "B-storage": 0.0}
CHARGED = slice(2, 5)  # B's storage takes 40 kW, gives 30 kW in DISCHARGED
DISCHARGED = slice(18, 21)
SHED = 19  # A's load sheds 25 kW
RELAXED_KW = 12.5


@dataclass
class Planned:
    day: TinyDay
    plan: DispatchPlan
    run: OptimisationRun


def visit(user: User | None, path: str, language: str = "en", **query):
    client = Client(headers={"host": "localhost", "accept-language": language})
    if user:
        client.force_login(user)
    return client.get(path, query)


def optimisation_run(made: TinyDay, **fields) -> OptimisationRun:
    known = {
        "portfolio": made.portfolio,
        "purpose": "schedule",
        "reference": f"schedule {DAY}",
        "computed_at": ISSUED,
        "starts_at": GRID.starts_at,
        "resolution_s": 3600,
        "n_periods": N,
        "n_assets": 4,
        "n_sites": 2,
        "mode": "fleet",
        "status": "at_gap",
        "cost_cny": 1000.0,
        "lower_bound_cny": 996.0,
        "safe_cost_cny": 1196.0,
        "stages": {"aggregate": 0.25, "guided": 0.5, "certificate": 0.25},
        "limits": [
            {
                "limit": "import_limit",
                "subject": str(made.sites["A"].public_id),
                "starts_at": GRID.starts[3].isoformat(),
                "periods": 4,
                "price": 0.2345,
                "unit": "cny_per_kwh",
            },
            {
                "limit": "promise",
                "subject": "",
                "starts_at": GRID.starts[12].isoformat(),
                "periods": 1,
                "price": 0.1,
                "unit": "cny_per_kwh",
            },
        ],
        "inputs_hash": "ab" * 32,
    }
    return OptimisationRun.objects.create(**{**known, **fields})


def planned(made: TinyDay) -> Planned:
    """Storage of B charges and discharges, load of A sheds for an hour; B's import limit gave way."""
    forecast = ForecastRun.objects.create(
        portfolio=made.portfolio,
        issued_at=ISSUED,
        available_at=ISSUED,
        starts_at=GRID.starts_at,
        resolution_s=3600,
        n_periods=N,
        model_version="tests",
        inputs_hash="0" * 64,
    )
    assets = {asset.code: asset for asset in Asset.objects.all()}
    for code, base in BASES.items():
        flat = pack_f4(np.full(N, base))
        AvailabilityForecast.objects.create(
            run=forecast, asset=assets[code], level="expected", base_kw=flat, min_kw=flat, max_kw=flat, min_kwh=flat, max_kwh=flat
        )
    storage = np.zeros(N)
    storage[CHARGED], storage[DISCHARGED] = -40.0, 30.0
    load = np.full(N, BASES["A-load"])
    load[SHED] += 25.0
    sites = {"A": load + BASES["A-pv"], "B": storage + BASES["B-load"]}
    run = optimisation_run(made)
    plan = DispatchPlan.objects.create(
        portfolio=made.portfolio,
        purpose="schedule",
        reference=f"schedule {DAY}",
        sequence=2,
        issued_at=ISSUED,
        starts_at=GRID.starts_at,
        resolution_s=3600,
        n_periods=N,
        planned_kw=pack_f4(sites["A"] + sites["B"]),
        shortfall_kw=b"",
        site_kw={str(made.sites[name].public_id): values.tolist() for name, values in sites.items()},
        explanations=[
            *_explained(
                "A/main/A-load", {0: ("normal_production", ""), SHED: ("high_price_shed", "must_run"), 20: ("normal_production", "")}
            ),
            *_explained("A/main/A-pv", {0: ("free_run", "available_power")}),
            *_explained("B/main/B-load", {0: ("normal_production", "")}),
            *_explained(
                "B/main/B-storage",
                {
                    0: ("idle_no_gain", "soc_floor"),
                    CHARGED.start: ("low_price_charge", "site_import_limit"),
                    CHARGED.stop: ("idle_no_gain", ""),
                    DISCHARGED.start: ("high_price_discharge", ""),
                    DISCHARGED.stop: ("idle_no_gain", ""),
                },
            ),
        ],
        relaxed_limits=[
            {
                "site": str(made.sites["B"].public_id),
                "limit": "import_limit",
                "starts_at": GRID.starts[k].isoformat(),
                "by_kw": by_kw,
            }
            for k, by_kw in ((3, 4.0), (4, RELAXED_KW))
        ],
        notes=[{"asset": str(assets["B-storage"].public_id), "note": "soc_stale"}],
        solver_status="at_gap",
        objective_cny=812.25,
        run=run,
        forecast_run=forecast,
        inputs={"injection_value_cny_per_kwh": [0.25] * N, "weather_run_id": None, "drift_kw": {}},
        inputs_hash="0" * 64,
    )
    rows = [_setpoint(plan, assets["B-storage"], k, "injection_kw", storage[k]) for k in range(N)]
    rows.append(_setpoint(plan, assets["A-load"], SHED, "import_limit_kw", load[SHED]))
    Setpoint.objects.bulk_create(rows)
    return Planned(made, plan, run)


def _explained(key: str, changes: dict[int, tuple[str, str]]) -> list[dict[str, str]]:
    return [
        {"asset": key, "starts_at": GRID.starts[k].isoformat(), "reason": reason, "limit": limit} for k, (reason, limit) in changes.items()
    ]


def _setpoint(plan: DispatchPlan, asset: Asset, period: int, kind: str, kw: float) -> Setpoint:
    return Setpoint(
        plan=plan,
        asset=asset,
        kind=kind,
        starts_at=GRID.starts[period],
        ends_at=GRID.starts[period] + HOUR,
        value_kw=kw if kind == "injection_kw" else -kw,
        planned_kw=kw,
        fallback_kw=0.0,
        reason="",
        state="accepted",
        acknowledge_by=GRID.starts_at,
    )
