"""The day cycle asks for every step once, waits for missing inputs with an alarm, and catches up."""

from datetime import timedelta
from decimal import Decimal

import pytest

from aggregator.support import clock
from aggregator.support.models import Alarm, Job
from market.bids.models import Bid
from market.prices.models import PriceCurve
from market.settlement.models import SettlementRun
from tests.integration.market.bids.offers import demand_bid, spot_bid
from tests.integration.market.world import DAY, GRID, at, eve, make_world, publish_prices, read_meters
from vpp import daycycle
from vpp.tasks import tick as knock

pytestmark = pytest.mark.django_db
KEY = f"park/all/{DAY.isoformat()}"
NEXT = DAY + timedelta(days=1)


@pytest.fixture
def world():
    return make_world()


def tick(now):
    return [line.split()[0] for line in daycycle.tick(now=now, only_days={DAY})]


def forecast():
    """Run the forecast job that was asked for, as a worker does."""
    from aggregator.forecasts.tasks import forecast as handler

    handler(Job.objects.get(name=daycycle.FORECAST, key=KEY).payload, now=eve("10:00"))


def start(world):
    tick(eve("10:00"))
    forecast()


def alarms():
    return {alarm.fields["step"]: alarm.fields["missing"] for alarm in Alarm.objects.filter(kind="daycycle.waiting", cleared_at=None)}


def test_the_eve_in_its_order(world):
    assert tick(eve("09:59")) == []
    assert tick(eve("10:00")) == [daycycle.FORECAST]
    assert tick(eve("10:14")) == []
    assert tick(eve("10:20")) == []  # the forecast is not there yet
    forecast()
    assert tick(eve("10:21")) == [daycycle.PREPARE]
    assert tick(eve("10:22")) == []
    payload = Job.objects.get(name=daycycle.FORECAST).payload
    assert (payload["n_periods"], payload["resolution_s"]) == (96, 900)
    assert Job.objects.get(name=daycycle.PREPARE).payload == {"portfolio_id": world.portfolio_id, "day": DAY.isoformat()}
    assert not Alarm.objects.exists()


def test_bids_wait_for_prices_with_an_alarm_that_clears(world):
    start(world)
    kept = list(PriceCurve.objects.all())
    PriceCurve.objects.all().delete()
    assert tick(eve("10:30")) == []
    assert alarms() == {}
    assert tick(eve("10:45")) == []
    assert alarms() == {"prepare": "day-ahead prices of like days"}
    PriceCurve.objects.bulk_create(kept)
    assert tick(eve("10:50")) == [daycycle.PREPARE]
    assert alarms() == {}


def test_an_approved_bid_is_asked_for_until_the_gate(world):
    start(world)
    bid = spot_bid(world, state="approved")
    assert daycycle.SUBMIT in tick(eve("10:30"))
    assert Job.objects.get(name=daycycle.SUBMIT).key == str(bid.public_id)
    assert daycycle.SUBMIT not in tick(eve("10:31"))


def test_what_was_not_sent_is_missed_after_the_gate(world):
    start(world)
    spot_bid(world, state="draft")
    assert tick(eve("11:30")) == [daycycle.CLOSE_GATE]
    assert tick(eve("11:31")) == []


def test_a_day_in_service_without_any_bid_is_an_alarm(world):
    start(world)
    tick(eve("11:45"))
    assert Alarm.objects.get(kind="bid.missed").fields == {"day": DAY.isoformat(), "product": "spot"}


def test_days_before_the_first_start_were_not_missed(world):
    for now in (eve("11:45"), eve("11:46")):
        daycycle.tick(now=now)
    assert not Alarm.objects.filter(kind="bid.missed").exists()
    # the running day gets its forecast, too: the cycle starts where it stands
    days = {key.rsplit("/", 1)[1] for key in Job.objects.filter(name=daycycle.FORECAST).values_list("key", flat=True)}
    assert days == {(DAY - timedelta(days=1)).isoformat(), DAY.isoformat()}


def test_the_schedule_waits_for_prices_and_awards_but_not_for_ever(world):
    start(world)
    spot_bid(world, state="accepted")
    assert tick(eve("18:00")) == []
    assert tick(eve("18:30")) == []
    assert alarms() == {"schedule": "day-ahead prices"}
    publish_prices(world.park_id, DAY, available_at=eve("18:40"))
    assert tick(eve("18:45")) == []  # the market has not answered
    Bid.objects.update(state="awarded")
    assert tick(eve("18:50")) == [daycycle.SCHEDULE]
    assert alarms() == {}


