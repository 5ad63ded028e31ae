"""Reserve is valued beside the energy, bid where the pack has it, and kept free once it is awarded; certificates bound every product."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from aggregator.assets.domain import Certificate
from aggregator.assets.models import Commitment
from aggregator.assets.operations import register_certificate
from aggregator.dispatch.models import DispatchPlan
from aggregator.forecasts.operations import forecast_availability
from aggregator.support.models import Alarm
from market.bids.domain import AwardMessage, offer
from market.bids.models import Bid
from market.bids.operations import CertificateMissing, prepare_bids, record_award, schedule_day, submit
from tests.integration.market.bids.test_prepare import invite
from tests.integration.market.world import DAY, GRID, eve, make_world, publish_prices

pytestmark = pytest.mark.django_db
RESERVE = {
    "provenance": {"reliability": "synthetic", "note": "a test's"},
    "up_prices_cny_per_mw_h": [400],
    "down_prices_cny_per_mw_h": None,
    "block_hours": 4,
    "lasting_hours": 0.5,
    "quantity_step_kw": 50,
    "min_kw": 100,
}


def world_with(**pack_changes):
    world = make_world(pack_changes=pack_changes)
    forecast_availability(portfolio_id=world.portfolio_id, issued_at=eve("10:00"), grid=GRID)
    return world


def bids_of(world):
    rows = prepare_bids(portfolio_id=world.portfolio_id, delivery_day=DAY, now=eve("10:15"))
    return {bid.product: bid for bid in Bid.objects.filter(pk__in=rows)}


def certify(world, direction, kw, *, until=date(2099, 1, 1)):
    register_certificate(
        portfolio_id=world.portfolio_id,
        certificate=Certificate(None, direction, kw, date(2020, 1, 1), until, f"No. {direction} {kw}", "a test's"),
    )


def furthest_kw(bid):
    """Most and least change of injection that the spot bid's steps can bring, against the position of its baseline."""
    baseline = dict(zip(GRID.starts, np.round(np.frombuffer(bid.baseline_kw, "<f4"), -1), strict=True))
    moves = [float(step.injection_kw) - baseline[step.starts_at] for step in bid.steps.all()]
    return max(moves), min(moves)


def test_without_a_reserve_section_there_is_no_reserve_bid():
    assert set(bids_of(world_with())) == {"spot"}


def test_a_figure_that_the_pack_lacks_is_named_and_only_the_reserve_is_not_offered():
    assert set(bids_of(world_with(reserve=RESERVE | {"min_kw": None}))) == {"spot"}
    assert Alarm.objects.get(kind="bid.reserve_not_offered").fields["reason"] == "reserve.min_kw"


def test_a_reserve_that_its_check_refuses_leaves_the_spot_bid_its_curves(monkeypatch):
    honest = offer.bid_curves

    def liar(problem, **how):
        made = honest(problem, **how)
        return made if made.reserve is None else replace(made, reserve=replace(made.reserve, up_kw=made.reserve.up_kw + 50.0))

    monkeypatch.setattr(offer, "bid_curves", liar)
    bids = bids_of(world_with(reserve=RESERVE))
    assert set(bids) == {"spot"}
    assert bids["spot"].solver_status != "fallback"
    assert not Alarm.objects.filter(kind="bid.curves_refused").exists()
    assert Alarm.objects.get(kind="bid.reserve_not_offered").fields["reason"] == "reserve_not_held"


def test_an_awarded_reserve_is_kept_free_by_the_storages_that_hold_it():
    world = world_with(reserve=RESERVE)
    bids = bids_of(world)
    assert set(bids) == {"spot", "reserve_up"}
    bid = bids["reserve_up"]
    steps = {step.starts_at: step for step in bid.steps.all()}
    assert steps
    assert all(step.injection_kw >= 100 and step.injection_kw % 50 == 0 and step.price_cny_per_mwh == 400 for step in steps.values())
    for k in range(0, len(GRID), 16):
        assert len({steps[at].injection_kw if at in steps else 0 for at in GRID.starts[k : k + 16]}) == 1  # whole blocks
    submit(bid_id=bid.pk, now=eve("10:30"))
    periods = [{"starts_at": at, "injection_kw": step.injection_kw / 2, "price_cny_per_mwh": 420} for at, step in steps.items()]
    message = {"award_id": "R-1", "bid_id": str(bid.public_id), "product": "reserve_up", "delivery_day": DAY, "periods": periods}
    record_award(platform_id=world.platform_id, message=AwardMessage.model_validate(message), received_at=eve("17:30"))
    held = np.zeros(len(GRID))
    for row in Commitment.objects.filter(kind="reserved"):
        assert (row.down_kw, row.lasting_hours) == (0.0, 0.5)
        held[GRID.window(row.starts_at, row.ends_at)] += row.up_kw
    expected = [float(steps[at].injection_kw) / 2 if at in steps else 0.0 for at in GRID.starts]
    np.testing.assert_allclose(held, expected, atol=0.01)
    publish_prices(world.park_id, DAY, available_at=eve("17:30"))
    plan = DispatchPlan.objects.get(pk=schedule_day(portfolio_id=world.portfolio_id, delivery_day=DAY, now=eve("18:00")))
    assert plan.violations == []


@pytest.mark.parametrize("kw", [120.0, 40.0])
def test_no_bid_exceeds_what_is_certified(kw):
    world = world_with(reserve=RESERVE)
    for direction in ("up", "down"):
        certify(world, direction, kw)
        certify(world, direction, 9e9, until=DAY - timedelta(days=1))  # over
    invite(world)
    bids = bids_of(world)
    most, least = furthest_kw(bids["spot"])
    assert most <= kw + 1e-6
    assert least >= -kw - 1e-6
    assert bids["spot"].capability["up"]["basis"] == "certificate"
    assert "demand_response" not in bids  # the market takes 500 kW or more
    if "reserve_up" in bids:
        assert all(step.injection_kw <= kw for step in bids["reserve_up"].steps.all())
    assert ("reserve_up" in bids) == (kw >= 100)


def test_where_the_rules_ask_for_a_certificate_nothing_is_bid_without_one():
    world = world_with(spot={"certificate_required": True})
    with pytest.raises(CertificateMissing):
        bids_of(world)
    assert Alarm.objects.get(kind="bid.certificate_missing").fields["product"] == "spot"
    assert not Bid.objects.exists()
    certify(world, "up", 5000.0)
    bids = bids_of(world)
    assert furthest_kw(bids["spot"])[1] >= -1e-6  # nothing is certified downwards
    assert bids["spot"].capability["down"]["certified_kw"] == 0


def test_reserve_and_demand_response_are_refused_by_name_where_their_certificate_is_missing():
    needs = {"certificate_required": True}
    world = world_with(reserve=RESERVE | needs, demand_response=needs)
    invite(world)
    assert set(bids_of(world)) == {"spot"}
    assert {alarm.fields["product"] for alarm in Alarm.objects.filter(kind="bid.certificate_missing")} == {"demand_response", "reserve_up"}
