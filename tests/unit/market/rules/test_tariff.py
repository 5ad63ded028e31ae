"""Price of a kWh: components that float with the band, and those that do not."""

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest

from aggregator.kernel.periods import delivery_day
from market.rules.domain import FigureUnknown, UnknownTariffClass, tariff_decimals, tariff_prices
from tests.unit.market.rules.packs import demo, liaoning

GRID = delivery_day(date(2026, 7, 15), resolution=timedelta(minutes=15))


def test_only_floating_components_follow_the_band():
    prices = tariff_decimals(pack=demo(), tariff_class="industrial_10kv", grid=GRID)
    by_band = dict(zip(prices.band, zip(prices.energy_cny_per_mwh, prices.adder_cny_per_mwh, strict=True), strict=True))
    # purchase 400 and line loss 20 float; transmission 120, system 40 and funds 30 do not
    assert by_band["flat"] == (Decimal(400), Decimal(210))
    assert by_band["peak"] == (Decimal(600), Decimal(220))
    assert by_band["valley"] == (Decimal(200), Decimal(200))
    assert by_band["sharp"] == (Decimal(750), Decimal("227.5"))  # 1.875, not 1.5 x 1.875
    assert prices.demand_price_cny_per_kw_month == 33


def test_planning_and_settlement_use_the_same_figures():
    exact = tariff_decimals(pack=demo(), tariff_class="industrial_35kv", grid=GRID)
    plan = tariff_prices(pack=demo(), tariff_class="industrial_35kv", grid=GRID)
    assert plan.band == exact.band
    assert np.array_equal(plan.energy_cny_per_mwh, [float(x) for x in exact.energy_cny_per_mwh])
    assert np.array_equal(plan.adder_cny_per_mwh, [float(x) for x in exact.adder_cny_per_mwh])


def test_an_unknown_class_is_refused_with_those_that_are_known():
    with pytest.raises(UnknownTariffClass, match="industrial_10kv"):
        tariff_decimals(pack=demo(), tariff_class="villa", grid=GRID)


def test_liaoning_alone_has_no_prices_and_says_so():
    with pytest.raises(FigureUnknown, match="needs confirmation"):
        tariff_decimals(pack=liaoning(), tariff_class="industrial_10kv", grid=GRID)


def test_an_unknown_multiplier_is_never_taken_as_one():
    data = demo().model_dump()
    data["multipliers"]["valley"] = None
    with pytest.raises(FigureUnknown, match=r"multipliers\.valley"):
        tariff_decimals(pack=type(demo()).model_validate(data), tariff_class="industrial_10kv", grid=GRID)