def test_without_an_answer_of_the_market_the_day_is_scheduled_at_last(world):
    start(world)
    spot_bid(world, state="submitted")
    demand_bid(world, state="unawarded")
    publish_prices(world.park_id, DAY, available_at=eve("17:30"))
    assert tick(eve("21:59")) == []
    assert alarms() == {"schedule": "awards"}
    assert tick(eve("22:00")) == [daycycle.SCHEDULE]


def evidence(world):
    publish_prices(world.park_id, DAY, available_at=eve("17:30"))
    publish_prices(world.park_id, DAY, available_at=at("00:30", day=NEXT), market="real_time")
    read_meters(DAY, available_at=at("02:00", day=NEXT))


def settled(world, as_of, version=1):
    SettlementRun.objects.create(
        portfolio_id=world.portfolio_id,
        delivery_day=DAY,
        version=version,
        as_of=as_of,
        rule_pack="demo",
        inputs_hash="0" * 64,
        market_total_fen=0,
        enterprises_total_fen=0,
        operator_total_fen=0,
    )


def settlements():
    return list(Job.objects.filter(name=daycycle.SETTLE).order_by("pk").values_list("payload", flat=True))


def test_the_day_is_settled_once_and_again_when_a_meter_changes(world):
    start(world)
    spot_bid(world, state="awarded")
    evidence(world)
    assert tick(at("08:59", day=NEXT)) == []
    assert set(tick(at("09:00", day=NEXT))) == {daycycle.SCORE, daycycle.SETTLE}
    assert tick(at("09:01", day=NEXT)) == []
    settled(world, at("09:00", day=NEXT))
    assert tick(at("09:30", day=NEXT)) == []
    read_meters(DAY, available_at=at("10:00", day=NEXT), more_kwh=Decimal("1.5"))
    assert tick(at("10:05", day=NEXT)) == [daycycle.SETTLE]
    assert [payload["reason"] for payload in settlements()] == ["", "new_evidence"]
    settled(world, at("10:05", day=NEXT), version=2)
    assert tick(at("10:10", day=NEXT)) == []


def test_a_correction_weeks_later_settles_again(world):
    start(world)
    spot_bid(world, state="awarded")
    evidence(world)
    settled(world, at("09:00", day=NEXT))
    later = DAY + timedelta(days=20)
    read_meters(DAY, available_at=at("08:00", day=later), more_kwh=Decimal(1))
    assert daycycle.tick(now=at("08:10", day=later), only_days={DAY}) == [f"{daycycle.SETTLE} {KEY}/{at('08:00', day=later).isoformat()}"]


def test_settlement_waits_for_readings_with_an_alarm(world):
    start(world)
    spot_bid(world, state="awarded")
    publish_prices(world.park_id, DAY, available_at=eve("17:30"))
    publish_prices(world.park_id, DAY, available_at=at("00:30", day=NEXT), market="real_time")
    assert daycycle.SETTLE not in tick(at("09:30", day=NEXT))
    assert alarms() == {"settle": "meter readings: works-meter"}
    read_meters(DAY, available_at=at("09:40", day=NEXT))
    assert daycycle.SETTLE in tick(at("09:45", day=NEXT))
    assert alarms() == {}


def test_an_outage_over_the_settlement_is_caught_up(world):
    start(world)
    spot_bid(world, state="awarded")
    evidence(world)
    assert set(tick(at("08:59", day=DAY + timedelta(days=3)))) == {daycycle.SCORE, daycycle.SETTLE}


def test_a_day_without_bids_is_not_settled(world):
    start(world)
    evidence(world)
    assert tick(at("09:00", day=NEXT)) == [daycycle.SCORE]


def test_a_park_without_rules_is_an_alarm(world):
    from market.rules.models import ParkPack

    ParkPack.objects.all().delete()
    assert tick(eve("10:00")) == []
    assert set(alarms()) == {"rules"}


def test_while_a_day_is_replayed_the_beat_keeps_quiet(world):
    clock.set_replay(eve("10:00"))
    knock()
    assert not Job.objects.exists()
    assert len(GRID) == 96
