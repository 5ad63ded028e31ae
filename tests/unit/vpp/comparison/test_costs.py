"""The cost of a day, worked by hand, and that perfect foresight is never dearer than doing nothing."""

from datetime import date, timedelta

import numpy as np
import pytest

from aggregator.assets.domain import generation, load, storage
from aggregator.dispatch.domain import FirmBlock
from aggregator.kernel.periods import Grid, midnight
from vpp.comparison import ActualAsset, CostsUnknown, Shed, SiteDay, SiteTerms, Stored, captured_value_ratio, day_costs, perfect_foresight

DAY = date(2025, 6, 12)  # June has 30 days
HOUR = timedelta(hours=1)


def grid(n: int) -> Grid:
    return Grid(midnight(DAY), HOUR, n)


def terms(n: int = 2, **changes) -> SiteTerms:
    fields = {
        "site": "E1/main",
        "contract_wh": np.full(n, -100_000.0),
        "contract_price": np.full(n, 400.0),
        "import_adder": np.full(n, 200.0),
        "demand_price_cny_per_kw_month": 30.0,
    }
    return SiteTerms(**{**fields, **changes})


def test_every_part_by_hand():
    site = SiteDay(terms=terms(), nominated_wh=np.array([-120_000.0, -80_000.0]), metered_wh=np.array([-110_000.0, 20_000.0]))
    costs = day_costs(
        day=DAY,
        grid=grid(2),
        sites=[site],
        day_ahead=np.array([300.0, 500.0]),
        real_time=np.array([350.0, -100.0]),
        credited_wh=np.array([0.0, 40_000.0]),
        demand_response_fen=12_000,
        award_wh=np.array([-121_000.0, -80_000.0]),
        stores=[Stored(start_kwh=50, end_kwh=60, discharged_kwh=30, wear_cny_per_kwh=0.1, value_ratio=0.9)],
        sheds=[Shed(shed_kwh=5, cost_cny_per_kwh=1.2)],
    )
    assert costs.contract_energy_fen == 8_000  # 0.2 MWh x 400
    assert costs.network_fen == 2_200  # 0.11 MWh x 200; the second hour imports nothing
    assert costs.demand_charge_fen == 132_000  # 30 x 110 kW x 12 / 30 days
    # day-ahead -0.02 x 300 + 0.02 x 500 = 4; deviation 0.01 x 350 + (0.1 - 0.04) x -100 = -2.5; rest -0.001 x -50
    assert costs.spot_fen == 155
    assert costs.wear_fen == 300
    assert costs.shed_fen == 600
    assert costs.stored_value_fen == 360  # 9 kWh x mean 400
    assert costs.cost_fen == 8_000 + 2_200 + 132_000 - 155 - 12_000 + 300 + 600 - 360


def test_what_the_month_has_covered_costs_nothing_again():
    def charged(peak_so_far_kw: float) -> int:
        site = SiteDay(terms=terms(peak_so_far_kw=peak_so_far_kw), nominated_wh=np.zeros(2), metered_wh=np.array([-110_000.0, 0.0]))
        return day_costs(day=DAY, grid=grid(2), sites=[site], day_ahead=np.ones(2), real_time=np.ones(2)).demand_charge_fen

    assert [charged(kw) for kw in (0.0, 100.0, 110.0, 300.0)] == [132_000, 12_000, 0, 0]


def test_a_missing_reading_is_not_zero():
    site = SiteDay(terms=terms(), nominated_wh=np.zeros(2), metered_wh=np.array([0.0, np.nan]))
    with pytest.raises(CostsUnknown, match="reading of site E1/main is missing in 1 periods"):
        day_costs(day=DAY, grid=grid(2), sites=[site], day_ahead=np.ones(2), real_time=np.ones(2))


def test_captured_value():
    assert captured_value_ratio(without_fen=1000, with_fen=800, perfect_fen=600) == 0.5
    assert captured_value_ratio(without_fen=1000, with_fen=1000, perfect_fen=1000) is None


def park(n: int):
    g = grid(n)
    battery = storage.StorageSpec(energy_kwh=200, charge_kw=100, discharge_kw=100, soc_initial_ratio=0.5, wear_cny_per_kwh=0.02)
    plant = load.LoadSpec(rated_kw=300, must_run_kw=200, notice_minutes=0, max_call_hours=2, shed_cost_cny_per_kwh=0.8)
    roof = generation.PvSpec(rated_kw=80)
    assets = {
        "battery": ActualAsset("s", "storage", battery, storage.envelope(battery, grid=g, stored_kwh=100), stored_kwh=100),
        "plant": ActualAsset("s", "load", plant, load.envelope(plant, grid=g, load_kw=np.full(n, 250.0))),
        "roof": ActualAsset("s", "pv", roof, generation.envelope(roof, grid=g, available_kw=np.full(n, 50.0))),
    }
    return g, assets


def test_perfect_foresight_beats_doing_nothing_and_uses_the_same_formula():
    n = 6
    g, assets = park(n)
    site = terms(n, site="s", contract_wh=np.full(n, -200_000.0), contract_price=np.full(n, 400.0), import_adder=np.full(n, 150.0))
    day_ahead = np.array([100.0, 80.0, -50.0, 600.0, 900.0, 300.0])
    firm = FirmBlock(window=slice(3, 5), baseline_kw=np.full(2, -200.0), price_cny_per_kwh=3.0, max_kw=120.0)
    idle = SiteDay(terms=site, nominated_wh=np.full(n, -200_000.0), metered_wh=np.full(n, -200_000.0))
    without = day_costs(day=DAY, grid=g, sites=[idle], day_ahead=day_ahead, real_time=day_ahead)

    def solve(block):
        return perfect_foresight(
            day=DAY, grid=g, terms=[site], limits_kw={"s": (400.0, 400.0)}, assets=assets, day_ahead=day_ahead, firm=block, deadline_s=20
        )

    plain, called = solve(None), solve(firm)
    assert plain.costs.cost_fen < without.cost_fen
    assert called.costs.cost_fen < plain.costs.cost_fen
    assert called.costs.demand_response_fen > 0
    # The solver's own money differs only by what it cannot change: contract, and the energy stored at the start.
    constant = float(site.contract_wh @ (day_ahead - site.contract_price)) / 1e6 + 0.95 * 100 * day_ahead.mean() / 1000
    assert called.costs.cost_fen == pytest.approx(100 * (called.schedule.objective_cny + constant), abs=5)
