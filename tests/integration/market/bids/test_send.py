"""A bid leaves only approved and only before its gate; afterwards it is missed, loudly."""

import json

import pytest
from django.contrib.auth import get_user_model

from aggregator.kernel.lifecycle import TransitionRefused
from aggregator.support.audit import ReasonMissing, first_broken
from aggregator.support.models import Alarm, AuditEvent, Job
from market.bids.models import Bid
from market.bids.operations import BidNotApproved, UnableToSubmitBid, approve, miss_unsent, submit, withdraw
from market.platforms.models import OutboundMessage
from tests.integration.market.bids.offers import spot_bid
from tests.integration.market.world import GRID, eve, make_market

pytestmark = pytest.mark.django_db


@pytest.fixture
def market():
    return make_market()


@pytest.fixture
def operator():
    return get_user_model().objects.create_user("operator")


def test_an_approved_bid_is_sent_once_with_its_steps(market):
    bid = spot_bid(market, state="approved")
    submit(bid_id=bid.pk, now=eve("10:20"))
    submit(bid_id=bid.pk, now=eve("10:21"))
    bid.refresh_from_db()
    assert bid.state == "submitted"
    message = OutboundMessage.objects.get()
    assert (message.type, message.reference, message.expires_at) == ("bid.submitted", str(bid.public_id), bid.gate_closes_at)
    data = json.loads(bytes(message.body))["data"]
    assert data["bid_id"] == str(bid.public_id)
    assert data["invitation"] is None
    assert len(data["steps"]) == 2 * len(GRID)
    assert data["steps"][0] == {
        "starts_at": GRID.starts_at.isoformat(),
        "number": 1,
        "price_cny_per_mwh": "-100.0000",
        "injection_kw": -900.0,
    }


@pytest.mark.parametrize("state", ["draft", "approved"])
def test_after_the_gate_nothing_is_sent(market, state):
    bid = spot_bid(market, state=state)
    with pytest.raises(UnableToSubmitBid) as refused:
        submit(bid_id=bid.pk, now=bid.gate_closes_at)
    assert refused.value.code == "bid.after_gate_closure"
    bid.refresh_from_db()
    assert bid.state == "missed"
    assert Alarm.objects.get(kind="bid.missed").severity == "critical"
    assert not OutboundMessage.objects.exists()


def test_a_draft_is_never_sent(market):
    bid = spot_bid(market, state="draft")
    with pytest.raises(BidNotApproved):
        submit(bid_id=bid.pk, now=eve("10:20"))
    assert not OutboundMessage.objects.exists()


def test_a_person_approves_with_a_reason_that_is_kept(market, operator):
    bid = spot_bid(market, state="draft")
    with pytest.raises(ReasonMissing):
        approve(bid_id=bid.pk, user=operator, reason_code="", reason_text="", now=eve("10:30"))
    bid.refresh_from_db()
    assert bid.state == "draft"
    approve(bid_id=bid.pk, user=operator, reason_code="checked", reason_text="Quantities are plausible.", now=eve("10:30"))
    bid.refresh_from_db()
    assert (bid.state, bid.approved_by) == ("approved", operator)
    assert Job.objects.get(name="market.bids.submit").payload == {"bid_id": bid.pk}
    event = AuditEvent.objects.get()
    assert (event.action, event.actor, event.reason_code) == ("bid.approve", "operator", "checked")
    assert first_broken() is None
    with pytest.raises(TransitionRefused):
        approve(bid_id=bid.pk, user=operator, reason_code="checked", reason_text="again", now=eve("10:31"))


def test_nobody_approves_after_the_gate(market, operator):
    bid = spot_bid(market, state="draft")
    with pytest.raises(UnableToSubmitBid):
        approve(bid_id=bid.pk, user=operator, reason_code="checked", reason_text="late", now=eve("11:30"))


def test_a_withdrawn_bid_makes_room_for_another(market, operator):
    bid = spot_bid(market, state="draft")
    withdraw(bid_id=bid.pk, user=operator, reason_code="wrong_forecast", reason_text="PV is under snow.", now=eve("10:30"))
    assert AuditEvent.objects.get().action == "bid.withdraw"
    spot_bid(market, state="approved")
    assert Bid.objects.count() == 2
    with pytest.raises(TransitionRefused):
        withdraw(bid_id=bid.pk, user=operator, reason_code="wrong_forecast", reason_text="again", now=eve("10:31"))


def test_closing_the_gate_misses_what_is_left_and_only_that(market):
    spot_bid(market, state="approved")
    assert miss_unsent(portfolio_id=market.portfolio_id, now=eve("11:29")) == 0
    assert miss_unsent(portfolio_id=market.portfolio_id, now=eve("11:30")) == 1
    assert miss_unsent(portfolio_id=market.portfolio_id, now=eve("11:31")) == 0
    assert Alarm.objects.filter(kind="bid.missed").count() == 1
