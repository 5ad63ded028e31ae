"""The demand-response offer: held by a checked plan, less a margin, priced at cost and markup, or not made."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from aggregator.dispatch.domain import safe_plan
from market.bids.domain import DemandResponseAsk, demand_response_offer, explain_firm, offer
from tests.unit.market.bids.park import GRID, base_kw, park, prices

WINDOW = slice(14, 16)


def asked(**change):
    ask = DemandResponseAsk(
        window=WINDOW,
        direction=1,
        baseline_kw=base_kw()[WINDOW],
        firm_move_kw=np.array([2000.0, 1800.0]),
        margin_kw=150.0,
        max_kw=5000.0,
        min_kw=100.0,
        price_floor_cny_per_mwh=Decimal(0),
        price_cap_cny_per_mwh=Decimal(3000),
        price_step_cny_per_mwh=Decimal(1),
        quantity_step_kw=Decimal(10),
        markup_ratio=0.1,
    )
    return replace(ask, **change)


def offered(ask, *, curve=None):
    problem, assets = park()
    values = (prices() if curve is None else curve) / 1000
    return demand_response_offer(replace(problem, injection_value_cny_per_kwh=values), ask, assets=assets, deadline_s=30)


def test_the_quantity_is_what_a_plan_holds_less_the_margin():
    made = offered(asked())
    # battery 1000 kW of which two hours are stored (with charging before), press 1500 kW for two hours
    assert made.planned_kw == pytest.approx(1950.0, abs=1.0)  # firm envelope 1800 kW and the margin
    assert made.injection_change_kw == Decimal(1800)
    assert made.limit in ("firm_envelope", "forecast_margin")


@pytest.mark.parametrize("firm", [250.0, 900.0, 1800.0])
@pytest.mark.parametrize("margin", [0.0, 400.0])
def test_it_never_exceeds_the_firm_envelope_nor_the_plan_less_its_margin(firm, margin):
    made = offered(asked(firm_move_kw=np.array([2000.0, firm]), margin_kw=margin))
    assert 0 < made.injection_change_kw <= Decimal(repr(firm))
    assert float(made.injection_change_kw) <= made.planned_kw - margin + 1e-6


def test_the_invitation_caps_it_and_the_price_covers_the_cost():
    made = offered(asked(max_kw=500.0))
    assert (made.injection_change_kw, made.limit) == (Decimal(500), "invitation_maximum")
    # the battery alone holds 500 kW: wear, losses and the lost evening cost well under the press's 1 CNY/kWh
    assert Decimal(0) < made.price_cny_per_mwh < Decimal(1000)
    dearer = offered(asked(max_kw=1800.0))
    assert dearer.price_cny_per_mwh > made.price_cny_per_mwh  # now the press is needed as well


def test_a_cap_below_the_cost_is_no_offer():
    made = offered(asked(price_cap_cny_per_mwh=Decimal(10)))
    assert made.injection_change_kw == 0


def test_below_the_market_minimum_there_is_no_offer():
    made = offered(asked(max_kw=500.0, min_kw=600.0))
    assert (made.injection_change_kw, made.limit) == (Decimal(0), "market_minimum")


def test_valley_filling_is_a_negative_change():
    made = offered(asked(direction=-1, firm_move_kw=np.array([900.0, 900.0]), window=slice(2, 4), baseline_kw=base_kw()[2:4]))
    assert made.injection_change_kw < 0
    assert float(-made.injection_change_kw) <= 900.0


def test_without_a_solution_nothing_is_promised(monkeypatch):
    monkeypatch.setattr(offer, "solve_schedule", lambda problem, *, deadline_s: safe_plan(problem))
    made = offered(asked())
    assert (made.injection_change_kw, made.limit) == (Decimal(0), "no_solution")


def test_the_explanation_shows_where_the_quantity_came_from():
    rows = explain_firm(GRID.starts[WINDOW], offered(asked(max_kw=500.0)), adjustment="nobody_notified_yet")
    assert {row["baseline_adjustment"] for row in rows} == {"nobody_notified_yet"}
    assert [row["limit"] for row in rows] == ["invitation_maximum"] * 2
    assert rows[0]["margin_kw"] == 150.0
    assert rows[0]["planned_kw"] >= 500.0
