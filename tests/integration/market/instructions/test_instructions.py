"""An order is carried out once, from a fresh forecast, and answered; a wrong one is refused and answered too."""

import json

import numpy as np
import pytest
from django.contrib.auth import get_user_model

from aggregator.assets.models import Commitment
from aggregator.dispatch.models import DispatchPlan
from aggregator.dispatch.operations import activate_stop
from aggregator.forecasts.models import ForecastRun
from aggregator.support.arrays import pack_f4, unpack_f4
from aggregator.support.models import Alarm, Job
from market.bids.domain import AwardMessage
from market.bids.operations import record_award
from market.instructions.domain import InstructionMessage
from market.instructions.models import DispatchInstruction
from market.instructions.operations import InstructionContradicts, complete_due, execute, receive
from market.instructions.queries import instructions_of, instructions_on, to_complete
from market.platforms.models import OutboundMessage
from tests.integration.market.bids.offers import WINDOW, demand_bid
from tests.integration.market.world import DAY, GRID, at, eve, make_market, make_world, natural_kw, publish_prices

pytestmark = pytest.mark.django_db
CALL = at("17:40")


def award(world):
    bid = demand_bid(world)
    bid.baseline_kw = pack_f4(sum(natural_kw(GRID).values()))
    bid.save(update_fields=["baseline_kw"])
    message = AwardMessage.model_validate(
        {
            "award_id": "A-1",
            "bid_id": str(bid.public_id),
            "product": bid.product,
            "delivery_day": DAY,
            "periods": [{"starts_at": start, "injection_kw": 800, "price_cny_per_mwh": "450"} for start in GRID.starts[WINDOW]],
        }
    )
    record_award(platform_id=world.platform_id, message=message, received_at=eve("17:30"))
    return bid


def order(**change):
    terms = {
        "instruction_id": "I-1",
        "award_id": "A-1",
        "starts_at": at("18:00"),
        "ends_at": at("19:30"),
        "injection_change_kw": 800.0,
    }
    return InstructionMessage.model_validate(terms | change)


def take(world, message, *, platform_id=None, received_at=CALL):
    return receive(platform_id=platform_id or world.platform_id, portfolio_id=world.portfolio_id, message=message, received_at=received_at)


def answers():
    return [json.loads(bytes(row.body))["data"] for row in OutboundMessage.objects.filter(type="instruction.acknowledged")]


@pytest.fixture
def market():
    made = make_market()
    award(made)
    return made


@pytest.fixture
def world():
    made = make_world()
    award(made)
    publish_prices(made.park_id, DAY, available_at=eve("17:30"))
    return made


def test_an_order_arrives_once(market):
    first = take(market, order())
    assert take(market, order()) == first
    row = DispatchInstruction.objects.get()
    assert row.state == "received"
    assert unpack_f4(row.baseline_kw) == pytest.approx(sum(natural_kw(GRID).values())[WINDOW], rel=1e-6)
    assert Job.objects.filter(name="market.instructions.execute").count() == 1
    assert [facts.id for facts in instructions_on(portfolio_id=market.portfolio_id, day=DAY)] == [first]
    assert [facts.id for facts in instructions_of(award_id=row.award_id)] == [first]


def test_the_same_order_with_other_content_is_refused(market):
    take(market, order())
    with pytest.raises(InstructionContradicts):
        take(market, order(injection_change_kw=500.0))
    assert DispatchInstruction.objects.get().injection_change_kw == 800.0
    assert Alarm.objects.filter(kind="instruction.contradicts").exists()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"injection_change_kw": 801.0}, "above_award"),
        ({"injection_change_kw": -10.0}, "above_award"),
        ({"ends_at": at("19:45")}, "outside_awarded_window"),
        ({"starts_at": at("20:00"), "ends_at": at("21:00")}, "outside_awarded_window"),
    ],
)
def test_an_order_beyond_its_award_is_kept_refused_and_answered(market, change, reason):
    take(market, order(**change))
    row = DispatchInstruction.objects.get()
    assert (row.state, row.state_reason) == ("refused", reason)
    assert Alarm.objects.get(kind="instruction.refused").fields["reason"] == reason
    assert answers() == [{"instruction_id": "I-1", "state": "refused", "reason": reason, "planned_shortfall_kw": None}]
    assert not Job.objects.filter(name="market.instructions.execute").exists()


