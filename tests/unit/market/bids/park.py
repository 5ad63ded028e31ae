"""A small park for the bidding tests: one works with PV, a battery and a press that can be shed."""

from datetime import date, timedelta

import numpy as np

from aggregator.assets.domain import generation, load, parse_spec, storage
from aggregator.dispatch.domain import AssetFacts, ScheduleProblem, SiteProblem, device_of
from aggregator.kernel.periods import delivery_day
from market.bids.domain.prices import DeviationCost
from market.bids.domain.scenarios import JointScenarios

DAY = date(2025, 6, 23)
GRID = delivery_day(DAY, resolution=timedelta(hours=1))
N = len(GRID)
PV = parse_spec("pv", {"rated_kw": 2000})
BATTERY = parse_spec("storage", {"energy_kwh": 2000, "charge_kw": 1000, "discharge_kw": 1000, "wear_cny_per_kwh": 0.05})
PRESS = parse_spec("load", {"rated_kw": 3000, "must_run_kw": 1000, "max_call_hours": 2, "notice_minutes": 0, "shed_cost_cny_per_kwh": 1.0})
SUN = 1500 * np.clip(np.sin((np.arange(N) - 6) * np.pi / 12), 0, None)


def park(*, stored_kwh: float = 1000.0) -> tuple[ScheduleProblem, dict[str, AssetFacts]]:
    """The problem at a price of zero, and the facts it was made from."""
    assets = {
        "battery": AssetFacts(
            "works", "storage", BATTERY, storage.envelope(BATTERY, grid=GRID, stored_kwh=stored_kwh), stored_kwh=stored_kwh
        ),
        "press": AssetFacts("works", "load", PRESS, load.envelope(PRESS, grid=GRID, load_kw=np.full(N, 2500.0))),
        "pv": AssetFacts("works", "pv", PV, generation.envelope(PV, grid=GRID, available_kw=SUN)),
    }
    site = SiteProblem(import_limit_kw=4000, export_limit_kw=1000, import_adder_cny_per_kwh=np.full(N, 0.2))
    problem = ScheduleProblem(
        grid=GRID,
        sites={"works": site},
        devices={key: (facts.site, device_of(facts)) for key, facts in assets.items()},
        injection_value_cny_per_kwh=np.zeros(N),
        terminal_value_cny_per_kwh=0.35,
    )
    return problem, assets


def base_kw() -> np.ndarray:
    """Injection without intervention."""
    return SUN - 2500.0


def prices(*, cheap: float = 100.0, dear: float = 900.0) -> np.ndarray:
    """Cheap nights, dear evenings [CNY/MWh]."""
    curve = np.full(N, 350.0)
    curve[:6], curve[18:21] = cheap, dear
    return curve


def joint(count: int = 8, *, seed: int = 3, weather_kw: float = 150.0, deviation: float = 30.0) -> JointScenarios:
    """`count` days: prices that swing as a whole, the sun against them, the load with the sun; the expected price is the first's."""
    rng = np.random.default_rng(seed)
    level = rng.normal(size=count)
    curves = np.array([prices(cheap=100 - 60 * x, dear=900 + 250 * x) + rng.normal(0, 15, N) for x in level])
    sun = np.where(SUN > 1, -weather_kw * level[:, None], 0.0)
    return JointScenarios(
        expected_cny_per_mwh=prices(),
        prices_cny_per_mwh=np.round(np.clip(curves, -100, 1500), 2),
        days=tuple(DAY - timedelta(days=k + 1) for k in range(count)),
        labels=tuple((DAY - timedelta(days=k + 1)).isoformat() for k in range(count)),
        availability="joint_days",
        generation_kw=sun - sun.mean(axis=0),
        load_kw=np.outer(level - level.mean(), np.full(N, 0.3 * weather_kw)),
        deviation=DeviationCost(np.full(N, deviation), "real_time_history", count),
    )
