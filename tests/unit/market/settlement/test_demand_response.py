"""What counts in a called window: spans, missing slots, and who is credited or blamed."""

from dataclasses import replace
from decimal import Decimal

from market.settlement.domain import OPERATOR, TIERS, Slot, evaluate
from market.settlement.domain.shares import SiteResponse, penalty_by_cause, split_by_contribution


def test_help_in_one_period_never_compensates_another_in_what_is_reported():
    slots = [Slot(0, 100, 150), Slot(1, 100, 50), Slot(2, 100, -20)]
    assert [slot.delivered_wh for slot in slots] == [100, 50, 0]
    assert [slot.deficiency_wh for slot in slots] == [0, 50, 100]


def test_a_missing_slot_is_in_neither_side_of_the_mean():
    (span,) = evaluate(slots=[Slot(0, 100, 90), Slot(1, 100, None), Slot(2, 100, 90)], rule=TIERS["R-80/120"], slots_per_hour=4)
    assert (span.ordered_wh, span.average_wh, span.credited_wh) == (200, 180, 180)


def test_nothing_verified_means_no_span_at_all():
    assert evaluate(slots=[Slot(0, 100, None)], rule=TIERS["R-SC"], slots_per_hour=1) == ()


def test_hourly_tiers_judge_each_clock_hour_for_itself():
    slots = [Slot(t, 100, wh) for t, wh in enumerate([100, 100, 10, 20])]
    hours = evaluate(slots=slots, rule=TIERS["R-GD"], slots_per_hour=2)
    assert [(span.credited_wh, span.penalty_wh) for span in hours] == [(200, 0), (30, 70)]
    (event,) = evaluate(slots=slots, rule=replace(TIERS["R-GD"], span="event"), slots_per_hour=2)
    assert (event.credited_wh, event.penalty_wh) == (230, 0)


def test_wrong_direction_counts_as_nothing_delivered():
    (span,) = evaluate(slots=[Slot(0, 100, -500)], rule=TIERS["R-SC"], slots_per_hour=1)
    assert (span.average_wh, span.credited_wh, span.penalty_wh) == (0, 0, 90)


def site(name: str, realised: dict[int, int], planned: dict[int, int] | None = None) -> SiteResponse:
    return SiteResponse(name, realised, planned or {})


def test_credit_follows_contribution_and_hurting_earns_nothing():
    sites = [site("a", {0: 60, 1: 0}), site("b", {0: 30, 1: 30}), site("c", {0: -20, 1: 0})]
    slots = [Slot(0, 50, 70), Slot(1, 50, 30)]
    assert split_by_contribution(total_wh=100, slots=slots, sites=sites) == {("a", 0): 50, ("b", 0): 25, ("b", 1): 25}


def test_penalty_follows_the_shortfall_against_the_first_plan():
    # asked: a 40, b 40, nobody 20; a did 10 (short 30), b helped beyond its plan, so b pays nothing
    sites = [site("a", {0: 10}, {0: 40}), site("b", {0: 55}, {0: 40})]
    assert penalty_by_cause(total_wh=25, slots=[Slot(0, 100, 65)], sites=sites) == {("a", 0): 15, (OPERATOR, 0): 10}


def test_moving_against_the_order_unasked_is_a_cause():
    sites = [site("a", {0: 50}, {0: 50}), site("b", {0: -30})]
    assert penalty_by_cause(total_wh=10, slots=[Slot(0, 50, 20)], sites=sites) == {("b", 0): 10}


def test_ratios_are_exact_decimals():
    (span,) = evaluate(slots=[Slot(0, 10_000_000, 8_000_000)], rule=TIERS["R-80/120"], slots_per_hour=1)
    assert span.credited_wh == 8_000_000
    (span,) = evaluate(slots=[Slot(0, 10_000_000, 7_999_999)], rule=TIERS["R-80/120"], slots_per_hour=1)
    assert span.credited_wh == 0
    assert TIERS["R-80/120"].low_ratio == Decimal("0.8")
