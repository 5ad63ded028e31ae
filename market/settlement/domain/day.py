"""One portfolio's delivery day, from frozen inputs to exact entries: nothing is read, nothing is rounded to fen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from aggregator.kernel.money import PRICE
from market.settlement.domain import spot
from market.settlement.domain._amounts import PeriodAmount
from market.settlement.domain.demand_response import PaymentRule, Slot, SpanResult, evaluate
from market.settlement.domain.lines import Entry
from market.settlement.domain.shares import OPERATOR, Cell, SiteResponse, penalty_by_cause, split_by_contribution


@dataclass(frozen=True)
class SiteDay:
    """One site's day: injections [Wh] per period; a missing reading is None."""

    site: str
    contract: str
    metered_wh: tuple[int | None, ...]
    contract_wh: tuple[int, ...]
    nominated_wh: tuple[int, ...]


@dataclass(frozen=True)
class Event:
    """One called window. `direction` is +1 for more injection, -1 for less; ordered_wh is unsigned.

    Per site: baseline injection [Wh] per period index (a site without baseline is absent) and the change
    that the first plan asked of it [Wh, in the order's direction].
    """

    key: str
    direction: int
    ordered_wh: Mapping[int, int]
    price_cny_per_mwh: Mapping[int, Decimal]
    baseline_wh: Mapping[str, Mapping[int, int]]
    planned_wh: Mapping[str, Mapping[int, int]]


@dataclass(frozen=True)
class GreenDelivery:
    """Wh that one contract's generation delivered to another contract's load in one period."""

    producer: str
    consumer: str
    index: int
    wh: int


@dataclass(frozen=True)
class DayInputs:
    """Everything that decides the money. `award_wh` None = nothing was cleared day-ahead."""

    slots_per_hour: int
    day_ahead_prices: tuple[Decimal, ...]
    real_time_prices: tuple[Decimal, ...]
    award_wh: tuple[int, ...] | None
    sites: tuple[SiteDay, ...]
    events: tuple[Event, ...] = ()
    rule: PaymentRule | None = None
    green: tuple[GreenDelivery, ...] = ()
    premium_cny_per_mwh: Decimal = Decimal(0)


