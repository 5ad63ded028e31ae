"""An award is believed only where it answers our offer; a bid is approved alone only inside its limits."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from market.bids.domain.awards import approval_problem, award_problem
from market.bids.domain.messages import AwardedPeriod, AwardMessage, InvitationMessage, MessageRefused, parse_message
from market.bids.domain.steps import Step

T0 = datetime(2025, 6, 22, 16, tzinfo=UTC)
T1 = T0 + timedelta(minutes=15)
SPOT = {at: (Step(Decimal(-100), Decimal(-900)), Step(Decimal(300), Decimal(-400))) for at in (T0, T1)}
SHAVE = {T0: (Step(Decimal(350), Decimal(800)),), T1: (Step(Decimal(350), Decimal(800)),)}


def period(at, kw, price=400):
    return AwardedPeriod(starts_at=at, injection_kw=Decimal(kw), price_cny_per_mwh=Decimal(price))


@pytest.mark.parametrize(
    ("periods", "problem"),
    [
        ([], ""),
        ([(T0, -900), (T1, -400)], ""),
        ([(T0, -650), (T1, -400)], ""),  # the marginal step in part
        ([(T0, -390), (T1, -400)], "quantity_not_offered"),
        ([(T0, -900), (T1, -910)], "quantity_not_offered"),
        ([(T0, -900)], "period_missing"),
        ([(T0, -900), (T0, -900)], "period_twice"),
        ([(T0, -900), (T1 + timedelta(minutes=15), -900)], "period_not_offered"),
    ],
)
def test_a_spot_award_stays_inside_the_offer_and_has_no_holes(periods, problem):
    assert award_problem(offered=SPOT, periods=[period(*row) for row in periods], product="spot") == problem


@pytest.mark.parametrize(
    ("periods", "problem"),
    [
        ([(T0, 800), (T1, 800)], ""),
        ([(T1, 500)], ""),
        ([(T0, 801)], "quantity_not_offered"),
        ([(T0, -1)], "quantity_not_offered"),
        ([(T0, 800, 349)], "price_below_offer"),
    ],
)
def test_demand_response_may_be_accepted_in_part_never_beyond_or_below_price(periods, problem):
    assert award_problem(offered=SHAVE, periods=[period(*row) for row in periods], product="demand_response") == problem


def test_an_awarded_window_has_no_holes():
    offered = {T0 + k * timedelta(minutes=15): (Step(Decimal(350), Decimal(800)),) for k in range(3)}
    periods = [period(T0, 800), period(T0 + timedelta(minutes=30), 800)]
    assert award_problem(offered=offered, periods=periods, product="demand_response") == "window_broken"


def test_a_fill_award_is_negative():
    fill = {T0: (Step(Decimal(0), Decimal(-800)),)}
    assert award_problem(offered=fill, periods=[period(T0, -300)], product="demand_response") == ""
    assert award_problem(offered=fill, periods=[period(T0, -801)], product="demand_response") == "quantity_not_offered"
    assert award_problem(offered=fill, periods=[period(T0, 1)], product="demand_response") == "quantity_not_offered"


@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        ((900, 300), ""),
        ((899, 300), "above_automatic_quantity"),  # consumption counts by its size
        ((900, 299), "above_automatic_price"),
        ((None, 300), "no_automatic_limits"),
        ((900, None), "no_automatic_limits"),
    ],
)
def test_automatic_approval_stays_inside_its_limits(limits, problem):
    assert approval_problem(steps=SPOT, max_kw=limits[0], max_price_cny_per_mwh=limits[1]) == problem


def test_a_message_names_all_its_problems():
    data = {"reference": "DR-1", "delivery_day": "2025-06-23", "direction": "up", "starts_at": "2025-06-23T14:00:00", "max_kw": -1}
    with pytest.raises(MessageRefused) as refused:
        parse_message(InvitationMessage, data, type_="invitation.published")
    for field in ("direction", "starts_at", "ends_at", "max_kw", "price_cap_cny_per_mwh", "reply_by"):
        assert field in refused.value.fields["why"]


def test_prices_of_a_message_are_exact():
    award = parse_message(
        AwardMessage,
        {
            "award_id": "A1",
            "bid_id": "0197a000-0000-7000-8000-000000000000",
            "product": "spot",
            "delivery_day": "2025-06-23",
            "periods": [{"starts_at": "2025-06-23T00:00:00+08:00", "injection_kw": -900, "price_cny_per_mwh": "-0.0123"}],
        },
        type_="award.published",
    )
    assert award.periods[0].price_cny_per_mwh == Decimal("-0.0123")
