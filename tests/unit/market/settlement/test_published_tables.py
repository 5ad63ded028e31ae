"""Every number that docs/settlement.md publishes is recomputed here."""

from decimal import Decimal

import pytest

from aggregator.kernel.quantities import kwh_from_wh
from market.settlement.domain import OPERATOR, TIERS, StatementPart, amount_cny, assemble, corrected, settle
from market.settlement.domain.demand_response import credited_wh, penalty_wh
from market.settlement.domain.spot import Terms, difference_form_cny, two_settlement_cny
from tests.unit.market.settlement.worked_day import RATIOS, table, worked_day


def test_two_settlement_vector():
    vector = Terms(*(Decimal(number) for number in (10, 400, 12, 350, 11, 500)))
    assert two_settlement_cny(vector) == 4200
    assert difference_form_cny(vector) == 4200


@pytest.mark.parametrize("row", table("tier")[:3], ids=lambda row: row["tier"])
def test_tier_figures(row):
    rule = TIERS[row["tier"]]
    assert (rule.low_ratio, rule.high_ratio, rule.over_ratio) == (Decimal(row["low"]), Decimal(row["high"]), Decimal(row["over"]))
    assert (rule.penalty_ratio, rule.penalty_factor, rule.span) == (Decimal(row["penalty"]), Decimal(row["factor"]), row["span"])


def worked_values():
    from tests.unit.market.settlement.worked_day import PAGE

    text = PAGE.read_text(encoding="utf-8")
    block = text[text.index("| tier | a_mw | paid_cny |") :].split("\n\n")[0]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in block.splitlines()[2:]]


@pytest.mark.parametrize(("tier", "a_mw", "paid_cny"), worked_values())
def test_demand_response_vectors(tier, a_mw, paid_cny):
    rule, price = TIERS[tier], Decimal(3000)
    average, ordered = int(Decimal(a_mw) * 1_000_000), 10_000_000
    paid = amount_cny(wh=credited_wh(average_wh=average, ordered_wh=ordered, rule=rule), price_cny_per_mwh=price)
    penalty = amount_cny(wh=penalty_wh(average_wh=average, ordered_wh=ordered, rule=rule), price_cny_per_mwh=price * rule.penalty_factor)
    assert paid - penalty == Decimal(paid_cny)


def test_the_worked_day_line_by_line():
    day = settle(worked_day())
    totals = assemble(entries=day.entries, operator_ratio=RATIOS)
    published = [
        (
            row["contract"].replace("operator", OPERATOR),
            row["component"],
            Decimal(row["kwh"]),
            Decimal(row["exact_cny"]),
            int(row["gross_fen"]),
            int(row["enterprise_fen"]),
            int(row["operator_fen"]),
        )
        for row in table("contract")
    ]
    computed = [
        (line.contract, line.component, kwh_from_wh(line.wh), line.amount_cny, line.gross_fen, line.enterprise_fen, line.operator_fen)
        for line in totals.lines
    ]
    assert computed == published
    assert (totals.market_fen, totals.enterprises_fen, totals.operator_fen) == (3975, 168, 3807)
    slot = day.events[0].slots[0]
    assert (slot.realised_wh, slot.delivered_wh, slot.deficiency_wh) == (89_667, 89_667, 10_333)


def test_the_published_correction():
    issued, correction = table("line")
    first = assemble(entries=settle(worked_day()).entries, operator_ratio=RATIOS)
    later = assemble(entries=settle(worked_day(B=(-190_000, -210_000, -150_333, -160_000))).entries, operator_ratio=RATIOS)

    def figures(totals):
        return {line.component: (line.wh, line.gross_fen, line.operator_fen) for line in totals.lines if line.contract == "B"}

    old = corrected(earlier=(), now=figures(first), version=None, reason="")
    new = corrected(earlier=old, now=figures(later), version=1, reason="meter corrected")
    added = [part for part in new if part.correction_of_version is not None]
    assert [part for part in new if part.correction_of_version is None] == list(old)
    assert len(added) == 1

    def shown(part: StatementPart) -> list[str]:
        return [f"{part.wh / 1000:g}", str(part.gross_fen), str(part.operator_fen), str(part.amount_fen)]

    assert shown(next(part for part in old if part.component == "spot.deviation")) == list(issued.values())[1:]
    assert shown(added[0]) == list(correction.values())[1:]
