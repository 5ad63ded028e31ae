"""Demand response of one called window: what counts, what is paid, what is penalised. Energies in whole Wh.

All quantities are in the direction of the order (more injection for a shave, less for a fill), so a
positive realised energy is help. docs/settlement.md section 3 has the worked table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from aggregator.kernel.errors import Anticipated


class PaymentRuleRefused(Anticipated):
    code = "settlement.payment_rule_refused"
    text = "The rule pack's demand-response payment cannot be settled: %(why)s."
    status = 422


@dataclass(frozen=True)
class PaymentRule:
    """One payment tier as data; a = average delivered, q = average ordered, both over the evaluated span.

    a < low_ratio q earns nothing; up to high_ratio q every Wh earns the price; of what lies above
    over_ratio earns. Below penalty_ratio q the gap costs penalty_factor times the price.
    """

    name: str
    low_ratio: Decimal
    high_ratio: Decimal
    over_ratio: Decimal
    penalty_ratio: Decimal
    penalty_factor: Decimal
    span: Literal["event", "hour"] = "event"
    missing_slot: Literal["unverified"] = "unverified"

    def __post_init__(self) -> None:
        if self.missing_slot != "unverified":
            raise PaymentRuleRefused(why=f"missing_slot {self.missing_slot!r}, known is 'unverified'")
        if self.span not in ("event", "hour"):
            raise PaymentRuleRefused(why=f"span {self.span!r}, known are 'event' and 'hour'")
        if min(self.low_ratio, self.high_ratio, self.over_ratio, self.penalty_ratio, self.penalty_factor) < 0:
            raise PaymentRuleRefused(why="a ratio is negative")
        if self.high_ratio < self.low_ratio or self.over_ratio > 1:
            raise PaymentRuleRefused(why="low_ratio <= high_ratio and over_ratio <= 1 are required")


def _rule(name: str, figures: str, span: Literal["event", "hour"]) -> PaymentRule:
    low, high, over, penalty, factor = (Decimal(figure) for figure in figures.split())
    return PaymentRule(name, low, high, over, penalty, factor, span)


# Published tiers: low, high, over, penalty ratio, penalty factor. A pack names one and gives its own figures.
TIERS = {
    rule.name: rule
    for rule in (
        _rule("R-80/120", "0.8 1.2 0 0 0", "event"),
        _rule("R-SC", "0 1.1 0.5 0.9 1.1", "event"),
        _rule("R-GD", "0 1.2 0 0.5 0.5", "hour"),
    )
}


@dataclass(frozen=True)
class Slot:
    """One period of the window: what was ordered, and what the meters show (None = not verified) [Wh]."""

    index: int
    ordered_wh: int
    realised_wh: int | None

    @property
    def delivered_wh(self) -> int | None:
        """min(ordered, realised), never below zero; over-delivery never compensates another period."""
        return None if self.realised_wh is None else max(0, min(self.ordered_wh, self.realised_wh))

    @property
    def deficiency_wh(self) -> int | None:
        delivered = self.delivered_wh
        return None if delivered is None else self.ordered_wh - delivered


@dataclass(frozen=True)
class SpanResult:
    """One evaluated span: verified slots only."""

    slots: tuple[Slot, ...]
    ordered_wh: int
    average_wh: int
    credited_wh: int
    penalty_wh: int


def _whole(value: Decimal) -> int:
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def credited_wh(*, average_wh: int, ordered_wh: int, rule: PaymentRule) -> int:
    """Energy that earns the full price [Wh] for `average_wh` delivered against `ordered_wh`."""
    if ordered_wh <= 0 or average_wh <= 0 or average_wh < rule.low_ratio * ordered_wh:
        return 0
    full = rule.high_ratio * ordered_wh
    if average_wh <= full:
        return average_wh
    return _whole(full + rule.over_ratio * (average_wh - full))


def penalty_wh(*, average_wh: int, ordered_wh: int, rule: PaymentRule) -> int:
    """Energy short of the penalty threshold [Wh]."""
    return max(0, _whole(rule.penalty_ratio * ordered_wh - average_wh))


def evaluate(*, slots: Sequence[Slot], rule: PaymentRule, slots_per_hour: int) -> tuple[SpanResult, ...]:
    """The spans of one event. A slot that is not verified is in none: neither paid nor penalised.

    The average runs over the verified slots; what is realised against the order (below zero) lowers
    it, and an average below zero counts as zero.
    """
    spans: dict[int, list[Slot]] = {}
    for slot in slots:
        if slot.realised_wh is not None:
            spans.setdefault(slot.index // slots_per_hour if rule.span == "hour" else 0, []).append(slot)
    results = []
    for _, members in sorted(spans.items()):
        ordered = sum(slot.ordered_wh for slot in members)
        average = max(0, sum(slot.realised_wh or 0 for slot in members))
        results.append(
            SpanResult(
                slots=tuple(members),
                ordered_wh=ordered,
                average_wh=average,
                credited_wh=credited_wh(average_wh=average, ordered_wh=ordered, rule=rule),
                penalty_wh=penalty_wh(average_wh=average, ordered_wh=ordered, rule=rule),
            )
        )
    return tuple(results)
