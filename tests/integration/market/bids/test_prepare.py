"""From history to bids: honest inputs, one bid per product and day, automatic approval inside limits."""

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.db import transaction

from aggregator.forecasts.models import AvailabilityForecast
from aggregator.forecasts.operations import forecast_availability
from aggregator.support.arrays import unpack_f4
from aggregator.support.models import Alarm, Job
from market.bids.domain import InvitationMessage, PriceHistoryMissing
from market.bids.models import Bid, BidStep
from market.bids.operations import ForecastMissing, PortfolioTooSmall, UnableToSubmitBid, prepare_bids, record_invitation
from market.prices.models import PriceCurve
from tests.integration.market.world import DAY, GRID, at, eve, make_world

pytestmark = pytest.mark.django_db

NOW = eve("10:15")


def forecast(world):
    return forecast_availability(portfolio_id=world.portfolio_id, issued_at=eve("10:00"), grid=GRID)


def invite(world, **change):
    terms = {
        "reference": "DR-1",
        "delivery_day": DAY,
        "direction": "shave",
        "starts_at": at("18:00"),
        "ends_at": at("19:30"),
        "max_kw": 3000,
        "price_cap_cny_per_mwh": "2800",
        "reply_by": eve("11:00"),
    }
    message = InvitationMessage.model_validate(terms | change)
    return record_invitation(platform_id=world.platform_id, message=message, received_at=eve("09:30"))


def prepare(world, now=NOW):
    return [Bid.objects.get(pk=pk) for pk in prepare_bids(portfolio_id=world.portfolio_id, delivery_day=DAY, now=now)]


def test_both_products_are_bid_once():
    world = make_world()
    forecast(world)
    invite(world)
    bids = prepare(world)
    assert sorted(bid.product for bid in bids) == ["demand_response", "spot"]
    assert {bid.state for bid in bids} == {"approved"}
    assert Job.objects.filter(name="market.bids.submit").count() == 2
    steps = BidStep.objects.count()
    assert sorted(bid.pk for bid in prepare(world, NOW + timedelta(minutes=5))) == sorted(bid.pk for bid in bids)
    assert BidStep.objects.count() == steps
    assert Job.objects.filter(name="market.bids.submit").count() == 2


def test_the_demand_response_quantity_is_honest():
    world = make_world()
    run = forecast(world)
    invite(world)
    bid = next(bid for bid in prepare(world) if bid.product == "demand_response")
    window = GRID.window(at("18:00"), at("19:30"))
    firm = AvailabilityForecast.objects.get(run=run, asset=None, level="firm")
    firm_up = unpack_f4(firm.max_kw) - unpack_f4(firm.base_kw)
    steps = list(bid.steps.all())
    assert [step.starts_at for step in steps] == list(GRID.starts[window])
    quantity = {step.injection_kw for step in steps}
    assert len(quantity) == 1
    assert Decimal(500) <= quantity.pop() <= min(Decimal(3000), Decimal(str(firm_up[window].min())))
    assert all(0 <= step.price_cny_per_mwh <= Decimal(2800) for step in steps)
    row = bid.explanations[0]
    assert float(steps[0].injection_kw) <= row["planned_kw"] - row["margin_kw"] + 1e-6
    assert row["margin_kw"] > 0


def test_before_anybody_is_called_the_baseline_of_a_bid_is_not_adjusted_and_says_so():
    baselines = {}
    for method in ("last_5_working_days", "same_day_adjusted"):
        with transaction.atomic():
            world = make_world(pack_changes={"baseline": {"method": method}})
            forecast(world)
            invite(world)
            bid = next(bid for bid in prepare(world) if bid.product == "demand_response")
            baselines[method] = unpack_f4(bid.baseline_kw).tolist()
            told = {row["baseline_adjustment"] for row in bid.explanations}
            transaction.set_rollback(True)
        assert told == {"none" if method == "last_5_working_days" else "nobody_notified_yet"}
    assert baselines["same_day_adjusted"] == baselines["last_5_working_days"]


def test_in_the_demand_response_window_spot_is_the_baseline_and_nothing_else():
    world = make_world()
    forecast(world)
    invite(world)
    bids = {bid.product: bid for bid in prepare(world)}
    window = GRID.window(at("18:00"), at("19:30"))
    baseline = unpack_f4(bids["demand_response"].baseline_kw)
    for t in range(window.start, window.stop):
        offered = list(bids["spot"].steps.filter(starts_at=GRID.starts[t]))
        assert [float(step.injection_kw) for step in offered] == [pytest.approx(baseline[t], abs=5.0)]
    assert {row["reason"] for row in bids["spot"].explanations[window]} == {"demand_response_window"}
    # five working days of the same shift: the baseline is close to what the works does by itself
    assert baseline[GRID.index(at("03:00"))] == pytest.approx(-1400, abs=100)