@dataclass(frozen=True)
class EventOutcome:
    """Evidence of one event; delivered, credited and penalised Wh by (site or OPERATOR, period).

    Delivered is each period's min(ordered, realised), split over the sites that helped.
    """

    key: str
    slots: tuple[Slot, ...]
    spans: tuple[SpanResult, ...]
    responses: tuple[SiteResponse, ...]
    delivered_wh: dict[Cell, int] = field(default_factory=dict)
    credited_wh: dict[Cell, int] = field(default_factory=dict)
    penalty_wh: dict[Cell, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Unverified:
    site: str
    index: int
    why: str


@dataclass(frozen=True)
class DaySettlement:
    entries: tuple[Entry, ...]
    events: tuple[EventOutcome, ...]
    unverified: tuple[Unverified, ...]


def settle(inputs: DayInputs) -> DaySettlement:
    """Settle one day (docs/settlement.md): demand response first, because what it credits leaves the deviation."""
    outcomes = tuple(_event(event, inputs) for event in inputs.events)
    contract_of = {site.site: site.contract for site in inputs.sites} | {OPERATOR: OPERATOR}
    entries = [entry for site in inputs.sites for entry in _spot(site, inputs, outcomes)]
    entries += _operator_rest(inputs)
    for event, outcome in zip(inputs.events, outcomes, strict=True):
        entries += _demand_response(event, outcome, contract_of, inputs.rule)
    entries += _green(inputs)
    return DaySettlement(entries=tuple(entries), events=outcomes, unverified=_unverified(inputs))


def _response(site: SiteDay, event: Event) -> SiteResponse:
    baseline = event.baseline_wh.get(site.site)
    realised: dict[int, int | None] = {}
    for index in event.ordered_wh:
        metered = site.metered_wh[index]
        realised[index] = None if metered is None or baseline is None else event.direction * (metered - baseline[index])
    return SiteResponse(site.site, realised, event.planned_wh.get(site.site, {}))


def _event(event: Event, inputs: DayInputs) -> EventOutcome:
    assert inputs.rule is not None, "an event needs the pack's payment rule"
    responses = tuple(_response(site, event) for site in inputs.sites)
    slots = []
    for index, ordered in sorted(event.ordered_wh.items()):
        parts = [response.realised_wh[index] for response in responses]
        known = [part for part in parts if part is not None]
        slots.append(Slot(index, ordered, sum(known) if len(known) == len(parts) else None))
    spans = evaluate(slots=slots, rule=inputs.rule, slots_per_hour=inputs.slots_per_hour)
    delivered: dict[Cell, int] = {}
    credited: dict[Cell, int] = {}
    penalty: dict[Cell, int] = {}
    for slot in slots:
        if slot.delivered_wh is not None:
            delivered |= split_by_contribution(total_wh=slot.delivered_wh, slots=[slot], sites=responses)
    for span in spans:
        credited |= split_by_contribution(total_wh=span.credited_wh, slots=span.slots, sites=responses)
        penalty |= penalty_by_cause(total_wh=span.penalty_wh, slots=span.slots, sites=responses)
    return EventOutcome(event.key, tuple(slots), spans, responses, delivered, credited, penalty)


def credited_injection_wh(*, site: str, n_periods: int, events: Sequence[Event], outcomes: Sequence[EventOutcome]) -> tuple[int, ...]:
    """Q_dr of one site [Wh, injection-positive] per period."""
    credited = [0] * n_periods
    for event, outcome in zip(events, outcomes, strict=True):
        for (of, index), wh in outcome.credited_wh.items():
            if of == site:
                credited[index] += event.direction * wh
    return tuple(credited)


def _spot(site: SiteDay, inputs: DayInputs, outcomes: tuple[EventOutcome, ...]) -> list[Entry]:
    credited = credited_injection_wh(site=site.site, n_periods=len(site.metered_wh), events=inputs.events, outcomes=outcomes)
    day_ahead = spot.day_ahead(nominated_wh=site.nominated_wh, contract_wh=site.contract_wh, prices=inputs.day_ahead_prices)
    deviation = spot.deviation(
        metered_wh=site.metered_wh, credited_wh=credited, nominated_wh=site.nominated_wh, prices=inputs.real_time_prices
    )
    return [Entry(site.contract, "spot.day_ahead", day_ahead), Entry(site.contract, "spot.deviation", deviation)]


def _operator_rest(inputs: DayInputs) -> list[Entry]:
    """Award minus the sum of nominations: bought day-ahead and given back at real time by nobody's site."""
    if inputs.award_wh is None:
        return []
    nominated = [sum(column) for column in zip(*(site.nominated_wh for site in inputs.sites), strict=True)]
    rest = [(t, award - mine) for t, (award, mine) in enumerate(zip(inputs.award_wh, nominated, strict=True)) if award != mine]
    return [
        Entry(OPERATOR, "spot.day_ahead", tuple(PeriodAmount(t, wh, inputs.day_ahead_prices[t]) for t, wh in rest)),
        Entry(OPERATOR, "spot.deviation", tuple(PeriodAmount(t, -wh, inputs.real_time_prices[t]) for t, wh in rest)),
    ]


def _demand_response(event: Event, outcome: EventOutcome, contract_of: Mapping[str, str], rule: PaymentRule | None) -> list[Entry]:
    assert rule is not None
    entries = []
    for (site, index), wh in sorted(outcome.credited_wh.items()):
        amount = PeriodAmount(index, wh, event.price_cny_per_mwh[index])
        entries.append(Entry(contract_of[site], "demand_response.energy", (amount,)))
    for (site, index), wh in sorted(outcome.penalty_wh.items()):
        price = (event.price_cny_per_mwh[index] * rule.penalty_factor).quantize(PRICE)
        entries.append(Entry(contract_of[site], "demand_response.penalty", (PeriodAmount(index, -wh, price),)))
    return entries


def _green(inputs: DayInputs) -> list[Entry]:
    entries = []
    for delivery in inputs.green:
        if delivery.producer != delivery.consumer and delivery.wh:
            received = PeriodAmount(delivery.index, delivery.wh, inputs.premium_cny_per_mwh)
            paid = PeriodAmount(delivery.index, -delivery.wh, inputs.premium_cny_per_mwh)
            entries += [Entry(delivery.producer, "green.premium", (received,)), Entry(delivery.consumer, "green.purchase", (paid,))]
    return entries


def _unverified(inputs: DayInputs) -> tuple[Unverified, ...]:
    rows = [Unverified(site.site, index, "reading missing") for site in inputs.sites for index in spot.missing(site.metered_wh)]
    for event in inputs.events:
        for site in inputs.sites:
            if site.site not in event.baseline_wh:
                rows += [Unverified(site.site, index, "baseline unavailable") for index in sorted(event.ordered_wh)]
    return tuple(rows)
