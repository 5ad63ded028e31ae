"""The operator: clearing as a price taker, refusals, signed messages, and a replay that carries old bytes."""

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pytest

from aggregator.kernel.periods import delivery_day
from aggregator.kernel.signing import new_secret, sign, verify
from vpp.twin.clearing import ReceivedBid, Step, clear_demand_response, clear_spot, read_bid, refusal
from vpp.twin.market import Operator, PublishedPrices, Rules
from vpp.twin.scenario import Invitation, ReserveMarket

DAY = date(2026, 5, 21)
GRID = delivery_day(DAY, resolution=timedelta(minutes=15))
WALL = datetime(2026, 11, 21, 9, tzinfo=UTC)
MORNING = GRID.starts_at - timedelta(hours=14)  # D-1 10:00 local
GATE = GRID.starts_at - timedelta(hours=12, minutes=30)
PUBLISH = GRID.starts_at - timedelta(hours=6, minutes=30)
RULES = Rules(invites_at=MORNING, gate_closes_at=GATE, publishes_at=PUBLISH, max_spot_steps=10)
SECRET = new_secret()


def bid(product: str = "spot", *, received_at: datetime = MORNING, invitation: str | None = None, steps=None) -> ReceivedBid:
    rows = steps or [("-80", "-500"), ("300", "-200"), ("600", "100")]
    ladder = tuple(Step(Decimal(price), Decimal(kw)) for price, kw in rows)
    return ReceivedBid("b1", product, DAY, invitation, received_at, dict.fromkeys(GRID.starts, ladder))


@pytest.mark.parametrize(("price", "expected"), [("-80", "-500"), ("299.99", "-500"), ("300", "-200"), ("1000", "100")])
def test_spot_accepts_the_highest_step_that_the_price_reaches(price: str, expected: str) -> None:
    cleared = clear_spot(bid(), {GRID.starts[0]: Decimal(price)})
    assert cleared == {GRID.starts[0]: (Decimal(expected), Decimal(price))}


def test_a_price_below_every_step_awards_nothing() -> None:
    assert clear_spot(bid(), {GRID.starts[0]: Decimal("-80.01")}) == {}


def test_demand_response_is_cut_to_what_was_invited() -> None:
    offer = bid("demand_response", steps=[("2000", "900")])
    window: dict = {"starts_at": GRID.starts[70], "ends_at": GRID.starts[72], "direction": "shave"}
    cleared = clear_demand_response(offer, max_kw=Decimal(600), price=Decimal(3000), **window)
    assert list(cleared.values()) == [(Decimal(600), Decimal(3000))] * 2
    assert clear_demand_response(offer, max_kw=Decimal(600), price=Decimal(1999), **window) == {}


def test_what_is_refused() -> None:
    assert refusal(bid(), gate_closes_at=GATE, max_steps=10) == ""
    assert refusal(bid(received_at=GATE + timedelta(seconds=1)), gate_closes_at=GATE, max_steps=10) == "after gate closure"
    assert "not monotone" in refusal(bid(steps=[("100", "5"), ("90", "6")]), gate_closes_at=GATE, max_steps=10)
    assert "not monotone" in refusal(bid(steps=[("100", "5"), ("110", "4")]), gate_closes_at=GATE, max_steps=10)
    assert "more than 2" in refusal(bid(), gate_closes_at=GATE, max_steps=2)


class Clock:
    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


def operator(clock: Clock, journal=lambda *args: None, reserve: ReserveMarket | None = None) -> Operator:
    prices = PublishedPrices("day_ahead", GRID, np.full(96, 350.0), "test", True)
    return Operator(
        name="op", secret=SECRET, day=DAY, rules=RULES, day_ahead=prices, real_time=(), business_now=clock, wall_now=lambda: WALL,
        invitation=Invitation(starts=time(18), ends=time(20), max_kw=500, price_cap_cny_per_mwh=Decimal(3000)), journal=journal,
        reserve=reserve,
    )  # fmt: skip


def submitted(message_id: str = "m1", **changes) -> tuple[dict[str, str], bytes]:
    steps = [{"starts_at": at.isoformat(), "number": 1, "price_cny_per_mwh": "100", "injection_kw": "-50.000"} for at in GRID.starts]
    data = {"bid_id": "b1", "product": "spot", "delivery_day": DAY.isoformat(), "resolution_s": 900, "invitation": None, "steps": steps}
    body = json.dumps({"type": "bid.submitted", "timestamp": MORNING.isoformat(), "data": {**data, **changes}}).encode()
    stamp = int(WALL.timestamp())
    signature = sign(secret=SECRET, message_id=message_id, timestamp=stamp, body=body)
    return {"webhook-id": message_id, "webhook-timestamp": str(stamp), "webhook-signature": signature}, body