def test_an_order_that_cites_a_foreign_award_is_answered_and_not_kept(market):
    assert take(market, order(), platform_id=market.other_platform_id) is None
    assert take(market, order(award_id="A-9")) is None
    assert not DispatchInstruction.objects.exists()
    assert [answer["reason"] for answer in answers()] == ["unknown_award", "unknown_award"]


def test_an_order_for_the_past_is_refused(market):
    take(market, order(), received_at=at("19:30"))
    assert DispatchInstruction.objects.get().state_reason == "window_over"


def test_execution_plans_the_target_from_a_fresh_forecast_and_answers(world):
    pk = take(world, order())
    assert execute(instruction_id=pk, now=CALL) == "executing"
    row = DispatchInstruction.objects.get()
    plan = DispatchPlan.objects.get(purpose="instruction", reference=str(row.public_id))
    run = ForecastRun.objects.get(pk=plan.forecast_run_id)
    assert run.issued_at == CALL
    assert plan.starts_at == at("17:30")  # the running period
    target = unpack_f4(plan.target_kw)
    assert np.isfinite(target).sum() == 6
    assert target[np.isfinite(target)] == pytest.approx(unpack_f4(row.baseline_kw) + 800, rel=1e-5)
    (answer,) = answers()
    assert answer["state"] == "executing"
    assert answer["planned_shortfall_kw"] == pytest.approx(float(unpack_f4(plan.shortfall_kw).max()), abs=1e-3)


def test_executing_twice_is_executing_once(world):
    pk = take(world, order())
    execute(instruction_id=pk, now=CALL)
    assert execute(instruction_id=pk, now=at("17:45")) == "executing"
    assert DispatchPlan.objects.count() == 1
    assert len(answers()) == 1


def test_the_members_days_are_no_example_for_baselines_any_more(world):
    execute(instruction_id=take(world, order()), now=CALL)
    marked = Commitment.objects.filter(kind="event_day")
    assert set(marked.values_list("asset_id", flat=True)) == set(world.asset_ids.values())
    assert set(marked.values_list("starts_at", "ends_at", "available_at")) == {(at("18:00"), at("19:30"), CALL)}


def test_while_a_stop_is_active_the_order_is_refused(world):
    user = get_user_model().objects.create_user("operator")
    activate_stop(portfolio_id=world.portfolio_id, user=user, reason_code="fire", reason_text="Smoke in hall 2.", now=CALL)
    pk = take(world, order())
    assert execute(instruction_id=pk, now=CALL) == "refused"
    assert answers()[0]["reason"] == "dispatch.stop_active"
    assert Alarm.objects.filter(kind="instruction.refused").exists()


def test_an_order_that_is_carried_out_too_late_is_refused(world):
    pk = take(world, order())
    assert execute(instruction_id=pk, now=at("19:30")) == "refused"
    assert DispatchInstruction.objects.get().state_reason == "window_over"


def test_orders_end_with_their_window(world):
    execute(instruction_id=take(world, order()), now=CALL)
    assert to_complete(portfolio_id=world.portfolio_id, now=at("19:29")) == 0
    assert complete_due(now=at("19:29")) == 0
    assert to_complete(portfolio_id=world.portfolio_id, now=at("19:30")) == 1
    assert complete_due(now=at("19:30")) == 1
    assert complete_due(now=at("19:31")) == 0
    assert DispatchInstruction.objects.get().state == "completed"
