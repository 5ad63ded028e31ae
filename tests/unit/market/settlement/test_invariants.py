"""For any inputs: market = enterprises + operator, the spot forms agree, nothing is credited twice."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.settlement.domain import (
    OPERATOR,
    TIERS,
    DayInputs,
    Event,
    GreenDelivery,
    PaymentRule,
    PaymentRuleRefused,
    SiteDay,
    StatementPart,
    assemble,
    corrected,
    settle,
    share_fen,
)
from market.settlement.domain.spot import Terms, difference_form_cny, two_settlement_cny

N = 4
price = st.decimals(min_value=-500, max_value=3000, places=4)
ratio = st.decimals(min_value=0, max_value=1, places=2)
injection = st.integers(-5_000_000, 5_000_000)
fen = st.integers(-10_000_000, 10_000_000)


def series(values=injection):
    return st.lists(values, min_size=N, max_size=N).map(tuple)


@st.composite
def days(draw):
    """Any day: 1 to 40 contracts, missing readings, negative prices, events with or without delivery."""
    n_contracts = draw(st.integers(1, 40))
    # A few different sites, repeated: forty contracts without forty times the draws.
    patterns = draw(st.lists(st.tuples(series(st.none() | injection), series(), series()), min_size=1, max_size=4))
    sites = tuple(SiteDay(f"s{k:02d}", f"c{k % n_contracts:02d}", *patterns[k % len(patterns)]) for k in range(n_contracts + 1))
    events = ()
    if draw(st.booleans()):
        window = range(1, 3)
        event = Event(
            key="e",
            direction=draw(st.sampled_from([1, -1])),
            ordered_wh={t: draw(st.integers(0, 5_000_000)) for t in window},
            price_cny_per_mwh={t: draw(price) for t in window},
            baseline_wh={site.site: {t: draw(injection) for t in window} for site in sites[: draw(st.sampled_from([1, len(sites)]))]},
            planned_wh={site.site: {t: draw(injection) for t in window} for site in sites[:3]},
        )
        events = (event,)
    green = tuple(
        GreenDelivery(
            f"c{draw(st.integers(0, n_contracts - 1)):02d}", f"c{draw(st.integers(0, n_contracts - 1)):02d}", t, draw(st.integers(0, 10**6))
        )
        for t in range(draw(st.integers(0, 3)))
    )
    inputs = DayInputs(
        slots_per_hour=draw(st.sampled_from([1, 4])),
        day_ahead_prices=draw(series(price)),
        real_time_prices=draw(series(price)),
        award_wh=draw(st.none() | series()),
        sites=sites,
        events=events,
        rule=draw(st.sampled_from(sorted(TIERS.values(), key=lambda rule: rule.name))),
        green=green,
        premium_cny_per_mwh=draw(price),
    )
    ratios = {site.contract: {"spot": draw(ratio), "demand_response": draw(ratio), "green": draw(ratio)} for site in sites[:n_contracts]}
    return inputs, ratios


@settings(max_examples=60, deadline=None)
@given(days())
def test_money_is_conserved_at_every_level(day):
    inputs, ratios = day
    totals = assemble(entries=settle(inputs).entries, operator_ratio=ratios)
    assert totals.market_fen == totals.enterprises_fen + totals.operator_fen
    for line in totals.lines:
        assert line.gross_fen == line.enterprise_fen + line.operator_fen
        assert abs(line.gross_fen - line.amount_cny * 100) < 1
        assert line.amount_cny == sum((p.amount_cny for p in line.periods), Decimal(0))
    for component in {line.component for line in totals.lines}:
        mine = [line for line in totals.lines if line.component == component]
        assert abs(sum(line.gross_fen for line in mine) - sum(line.amount_cny for line in mine) * 100) <= Decimal("0.5")
    green = sum(line.gross_fen for line in totals.lines if line.component.startswith("green."))
    assert green == 0


@settings(max_examples=40, deadline=None)
@given(days())
def test_the_market_pays_the_portfolio_position_not_the_sum_of_wishes(day):
    """Independent of the lines: spot money equals two-settlement on the award and the verified readings."""
    inputs, _ = day
    result = settle(inputs)
    credited = {}
    for event, outcome in zip(inputs.events, result.events, strict=True):
        for (site, t), wh in outcome.credited_wh.items():
            credited[site, t] = event.direction * wh
    expected = Decimal(0)
    for t in range(N):
        p_da, p_rt = inputs.day_ahead_prices[t], inputs.real_time_prices[t]
        nominated = sum(site.nominated_wh[t] for site in inputs.sites)
        award = nominated if inputs.award_wh is None else inputs.award_wh[t]
        expected += (award - sum(site.contract_wh[t] for site in inputs.sites)) * p_da
        verified = [site for site in inputs.sites if site.metered_wh[t] is not None]
        moved = sum(site.metered_wh[t] - credited.get((site.site, t), 0) - site.nominated_wh[t] for site in verified)
        expected += (moved + nominated - award) * p_rt
    spot = sum((entry.amount_cny for entry in result.entries if entry.component.startswith("spot.")), Decimal(0))
    assert spot == expected / 1_000_000


@settings(max_examples=40, deadline=None)
@given(days())
def test_demand_response_never_credits_what_was_not_moved(day):
    inputs, _ = day
    for event, outcome in zip(inputs.events, settle(inputs).events, strict=True):
        realised = {response.site: response.realised_wh for response in outcome.responses}
        assert sum(outcome.credited_wh.values()) == sum(span.credited_wh for span in outcome.spans)
        assert sum(outcome.penalty_wh.values()) == sum(span.penalty_wh for span in outcome.spans)
        for (site, t), wh in outcome.credited_wh.items():
            assert 0 < wh <= realised[site][t]
        for slot in outcome.slots:
            if slot.realised_wh is None:
                assert not any(t == slot.index for _, t in outcome.credited_wh | outcome.penalty_wh)
            else:
                assert slot.delivered_wh + slot.deficiency_wh == slot.ordered_wh == event.ordered_wh[slot.index]


@given(st.builds(Terms, *[st.decimals(min_value=-2000, max_value=2000, places=4)] * 6))
def test_both_spot_forms_are_equal_exactly(terms):
    assert two_settlement_cny(terms) == difference_form_cny(terms)


@given(fen, ratio)
def test_a_loss_is_shared_like_a_gain(gross, operator_ratio):
    gain, loss = share_fen(gross_fen=gross, operator_ratio=operator_ratio), share_fen(gross_fen=-gross, operator_ratio=operator_ratio)
    assert sum(gain) == gross
    assert loss == (-gain[0], -gain[1])


components = st.dictionaries(st.sampled_from(["spot.day_ahead", "spot.deviation", "green.premium"]), st.tuples(fen, fen, fen))


@given(st.lists(components, min_size=1, max_size=4))
def test_corrections_always_add_up_to_the_newest_run(versions):
    parts: tuple[StatementPart, ...] = ()
    for number, now in enumerate(versions):
        earlier = parts
        parts = corrected(earlier=earlier, now=now, version=number or None, reason="late meter")
        assert [part for part in parts if part in earlier] and set(earlier) <= set(parts) if earlier else True
        for component in {part.component for part in parts} | set(now):
            mine = [part for part in parts if part.component == component]
            assert (sum(p.wh for p in mine), sum(p.gross_fen for p in mine), sum(p.operator_fen for p in mine)) == now.get(
                component, (0, 0, 0)
            )
    assert corrected(earlier=parts, now=versions[-1], version=9, reason="again") == parts


def test_an_unknown_missing_slot_policy_is_refused():
    with pytest.raises(PaymentRuleRefused):
        PaymentRule("x", Decimal(0), Decimal(1), Decimal(0), Decimal(0), Decimal(0), missing_slot="zero")  # type: ignore[arg-type]


def test_the_operator_pays_for_what_it_never_planned():
    """A reachable target that nobody was asked to meet is no member's fault."""
    site = SiteDay("s", "c", (0, 0, 0, 0), (0,) * N, (0,) * N)
    event = Event("e", 1, {0: 1000}, {0: Decimal(1000)}, {"s": {0: 0}}, {})
    rule = TIERS["R-SC"]
    inputs = DayInputs(1, (Decimal(0),) * N, (Decimal(0),) * N, None, (site,), (event,), rule)
    assert settle(inputs).events[0].penalty_wh == {(OPERATOR, 0): 900}
