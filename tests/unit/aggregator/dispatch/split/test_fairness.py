"""Every declared rule keeps what it promises, on the fast path and through PuLP."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.dispatch.domain.split import Rule, jain_index, split_instruction
from tests.unit.aggregator.dispatch.split.parks import UNIT_KW, directed, park, parks, per_site

METHOD = st.sampled_from(["fast", "pulp"])
PROMISE = settings(max_examples=30, deadline=None)


def moved_by(problem, rule, method):
    return problem.direction * split_instruction(problem, rule=rule, deadline_s=20.0, method=method).change_kw


def held_sites(problem, moved: np.ndarray) -> np.ndarray:
    """(E,) whether a site's own cap keeps it from giving more."""
    room, caps = directed(problem)
    return (per_site(problem, moved) >= caps - 2 * UNIT_KW) & (caps < per_site(problem, room))


@PROMISE
@given(parks(), st.sampled_from([0.0, 0.01, 0.2]), METHOD)
def test_cost_is_above_the_cheapest_by_at_most_half_the_fairness_weight(problem, fairness, method) -> None:
    moved = moved_by(problem, Rule("cost", fairness), method)
    cheapest = split_instruction(problem, rule=Rule("cost", 0.0), deadline_s=0.0)
    allowed = 0.5 * fairness * moved.sum() + len(moved) * UNIT_KW
    assert (problem.cost_cny_per_kwh * moved).sum() <= cheapest.cost_cny_per_hour + allowed


@PROMISE
@given(parks(), METHOD)
def test_pro_rata_takes_the_same_fraction_of_everybody_but_where_a_cap_holds(problem, method) -> None:
    moved = moved_by(problem, Rule("pro_rata"), method)
    room, _ = directed(problem)
    held = held_sites(problem, moved)
    free = ~held[problem.site] & (room > 0)
    common = moved[free].sum() / room[free].sum() if free.any() else 1.0
    np.testing.assert_allclose(moved[free], common * room[free], atol=2 * UNIT_KW)
    for site in np.flatnonzero(held):
        rows = (problem.site == site) & (room > 0)
        own = moved[rows].sum() / room[rows].sum()
        np.testing.assert_allclose(moved[rows], own * room[rows], atol=2 * UNIT_KW)
        assert own <= common + 1e-3


@PROMISE
@given(parks(), METHOD)
def test_rotation_calls_whom_it_called_longest_ago_within_a_cost_tier(problem, method) -> None:
    rule = Rule("rotation", tier_cny_per_kwh=0.25)
    moved = moved_by(problem, rule, method)
    room, _ = directed(problem)
    tier = np.floor((problem.cost_cny_per_kwh - problem.cost_cny_per_kwh.min()) / rule.tier_cny_per_kwh + 1e-9)
    held = held_sites(problem, moved)
    for k in np.flatnonzero(moved > 2 * UNIT_KW):
        comparable = (problem.site == problem.site[k]) | (~held[problem.site] & ~held[problem.site[k]])
        earlier = (tier < tier[k]) | ((tier == tier[k]) & (problem.turn_hours > problem.turn_hours[k]))
        before = comparable & earlier
        np.testing.assert_allclose(moved[before], room[before], atol=2 * UNIT_KW)
        same = (problem.site == problem.site[k]) & (tier == tier[k]) & (problem.turn_hours == problem.turn_hours[k]) & (room > 0)
        np.testing.assert_allclose(moved[same], room[same] * moved[same].sum() / room[same].sum(), atol=2 * UNIT_KW)


def test_rotation_goes_round() -> None:
    """Called again and again for what one can give, each of four like assets has its turn."""
    alike = {"up_room_kw": np.full(4, 10.0), "cost_cny_per_kwh": np.array([0.10, 0.11, 0.12, 0.13]), "site_up_kw": np.array([100.0])}
    turn = np.full(4, np.inf)
    called = []
    for now in range(8):
        moved = moved_by(park(0, assets=4, sites=1, change_kw=10.0, turn_hours=turn, **alike), Rule("rotation"), "fast")
        if now < 1:  # nobody was ever called: all share
            np.testing.assert_allclose(moved, 2.5)
            turn = np.array([4.0, 3.0, 2.0, 1.0])
            continue
        called.append(int(np.argmax(moved)))
        turn = np.where(moved > 0, 0.0, turn) + 1.0
    assert called == [0, 1, 2, 3, 0, 1, 2]


@PROMISE
@given(parks(), st.sampled_from([0.0, 0.05]), METHOD)
def test_floor_gives_every_site_its_share_before_cost_decides(problem, fairness, method) -> None:
    moved = moved_by(problem, Rule("floor", fairness), method)
    room, caps = directed(problem)
    most = np.minimum(per_site(problem, room), caps)
    least = np.minimum(problem.floor_ratio * abs(problem.change_kw), most)
    assert (per_site(problem, moved) >= least - 1.5 * UNIT_KW).all()


def test_without_any_share_floor_is_the_rule_by_cost() -> None:
    problem = replace(park(4, assets=30), floor_ratio=np.zeros(4))
    np.testing.assert_array_equal(moved_by(problem, Rule("floor"), "fast"), moved_by(problem, Rule(), "fast"))


def test_evenness_by_jain() -> None:
    room = np.array([10.0, 20.0, 0.0, 40.0])
    assert jain_index(room / 2, room) == pytest.approx(1.0)
    assert jain_index(np.array([10.0, 0.0, 0.0, 0.0]), room) == pytest.approx(1 / 3)
    assert jain_index(np.zeros(4), room) == 1.0


def test_more_fairness_is_more_even_and_dearer() -> None:
    problem = park(3, assets=400, sites=10, share=0.4)
    found = [split_instruction(problem, rule=Rule("cost", fairness), deadline_s=0.0) for fairness in (0.0, 0.05, 0.5)]
    even, cost = [split.jain_asset for split in found], [split.cost_cny_per_hour for split in found]
    assert even == sorted(even)
    assert cost == sorted(cost)
