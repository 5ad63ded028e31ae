"""Receipts and awards are believed only where they cite our own conversation, and duplicates are harmless."""

from datetime import timedelta
from uuid import uuid4

import pytest

from aggregator.kernel.lifecycle import TransitionRefused
from aggregator.support.models import Alarm
from market.bids.domain import AwardMessage, InvitationMessage, ReceiptMessage
from market.bids.models import Award, AwardPeriod, Invitation
from market.bids.operations import (
    AwardRefused,
    InvitationContradicts,
    ReceiptRefused,
    record_award,
    record_invitation,
    record_receipt,
)
from market.bids.queries import award_of_reference, awards_on
from tests.integration.market.bids.offers import WINDOW, demand_bid, spot_bid
from tests.integration.market.world import DAY, GRID, at, eve, make_market

pytestmark = pytest.mark.django_db
EVENING = eve("17:30")


@pytest.fixture
def market():
    return make_market()


def answer(bid, periods, **change):
    data = {
        "award_id": "A-1",
        "bid_id": str(bid.public_id),
        "product": bid.product,
        "delivery_day": DAY.isoformat(),
        "periods": [{"starts_at": start.isoformat(), "injection_kw": kw, "price_cny_per_mwh": price} for start, kw, price in periods],
    }
    return AwardMessage.model_validate(data | change)


def spot_periods(kw=-400, price="412.5"):
    return [(start, kw, price) for start in GRID.starts]


def demand_periods(kw=800, price="450"):
    return [(start, kw, price) for start in GRID.starts[WINDOW]]


def take(market, message, platform_id=None):
    return record_award(platform_id=platform_id or market.platform_id, message=message, received_at=EVENING)


def refused(market, message, platform_id=None):
    with pytest.raises(AwardRefused) as problem:
        take(market, message, platform_id)
    assert Alarm.objects.filter(kind="award.refused").latest("pk").fields["reason"] == problem.value.fields["reason"]
    assert not Award.objects.exists()
    return problem.value.fields["reason"]


def test_an_award_is_written_once(market):
    bid = spot_bid(market)
    award_id = take(market, answer(bid, spot_periods()))
    assert take(market, answer(bid, spot_periods())) == award_id
    bid.refresh_from_db()
    assert bid.state == "awarded"
    assert AwardPeriod.objects.count() == len(GRID)
    facts = awards_on(portfolio_id=market.portfolio_id, day=DAY)["spot"]
    assert facts.starts == GRID.starts
    assert facts.ends_at == GRID.ends_at
    assert awards_on(portfolio_id=market.portfolio_id, day=DAY, known_at=EVENING - timedelta(seconds=1)) == {}
    assert award_of_reference(platform_id=market.other_platform_id, reference="A-1") is None


def test_an_award_of_another_platform_is_refused(market):
    assert refused(market, answer(spot_bid(market), spot_periods()), market.other_platform_id) == "unknown_bid"


def test_an_award_for_a_bid_that_nobody_made_is_refused(market):
    bid = spot_bid(market)
    assert refused(market, answer(bid, spot_periods(), bid_id=str(uuid4()))) == "unknown_bid"


@pytest.mark.parametrize("change", [{"product": "demand_response"}, {"delivery_day": "2025-06-25"}])
def test_an_award_of_another_product_or_day_is_refused(market, change):
    assert refused(market, answer(spot_bid(market), spot_periods(), **change)) == "other_product_or_day"


@pytest.mark.parametrize("state", ["draft", "approved", "rejected", "missed", "withdrawn"])
def test_an_award_for_a_bid_that_does_not_stand_is_refused(market, state):
    assert refused(market, answer(spot_bid(market, state=state), spot_periods())) == "bid_not_standing"


@pytest.mark.parametrize(("periods", "reason"), [({"kw": 810}, "quantity_not_offered"), ({"price": "399"}, "price_below_offer")])
def test_more_or_cheaper_than_was_offered_is_refused(market, periods, reason):
    assert refused(market, answer(demand_bid(market), demand_periods(**periods))) == reason


def test_one_reference_does_not_serve_two_bids(market):
    take(market, answer(spot_bid(market), spot_periods()))
    with pytest.raises(AwardRefused, match="reference_of_another_bid"):
        take(market, answer(demand_bid(market), demand_periods()))
    assert Award.objects.count() == 1


def test_a_second_award_that_says_otherwise_is_refused(market):
    bid = spot_bid(market)
    take(market, answer(bid, spot_periods()))
    with pytest.raises(AwardRefused, match="contradicts_award"):
        take(market, answer(bid, spot_periods(kw=-900)))
    with pytest.raises(AwardRefused, match="contradicts_award"):
        take(market, answer(bid, spot_periods(), award_id="A-2"))
    assert AwardPeriod.objects.filter(injection_kw=-400).count() == len(GRID)


def test_an_empty_award_leaves_the_bid_unawarded(market):
    bid = demand_bid(market)
    assert take(market, answer(bid, [])) is None
    assert take(market, answer(bid, [])) is None
    bid.refresh_from_db()
    assert bid.state == "unawarded"
    assert not Award.objects.exists()
    assert refused(market, answer(bid, demand_periods())) == "contradicts_award"


def test_receipts_move_the_bid_once(market):
    bid = spot_bid(market)
    message = ReceiptMessage(bid_id=bid.public_id)
    for _ in range(2):
        record_receipt(platform_id=market.platform_id, message=message, accepted=True, received_at=eve("10:30"))
    bid.refresh_from_db()
    assert bid.state == "accepted"
    take(market, answer(bid, spot_periods()))
    record_receipt(platform_id=market.platform_id, message=message, accepted=True, received_at=EVENING)  # a late duplicate
    with pytest.raises(TransitionRefused):
        record_receipt(platform_id=market.platform_id, message=message, accepted=False, received_at=EVENING)
    bid.refresh_from_db()
    assert bid.state == "awarded"


def test_a_rejection_is_an_alarm(market):
    bid = spot_bid(market)
    message = ReceiptMessage(bid_id=bid.public_id, reason="collateral")
    record_receipt(platform_id=market.platform_id, message=message, accepted=False, received_at=eve("10:30"))
    bid.refresh_from_db()
    assert (bid.state, bid.state_reason) == ("rejected", "collateral")
    assert Alarm.objects.get(kind="bid.rejected").fields["reason"] == "collateral"


@pytest.mark.parametrize("state", ["draft", "approved"])
def test_a_receipt_for_what_was_never_sent_is_refused(market, state):
    bid = spot_bid(market, state=state)
    with pytest.raises(ReceiptRefused):
        record_receipt(
            platform_id=market.platform_id, message=ReceiptMessage(bid_id=bid.public_id), accepted=True, received_at=eve("10:30")
        )
    assert Alarm.objects.filter(kind="bid.receipt_refused").exists()


def test_an_invitation_again_changes_nothing_and_another_text_is_refused(market):
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
    first = InvitationMessage.model_validate(terms)
    known = record_invitation(platform_id=market.platform_id, message=first, received_at=eve("09:30"))
    assert record_invitation(platform_id=market.platform_id, message=first, received_at=eve("09:40")) == known
    assert Invitation.objects.get().available_at == eve("09:30")
    with pytest.raises(InvitationContradicts):
        record_invitation(
            platform_id=market.platform_id, message=InvitationMessage.model_validate(terms | {"max_kw": 9000}), received_at=eve("09:50")
        )
    assert Invitation.objects.get().max_kw == 3000
    assert Alarm.objects.filter(kind="invitation.contradicts").exists()
