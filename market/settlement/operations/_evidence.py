"""What a run keeps so that its demand-response money can be checked later: kWh as text."""

from collections.abc import Iterable, Mapping
from typing import Any

from aggregator.kernel.quantities import kwh_from_wh
from market.settlement.domain import OPERATOR, DaySettlement, Event, EventOutcome, SiteResponse, Slot
from market.settlement.queries import Gathered


def _kwh(wh: int | None) -> str | None:
    return None if wh is None else str(kwh_from_wh(wh))


def _sum(values: Iterable[int | None]) -> str:
    return str(kwh_from_wh(sum(value for value in values if value is not None)))


def unverified_rows(gathered: Gathered, result: DaySettlement) -> list[dict[str, str]]:
    starts = gathered.grid.starts
    return [{"site": row.site, "starts_at": starts[row.index].isoformat(), "why": row.why} for row in result.unverified]


def delivery_evidence(gathered: Gathered, result: DaySettlement) -> dict[str, Any]:
    """Events with their periods and sites; totals over verified periods."""
    events = [
        {
            **note,
            "periods": [_period(gathered, event, outcome, slot) for slot in outcome.slots],
            "sites": [_site(gathered, event, outcome, response) for response in outcome.responses],
            "operator_penalised_kwh": _part(outcome.penalty_wh, OPERATOR),
        }
        for event, outcome, note in zip(gathered.inputs.events, result.events, gathered.event_notes, strict=True)
    ]
    slots = [slot for outcome in result.events for slot in outcome.slots]
    verified = [slot for slot in slots if slot.realised_wh is not None]
    return {
        "resolution_s": int(gathered.grid.resolution.total_seconds()),
        "notes": list(gathered.notes),
        "totals": {
            "ordered_kwh": _sum(slot.ordered_wh for slot in slots),
            "verified_ordered_kwh": _sum(slot.ordered_wh for slot in verified),
            "realised_kwh": _sum(slot.realised_wh for slot in verified),
            "delivered_kwh": _sum(slot.delivered_wh for slot in verified),
            "deficiency_kwh": _sum(slot.deficiency_wh for slot in verified),
            "credited_kwh": _sum(wh for outcome in result.events for wh in outcome.credited_wh.values()),
            "penalised_kwh": _sum(wh for outcome in result.events for wh in outcome.penalty_wh.values()),
            "unverified_periods": len(slots) - len(verified),
        },
        "events": events,
    }


def _at(cells: Mapping[tuple[str, int], int], index: int) -> str:
    return _sum(wh for (_, at), wh in cells.items() if at == index)


def _part(cells: Mapping[tuple[str, int], int], site: str) -> str:
    return _sum(wh for (of, _), wh in cells.items() if of == site)


def _period(gathered: Gathered, event: Event, outcome: EventOutcome, slot: Slot) -> dict[str, Any]:
    return {
        "starts_at": gathered.grid.starts[slot.index].isoformat(),
        "price_cny_per_mwh": str(event.price_cny_per_mwh[slot.index]),
        "ordered_kwh": _kwh(slot.ordered_wh),
        "realised_kwh": _kwh(slot.realised_wh),
        "delivered_kwh": _kwh(slot.delivered_wh),
        "deficiency_kwh": _kwh(slot.deficiency_wh),
        "credited_kwh": _at(outcome.credited_wh, slot.index),
        "penalised_kwh": _at(outcome.penalty_wh, slot.index),
    }


def _site(gathered: Gathered, event: Event, outcome: EventOutcome, response: SiteResponse) -> dict[str, Any]:
    facts = gathered.sites[response.site]
    site = next(site for site in gathered.inputs.sites if site.site == response.site)
    baseline = event.baseline_wh.get(response.site)
    return {
        "site": str(facts.public_id),
        "code": response.site,
        "enterprise": facts.enterprise_code,
        "contract": site.contract,
        "planned_kwh": _sum(response.planned_wh.values()),
        "realised_kwh": None if None in response.realised_wh.values() else _sum(response.realised_wh.values()),
        "delivered_kwh": _part(outcome.delivered_wh, response.site),
        "credited_kwh": _part(outcome.credited_wh, response.site),
        "penalised_kwh": _part(outcome.penalty_wh, response.site),
        "periods": [
            {
                "starts_at": gathered.grid.starts[index].isoformat(),
                "baseline_kwh": _kwh(baseline[index]) if baseline is not None else None,
                "metered_kwh": _kwh(site.metered_wh[index]),
                "planned_kwh": _kwh(response.planned_wh.get(index, 0)),
                "realised_kwh": _kwh(response.realised_wh[index]),
                "delivered_kwh": _kwh(outcome.delivered_wh.get((response.site, index), 0)),
                "credited_kwh": _kwh(outcome.credited_wh.get((response.site, index), 0)),
                "penalised_kwh": _kwh(outcome.penalty_wh.get((response.site, index), 0)),
            }
            for index in sorted(event.ordered_wh)
        ],
    }