def test_a_bid_goes_through_receipt_award_and_a_harmless_replay() -> None:
    clock = Clock(MORNING)
    op = operator(clock)
    assert len(op.due(MORNING)) == 2  # the invitation, deliberately twice
    headers, body = submitted()
    assert op.receive(headers, body).status == 202
    assert op.receive(headers, body).status == 202
    [(receipt, _)] = op.due(MORNING + timedelta(minutes=1))
    assert json.loads(receipt.body)["type"] == "bid.accepted"
    (price, _), (award, first), (replayed, again) = op.due(PUBLISH + timedelta(minutes=5))
    assert (first, again) == (False, True)
    assert json.loads(price.body)["data"]["prices_cny_per_mwh"][0] == "350.0000"
    assert replayed == award
    periods = json.loads(award.body)["data"]["periods"]
    assert len(periods) == 96
    assert periods[0]["injection_kw"] == "-50.000"
    stamp = award.headers["webhook-timestamp"]
    verify(
        secrets=[SECRET], message_id=award.message_id, timestamp=stamp, signature=award.headers["webhook-signature"],
        body=award.body, now=int(WALL.timestamp()),
    )  # fmt: skip


def test_a_late_bid_is_rejected_and_never_awarded() -> None:
    clock = Clock(GATE + timedelta(minutes=1))
    op = operator(clock)
    op.due(GATE)
    op.receive(*submitted())
    messages = [json.loads(m.body) for m, _ in op.due(PUBLISH + timedelta(hours=1))]
    assert [m["type"] for m in messages] == ["bid.rejected", "price.published"]


def test_forged_reused_and_broken_messages_are_refused() -> None:
    op = operator(Clock(MORNING))
    headers, body = submitted()
    assert op.receive(headers, body + b" ").status == 401
    assert op.receive(headers, body).status == 202
    assert op.receive(*submitted(bid_id="other")).status == 409
    assert op.receive(*submitted("m2", steps=[{"starts_at": "yesterday"}])).status == 400


def test_the_journal_brings_the_same_day_back() -> None:
    kept = []
    first = operator(Clock(MORNING), journal=lambda *row: kept.append(row))
    first.receive(*submitted())
    second = operator(Clock(PUBLISH))
    for row in kept:
        second.restore(*row)
    later = PUBLISH + timedelta(hours=1)
    assert [m.body for m, _ in second.due(later)] == [m.body for m, _ in first.due(later)]


def test_read_bid_orders_steps_by_number() -> None:
    rows = [{"starts_at": GRID.starts[0].isoformat(), "number": n, "price_cny_per_mwh": str(n), "injection_kw": n} for n in (2, 1)]
    data = {"bid_id": 1, "product": "spot", "delivery_day": DAY.isoformat(), "steps": rows}
    assert [s.price_cny_per_mwh for s in read_bid(data, received_at=MORNING).steps[GRID.starts[0]]] == [1, 2]


@pytest.mark.parametrize(
    ("market", "accepted"),
    [(None, 0), (ReserveMarket(up_cny_per_mw_h=Decimal(99)), 0), (ReserveMarket(up_cny_per_mw_h=Decimal(120)), 96)],
)
def test_reserve_is_cleared_at_a_synthetic_price_or_not_at_all(market: ReserveMarket | None, accepted: int) -> None:
    op = operator(Clock(MORNING), reserve=market)
    steps = [{"starts_at": at.isoformat(), "number": 1, "price_cny_per_mwh": "100", "injection_kw": "50.000"} for at in GRID.starts]
    assert op.receive(*submitted(product="reserve_up", steps=steps)).status == 202
    sent = [json.loads(message.body) for message, _ in op.due(PUBLISH + timedelta(minutes=5))]
    (award,) = {json.dumps(one["data"]) for one in sent if one["type"] == "award.published"}
    periods = json.loads(award)["periods"]
    assert len(periods) == accepted
    assert all((row["injection_kw"], row["price_cny_per_mwh"]) == ("50.000", "120") for row in periods)