def test_spot_steps_are_on_the_market_steps_and_follow_the_price():
    world = make_world()
    forecast(world)
    bid = prepare(world)[0]
    assert bid.solver_status in ("optimal", "at_gap", "timeout")
    assert len(bid.explanations) == len(GRID)
    for at_ in GRID.starts:
        offered = list(bid.steps.filter(starts_at=at_))
        assert [step.number for step in offered] == list(range(1, len(offered) + 1))
        assert [step.injection_kw for step in offered] == sorted(step.injection_kw for step in offered)
        assert all(step.injection_kw % 10 == 0 for step in offered)
    expected = unpack_f4(bid.expected_kw)
    noon, evening = GRID.window(at("11:00"), at("14:00")), GRID.window(at("17:00"), at("21:00"))
    reference = unpack_f4(bid.baseline_kw)
    assert (expected - reference)[noon].sum() < 0 < (expected - reference)[evening].sum()


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"automatic_max_kw": 1000}, "above_automatic_quantity"),
        ({"automatic_max_price_cny_per_mwh": None}, "no_automatic_limits"),
    ],
)
def test_outside_the_automatic_limits_a_person_decides(limits, reason):
    world = make_world(pack_changes={"approval": limits})
    forecast(world)
    (bid,) = prepare(world)
    assert (bid.state, bid.state_reason) == ("draft", reason)
    assert not Job.objects.filter(name="market.bids.submit").exists()
    assert Alarm.objects.get(kind="bid.needs_approval").fields["reason"] == reason


def test_without_a_forecast_or_prices_nothing_is_bid():
    world = make_world()
    with pytest.raises(ForecastMissing):
        prepare(world)
    forecast(world)
    PriceCurve.objects.all().delete()
    with pytest.raises(PriceHistoryMissing):
        prepare(world)
    assert not Bid.objects.exists()


def test_after_the_gate_nothing_is_bid_and_the_alarm_says_so():
    world = make_world()
    forecast(world)
    with pytest.raises(UnableToSubmitBid):
        prepare(world, eve("11:30"))
    assert Alarm.objects.get(kind="bid.missed").severity == "critical"


def test_a_portfolio_below_the_market_minimum_is_refused():
    world = make_world(pack_changes={"spot": {"min_portfolio_kw": 50000}})
    forecast(world)
    with pytest.raises(PortfolioTooSmall):
        prepare(world)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ends_at": at("23:00")}, "window_not_possible"),
        ({"max_kw": 400}, "market_minimum"),
        ({"price_cap_cny_per_mwh": "1"}, None),
    ],
)
def test_an_invitation_that_cannot_be_kept_is_declined_visibly(change, reason):
    world = make_world()
    forecast(world)
    invite(world, **change)
    assert [bid.product for bid in prepare(world)] == ["spot"]
    alarm = Alarm.objects.get(kind="bid.invitation_not_answered")
    assert reason is None or alarm.fields["reason"] == reason


def test_a_closed_invitation_is_not_answered():
    world = make_world()
    forecast(world)
    invite(world, reply_by=eve("10:00"))
    assert [bid.product for bid in prepare(world)] == ["spot"]


def test_valley_filling_is_offered_below_the_baseline():
    world = make_world()
    forecast(world)
    invite(world, direction="fill", starts_at=at("11:00"), ends_at=at("12:00"))
    bids = {bid.product: bid for bid in prepare(world)}
    assert all(step.injection_kw < 0 for step in bids["demand_response"].steps.all())


def test_the_same_inputs_have_the_same_hash():
    world = make_world()
    forecast(world)
    (first,) = prepare(world)
    digest, steps = first.inputs_hash, list(first.steps.values_list("starts_at", "number", "injection_kw", "price_cny_per_mwh"))
    Bid.objects.all().delete()
    (again,) = prepare(world)
    assert again.inputs_hash == digest
    assert list(again.steps.values_list("starts_at", "number", "injection_kw", "price_cny_per_mwh")) == steps
    assert np.isfinite(again.expected_value_cny)
