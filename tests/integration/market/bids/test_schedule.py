"""The evening plan: published prices, awarded demand response held, and a nomination per site."""

import numpy as np
import pytest

from aggregator.dispatch.models import DispatchPlan, Setpoint
from aggregator.forecasts.operations import forecast_availability
from aggregator.support.arrays import pack_f4, unpack_f4
from market.bids.domain import AwardMessage
from market.bids.models import Nomination
from market.bids.operations import DayAheadPricesMissing, ForecastMissing, record_award, schedule_day
from market.bids.queries import awards_on, nominations
from market.prices.models import PriceCurve
from tests.integration.market.bids.offers import WINDOW, demand_bid, spot_bid
from tests.integration.market.world import DAY, GRID, eve, make_world, natural_kw, publish_prices

pytestmark = pytest.mark.django_db
NOW = eve("18:00")


@pytest.fixture
def world():
    made = make_world()
    forecast_availability(portfolio_id=made.portfolio_id, issued_at=eve("10:00"), grid=GRID)
    publish_prices(made.park_id, DAY, available_at=eve("17:30"))
    return made


def award(world, bid, starts, kw):
    message = AwardMessage.model_validate(
        {
            "award_id": f"A-{bid.product}",
            "bid_id": str(bid.public_id),
            "product": bid.product,
            "delivery_day": DAY,
            "periods": [{"starts_at": start, "injection_kw": kw, "price_cny_per_mwh": "450"} for start in starts],
        }
    )
    record_award(platform_id=world.platform_id, message=message, received_at=eve("17:30"))


def awarded(world):
    """Both products awarded; the bid's baseline is what the works does by itself."""
    natural = sum(natural_kw(GRID).values())
    for bid, starts, kw in ((spot_bid(world), GRID.starts, -400), (demand_bid(world), GRID.starts[WINDOW], 800)):
        bid.baseline_kw = pack_f4(natural)
        bid.save(update_fields=["baseline_kw"])
        award(world, bid, starts, kw)
    return natural


def run(world):
    return DispatchPlan.objects.get(pk=schedule_day(portfolio_id=world.portfolio_id, delivery_day=DAY, now=NOW))


def test_the_plan_holds_the_awarded_demand_response(world):
    natural = awarded(world)
    plan = run(world)
    planned = unpack_f4(plan.planned_kw)
    assert plan.violations == []
    assert np.all(planned[WINDOW] >= natural[WINDOW] + 800 - 1)
    assert unpack_f4(plan.shortfall_kw).max() == 0
    assert Setpoint.objects.filter(plan=plan).exists()


def test_sites_nominate_their_plan_and_in_the_window_their_baseline(world):
    awarded(world)
    plan = run(world)
    awards = awards_on(portfolio_id=world.portfolio_id, day=DAY)
    (wh,) = nominations(award_id=awards["spot"].id).values()
    planned_wh = np.rint(unpack_f4(plan.planned_kw) * 250)
    outside = np.ones(len(GRID), dtype=bool)
    outside[WINDOW] = False
    assert np.abs(wh - planned_wh)[outside].max() <= 1
    # The baseline at the bid: the mean of five working days whose noise differs a little from the day's.
    assert wh[WINDOW] / 250 == pytest.approx(sum(natural_kw(GRID).values())[WINDOW], abs=150)
    assert np.abs(wh[WINDOW] - planned_wh[WINDOW]).min() > 100_000  # far from what is delivered


def test_scheduling_twice_changes_nothing(world):
    awarded(world)
    first = run(world)
    before = list(Nomination.objects.values_list("pk", "injection_wh"))
    assert run(world).pk == first.pk
    assert list(Nomination.objects.values_list("pk", "injection_wh")) == before
    assert DispatchPlan.objects.count() == 1


def test_without_any_award_the_day_is_planned_and_nothing_is_nominated(world):
    assert run(world).n_periods == len(GRID)
    assert not Nomination.objects.exists()


def test_no_plan_on_invented_prices(world):
    PriceCurve.objects.filter(day=DAY).delete()
    with pytest.raises(DayAheadPricesMissing):
        run(world)
    publish_prices(world.park_id, DAY, available_at=eve("18:01"))  # known a minute too late
    with pytest.raises(DayAheadPricesMissing):
        run(world)


def test_no_plan_without_a_forecast():
    world = make_world()
    publish_prices(world.park_id, DAY, available_at=eve("17:30"))
    with pytest.raises(ForecastMissing):
        run(world)
